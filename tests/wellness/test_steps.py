"""Steps and activity counts from acceleration: made-up walks of known length, a real drive, and what must count nothing."""

import math
import random

import pytest
from days import shared
from gait import walk
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_edge.core.acceleration import AXIS_MG_MAX, Size
from headway_edge.core.activity import ActivityCounter
from headway_edge.core.steps import StepCounter

PERIODS_MS = (20, 31, 40)  # 50, 32 and 25 Hz


def counted(period_ms: int, samples: list[tuple[int, int, int]]) -> int:
    counter = StepCounter(period_ms)
    return sum(counter.update(*sample) for sample in samples)


@pytest.mark.parametrize("period_ms", PERIODS_MS)
@pytest.mark.parametrize("cadence_hz", [1.2, 1.5, 1.8, 2.0, 2.3, 2.8])
@pytest.mark.parametrize("bounce_mg", [150, 250, 400])
def test_a_walk_of_200_steps_is_counted_to_within_six(period_ms: int, cadence_hz: float, bounce_mg: int) -> None:
    # Up to a second passes before there is a threshold, so the first one to three steps are lost.
    errors = [counted(period_ms, walk(period_ms, cadence_hz, 200, seed, bounce_mg)) - 200 for seed in range(4)]
    assert min(errors) >= -6
    assert max(errors) <= 2


def test_a_shuffle_is_missed_and_this_is_known() -> None:
    """The price of counting hardly anything in a car: a bounce of 80 mg stays under the precision."""
    assert counted(20, walk(20, 1.5, 200, 1, bounce_mg=80)) < 160


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_fewer_than_four_steps_in_a_row_are_none(steps: int) -> None:
    bouncing = [(0, 0, 1300 if i % 25 < 12 else 700) for i in range(25 * 4)]
    still = [(0, 0, 1000)] * 200
    # A second of bouncing sets the threshold; falls are counted from there on, in bursts with three seconds between.
    bursts = (bouncing[: 25 * (steps + 1)] + still) * 5
    assert counted(20, bursts) == 0


def test_the_fourth_step_counts_all_four_and_a_pause_begins_anew() -> None:
    counter = StepCounter(20)
    told = [counter.update(0, 0, 1300 if i % 25 < 12 else 700) for i in range(25 * 12)]
    assert [number for number in told if number][:3] == [4, 1, 1]
    assert not any(counter.update(0, 0, 1000) for _ in range(150))
    again = [counter.update(0, 0, 1300 if i % 25 < 12 else 700) for i in range(25 * 12)]
    assert next(number for number in again if number) == 4


@pytest.mark.parametrize("frequency_hz", [0.3, 6.0, 9.0])
def test_what_is_too_slow_or_too_fast_for_steps_is_none(frequency_hz: float) -> None:
    samples = [(0, 0, round(1000 + 300 * math.sin(2 * math.pi * frequency_hz * i * 0.02))) for i in range(3000)]
    found = counted(20, samples)
    assert found == 0 if frequency_hz < 0.5 else found <= 300  # at most one in 0.2 s


@pytest.mark.parametrize("period_ms", PERIODS_MS)
def test_a_band_that_lies_still_counts_nothing(period_ms: int) -> None:
    dice = random.Random(7)  # noqa: S311 - repeatable, not secret
    samples = [tuple(round(dice.gauss(g, 8)) for g in (300, -500, 810)) for _ in range(60_000 // period_ms)]
    counter, activity = StepCounter(period_ms), ActivityCounter(period_ms)
    for x, y, z in samples:
        assert counter.update(x, y, z) == 0
        activity.update(x, y, z)
    assert activity.take() <= 15  # of noise that exceeds the dead band


@pytest.mark.full
@pytest.mark.parametrize("period_ms", PERIODS_MS)
def test_a_minute_of_a_real_drive_has_next_to_no_steps(period_ms: int) -> None:
    """comma2k19's phone behind a windscreen. The precisions were chosen with this minute in view: no validation of them."""
    import numpy as np

    folder = shared("comma2k19_example/IMU/accelerometer")
    times, numbers = np.load(folder / "t"), np.load(folder / "value")
    at = np.searchsorted(times, np.arange(times[0], times[-1], period_ms / 1000))
    samples = [(int(x), int(y), int(z)) for x, y, z in np.rint(numbers[at] / 9.80665 * 1000)]
    assert len(samples) > 1400
    assert counted(period_ms, samples) <= 4


def test_counts_of_a_walk_hardly_depend_on_the_rate() -> None:
    counts = []
    for period_ms in PERIODS_MS:
        activity = ActivityCounter(period_ms)
        for sample in walk(period_ms, 1.8, 200, 3):
            activity.update(*sample)
        counts.append(activity.take())
    assert min(counts) > 1000
    assert max(counts) - min(counts) < 0.05 * max(counts)


def test_counts_are_the_integral_of_the_deviation() -> None:
    activity, size, mean, exact = ActivityCounter(20), Size(), 64000, 0
    for sample in walk(20, 1.8, 100, 5):
        activity.update(*sample)
        away = size.of(*sample) - (mean >> 6)
        mean += away
        exact += abs(away) * 20 if abs(away) > 20 else 0
    assert activity.take() == exact // 10_000


AXIS = st.integers(-40_000, 40_000)


@given(st.lists(st.tuples(AXIS, AXIS, AXIS), max_size=30))
def test_a_size_is_the_root_rounded_down_whatever_came_before(samples: list[tuple[int, int, int]]) -> None:
    size = Size()
    for sample in samples:
        cut = [min(max(axis, -AXIS_MG_MAX), AXIS_MG_MAX) for axis in sample]
        assert size.of(*sample) == math.isqrt(sum(axis * axis for axis in cut))


@settings(deadline=None)
@given(st.lists(st.tuples(AXIS, AXIS, AXIS), max_size=400), st.sampled_from(PERIODS_MS))
def test_steps_never_come_faster_than_five_a_second(samples: list[tuple[int, int, int]], period_ms: int) -> None:
    assert counted(period_ms, samples) <= len(samples) * period_ms // 200 + 1


@pytest.mark.parametrize("period_ms", [19, 41, 1000])
def test_other_rates_are_refused(period_ms: int) -> None:
    for make in (StepCounter, ActivityCounter):
        with pytest.raises(ValueError, match="acceleration is sampled every 20 to 40 ms"):
            make(period_ms)
