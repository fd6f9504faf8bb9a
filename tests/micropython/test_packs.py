"""Packs on every interpreter: the same events and the same bytes, and nothing allocated on a sample."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from made_packs import everything_compiled

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recordings import read

pytestmark = pytest.mark.full

HOSTS = ("cpython", "micropython", "micropython32")
DRIVING = [name for name in library.names() if 'kind = "trip"' in library.path(name).read_text(encoding="utf-8")]
TRIPS = Path(__file__).parents[2] / "simulators/headway_simulators/trips"
RunOn = Callable[..., str]
EVERYTHING = "every operator"


def compiled(name: str, folder: Path) -> tuple[Path, Pack]:
    data = everything_compiled() if name == EVERYTHING else compile_file(library.path(name)).data
    path = folder / "pack.cbor"
    path.write_bytes(data)
    return path, Pack(data)


def line(dt_ms: int, signals: list[int]) -> str:
    return " ".join([str(dt_ms), *("-" if number == MISSING else str(number) for number in signals)]) + "\n"


def shipped_drive(pack: Pack, driver: int, road_limit_kmh: int | None = None) -> list[str]:
    """One simulated driver's day, with a road limit put to it where the pack asks for one."""
    recording = read(TRIPS / f"driver-{driver:02d}.csv.gz")
    wanted = [SignalQuantum(signal[0], signal[2], signal[3]) for signal in pack.signals]
    limit = next((i for i, signal in enumerate(pack.signals) if signal[0].endswith("RoadSpeedLimit")), None)
    lines, last_ms = [], recording.samples[0].wall_ms
    for sample, row in zip(recording.samples, recording.signals(wanted, Counter()), strict=True):
        numbers = list(row)
        if limit is not None and road_limit_kmh is not None:
            numbers[limit] = road_limit_kmh
        lines.append(line(sample.wall_ms - last_ms, numbers))
        last_ms = sample.wall_ms
    return lines


def wild_drive(pack: Pack, seed: int) -> list[str]:
    """Samples within and beyond the signals' ranges, at uneven times."""
    dice = random.Random(seed)  # noqa: S311 - repeatable, not secret
    lines, speed, heading = [], 0, 0
    for _ in range(1500):
        speed = max(0, min(31000, speed + dice.choice([0, dice.randint(-2500, 2000), dice.randint(-800, 900)])))
        heading = (heading + dice.choice([0, 0, dice.randint(-900, 900), dice.randint(-30, 30)])) % 3600
        numbers = [dice.choice([MISSING, dice.randint(signal[4] - 5, signal[5] + 5)]) for signal in pack.signals]
        for i, signal in enumerate(pack.signals):
            if i == pack.speed:
                numbers[i] = speed
            elif signal[6] and dice.random() < 0.97:
                numbers[i] = heading * signal[6] // 3600
            elif signal[7] == 3:
                numbers[i] = dice.choice([MISSING] * 80 + [0, 1, 1])
        lines.append(line(dice.choice([1000] * 30 + [100, 333, 1500, 1600, 5000, 0, -1000, 301000]), numbers))
    return lines


@pytest.mark.parametrize("vehicle_class", ["car", "bus", "truck"])
@pytest.mark.parametrize("name", [*DRIVING, EVERYTHING])
def test_a_pack_counts_the_same_on_every_interpreter(
    name: str, vehicle_class: str, tmp_path: Path, run_on: RunOn
) -> None:
    path, pack = compiled(name, tmp_path)
    if vehicle_class not in pack.classes:
        vehicle_class = pack.classes[0]
    samples = tmp_path / "samples.txt"
    lines = [*shipped_drive(pack, 6, 50), *wild_drive(pack, 1), *shipped_drive(pack, 9), *wild_drive(pack, 2)]
    samples.write_text("".join(lines))
    outputs = {host: run_on(host, "pack_vectors.py", path, vehicle_class, "1000", samples) for host in HOSTS}
    assert outputs["cpython"].count("trip ") > 6
    assert outputs["cpython"].count("event ") > 20
    assert outputs["micropython"] == outputs["cpython"]
    assert outputs["micropython32"] == outputs["cpython"]


@pytest.mark.parametrize("name", [*DRIVING, EVERYTHING])
def test_a_pack_allocates_nothing_on_a_sample(name: str, tmp_path: Path, run_on: RunOn) -> None:
    path, pack = compiled(name, tmp_path)
    samples = tmp_path / "samples.txt"
    samples.write_text("".join([*shipped_drive(pack, 6, 50), *wild_drive(pack, 3)]))
    count, seen = run_on("micropython32", "pack_no_allocation.py", path, pack.classes[0], samples).split()
    assert int(count) > 3000
    assert int(seen) & 3 == 3  # trips opened and closed with the heap locked


def test_an_allocation_on_a_sample_is_found(tmp_path: Path, run_on: RunOn) -> None:
    path, pack = compiled(DRIVING[0], tmp_path)
    samples = tmp_path / "samples.txt"
    samples.write_text("".join(wild_drive(pack, 3)))
    with pytest.raises(AssertionError, match="heap is locked"):
        run_on("micropython32", "pack_no_allocation.py", path, pack.classes[0], samples, "plant")
