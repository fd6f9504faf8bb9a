"""What a flash log wears out: a real littlefs of MicroPython's on a block device in RAM that counts erasures.

64 blocks of 4 KB, the log full and going round. The worst block decides: littlefs spreads what it writes, but not evenly. The
yardstick is 100,000 erasures, what makers of NOR flash give for a block.
"""

import os
import shutil
import subprocess

from bench.core import ROOT
from bench.rows import Rows

ERASURES_MAX = 100_000
RECORDS = 4000
RECORD_BYTES = 110
STATE_BYTES = 300
TRIPS_A_DAY = 20
SAVES_A_DAY = 1440


def figures() -> Rows:
    """Yield erasures and bytes written for a record and for a piece of state, and how many years a memory lasts."""
    interpreter = shutil.which("micropython")
    if interpreter is None:
        yield "wear of a flash log", "-", "", "micropython is not installed"
        return
    online, offline = _run(interpreter, 1, 1, 0), _run(interpreter, 0, 1, 0)
    in_eights, saving = _run(interpreter, 8, 8, 0), _run(interpreter, 1, 1, STATE_BYTES)
    size = f"{RECORD_BYTES} bytes"
    for name, run in ((", each settled", online), (", log full, no server", offline), (", sync_every 8", in_eights)):
        written_bytes = run["written_bytes"] // RECORDS
        yield (
            f"flash, a record{name}",
            f"{run['erasures'] / RECORDS:.2f}",
            "erasures",
            f"{size}, {written_bytes:,} written",
        )
    saves = (saving["erasures"] - online["erasures"]) / RECORDS
    yield "flash, a state saved", f"{saves:.2f}", "erasures", f"{STATE_BYTES} bytes"
    trips = TRIPS_A_DAY * online["erasures_of_one_block"] / RECORDS
    blocks = f"{ERASURES_MAX:,} erasures of the worst of 64 blocks"
    yield f"flash, {TRIPS_A_DAY} records a day", f"{ERASURES_MAX / trips / 365:,.0f}", "years", f"to {blocks}"
    worst = (saving["erasures_of_one_block"] - online["erasures_of_one_block"]) / RECORDS
    years = ERASURES_MAX / (trips + SAVES_A_DAY * worst) / 365
    yield "flash, and a state a minute", f"{years:,.0f}", "years", f"to {blocks}"


def _run(interpreter: str, ack_every: int, sync_every: int, save_bytes: int) -> dict[str, int]:
    script = ROOT / "tests/micropython/flash_wear.py"
    numbers = map(str, (RECORDS, RECORD_BYTES, ack_every, sync_every, save_bytes))
    done = subprocess.run(
        [interpreter, "-X", "heapsize=2M", str(script), str(ROOT / "simulators"), *numbers],
        env=os.environ | {"MICROPYPATH": f"{ROOT}/protocol:{ROOT}/edge:.frozen"},
        capture_output=True,
        text=True,
        check=True,
    )
    return {name: int(number) for name, number in map(str.split, done.stdout.splitlines())}
