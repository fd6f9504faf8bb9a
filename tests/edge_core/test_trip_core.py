"""What the core makes of samples, against numbers worked out by hand, and against a slow second implementation."""

from collections.abc import Iterable
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core import data_quality, trip
from headway_edge.core import definition as d
from headway_edge.core.speed_change import SpeedChange
from headway_edge.core.trip import ACCELERATED_HARD, BRAKED_HARD, CLOSED, OPENED, TripCore
from headway_protocol import counts as packed
from headway_protocol import record

Sample = tuple[int, ...]  # dt_ms, speed_ckmh, rpm, ignition, the last two if known

AT_36 = 3600  # ckmh: 10 m/s


def feed(core: TripCore, samples: Iterable[Sample]) -> list[tuple[list[int], list[int]]]:
    """Feed the samples, and return (counts, gates) of each trip that closed."""
    return [(list(core.closed), list(core.closed_gates)) for sample in samples if core.update(*sample) & CLOSED]


def trips(
    samples: Iterable[Sample], vehicle_class: str = "car", period_ms: int = 1000
) -> list[tuple[list[int], list[int]]]:
    """(counts, gates) of each trip in the samples, the last one closed by their end."""
    core = TripCore(vehicle_class, period_ms)
    closed = feed(core, samples)
    if core.finish():
        closed.append((list(core.closed), list(core.closed_gates)))
    return closed


def only_trip(
    samples: Iterable[Sample], vehicle_class: str = "car", period_ms: int = 1000
) -> tuple[list[int], list[int]]:
    found = trips(samples, vehicle_class, period_ms)
    assert len(found) == 1
    return found[0]


def nonzero(numbers: list[int]) -> dict[int, int]:
    return {i: number for i, number in enumerate(numbers) if number}


def at(speed_ckmh: int, seconds: int, *signals: int) -> list[Sample]:
    return [(1000, speed_ckmh, *signals)] * seconds


BAND_OF_36 = d.BAND_0 + 5  # 32.19 to 40.23 km/h: 20 to 25 mph


# Where a trip begins


def test_a_trip_begins_at_the_first_movement_with_the_standing_sample_before_it() -> None:
    core = TripCore()
    assert [core.update(1000, speed) for speed in (0, 0, 0, 100)] == [0, 0, 0, OPENED]
    assert core.lead_ms == 1000
    feed(core, at(AT_36, 20))
    core.finish()
    # 21 steps of one second, from the last standing sample to the last moving one.
    assert core.closed[d.ELAPSED] == 21000
    assert core.closed[d.BAND_0] == 1000


def test_a_trip_that_begins_with_movement_has_nothing_before_it() -> None:
    core = TripCore()
    assert core.update(1000, AT_36) == OPENED
    assert core.lead_ms == 0
    feed(core, at(AT_36, 20))
    core.finish()
    assert core.closed[d.ELAPSED] == 20000
    assert core.closed[d.BAND_0] == 0


@pytest.mark.parametrize(("dt_ms", "lead_ms"), [(40, 40), (1500, 1500), (1501, 0), (200_000, 0)])
def test_a_standing_sample_belongs_to_the_trip_only_while_it_is_near(dt_ms: int, lead_ms: int) -> None:
    core = TripCore()
    core.update(1000, 0)
    assert core.update(dt_ms, 500) == OPENED
    assert core.lead_ms == lead_ms


@pytest.mark.parametrize("signals", [(800, -1), (-1, 1), (0, 1), (800, 1)])
def test_a_running_engine_begins_a_trip_while_standing(signals: tuple[int, int]) -> None:
    core = TripCore()
    assert core.update(1000, 0, *signals) == OPENED
    assert core.is_open


@pytest.mark.parametrize("signals", [(-1, -1), (0, -1), (0, 0), (800, 0)])
def test_standing_without_a_running_engine_begins_nothing(signals: tuple[int, int]) -> None:
    core = TripCore()
    assert core.update(1000, 0, *signals) == 0
    assert not core.is_open


# What a trip counts


@pytest.mark.parametrize(
    ("speed_ckmh", "dt_ms", "steps", "metres"),
    [
        (3600, 1000, 100, 1000),
        (3600, 100, 1000, 1000),
        (3600, 40, 2500, 1000),
        (3600, 1500, 100, 1500),
        (3600, 333, 100, 333),
        (30000, 1000, 3600, 300000),
        (100, 1000, 3600, 1000),
        (2700, 1000, 3, 23),  # 22.5 m, half up
        (2699, 1000, 3, 22),
        (10000, 300000, 12, 100000),
    ],
)
def test_distance_at_constant_speed_is_exact(speed_ckmh: int, dt_ms: int, steps: int, metres: int) -> None:
    core = TripCore(period_ms=min(dt_ms, 1000))
    feed(core, [(dt_ms, speed_ckmh)] * (steps + 1))
    assert core._counts[d.DISTANCE] == metres
    assert core._counts[d.ELAPSED] == dt_ms * steps


