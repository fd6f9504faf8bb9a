"""The real agent, mosquitto and the real server with packets lost, late, out of order, doubled and spoilt: `tc netem`.

On a kernel of its own, since few kernels have netem and nobody's network is to be spoilt.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from lossy_lines import LINES
from own_kernel import OwnKernel

pytestmark = pytest.mark.full

ALL_S = 600

# What must have happened to packets, by the kernel's own counters, or nothing is shown.
HAPPENED = {
    "the edge of a cell": ("dropped", "RetransSegs"),
    "losses in bursts": ("dropped", "RetransSegs"),
    "out of order, doubled and spoilt": ("TCPOFOQueue", "TCPDSACKRecv", "InCsumErrors"),
    "a tunnel on a thin line": ("dropped", "TCPTimeouts"),
}


@pytest.mark.timeout(ALL_S + 60)
def test_everything_gets_through(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = Path(__file__).with_name("lossy_lines.py")
    with OwnKernel(tmp_path, script, str(tmp_path), modules=("sch_netem",)) as kernel:
        kernel.wait(ALL_S)
    for number, name in enumerate(LINES):
        line: dict[str, Any] = json.loads((tmp_path / f"{number}.json").read_text())
        counts = line["packets"] | line["tcp"]
        connections = line["log"].count('"link.down"') + 1
        with capsys.disabled():
            print(
                f"\n{name}: {line['records']} records in {line['took_s']} s, {counts['passed']} packets, "
                f"{counts['dropped']} lost, {counts['RetransSegs']} sent again, {counts['TCPOFOQueue']} out of order, "
                f"{counts['InCsumErrors']} spoilt, {connections} connections"
            )
        assert line["violations"] == []
        assert (line["left"], line["same_at_server"]) == (0, True), "each record once, and none but these"
        assert (line["trips_counted"], line["differences"]) == (line["trips_driven"], [])
        assert '"level": "error"' not in line["log"]
        assert connections == 1 or name != "a tunnel on a thin line", "TCP goes on once it is over"
        assert [key for key in HAPPENED[name] if counts[key] == 0] == []
