"""The flash log on what it is made for: MicroPython, with 31-bit small integers too, and a real littlefs."""

from collections.abc import Callable
from pathlib import Path

import pytest

RunOn = Callable[..., str]

ROOT = Path(__file__).parents[2]
SIMULATORS = ROOT / "simulators"
BOOKS = ROOT / "tests/flash"


@pytest.mark.full
def test_power_cuts_and_faults_end_alike_everywhere_and_leave_the_same_bytes(
    run_on: RunOn, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = {
        host: run_on(host, "flash_cuts.py", SIMULATORS, BOOKS, 101, **({} if host == "cpython" else {"heap": "2M"}))
        for host in ("cpython", "micropython", "micropython32")
    }
    assert printed["micropython"] == printed["micropython32"] == printed["cpython"]
    lines = printed["cpython"].splitlines()
    with capsys.disabled():
        print("\nflash log on three hosts:", ", ".join(line for line in lines if "." not in line))
    assert sum(int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(("cuts", "pairs", "faults"))) >= 400
    assert sum(line.startswith("log.0") for line in lines) >= 3


@pytest.mark.full
@pytest.mark.parametrize("host", ["micropython", "micropython32"])
def test_a_real_littlefs_may_lose_power_at_any_block_it_writes_or_erases(
    host: str, run_on: RunOn, capsys: pytest.CaptureFixture[str]
) -> None:
    printed = run_on(host, "littlefs_cuts.py", SIMULATORS, BOOKS, heap="2M")
    counts = [int(line.rsplit(" ", 1)[1]) for line in printed.splitlines() if line.startswith("cuts")]
    with capsys.disabled():
        print(f"\nflash log on littlefs, {host}: power cut at {counts[0]} + {counts[1]} blocks, nothing lost")
    assert len(counts) == 2
    assert min(counts) >= 50


@pytest.mark.full
def test_a_record_wears_out_about_one_block_and_many_at_a_time_less(run_on: RunOn) -> None:
    def erasures_a_record(sync_every: int) -> float:
        printed = run_on("micropython", "flash_wear.py", SIMULATORS, 400, 110, 20, sync_every, 0, heap="2M")
        found = {name: int(number) for name, number in map(str.split, printed.splitlines())}
        return found["erasures"] / found["records"]

    # docs/device.md tells how long a memory lasts by these.
    assert 1.0 <= erasures_a_record(1) <= 1.2
    assert 0.1 <= erasures_a_record(8) <= 0.2
