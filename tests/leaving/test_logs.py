"""What the agent logs, at every level: no place, no vehicle, no person, whatever its source writes and whatever goes wrong."""

import os
import subprocess
import sys
from pathlib import Path

from tests.leaving.month import HEADER, PASSWORD, Month, settings_in

from headway_simulators.demo import free_port


def test_a_process_that_logs_everything_logs_no_place_and_nobodys_name(tmp_path: Path) -> None:
    month = Month()
    (_, *rows), _ = month.trips(4)
    lines = [",".join(HEADER), *(",".join(row) for _, row in rows)]
    # Cells in the wrong columns, cut off rows and times that are none: what is not understood is counted, not quoted.
    lines += [",".join(row[3:] + row[:3]) for _, row in rows[:50]] + [
        ",".join(row[:4]) + "\x00" for _, row in rows[:20]
    ]
    settings_in(tmp_path, free_port())  # nobody listens there: the link has something to say
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "headway_simulators",
            "agent",
            "--config",
            tmp_path / "agent.toml",
            "--log-level",
            "debug",
        ],
        input="\n".join(lines) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        env=os.environ | {"COLUMNS": "10000"},
    )
    for said in ("agent.started", "link.down", "agent.stopped", "unreadable"):
        assert said in done.stderr
    told = (done.stderr + done.stdout).encode()
    # The store's path is the operator's own: it is told where the store fails.
    assert {name for name, form in month.forms() if form in told and name != "name in the settings"} == set()
    assert PASSWORD not in done.stderr