def test_distance_is_the_area_under_straight_lines_between_samples() -> None:
    # 0 to 36 km/h in 10 s: 50 m. Then 10 s back: 50 m.
    speeds = [*range(0, 3600, 360), 3600, *range(3240, -1, -360)]
    counts, _ = only_trip([(1000, speed) for speed in speeds])
    assert counts[d.DISTANCE] == 100


def test_a_hand_made_trip_counts_as_worked_out() -> None:
    samples = [
        *at(0, 5),  # only the last one belongs to the trip
        *at(1000, 1),  # 10 km/h: band 2 of 8.05 to 16.09
        *at(AT_36, 10),
        *at(0, 4),  # a stop of four samples
        *at(AT_36, 10),
        *at(0, 60),  # parked: only the first one belongs to the trip
    ]
    counts, gates = only_trip(samples)
    assert nonzero(counts) == {
        d.ELAPSED: 26000,
        # (0+1000)/2 + (1000+3600)/2 + 9*3600 + 3600/2 + 0 + 3600/2 + 9*3600 + 3600/2 = 73000 ckmh s = 202.8 m
        d.DISTANCE: 203,
        d.LOW_SPEED: 7000,
        d.IDLE: 6000,
        d.STOPS: 2,
        d.SPEED_MAX: 3600,
        # Started at 10 km/h in a second, and went on; the change to 36 km/h is the same event; then from 0 to 36.
        d.HARD_ACCELERATION: 2,
        d.HARD_BRAKING: 2,
        d.BAND_0: 6000,
        d.BAND_0 + 2: 1000,
        BAND_OF_36: 20000,
    }
    assert nonzero(gates) == {}


@pytest.mark.parametrize(
    ("speed_ckmh", "band"),
    [
        (1, 1),
        (804, 1),
        (805, 2),
        (1608, 2),
        (1609, 3),
        (3599, 5),
        (11264, 14),
        (11265, 15),
        (12069, 15),
        (12070, 16),
        (30000, 16),
    ],
)
def test_time_goes_to_the_band_of_5_mph_that_the_speed_is_in(speed_ckmh: int, band: int) -> None:
    core = TripCore()
    feed(core, at(speed_ckmh, 30))
    assert nonzero(list(core._counts)[d.BAND_0 :]) == {band: 30000}


@pytest.mark.parametrize(("speed_ckmh", "low_ms"), [(2899, 20000), (2900, 0)])
def test_low_speed_is_under_29_kmh(speed_ckmh: int, low_ms: int) -> None:
    counts, _ = only_trip(at(speed_ckmh, 20))
    assert counts[d.LOW_SPEED] == low_ms


def test_a_stop_counts_once_however_long() -> None:
    samples = [*at(AT_36, 10), *at(0, 1), *at(AT_36, 5), *at(0, 100), *at(AT_36, 5)]
    counts, _ = only_trip(samples)
    assert counts[d.STOPS] == 2
    assert counts[d.BAND_0] == 101000


@pytest.mark.parametrize(("rpm", "idle_ms"), [(-1, 20000), (800, 20000), (0, 0)])
def test_standing_is_idling_unless_the_engine_is_known_to_be_off(rpm: int, idle_ms: int) -> None:
    counts, _ = only_trip([*at(AT_36, 10, rpm), *at(0, 20, rpm), *at(AT_36, 10, rpm)])
    assert counts[d.BAND_0] == 20000
    assert counts[d.IDLE] == idle_ms


def test_the_standing_sample_before_a_trip_idles_only_if_the_engine_may_have_run() -> None:
    electric, _ = only_trip([*at(0, 3, 0), *at(AT_36, 20, 0)])
    unknown, _ = only_trip([*at(0, 3), *at(AT_36, 20)])
    assert (electric[d.BAND_0], electric[d.IDLE]) == (1000, 0)
    assert (unknown[d.BAND_0], unknown[d.IDLE]) == (1000, 1000)


# Where a trip ends

PARKED = [*at(AT_36, 20), *at(0, 100)]


