"""Hard acceleration and braking, against their criteria in words: thresholds, sampling rates, one event an excursion.

Criteria for digital tachographs of the Korean transport ministry, May 2022, as quoted by public implementations: the change
of speed within one second, in whole km/h, from (or, for a stop, to) a speed.
"""

from fractions import Fraction
from itertools import pairwise
from math import floor

import pytest
from driven import ACCELERATED_HARD, BRAKED_HARD, Drive, only_trip
from hypothesis import given
from hypothesis import strategies as st

# km/h within a second: acceleration from 6..10, 10..20, over 20; start; deceleration from up to 30, 50, over 50; stop.
LIMITS = {
    "car": ([12, 10, 8], 10, [14, 15, 15], 14),
    "taxi": ([12, 10, 8], 10, [14, 15, 15], 14),
    "bus": ([8, 7, 6], 8, [9, 10, 12], 9),
    "truck": ([7, 6, 5], 6, [8, 8, 8], 8),
}


def hard(speeds_ckmh: list[int], vehicle_class: str = "taxi", dt_ms: int = 1000) -> list[int]:
    """+1 for each sample with which hard acceleration begins, -1 for hard braking, else 0."""
    drive, found = Drive(vehicle_class, min(dt_ms, 1000)), []
    for i, speed in enumerate(speeds_ckmh):
        flags = drive.update(dt_ms if i else 0, speed)
        found.append(bool(flags & ACCELERATED_HARD) - bool(flags & BRAKED_HARD))
    return found


def slow_events(speeds_ckmh: list[int], vehicle_class: str) -> list[int]:
    """The same for samples a second apart, from the words of the criteria alone."""
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


@pytest.mark.parametrize("vehicle_class", LIMITS)
@given(speeds=WANDERING)
def test_hard_events_at_1_hz_are_those_of_a_slow_second_implementation(vehicle_class: str, speeds: list[int]) -> None:
    moving = [3000, *speeds]  # so that the trip is open from the first sample on
    assert hard(moving, vehicle_class) == slow_events(moving, vehicle_class)


@pytest.mark.parametrize("vehicle_class", LIMITS)
@given(speeds=WANDERING)
def test_a_trip_counts_the_same_events(vehicle_class: str, speeds: list[int]) -> None:
    whole = [0, *[3000] * 15, *speeds]  # long enough to be a trip
    found = only_trip([(1000, speed) for speed in whole], vehicle_class)
    events = slow_events(whole, vehicle_class)
    assert (found["hard_acceleration"], found["hard_braking"]) == (events.count(1), events.count(-1))


@pytest.mark.parametrize("vehicle_class", LIMITS)
@pytest.mark.parametrize("number", range(8))
def test_each_threshold_is_reached_at_exactly_its_value(vehicle_class: str, number: int) -> None:
    accelerations, start, decelerations, stop = LIMITS[vehicle_class]
    limit = [*accelerations, start, *decelerations, stop][number]
    # A speed in whole km/h from which (or, for a stop, at which) only this threshold applies.
    v0 = [8, 15, 40, 3, 28, 45, 90, 0][number]
    for by, expected in ((limit - 1, 0), (limit, 1)):
        first, last = {True: (v0, v0 + by), False: (v0, v0 - by)}[number < 4] if number < 7 else (by + 3, 3)
        assert hard([100 * first, 100 * last], vehicle_class) == [0, expected if number < 4 else -expected]


@pytest.mark.parametrize(("v0_ckmh", "event"), [(549, 1), (550, 0)])
def test_speeds_are_rounded_to_whole_kmh_first(v0_ckmh: int, event: int) -> None:
    # 5.49 is 5 km/h and a start, where 10 km/h are hard; 5.50 is 6 km/h, where 12 are.
    assert hard([v0_ckmh, v0_ckmh + 1000]) == [0, event]


def test_at_10_hz_the_change_is_over_a_whole_second() -> None:
    # From 30 km/h up by 1 km/h each 0.1 s: 8 km/h within a second are reached with the eighth step.
    speeds = [3000] * 11 + [3000 + 100 * i for i in range(1, 12)]
    assert hard(speeds, dt_ms=100) == [0] * 18 + [1] + [0] * 3


def test_the_speed_a_second_ago_lies_on_the_line_between_two_samples() -> None:
    # At 1200 ms the moment 200 ms is half way from 20.00 to 40.00 km/h: 30 km/h. To 38 km/h it is 8: hard from over 20.
    for last, event in ((3749, 0), (3750, 1)):
        assert hard([2000, 4000, 4000, last], dt_ms=400) == [0, 0, 0, event]


def test_a_second_reaches_back_through_25_samples() -> None:
    assert hard([3000] * 25 + [3800] * 30, dt_ms=40) == [0] * 25 + [1] + [0] * 29


def test_nothing_is_known_before_a_second_has_passed() -> None:
    assert hard([100, 9000], dt_ms=999) == [0, 0]
    assert hard([100, 9000], dt_ms=1000) == [0, 1]
