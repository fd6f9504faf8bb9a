"""Days in bulk against the device's core, to the integer: made-up packs and streams, the pack that ships, real recordings."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from days import CLOCK, COUNT, MINUTE_MS, SMALL, packed, shared
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from made_day_packs import packs
from scalar_days import assert_same_days

from headway_edge.core.epochs import root_milli
from headway_edge.core.logarithm import ln_milli
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_server.bulk.day_windows import logarithms_milli, roots_milli
from headway_server.bulk.days import BulkDays
from headway_server.bulk.samples import VehicleSamples
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_simulators.offline_replay import episodes
from headway_simulators.processes import find_process
from headway_simulators.recompute import recompute
from headway_simulators.recorded_samples import vehicle_samples
from headway_simulators.recordings import read
from headway_simulators.wearables.reading import recordings

WELLNESS = Pack(compile_file(library.path("wellness")).data)
HOUR_MS = 60 * MINUTE_MS
UNHURRIED = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)

# Steps in thousandths of an epoch: on time, early, twice, back in time, back by more than is waited for, gaps, days away.
STEPS = st.sampled_from(
    [1000] * 24 + [700, 1400, 300, 0, -200, -9000, -62_000, 2000, 3000, 9000, 400_000, 1_300_000, 4_000_000]
)
CLOCKS = st.sampled_from(["goes on"] * 16 + ["missing", "jumps", "out of range"])


@st.composite
def streams(draw: st.DrawFn, pack: Pack, longest: int = 60) -> VehicleSamples:
    """A person whose clock, the first signal, mostly follows the steps; the other signals in and out of their ranges."""
    epoch_ms = pack.rules[0]
    steps_ms, columns = [], [list[int]() for _ in pack.signals]
    minute_ms = draw(st.integers(0, 1439)) * MINUTE_MS
    others = [
        st.one_of(st.just(MISSING), st.integers(low, high), st.integers(low, min(high, low + 60)), st.just(high + 1))
        for _, _, _, _, low, high, _, _ in pack.signals[1:]
    ]
    for step, clock in draw(
        st.lists(st.tuples(STEPS, CLOCKS), min_size=draw(st.sampled_from([1, longest // 2])), max_size=longest)
    ):
        steps_ms.append(step * epoch_ms // 1000)
        minute_ms += steps_ms[-1]
        if clock == "jumps":
            minute_ms = draw(st.integers(0, 1439)) * MINUTE_MS
        told = {"missing": MISSING, "out of range": 1440}.get(clock, minute_ms // MINUTE_MS % 1440)
        for column, number in zip(columns, [told, *[draw(other) for other in others]], strict=True):
            column.append(number)
    return VehicleSamples(np.array(steps_ms), [np.array(column) for column in columns])


@UNHURRIED
@given(st.data(), packs(is_rich=True))
def test_made_days(data: st.DataObject, pack: Pack) -> None:
    persons = data.draw(st.lists(streams(pack), min_size=1, max_size=3))
    event(f"{min(assert_same_days(pack, 'any', persons), 6)} days")


def hours_in_windows() -> Pack:
    """Epochs of an hour, windows longer than what the core takes for not near: they reach over days and clocks set back."""
    a = ["s", 1]
    values: list[Any] = [
        ["lag", a, 60 * HOUR_MS],
        ["total", a, 60 * HOUR_MS],
        ["deviation", ["s", 3], 24 * HOUR_MS],
        ["count", [">", a, 500], 37 * HOUR_MS],
        ["lag", a, 36 * HOUR_MS],
        ["lag", ["s", 0], 2 * HOUR_MS],
        ["ln", ["+", a, 1]],
        ["held", [">", a, 300]],
    ]
    accumulators = [[kind, ["v", i]] for i in range(len(values)) for kind in ("first", "last", "sum", "max")]
    events = [[[">", a, 700], HOUR_MS // 6, 0, [1], HOUR_MS // 6], [["<", a, 100], 0, 0, [], 0]]
    signals = [CLOCK, COUNT, SMALL[5][2], ["Wearable.B", "", 1, 1, 0, 9, 0, 0]]
    parts = [1, "hours", 1, "day", ["any"], signals, [HOUR_MS, 240, 2 * HOUR_MS], [[]], values, accumulators]
    return packed([*parts, events, *[[]] * 9])


@UNHURRIED
@given(streams(hours_in_windows(), 200))
def test_windows_reach_over_days_and_gaps(person: VehicleSamples) -> None:
    assert_same_days(hours_in_windows(), "any", [person])


@UNHURRIED
@given(streams(WELLNESS), st.sampled_from(WELLNESS.classes))
def test_made_streams_of_the_pack_that_ships(person: VehicleSamples, wearer_class: str) -> None:
    assert_same_days(WELLNESS, wearer_class, [person])


@pytest.mark.parametrize("wearer_class", WELLNESS.classes)
def test_weeks_of_the_pack_that_ships(wearer_class: str) -> None:
    """Nights and days with minutes missing, the band off, and a clock that is set: as long as windows and scores need."""
    persons = [_weeks(seed) for seed in range(3)]
    assert assert_same_days(WELLNESS, wearer_class, persons) >= 3 * 9


def _weeks(seed: int) -> VehicleSamples:
    random = np.random.default_rng(seed)
    minutes = 10 * 1440
    there = random.random(minutes) > 0.002
    there[3000:3400] = False
    local = np.arange(minutes) + 700 + np.where(np.arange(minutes) > 8000, 60 * (seed - 1), 0)
    is_night = (local % 1440 < 400) | (local % 1440 > 1380)
    columns = []
    for _, _, _, _, low, high, _, _ in WELLNESS.signals:
        column = random.integers(low, min(high, low + 400) + 1, minutes)
        column[is_night & (random.random(minutes) < 0.9)] = low
        column[random.random(minutes) < 0.003] = MISSING
        columns.append(column)
    columns[WELLNESS.clock] = local % 1440
    steps_ms = np.diff(np.flatnonzero(there), prepend=-1) * MINUTE_MS
    return VehicleSamples(steps_ms, [column[there] for column in columns])


@given(st.lists(st.integers(1, (1 << 29) - 1), min_size=1), st.integers(2, 60))
def test_logarithms_and_roots_are_the_devices(numbers: list[int], epochs: int) -> None:
    many = np.array(numbers)
    assert logarithms_milli(many).tolist() == [ln_milli(number) for number in numbers]
    below = epochs * (epochs - 1)
    assert roots_milli(many, below).tolist() == [root_milli(number, below) for number in numbers]


@pytest.mark.parametrize("below", [2, 6, 30, 3540, 1 << 20])
def test_roots_next_to_where_they_are_rounded_up(below: int) -> None:
    # The nearest numbers on both sides of (k + 1/2)^2 thousandths.
    halves = np.arange(1, 2000, 2) ** 2 * below
    above = np.unique(np.concatenate([np.arange(2000), halves // 4_000_000, -(-halves // 4_000_000), halves // 4]))
    above = above[above < 1 << 29]
    assert roots_milli(above, below).tolist() == [root_milli(number, below) for number in above.tolist()]


def test_nobody_has_no_days_and_progress_is_told_for_everybody() -> None:
    pack = packed(SMALL)
    assert len(BulkDays(pack, "any").run([])) == 0
    nobody = VehicleSamples(np.zeros(0, np.int64), [None] * 3)
    somebody = VehicleSamples(np.full(5, MINUTE_MS), [None] * 3)
    told: list[tuple[int, int]] = []
    found = BulkDays(pack, "any").run([somebody, nobody, somebody], lambda *step: told.append(step))
    assert told == [(5, 10), (5, 10), (10, 10)]
    assert found.vehicle.tolist() == [0, 2]
    assert found.numbers[:, 0].tolist() == [5 * MINUTE_MS] * 2


@pytest.mark.parametrize(
    ("engine", "reason"),
    [
        (lambda: BulkDays(Pack(compile_file(library.path("private-driving")).data), "car"), "is of kind 'trip'"),
        (lambda: BulkDays(WELLNESS, "car"), "'car'"),
        (lambda: BulkDays(WELLNESS, "other", 30_000), "epochs of 30000 ms; pack wellness counts in epochs of 60000"),
        (lambda: BulkDays(packed(SMALL), "any").run([VehicleSamples(np.zeros(1, np.int64), [])]), "0 signals"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(engine: Callable[[], object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        engine()


# --- Recordings ---


@pytest.mark.full
@pytest.mark.parametrize("name", ["example_01.AWD", "example_02.AWD", "test_sample.csv"])
@pytest.mark.parametrize("wearer_class", ["actigraph", "actiwatch"])
def test_recorded_activity(name: str, wearer_class: str) -> None:
    person = vehicle_samples(WELLNESS, [read(shared(f"actigraphy/{name}"))])
    assert assert_same_days(WELLNESS, wearer_class, [person]) >= 8


@pytest.mark.full
@pytest.mark.parametrize("name", ["hourlySteps_merged.csv", "heartrate_seconds_partial.csv"])
def test_recorded_steps_and_pulse(name: str) -> None:
    path = shared(f"fitabase/{name}")
    persons = [vehicle_samples(WELLNESS, [recording]) for recording in recordings(path, path.read_bytes())[:8]]
    assert assert_same_days(WELLNESS, "other", persons) >= 2


@pytest.mark.full
def test_histories_are_those_of_the_devices() -> None:
    process = find_process("wellness")
    files = [shared("actigraphy/example_01.AWD"), Path(f"{shared('fitabase/hourlySteps_merged.csv')}#1503960366")]
    done = recompute([(file.name, [file]) for file in files], process, "actiwatch", lambda *_: None)
    for file, history in zip(files, done.histories, strict=True):
        totals, days = None, 0
        for episode in episodes(read(file), process, "actiwatch"):
            totals = process.merge(totals, process.totals(episode.trip.numbers()))
            days += 1
        assert (history.trips, history.totals) == (days, totals)
