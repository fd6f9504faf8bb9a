"""What the pack of private driving counts of a drive, against numbers worked out by hand, and at any sampling rate."""

from itertools import pairwise

import pytest
from driven import AT_36, STRETCHES, Drive, Sample, Trip, at, only_trip, trips
from hypothesis import given
from hypothesis import strategies as st

BAND_OF_36 = "band_5"  # 32.19 to 40.23 km/h: 20 to 25 mph


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
    drive = Drive(period_ms=min(dt_ms, 1000))
    drive.feed([(dt_ms, speed_ckmh)] * (steps + 1))
    assert drive.under_way["distance"] == metres
    assert drive.under_way["elapsed"] == dt_ms * steps


def test_distance_is_the_area_under_straight_lines_between_samples() -> None:
    # 0 to 36 km/h in 10 s: 50 m. Then 10 s back: 50 m.
    speeds = [*range(0, 3600, 360), 3600, *range(3240, -1, -360)]
    assert only_trip([(1000, speed) for speed in speeds])["distance"] == 100


def test_a_hand_made_trip_counts_as_worked_out() -> None:
    samples = [
        *at(0, 5),  # only the last one belongs to the trip
        *at(1000, 1),  # 10 km/h: band 2 of 8.05 to 16.09
        *at(AT_36, 10),
        *at(0, 4),  # a stop of four samples
        *at(AT_36, 10),
        *at(0, 60),  # parked: only the first one belongs to the trip
    ]
    counts = {
        "elapsed": 26000,
        # (0+1000)/2 + (1000+3600)/2 + 9*3600 + 3600/2 + 0 + 3600/2 + 9*3600 + 3600/2 = 73000 ckmh s = 202.8 m
        "distance": 203,
        "low_speed": 7000,
        "idle": 6000,
        "stops": 2,
        "speed_max": 3600,
        # Started at 10 km/h in a second, and went on; the change to 36 km/h is the same event; then from 0 to 36.
        "hard_acceleration": 2,
        "hard_braking": 2,
        "band_0": 6000,
        "band_2": 1000,
        BAND_OF_36: 20000,
    }
    assert only_trip(samples) == Trip(counts, {})


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
    drive = Drive()
    drive.feed(at(speed_ckmh, 30))
    counts = drive.under_way.counts
    assert {name: ms for name, ms in counts.items() if name.startswith("band_")} == {f"band_{band}": 30000}


@pytest.mark.parametrize(("speed_ckmh", "low_ms"), [(2899, 20000), (2900, 0)])
def test_low_speed_is_under_29_kmh(speed_ckmh: int, low_ms: int) -> None:
    assert only_trip(at(speed_ckmh, 20))["low_speed"] == low_ms


def test_a_stop_counts_once_however_long() -> None:
    found = only_trip([*at(AT_36, 10), *at(0, 1), *at(AT_36, 5), *at(0, 100), *at(AT_36, 5)])
    assert found["stops"] == 2
    assert found["band_0"] == 101000


@pytest.mark.parametrize(("rpm", "idle_ms"), [(-1, 20000), (800, 20000), (0, 0)])
def test_standing_is_idling_unless_the_engine_is_known_to_be_off(rpm: int, idle_ms: int) -> None:
    found = only_trip([*at(AT_36, 10, rpm), *at(0, 20, rpm), *at(AT_36, 10, rpm)])
    assert found["band_0"] == 20000
    assert found["idle"] == idle_ms


# Sampling rates


def interpolated(knots: list[int]) -> list[int]:
    """Speeds at 10 Hz on straight lines between speeds at 1 Hz."""
    fine = [knots[0]]
    for before, after in pairwise(knots):
        fine += [before + (after - before) * i // 10 for i in range(1, 11)]
    return fine


CYCLE = [0, 1500, 3000, 4500, *[6000] * 21, 4200, 2400, 600, 0, 0, 0, 0, 0]


def test_recordings_of_one_drive_at_1_and_10_hz_agree() -> None:
    knots = 3 * CYCLE
    slow = only_trip([(1000, speed) for speed in knots])
    fast = only_trip([(100, speed) for speed in interpolated(knots)], period_ms=100)
    # A cycle: 120 + 1200 + 102 km/h s, that is 395 m; one hard start, one hard braking, one stop.
    for trip in (slow, fast):
        assert trip["distance"] == 1185
        assert trip["elapsed"] == 94000
        assert (trip["hard_acceleration"], trip["hard_braking"], trip["stops"]) == (3, 3, 3)
        assert trip["speed_max"] == 6000


@given(st.lists(st.integers(0, 15000), min_size=20, max_size=120))
def test_distance_does_not_depend_on_the_sampling_rate(speeds: list[int]) -> None:
    knots = [0, 3600, 3600, *speeds, 3600, 0]
    slow = only_trip([(1000, speed) for speed in knots])
    fast = only_trip([(100, speed) for speed in interpolated(knots)], period_ms=100)
    assert abs(slow["distance"] - fast["distance"]) <= 1 + slow["distance"] // 1000
    assert slow["elapsed"] == fast["elapsed"]


# Any samples at all


@given(STRETCHES, st.sampled_from([40, 100, 1000]))
def test_every_trip_adds_up(samples: list[Sample], period_ms: int) -> None:
    for trip in trips(samples, "taxi", period_ms):
        assert all(0 < number < 2**30 for number in [*trip.counts.values(), *trip.gates.values()])
        observed_ms = sum(trip[f"band_{band}"] for band in range(17))
        # The first sample is taken to have lasted a period; every other moment is observed or in a gap.
        assert observed_ms + trip["gap_s"] == trip["elapsed"] + period_ms
        assert trip["idle"] <= trip["band_0"] <= trip["low_speed"] <= observed_ms
        assert trip["bridged_m"] <= trip["distance"]
        assert trip["distance"] * 3600 <= trip["speed_max"] * (trip["elapsed"] + 1000) // 100 + 3600
        assert trip["distance"] >= 20
        assert trip["elapsed"] >= 10_000
        assert 0 < trip["speed_max"] <= 30_000