def test_standing_at_the_end_is_parking_when_no_signal_says_otherwise() -> None:
    counts, _ = only_trip(PARKED)
    assert (counts[d.ELAPSED], counts[d.BAND_0], counts[d.IDLE], counts[d.STOPS]) == (20000, 1000, 1000, 1)


@pytest.mark.parametrize("signals", [(800, -1), (-1, 1), (800, 1)])
def test_standing_at_the_end_counts_while_a_signal_says_that_the_engine_runs(signals: tuple[int, int]) -> None:
    counts, _ = only_trip([(*sample, *signals) for sample in PARKED])
    assert (counts[d.ELAPSED], counts[d.BAND_0], counts[d.IDLE], counts[d.STOPS]) == (119000, 100000, 100000, 1)


def test_switching_off_ends_a_trip_at_once() -> None:
    core = TripCore()
    feed(core, [*at(AT_36, 20, -1, 1), *at(0, 5, -1, 1)])
    assert core.update(1000, 0, 0, 0) == CLOSED
    assert (core.closed[d.ELAPSED], core.closed[d.BAND_0]) == (24000, 5000)
    assert core.update(1000, 0, 0, 0) == 0


def test_after_switching_off_nothing_is_built_on_what_was_before() -> None:
    core = TripCore()
    feed(core, [*at(AT_36, 20), (1000, 0, 0, 0)])
    assert core.update(1000, AT_36) == OPENED
    assert core.lead_ms == 0
    feed(core, at(AT_36, 20))
    core.finish()
    assert (core.closed[d.ELAPSED], core.closed[d.DISTANCE]) == (20000, 200)


def test_a_silence_of_five_minutes_is_bridged_and_a_longer_one_ends_the_trip() -> None:
    core = TripCore()
    feed(core, at(AT_36, 20))
    assert core.update(300_000, AT_36) == 0
    assert core.update(300_001, AT_36) == CLOSED | OPENED
    assert nonzero(list(core.closed)) == {
        d.ELAPSED: 319000,
        d.DISTANCE: 3190,
        d.SPEED_MAX: 3600,
        BAND_OF_36: 21000,
    }
    assert nonzero(list(core.closed_gates)) == {
        data_quality.GAPS: 1,
        data_quality.GAP_TIME: 299000,
        data_quality.BRIDGED: 3000,
    }
    assert core.lead_ms == 0


def test_standing_for_more_than_half_an_hour_ends_a_trip() -> None:
    core = TripCore()
    feed(core, at(AT_36, 20))
    assert [core.update(300_000, 0) for _ in range(6)] == [0] * 6
    assert core.update(40, 0) == CLOSED
    # The first standing sample came 300 s after the last moving one; of those, all but one second were not observed.
    assert nonzero(list(core.closed)) == {
        d.ELAPSED: 319000,
        d.DISTANCE: 1690,
        d.LOW_SPEED: 1000,
        d.IDLE: 1000,
        d.STOPS: 1,
        d.SPEED_MAX: 3600,
        d.BAND_0: 1000,
        BAND_OF_36: 20000,
    }
    assert nonzero(list(core.closed_gates)) == {
        data_quality.GAPS: 1,
        data_quality.GAP_TIME: 299000,
        data_quality.BRIDGED: 1500,
    }


def test_standing_with_the_engine_running_does_not_end_a_trip() -> None:
    core = TripCore()
    feed(core, at(AT_36, 20, 2000))
    assert core.update(1000, 0, 800) == BRAKED_HARD
    assert {core.update(1000, 0, 800) for _ in range(4000)} == {0}
    assert core.is_open


def test_once_the_engine_is_silent_half_an_hour_of_standing_ends_the_trip_where_it_came_to_a_stand() -> None:
    core = TripCore()
    feed(core, [*at(AT_36, 20, -1, 1), *at(0, 600, -1, 1)])
    found = feed(core, at(0, 1300))
    assert [(counts[d.ELAPSED], counts[d.BAND_0]) for counts, _ in found] == [(20000, 1000)]


def test_driving_on_after_standing_closed_the_trip_is_a_new_one() -> None:
    found = trips([*at(AT_36, 20), *at(0, 1900), *at(AT_36, 20)])
    assert [(counts[d.ELAPSED], counts[d.BAND_0]) for counts, _ in found] == [(20000, 1000), (20000, 1000)]


