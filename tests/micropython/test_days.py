"""Days, steps and counts on every interpreter: the same numbers, and nothing allocated on an epoch or a sample."""

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_server.packs import library
from headway_server.packs.compile import compile_file

pytestmark = pytest.mark.full

RunOn = Callable[..., str]
HOSTS = ("cpython", "micropython", "micropython32")
MINUTE_MS = 60_000
ACTIGRAPHY = Path(__file__).parents[2].parent / "shared/data/actigraphy"


def compiled(folder: Path) -> tuple[Path, Pack]:
    data = compile_file(library.path("wellness")).data
    path = folder / "pack.cbor"
    path.write_bytes(data)
    return path, Pack(data)


def line(dt_ms: int, numbers: list[int | None]) -> str:
    return " ".join([str(dt_ms), *("-" if n is None or n == MISSING else str(n) for n in numbers)]) + "\n"


def wild_days(pack: Pack, seed: int, epochs: int = 6000) -> list[str]:
    """Plausible nights and days with all that can go wrong: gaps, jumps of the clock, values out of range or missing."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    minute, lines = 700, []
    for _ in range(epochs):
        dt_ms = dice.choice(
            [MINUTE_MS] * 200 + [MINUTE_MS + 900, 59_100, 0, -MINUTE_MS, 240_000, 30 * 3_600_000, -7_200_000]
        )
        minute += max(1, dt_ms // MINUTE_MS) + dice.choice([0] * 2000 + [60, -60, 500])
        numbers: list[int | None] = []
        for i, signal in enumerate(pack.signals):
            low, high = signal[4:6]
            value: int | None = dice.choice([dice.randint(low, high), dice.randint(low - 3, high + 3), None])
            if i == pack.clock:
                value = dice.choice([minute % 1440] * 300 + [None])
            elif signal[0].endswith("ActivityCount"):
                awake = 480 < minute % 1440 < 1300
                value = dice.choice([dice.randint(0, 8000 if awake else 120)] * 100 + [None, 60_000, 60_001])
            elif signal[7] == 5 or "Limit" in signal[0] or "Goal" in signal[0]:
                value = dice.choice([None] * 300 + [value])
            elif signal[0].endswith("IsWorn"):
                value = dice.choice([1] * 500 + [0, None])
            numbers.append(value)
        lines.append(line(dt_ms, numbers))
    return lines


def recorded_days(pack: Pack, name: str) -> list[str]:
    from headway_simulators.recorded_signals import SignalQuantum
    from headway_simulators.recordings import read

    path = ACTIGRAPHY / name
    if not path.exists():
        pytest.fail(f"this test needs the recording {path}")
    recording = read(path)
    wanted = [SignalQuantum(signal[0], signal[2], signal[3]) for signal in pack.signals]
    return [line(MINUTE_MS, list(row)) for row in recording.signals(wanted, recording.problems)]


def test_days_count_the_same_on_every_interpreter(tmp_path: Path, run_on: RunOn) -> None:
    path, pack = compiled(tmp_path)
    samples = tmp_path / "samples.txt"
    samples.write_text("".join([*recorded_days(pack, "example_01.AWD"), *wild_days(pack, 1), *wild_days(pack, 2)]))
    for vehicle_class in ("actigraph", "actiwatch"):
        outputs = {host: run_on(host, "pack_vectors.py", path, vehicle_class, "60000", samples) for host in HOSTS}
        assert outputs["cpython"].count("trip ") > 30
        assert len(set(outputs["cpython"].split("\n"))) > 25
        assert outputs["micropython"] == outputs["cpython"]
        assert outputs["micropython32"] == outputs["cpython"]


@pytest.mark.parametrize("period_ms", [20, 31, 40])
def test_steps_and_counts_are_the_same_on_every_interpreter_and_allocate_nothing(
    period_ms: int, tmp_path: Path, run_on: RunOn
) -> None:
    sys.path.insert(0, str(Path(__file__).parents[1] / "wellness"))
    from gait import walk

    samples = tmp_path / "walk.txt"
    walked = [*walk(period_ms, 1.8, 150, 1), *walk(period_ms, 2.6, 60, 2, bounce_mg=2500), *walk(period_ms, 1.2, 40, 3)]
    samples.write_text("".join(f"{x} {y} {z}\n" for x, y, z in walked))
    # On MicroPython the heap is locked while samples are taken.
    outputs = {host: run_on(host, "step_vectors.py", str(period_ms), samples) for host in HOSTS}
    steps = sum(int(line.split()[0]) for line in outputs["cpython"].splitlines())
    assert 230 <= steps <= 252
    assert outputs["micropython"] == outputs["cpython"]
    assert outputs["micropython32"] == outputs["cpython"]


def test_an_epoch_allocates_nothing(tmp_path: Path, run_on: RunOn) -> None:
    path, pack = compiled(tmp_path)
    samples = tmp_path / "samples.txt"
    samples.write_text("".join(wild_days(pack, 3)))
    count, seen = run_on("micropython32", "pack_no_allocation.py", path, pack.classes[0], samples).split()
    assert int(count) >= 5950
    assert int(seen) & 3 == 3  # days opened and closed with the heap locked
