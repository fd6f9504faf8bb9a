"""The bulk engine: samples of vehicles and epochs of persons a second, beside the device's core; vehicles' in polars as well.

All of them compute the same numbers, which is checked here; in polars only those that the hand-written core counts. The shipped
trips are repeated, as of so many vehicles; NREL's too where they have been fetched before. These have no heading, and none of
them has positions, temperatures or an engine speed: what needs one costs nothing there. Days are made up, of everything that a
band measures.
"""

import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from bench.hand_written import as_pack
from bench.rows import Rows
from headway_edge.core.data_quality import CLOSED
from headway_edge.core.day import DayCore
from headway_edge.core.episode import EpisodeCore, wire_numbers
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_server.bulk.days import BulkDays
from headway_server.bulk.engine import BulkEngine
from headway_server.bulk.samples import VehicleSamples
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators import nrel
from headway_simulators.demo import shipped_sources
from headway_simulators.recorded_samples import vehicle_samples
from headway_simulators.recording import Recording
from headway_simulators.recordings import read

REPEATS = 5
THREADS = 2
SAMPLES = 2_000_000
UNIT = "samples/s"
SAME = "what the core written by hand counts"
PRIVATE, COMMERCIAL, ECO, WELLNESS = "private-driving", "commercial-driving", "eco-driving", "wellness"
PERSONS, DAYS, EPOCH_MS = 8, 14, 60_000
EPOCH_UNIT = "epochs/s"


def figures() -> Rows:
    """Yield samples a second of each engine."""
    packs = {name: Pack(compile_file(library.path(name)).data) for name in (PRIVATE, COMMERCIAL, ECO)}
    sources = {"shipped": [[read(path) for path in source.files] for source in shipped_sources()]}
    if (nrel.default_cache() / "complete").exists():
        sources["NREL's"] = [[read(path) for path in vehicle.day_files] for vehicle in nrel.vehicles()]
    for trips, vehicles in sources.items():
        for name, pack in packs.items():
            yield _bulk(name, pack, trips, vehicles)
    shipped = sources["shipped"]
    for name, pack in packs.items():
        yield _scalar(name, pack, shipped)
    same = Pack(as_pack.compiled())
    yield _bulk(SAME, same, "shipped", shipped)
    yield _polars(same, shipped)
    yield from _days(Pack(compile_file(library.path(WELLNESS)).data))


