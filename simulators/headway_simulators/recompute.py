"""Re-computes the histories of many vehicles or persons at once, as their devices would have counted them."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headway_edge.core.process import Process
from headway_server.bulk.days import BulkDays
from headway_server.bulk.engine import BulkEngine
from headway_server.bulk.samples import VehicleSamples
from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_samples import vehicle_samples
from headway_simulators.recording import Recording
from headway_simulators.recordings import read

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class History:
    """What one vehicle's trips, or one person's days, add up to. totals: None without any."""

    vehicle: str
    trips: int
    totals: list[int] | None


@dataclass(frozen=True)
class Recomputed:
    """The histories in the order of the vehicles, how many samples they are of, and how long the engine took for them."""

    histories: list[History]
    samples: int
    engine_s: float


def recompute(
    vehicles: Sequence[tuple[str, Sequence[Path]]], process: Process, vehicle_class: str, progress: Progress
) -> Recomputed:
    """Return every vehicle's history; vehicles: (name, files in order of time), one or more files each.

    progress: called with (what is being done, done, in all). Vehicles of different sampling periods are computed apart.
    Raises SimulatorError for what cannot be read, for a class that the pack does not know, and for a sampling period that it
    does not take.
    """
    by_period: dict[int, list[tuple[int, VehicleSamples]]] = {}
    for i, (_, files) in enumerate(vehicles):
        recordings: list[Recording] = [read(path) for path in files]
        by_period.setdefault(recordings[0].period_ms, []).append((i, vehicle_samples(process.pack, recordings)))
        progress("reading files", i + 1, len(vehicles))
    found: dict[int, History] = {}
    total = sum(len(samples) for group in by_period.values() for _, samples in group)
    done, engine_s = 0, 0.0
    for period_ms, group in sorted(by_period.items()):
        try:
            kind = BulkDays if process.pack.kind == "day" else BulkEngine
            engine = kind(process.pack, vehicle_class, period_ms)
        except ValueError as error:
            raise SimulatorError(f"{error}. Choose another --pack or --class.") from error
        started_s = time.perf_counter()
        trips = engine.run(
            [samples for _, samples in group],
            progress=lambda n, _, before=done: progress("computing", before + n, total),  # type: ignore[misc]
        )
        engine_s += time.perf_counter() - started_s
        done += sum(len(samples) for _, samples in group)
        wire: dict[int, list[list[int]]] = {}
        for vehicle, row in zip(trips.vehicle.tolist(), trips.wire.tolist(), strict=True):
            wire.setdefault(vehicle, []).append(row)
        for place, (i, _) in enumerate(group):
            found[i] = _history(vehicles[i][0], process, wire.get(place, []))
    return Recomputed([found[i] for i in range(len(vehicles))], total, engine_s)


def _history(name: str, process: Process, wire: list[list[int]]) -> History:
    totals = None
    for row in wire:
        totals = process.merge(totals, process.totals(process.signed(row)))
    return History(name, len(wire), totals)


def vehicles_of(paths: Sequence[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Yield (name, files) of each vehicle: a file is one, a folder is one with all of its files in order of their names.

    Of a folder with CSV these are meant; of any other, such as one of tachograph files, all that are not hidden.

    Raises SimulatorError for a folder without recordings.
    """
    for path in paths:
        if not path.is_dir():
            yield path.name, [path]
            continue
        files = sorted(
            file for file in path.iterdir() if file.name.endswith((".csv", ".csv.gz")) and file.name != "trips.csv"
        )
        files = files or sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        if not files:
            raise SimulatorError(f"{path} has no .csv or .csv.gz files. Name the folder of one vehicle, or files.")
        yield path.name, files