def test_a_trip_without_end_is_cut_after_five_days() -> None:
    core = TripCore()
    found = feed(core, [(300_000, 30000, 3000, 1)] * 3000)
    assert [nonzero(counts) for counts, _ in found] == [
        {d.ELAPSED: 432_000_000, d.DISTANCE: 36_000_000, d.SPEED_MAX: 30000, d.BAND_0 + 16: 1_441_000}
    ] * 2
    assert [nonzero(gates) for _, gates in found] == [
        {data_quality.GAPS: 1440, data_quality.GAP_TIME: 430_560_000, data_quality.BRIDGED: 36_000_000}
    ] * 2


def test_an_ignition_signal_that_is_stuck_does_not_run_the_counts_over() -> None:
    samples = [*at(AT_36, 20, -1, 1), *[(300_000, 0, -1, 1)] * 20_000, (1000, 0, -1, 0)]
    found = trips(samples)
    assert [counts[d.ELAPSED] for counts, _ in found] == [432_019_000]
    # The standing that followed was no trip: 13 whole times five days, and the rest.
    core = TripCore()
    feed(core, samples)
    assert core._gates[data_quality.TOO_SHORT] == 13


def test_episodes_too_short_to_be_a_trip_are_counted_with_the_next_one() -> None:
    samples = [
        *at(AT_36, 10),  # 9 s
        (1000, 0, 0, 0),
        *at(500, 15),  # 19.4 m
        (1000, 0, 0, 0),
        *at(500, 15),
        (1000, 500),  # 20.8 m
        (1000, 0, 0, 0),
        *at(AT_36, 11),  # 10 s
    ]
    found = trips(samples)
    assert [(counts[d.ELAPSED], counts[d.DISTANCE]) for counts, _ in found] == [(15000, 21), (10000, 100)]
    assert [gates[data_quality.TOO_SHORT] for _, gates in found] == [2, 0]


@pytest.mark.parametrize(("speed_ckmh", "trips_found"), [(701, 0), (702, 1), (720, 1)])
def test_twenty_metres_in_ten_seconds_are_a_trip(speed_ckmh: int, trips_found: int) -> None:
    # 19.47 m are 19; 19.5 m are 20, as distances are rounded half up.
    assert len(trips(at(speed_ckmh, 11))) == trips_found


def test_after_the_end_the_next_sample_begins_anew() -> None:
    core = TripCore()
    feed(core, at(AT_36, 20))
    assert core.finish() == CLOSED
    assert core.update(1000, AT_36) == OPENED
    feed(core, at(AT_36, 20))
    assert core.finish() == CLOSED
    assert (core.closed[d.ELAPSED], core.closed[d.DISTANCE], core.closed[d.BAND_0]) == (20000, 200, 0)


def test_the_end_of_nothing_is_nothing() -> None:
    core = TripCore()
    assert core.finish() == 0
    feed(core, at(0, 10))
    assert core.finish() == 0
    feed(core, at(AT_36, 2))
    assert core.finish() == 0
    assert not core.is_open


# Samples that are not as they should be


def test_missing_and_impossible_speeds_are_counted_and_bridged() -> None:
    clean = [(500, AT_36)] * 60
    faulty = list(clean)
    faulty[10] = (500, -1)
    faulty[20] = (500, 30001)
    faulty[30] = (500, 2**31 - 1)
    (counts, gates), (expected, _) = only_trip(faulty, period_ms=500), only_trip(clean, period_ms=500)
    assert counts == expected
    assert nonzero(gates) == {data_quality.NO_SPEED: 1, data_quality.OUT_OF_RANGE: 2}


def test_the_highest_possible_speed_is_accepted() -> None:
    counts, gates = only_trip(at(30000, 20))
    assert counts[d.SPEED_MAX] == 30000
    assert nonzero(gates) == {}


def test_repeated_samples_are_counted_and_change_nothing() -> None:
    clean = at(AT_36, 30)
    faulty = [*clean[:10], (0, AT_36), (0, 9000), *clean[10:]]
    (counts, gates), (expected, _) = only_trip(faulty), only_trip(clean)
    assert counts == expected
    assert nonzero(gates) == {data_quality.DUPLICATE: 2}


def test_samples_older_than_the_last_are_counted_and_dropped() -> None:
    clean = at(AT_36, 30)
    faulty = [*clean[:10], (-3000, 9000), (1000, 9000), (1000, 9000), (1000, 9000), *clean[10:]]
    (counts, gates), (expected, _) = only_trip(faulty), only_trip(clean)
    assert counts == expected
    assert nonzero(gates) == {data_quality.BACKWARDS: 3, data_quality.DUPLICATE: 1}