def _repeated(pack: Pack, vehicles: Sequence[Sequence[Recording]]) -> list[VehicleSamples]:
    once = [vehicle_samples(pack, recordings) for recordings in vehicles]
    return once * (SAMPLES // sum(len(vehicle) for vehicle in once) + 1)


def _best_s(action: Callable[[], object]) -> float:
    best = float("inf")
    for _ in range(REPEATS):
        start = time.perf_counter()
        action()
        best = min(best, time.perf_counter() - start)
    return best


def _bulk(name: str, pack: Pack, trips: str, vehicles: Sequence[Sequence[Recording]]) -> tuple[str, str, str, str]:
    samples = _repeated(pack, vehicles)
    engine = BulkEngine(pack, "car")
    total = sum(len(vehicle) for vehicle in samples)
    rate = total / _best_s(lambda: engine.run(samples, THREADS))
    how = f"{trips} trips, {total:,} samples, {THREADS} threads, best of {REPEATS}"
    return f"bulk engine, {name}", f"{rate:,.0f}", UNIT, how


def _scalar(name: str, pack: Pack, vehicles: Sequence[Sequence[Recording]]) -> tuple[str, str, str, str]:
    samples = [vehicle_samples(pack, recordings) for recordings in vehicles]
    spent_s, trips = _scalar_run(pack, samples)
    if trips != len(BulkEngine(pack, "car").run(samples)):
        raise RuntimeError(f"{name}: the engines do not find the same trips")
    total = sum(len(vehicle) for vehicle in samples)
    return f"device's core, {name}", f"{total / spent_s:,.0f}", UNIT, f"shipped trips, {total:,} samples, CPython, once"


def _scalar_run(pack: Pack, vehicles: Sequence[VehicleSamples]) -> tuple[float, int]:
    # Only the updates are timed, with lists of numbers ready to hand.
    spent_s, trips = 0.0, 0
    for vehicle in vehicles:
        columns = [[MISSING] * len(vehicle) if column is None else column.tolist() for column in vehicle.signals]
        samples = list(zip(vehicle.steps_ms.tolist(), *columns, strict=True))
        core = EpisodeCore(pack, "car")
        update, signals = core.update, core.signals
        start = time.perf_counter()
        for step_ms, *numbers in samples:
            for i, number in enumerate(numbers):
                signals[i] = number
            trips += update(step_ms) & CLOSED == CLOSED
        trips += core.finish() & CLOSED == CLOSED
        spent_s += time.perf_counter() - start
    return spent_s, trips


def _days(pack: Pack) -> Rows:
    persons = [_worn(pack, person) for person in range(PERSONS)]
    engine = BulkDays(pack, "actigraph")
    epochs = sum(len(person) for person in persons)
    rate = epochs / _best_s(lambda: engine.run(persons))
    how = f"{PERSONS} persons, {epochs:,} epochs of a minute, 1 thread, best of {REPEATS}"
    yield f"bulk engine, {WELLNESS}", f"{rate:,.0f}", EPOCH_UNIT, how
    found = engine.run(persons)
    spent_s, days = _scalar_days(pack, persons)
    if days != found.wire.tolist():
        raise RuntimeError("the engines do not find the same days")
    yield (
        f"device's core, {WELLNESS}",
        f"{epochs / spent_s:,.0f}",
        EPOCH_UNIT,
        f"the same {len(days)} days, CPython, once",
    )


def _worn(pack: Pack, person: int) -> VehicleSamples:
    # Nights of few counts, days of many; a pulse, worn but for an hour a day, drinks in the evening.
    minute = np.arange(DAYS * 24 * 60)
    of_day = (minute + 19 * 60) % 1440
    asleep = of_day < 7 * 60
    noise = np.random.default_rng(person).integers(0, 1000, len(minute))
    measured = {
        "Wearable.LocalMinute": of_day,
        "Wearable.ActivityCount": np.where(asleep, noise % 60, 300 + 2 * noise),
        "Wearable.Steps": np.where(asleep, 0, noise % 90),
        "Wearable.HeartRate": np.where(asleep, 50, 70) + noise % 15,
        "Wearable.IsWorn": (of_day // 60 != 12).astype(np.int64),
        "Wearable.Report.Drinks": np.where(of_day == 21 * 60, 1, MISSING),
        "Wearable.LocalWeekday": (minute + 19 * 60) // 1440 % 7,
    }
    return VehicleSamples(np.full(len(minute), EPOCH_MS), [measured.get(signal[0]) for signal in pack.signals])


def _scalar_days(pack: Pack, persons: Sequence[VehicleSamples]) -> tuple[float, list[list[int]]]:
    spent_s, days = 0.0, []
    for person in persons:
        columns = [[MISSING] * len(person) if column is None else column.tolist() for column in person.signals]
        epochs = list(zip(*columns, strict=True))
        core = DayCore(pack, "actigraph")
        update, signals = core.update, core.signals
        start = time.perf_counter()
        for numbers in epochs:
            for i, number in enumerate(numbers):
                signals[i] = number
            if update(EPOCH_MS) & CLOSED:
                days.append(wire_numbers(pack, core.closed))
        if core.finish() & CLOSED:
            days.append(wire_numbers(pack, core.closed))
        spent_s += time.perf_counter() - start
    return spent_s, days


def _polars(pack: Pack, vehicles: Sequence[Sequence[Recording]]) -> tuple[str, str, str, str]:
    what = f"polars, {SAME}"
    try:
        import polars  # noqa: PLC0415 - nothing of Headway needs it: it is here to be compared with
    except ImportError:
        return what, "-", "", "not installed"
    samples = _repeated(pack, vehicles)
    total = sum(len(vehicle) for vehicle in samples)
    frame = polars.DataFrame(
        {
            "vehicle": np.repeat(np.arange(len(samples)), [len(vehicle) for vehicle in samples]),
            "step_ms": np.concatenate([vehicle.steps_ms for vehicle in samples]),
            "speed": np.concatenate([vehicle.signals[pack.speed] for vehicle in samples]),
        }
    )
    if not np.array_equal(_private_driving(polars, frame, pack), BulkEngine(pack, "car").run(samples).numbers):
        raise RuntimeError("polars and the bulk engine do not find the same numbers")
    rate = total / _best_s(lambda: _private_driving(polars, frame, pack))
    how = f"shipped trips, {total:,} samples, {polars.thread_pool_size()} threads, best of {REPEATS}"
    return what, f"{rate:,.0f}", UNIT, how


def _private_driving(pl: Any, frame: Any, pack: Pack) -> "np.ndarray[Any, Any]":
    # For orderly recordings at 1 Hz with nothing but a speed, without standing for half an hour: less than the engine does.
    near_ms, gap_ms, _, _, min_distance_m, min_elapsed_ms = pack.rules
    period_ms = 1000
    (bands,) = (item[2] for item in pack.accumulators if item[0] == "bands")
    row, speed = pl.int_range(pl.len()), pl.col("speed")
    is_new = (pl.col("vehicle") != pl.col("vehicle").shift()).fill_null(value=True) | (pl.col("step_ms") > gap_ms)
    moving_row = pl.when(speed > 0).then(pl.col("row"))
    trips = (
        frame.lazy()
        .with_columns(row.alias("row"), is_new.cum_sum().alias("stretch"))
        .with_columns(
            moving_row.min().over("stretch").alias("from"),
            moving_row.max().over("stretch").alias("to"),
            pl.col("row").min().over("stretch").alias("begin"),
        )
        .filter((pl.col("row") >= pl.max_horizontal("begin", pl.col("from") - 1)) & (pl.col("row") <= pl.col("to") + 1))
        # What lies a gap before the first movement is not driven off from.
        .filter((pl.col("row") >= pl.col("from")) | (pl.col("step_ms").shift(-1) <= near_ms))
        .with_columns((pl.col("stretch") != pl.col("stretch").shift()).fill_null(value=True).alias("first"))
    )
    near = ~pl.col("first") & (pl.col("step_ms") <= near_ms)
    now = (speed + 50) // 100
    trips = (
        trips.with_columns(
            pl.when(pl.col("first")).then(0).otherwise(pl.col("step_ms")).alias("since_ms"),
            pl.when(near).then(pl.col("step_ms")).otherwise(period_ms).alias("weight_ms"),
            pl.when(near).then(now.shift()).alias("before"),
            now.alias("now"),
            (speed.shift() + speed).alias("sum"),
        )
        .with_columns((pl.col("now") - pl.col("before")).alias("gain"))
        .with_columns(
            *(
                up.fill_null(value=False).alias(name)
                for name, up in _hard(pl, pack.parameters[pack.class_index("car")]).items()
            )
        )
    )
    weight = pl.col("weight_ms")
    edges = [-1, *bands, 1 << 29]
    found = (
        trips.group_by("stretch", maintain_order=True)
        .agg(
            pl.col("since_ms").sum().alias("elapsed_ms"),
            ((360_000 + (pl.col("sum").fill_null(0) * pl.col("since_ms")).sum()) // 720_000).alias("distance_m"),
            weight.filter(speed < 2900).sum().alias("slow_ms"),
            weight.filter(speed == 0).sum().alias("idle_ms"),
            ((speed == 0) & (speed.shift() != 0)).sum().alias("stops"),
            speed.max().alias("speed_max"),
            *(
                weight.filter((speed >= low) & (speed < high)).sum().alias(f"band_{low}")
                for low, high in pairwise(edges)
            ),
            *((pl.col(name) & ~pl.col(name).shift().fill_null(value=False)).sum() for name in ("gains", "losses")),
        )
        .filter((pl.col("distance_m") >= min_distance_m) & (pl.col("elapsed_ms") >= min_elapsed_ms))
        .drop("stretch")
        .collect()
    )
    numbers: np.ndarray[Any, Any] = found.to_numpy().astype(np.int64)
    return numbers


def _hard(pl: Any, least: Sequence[int]) -> dict[str, Any]:
    before, now, gain = pl.col("before"), pl.col("now"), pl.col("gain")
    return {
        "gains": ((before <= 5) & (gain >= least[3]))
        | ((before >= 6) & (before <= 10) & (gain >= least[0]))
        | ((before >= 11) & (before <= 20) & (gain >= least[1]))
        | ((before >= 21) & (gain >= least[2])),
        "losses": ((now <= 5) & (-gain >= least[7]))
        | ((now >= 6) & (before <= 30) & (-gain >= least[4]))
        | ((now >= 6) & (before >= 31) & (before <= 50) & (-gain >= least[5]))
        | ((now >= 6) & (before >= 51) & (-gain >= least[6])),
    }
