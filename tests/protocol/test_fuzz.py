"""A few seconds of what `python -m bench.fuzz` does for as long as one likes."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.full
def test_mutated_messages_are_read_or_refused(capsys: pytest.CaptureFixture[str]) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-m", "bench.fuzz", "5"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line.split(" | ") for line in done.stdout.splitlines()[2:]]
    assert len(rows) == 10
    assert all(int(row[1]) > 100 and int(row[3]) == 0 for row in rows)
    with capsys.disabled():
        print("\n" + done.stdout)