@pytest.mark.parametrize("jump_ms", [-300_000, -7_200_000, -(2**40)])
def test_a_jump_back_by_five_minutes_or_more_starts_anew(jump_ms: int) -> None:
    core = TripCore()
    feed(core, at(AT_36, 20))
    assert core.update(jump_ms, AT_36) == CLOSED | OPENED
    assert core.closed[d.ELAPSED] == 19000
    assert nonzero(list(core.closed_gates)) == {data_quality.BACKWARDS: 1}
    feed(core, at(AT_36, 20))
    core.finish()
    assert (core.closed[d.ELAPSED], core.closed[d.DISTANCE]) == (20000, 200)


def test_a_silence_of_weeks_is_one_silence() -> None:
    core = TripCore()
    feed(core, at(AT_36, 20))
    assert [core.update(1_000_000_000, -1) for _ in range(5)] == [0] * 5
    assert core.update(1000, AT_36) == CLOSED | OPENED
    assert core.closed[d.ELAPSED] == 19000


def test_gaps_of_an_episode_too_short_are_not_within_the_next_trip() -> None:
    samples = [(1000, AT_36), (5000, AT_36), (1000, 0, 0, 0), *at(AT_36, 20)]
    _, gates = only_trip(samples)
    assert nonzero(gates) == {data_quality.TOO_SHORT: 1}


def test_gaps_amid_the_parking_after_a_trip_are_not_within_it() -> None:
    _, gates = only_trip([*at(AT_36, 20), *[(100_000, 0)] * 10])
    assert nonzero(gates) == {data_quality.GAPS: 1, data_quality.GAP_TIME: 99_000, data_quality.BRIDGED: 500}


def test_gaps_amid_standing_are_within_a_trip_that_goes_on() -> None:
    counts, gates = only_trip([*at(AT_36, 20), (1000, 0), *[(100_000, 0)] * 10, *at(AT_36, 5)])
    assert counts[d.ELAPSED] == 1_025_000
    assert nonzero(gates) == {data_quality.GAPS: 10, data_quality.GAP_TIME: 990_000}


@pytest.mark.parametrize(("dt_ms", "gaps"), [(1500, 0), (1501, 1)])
def test_a_step_of_more_than_a_second_and_a_half_is_a_gap(dt_ms: int, gaps: int) -> None:
    _, gates = only_trip([*at(AT_36, 20), (dt_ms, AT_36)])
    assert gates[data_quality.GAPS] == gaps


# Sampling rates


def test_samples_faster_than_25_hz_are_thinned() -> None:
    slow = [(40, speed) for speed in range(0, 6000, 10)]
    fast = [(20, 0), *[(20, speed) for _, slow_speed in slow for speed in (9999, slow_speed)]]
    (counts, gates), (expected, _) = only_trip(fast, period_ms=40), only_trip(slow, period_ms=40)
    assert counts == expected
    assert nonzero(gates) == {}


def interpolated(knots: list[int]) -> list[int]:
    """Speeds at 10 Hz on straight lines between speeds at 1 Hz."""
    fine = [knots[0]]
    for before, after in pairwise(knots):
        fine += [before + (after - before) * i // 10 for i in range(1, 11)]
    return fine


CYCLE = [0, 1500, 3000, 4500, *[6000] * 21, 4200, 2400, 600, 0, 0, 0, 0, 0]


def test_recordings_of_one_drive_at_1_and_10_hz_agree() -> None:
    knots = 3 * CYCLE
    slow, _ = only_trip([(1000, speed) for speed in knots])
    fast, _ = only_trip([(100, speed) for speed in interpolated(knots)], period_ms=100)
    # A cycle: 120 + 1200 + 102 km/h s, that is 395 m; one hard start, one hard braking, one stop.
    for counts in (slow, fast):
        assert counts[d.DISTANCE] == 1185
        assert counts[d.ELAPSED] == 94000
        assert (counts[d.HARD_ACCELERATION], counts[d.HARD_BRAKING], counts[d.STOPS]) == (3, 3, 3)
        assert counts[d.SPEED_MAX] == 6000


@given(st.lists(st.integers(0, 15000), min_size=20, max_size=120))
def test_distance_does_not_depend_on_the_sampling_rate(speeds: list[int]) -> None:
    knots = [0, 3600, 3600, *speeds, 3600, 0]
    slow, _ = only_trip([(1000, speed) for speed in knots])
    fast, _ = only_trip([(100, speed) for speed in interpolated(knots)], period_ms=100)
    assert abs(slow[d.DISTANCE] - fast[d.DISTANCE]) <= 1 + slow[d.DISTANCE] // 1000
    assert slow[d.ELAPSED] == fast[d.ELAPSED]


# Any samples at all

STEPS = st.one_of(
    st.just(1000),
    st.just(1000),
    st.integers(-2000, 3000),
    st.sampled_from([0, 40, 300_000, 300_001, -300_000, 1_800_001, 2**29, 2**31, -(2**31)]),
)
SPEEDS = st.one_of(st.integers(0, 12000), st.just(0), st.sampled_from([-1, 1, 30000, 30001]))
SAMPLES = st.lists(
    st.tuples(STEPS, SPEEDS, st.sampled_from([-1, -1, 0, 900]), st.sampled_from([-1, -1, -1, -1, 0, 1])),
    max_size=80,
)
STRETCHES = st.lists(st.tuples(SAMPLES, st.integers(0, 40), st.integers(1, 30000)), max_size=4)


def drawn(stretches: list[tuple[list[Sample], int, int]]) -> list[Sample]:
    """Odd samples, then some at a steady speed, so that trips long enough come about."""
    return [sample for odd, steady, speed in stretches for sample in (*odd, *at(speed, steady))]


@given(STRETCHES, st.data())
def test_a_restart_at_any_sample_changes_nothing(stretches: list[Any], choose: st.DataObject) -> None:
    samples = drawn(stretches)
    cut = choose.draw(st.integers(0, len(samples)))
    core, first, second = TripCore("bus"), TripCore("bus"), TripCore("bus")
    expected = [core.update(*sample) for sample in samples]
    found = [first.update(*sample) for sample in samples[:cut]]
    second.restore(first.state())
    second.closed, second.closed_gates = first.closed, first.closed_gates
    assert second.is_open == first.is_open
    found += [second.update(*sample) for sample in samples[cut:]]
    assert found == expected
    assert second.state() == core.state()
    assert (core.finish(), core.closed, core.closed_gates) == (second.finish(), second.closed, second.closed_gates)


# Electric at first (rpm 0), then silent; a gap amid standing within a trip; an engine that stops; parking; a short episode.
LONG_DAY = [
    *[*at(0, 2, 0), *at(AT_36, 12, 0), *at(0, 2, 0), (20_000, 0), (20_000, 0), *at(AT_36, 3), *at(0, 3, 0), (1000, 0)],
    *[(300_001, 0, 0), *at(1777, 15, 0), (1000, 0, 0), *at(0, 2), (400_000, 0)],
    *[*at(AT_36, 15, -1, 1), *at(0, 5, -1, 1), *at(0, 3), *[(290_000, 0)] * 7],
    *[*at(AT_36, 12, 900), *at(0, 4), (1000, -1), (1000, 0, -1, 0)],
    *[*at(500, 3), (5000, 0), (1000, 0, 0, 0), *at(0, 2), *at(8000, 12), (-400_000, 3000), *at(4000, 12)],
]


@pytest.mark.parametrize("cut", range(len(LONG_DAY)))
def test_a_restart_at_each_sample_of_a_long_day_changes_nothing(cut: int) -> None:
    expected = trips(LONG_DAY)
    assert len(expected) == 6
    first, second = TripCore(), TripCore()
    found = feed(first, LONG_DAY[:cut])
    second.restore(first.state())
    found += feed(second, LONG_DAY[cut:])
    assert second.finish() == CLOSED
    assert [*found, (list(second.closed), list(second.closed_gates))] == expected


def test_a_checkpoint_is_a_list_of_integers_that_the_wire_carries() -> None:
    core = TripCore()
    feed(core, at(AT_36, 40))
    state = core.state()
    assert {type(number) for number in state} == {int}
    assert all(-(2**31) <= number < 2**31 for number in state)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_checkpoint_of_another_length_is_refused(change: int) -> None:
    state = TripCore().state()
    with pytest.raises(ValueError, match="is of another version of the core"):
        TripCore().restore(state[:change] if change < 0 else [*state, 0])


@given(STRETCHES, st.sampled_from([40, 100, 1000]))
def test_every_trip_adds_up_and_fits_the_wire(stretches: list[Any], period_ms: int) -> None:
    for counts, gates in trips(drawn(stretches), "taxi", period_ms):
        assert all(0 <= number < 2**30 for number in counts + gates)
        bands = counts[d.BAND_0 :]
        # The first sample is taken to have lasted a period; every other moment is observed or in a gap.
        assert sum(bands) + gates[data_quality.GAP_TIME] == counts[d.ELAPSED] + period_ms
        assert counts[d.IDLE] <= counts[d.BAND_0] <= counts[d.LOW_SPEED] <= sum(bands)
        assert gates[data_quality.BRIDGED] <= counts[d.DISTANCE]
        assert counts[d.DISTANCE] * 3600 <= counts[d.SPEED_MAX] * (counts[d.ELAPSED] + 1000) // 100 + 3600
        assert counts[d.DISTANCE] >= d.MIN_DISTANCE_M
        assert counts[d.ELAPSED] >= d.MIN_ELAPSED_MS
        assert 0 < counts[d.SPEED_MAX] <= d.SPEED_LIMIT_CKMH
        body = record.episode_body(d.pack_id(), 0, trip.wire_counts(counts), data_quality.wire_gates(gates))
        assert len(record.encode(record.Record(record.EPISODE, 1, 1, 0, None, 0, body))) < 160


def test_times_are_tenths_of_a_second_on_the_wire_half_up() -> None:
    counts = [0] * d.COUNTS
    counts[d.ELAPSED], counts[d.DISTANCE], counts[d.SPEED_MAX] = 26049, 26049, 26049
    counts[d.BAND_0], counts[d.BAND_0 + 16] = 26050, 49
    assert nonzero(packed.unpack(trip.wire_counts(counts), d.COUNTS)) == {
        d.ELAPSED: 260,
        d.DISTANCE: 26049,
        d.SPEED_MAX: 26049,
        d.BAND_0: 261,
    }
    gates = [26050] * data_quality.GATES
    assert packed.unpack(data_quality.wire_gates(gates), data_quality.GATES) == [26050, 261, *[26050] * 6]


@pytest.mark.parametrize(("vehicle_class", "period_ms"), [("tram", 1000), ("", 1000), ("car", 39), ("car", 1001)])
def test_a_core_of_no_known_class_or_period_is_refused(vehicle_class: str, period_ms: int) -> None:
    with pytest.raises(ValueError, match=r"vehicle class|sampling period"):
        TripCore(vehicle_class, period_ms)


def test_the_definition_has_this_hash_and_changes_with_any_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    assert d.pack_id().hex() == "62471c93284c251e"
    for name in (
        "SHORT_TRIP_M",
        "LOW_SPEED_CKMH",
        "NEAR_MS",
        "TRIP_GAP_MS",
        "STANDING_MS",
        "TRIP_LIMIT_MS",
        "MIN_DISTANCE_M",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(d, name, getattr(d, name) + 1)
            assert d.pack_id().hex() != "62471c93284c251e"


# Hard acceleration and braking

# km/h within a second: acceleration from 6..10, 10..20, over 20; start; deceleration from up to 30, 50, over 50; stop.
LIMITS = {
    "car": ([12, 10, 8], 10, [14, 15, 15], 14),
    "taxi": ([12, 10, 8], 10, [14, 15, 15], 14),
    "bus": ([8, 7, 6], 8, [9, 10, 12], 9),
    "truck": ([7, 6, 5], 6, [8, 8, 8], 8),
}


def slow_events(speeds_ckmh: list[int], vehicle_class: str) -> list[int]:
    """+1 and -1 for each second in which hard acceleration or braking begins; from the words of `speed_change` alone."""
    accelerations, start, decelerations, stop = LIMITS[vehicle_class]
    whole = [floor(Fraction(speed, 100) + Fraction(1, 2)) for speed in speeds_ckmh]
    hits = [0]
    for before, after in pairwise(whole):
        hit = 0
        if after > before:
            limit = start if before <= 5 else accelerations[(before > 10) + (before > 20)]
            hit = 1 if after - before >= limit else 0
        elif after < before:
            limit = stop if after <= 5 else decelerations[(before > 30) + (before > 50)]
            hit = -1 if before - after >= limit else 0
        hits.append(hit)
    return [hit if hit != earlier else 0 for earlier, hit in zip([0, *hits], hits, strict=False)]


WANDERING = st.lists(st.one_of(st.integers(0, 9000), st.integers(0, 1500)), min_size=1, max_size=60)


@pytest.mark.parametrize("vehicle_class", ["car", "taxi", "bus", "truck"])
@given(speeds=WANDERING)
def test_hard_events_at_1_hz_are_those_of_a_slow_second_implementation(vehicle_class: str, speeds: list[int]) -> None:
    change = SpeedChange(d.HARD_CHANGE[d.CLASS_RULES[vehicle_class]])
    found = []
    for speed in speeds:
        change.push(1000, speed)
        found.append(change.hard())
    assert found == slow_events(speeds, vehicle_class)


@pytest.mark.parametrize("vehicle_class", ["car", "taxi", "bus", "truck"])
@given(speeds=WANDERING)
def test_a_trip_counts_the_same_events(vehicle_class: str, speeds: list[int]) -> None:
    steady = [0, *[3000] * 15]  # so that it is a trip
    counts, _ = only_trip([(1000, speed) for speed in (*steady, *speeds)], vehicle_class)
    events = slow_events([*steady, *speeds], vehicle_class)
    assert (counts[d.HARD_ACCELERATION], counts[d.HARD_BRAKING]) == (events.count(1), events.count(-1))


@pytest.mark.parametrize("vehicle_class", ["car", "taxi", "bus", "truck"])
@pytest.mark.parametrize("number", range(8))
def test_each_threshold_is_reached_at_exactly_its_value(vehicle_class: str, number: int) -> None:
    accelerations, start, decelerations, stop = LIMITS[vehicle_class]
    limit = [*accelerations, start, *decelerations, stop][number]
    # A speed in whole km/h from which (or, for a stop, at which) only this threshold applies.
    v0 = [8, 15, 40, 3, 28, 45, 90, 0][number]
    for by, expected in ((limit - 1, 0), (limit, 1)):
        change = SpeedChange(d.HARD_CHANGE[d.CLASS_RULES[vehicle_class]])
        first, last = {True: (v0, v0 + by), False: (v0, v0 - by)}[number < 4] if number < 7 else (by + 3, 3)
        change.push(1000, 100 * first)
        change.push(1000, 100 * last)
        assert change.hard() == (expected if number < 4 else -expected)


@pytest.mark.parametrize(("v0_ckmh", "event"), [(549, 1), (550, 0)])
def test_speeds_are_rounded_to_whole_kmh_first(v0_ckmh: int, event: int) -> None:
    # 5.49 is 5 km/h and a start, where 10 km/h are hard; 5.50 is 6 km/h, where 12 are.
    change = SpeedChange(d.HARD_CHANGE["taxi"])
    change.push(1000, v0_ckmh)
    change.push(1000, v0_ckmh + 1000)
    assert change.hard() == event


def test_at_10_hz_the_change_is_over_a_whole_second() -> None:
    # From 30 km/h up by 1 km/h each 0.1 s: 8 km/h within a second are reached with the eighth step.
    change = SpeedChange(d.HARD_CHANGE["taxi"])
    found = []
    for speed in [3000] * 11 + [3000 + 100 * i for i in range(1, 12)]:
        change.push(100, speed)
        found.append(change.hard())
    assert found == [0] * 18 + [1] + [0] * 3


def test_the_speed_a_second_ago_lies_on_the_line_between_two_samples() -> None:
    # At 1200 ms the moment 200 ms is half way from 20.00 to 40.00 km/h: 30 km/h. To 38 km/h it is 8: hard from over 20.
    for last, event in ((3749, 0), (3750, 1)):
        change = SpeedChange(d.HARD_CHANGE["taxi"])
        for speed in (2000, 4000, 4000, last):
            change.push(400, speed)
        assert change.hard() == event


def test_a_second_reaches_back_through_25_samples() -> None:
    change = SpeedChange(d.HARD_CHANGE["taxi"])
    found = []
    for speed in [3000] * 25 + [3800] * 30:
        change.push(40, speed)
        found.append(change.hard())
    assert found == [0] * 25 + [1] + [0] * 29


def test_nothing_is_known_before_a_second_has_passed_or_after_a_reset() -> None:
    change = SpeedChange(d.HARD_CHANGE["taxi"])
    change.push(1000, 0)
    assert change.hard() == 0
    change.push(999, 9000)
    assert change.hard() == 0
    change.reset()
    change.push(1000, 0)
    assert change.hard() == 0


def test_braking_out_of_acceleration_is_an_event_of_its_own() -> None:
    core = TripCore()
    flags = [core.update(1000, speed) for speed in (0, 2000, 4000, 2000, 4000)]
    assert flags == [0, OPENED | ACCELERATED_HARD, 0, BRAKED_HARD, ACCELERATED_HARD]


def test_no_event_is_seen_across_a_gap() -> None:
    core = TripCore()
    feed(core, at(AT_36, 5))
    assert core.update(1501, 9000) == 0
    assert core.update(1000, 9000) == 0
