"""Characteristics: numbers that keep their id for ever, and values worked out by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core import characteristics, period
from headway_edge.core import definition as d
from headway_edge.core.characteristics import BY_ID, PERIOD, TRIP

# Benchmarks carry these numbers, and devices in the field keep them. Add to the table; never change a line.
KEYS = {
    1: "distance_km",
    2: "elapsed_s",
    3: "driving_s",
    4: "stopped_s",
    5: "idle_s",
    6: "idle_share_pct",
    7: "low_speed_share_pct",
    8: "stops",
    9: "max_speed_kmh",
    10: "mean_speed_kmh",
    11: "hard_accelerations",
    12: "hard_brakings",
    20: "speed_band_00_s",
    21: "speed_band_01_s",
    22: "speed_band_02_s",
    23: "speed_band_03_s",
    24: "speed_band_04_s",
    25: "speed_band_05_s",
    26: "speed_band_06_s",
    27: "speed_band_07_s",
    28: "speed_band_08_s",
    29: "speed_band_09_s",
    30: "speed_band_10_s",
    31: "speed_band_11_s",
    32: "speed_band_12_s",
    33: "speed_band_13_s",
    34: "speed_band_14_s",
    35: "speed_band_15_s",
    36: "speed_band_16_s",
    100: "trips",
    101: "mileage_km",
    102: "mileage_per_trip_km",
    103: "short_trip_ratio_pct",
    104: "low_speed_ratio_pct",
    105: "idle_share_pct",
    106: "stops_per_km",
    107: "hard_accelerations_per_100km",
    108: "hard_brakings_per_100km",
    109: "mean_speed_kmh",
    110: "max_speed_kmh",
}

# A trip of 12.345 km in 20 minutes: 2 minutes standing (1 of them idling), 1 minute at 20 km/h, 16.5 minutes at
# 45 km/h, half a minute nobody saw. Times in tenths of a second, as on the wire.
COUNTS = [0] * d.COUNTS
COUNTS[d.ELAPSED] = 12000
COUNTS[d.DISTANCE] = 12345
COUNTS[d.LOW_SPEED] = 1800
COUNTS[d.IDLE] = 600
COUNTS[d.STOPS] = 4
COUNTS[d.SPEED_MAX] = 5678
COUNTS[d.HARD_ACCELERATION] = 2
COUNTS[d.HARD_BRAKING] = 3
COUNTS[d.BAND_0], COUNTS[d.BAND_0 + 3], COUNTS[d.BAND_0 + 6] = 1200, 600, 9900


def test_ids_are_unique_and_stable() -> None:
    assert {c.id: c.key for c in TRIP + PERIOD} == KEYS
    assert len(TRIP) + len(PERIOD) == len(KEYS)
    assert {number: c.key for number, c in BY_ID.items()} == KEYS


def test_keys_are_unique_within_a_trip_and_within_a_period() -> None:
    for group in (TRIP, PERIOD):
        assert len({c.key for c in group}) == len(group)


def test_trips_have_ids_below_100_and_periods_from_100() -> None:
    assert all(1 <= c.id <= 99 for c in TRIP)
    assert all(c.id >= 100 for c in PERIOD)


@pytest.mark.parametrize(
    ("number", "value", "text"),
    [
        (1, 12345, "12.345"),
        (2, 12000, "1200.0"),
        (3, 10500, "1050.0"),
        (4, 1200, "120.0"),
        (5, 600, "60.0"),
        (6, 51, "5.1"),  # 600 of 11700
        (7, 154, "15.4"),  # 1800 of 11700
        (8, 4, "4"),
        (9, 5678, "56.78"),
        (10, 3704, "37.04"),  # 37.035 km/h, half up
        (11, 2, "2"),
        (12, 3, "3"),
        (20, 1200, "120.0"),
        (23, 600, "60.0"),
        (26, 9900, "990.0"),
        (36, 0, "0.0"),
    ],
)
def test_values_of_a_hand_made_trip(number: int, value: int, text: str) -> None:
    assert BY_ID[number].value(COUNTS) == value
    assert characteristics.text(BY_ID[number], value) == text


@pytest.mark.parametrize(
    ("number", "value", "text"),
    [
        (100, 2, "2"),
        (101, 423, "42.3"),  # 42.345 km
        (102, 2117, "21.17"),  # 21.1725 km
        (103, 500, "50.0"),
        (104, 77, "7.7"),  # the mean of 15.4 and 0 %
        (105, 23, "2.3"),  # 600 of 26200
        (106, 9, "0.09"),  # 4 in 42.345 km
        (107, 47, "4.7"),  # 2 in 42.345 km
        (108, 71, "7.1"),  # 3 in 42.345 km
        (109, 575, "57.5"),  # 42.345 km in 2650 s
        (110, 801, "80.1"),  # 80.05 km/h, half up
    ],
)
def test_values_of_a_hand_made_period(number: int, value: int, text: str) -> None:
    # A second trip: 30 km in 1450 s without a stop.
    other = [0] * d.COUNTS
    other[d.ELAPSED] = other[d.BAND_0 + 10] = 14500
    other[d.DISTANCE], other[d.SPEED_MAX] = 30000, 8005
    totals = period.merge(period.of_trip(COUNTS), period.of_trip(other))
    assert BY_ID[number].value(totals) == value
    assert characteristics.text(BY_ID[number], value) == text


def test_a_quotient_without_a_denominator_is_not_known_rather_than_zero() -> None:
    unknown = [c.id for c in TRIP if c.value([0] * d.COUNTS) is None]
    assert unknown == [6, 7, 10]
    unknown = [c.id for c in PERIOD if c.value(period.empty()) is None]
    assert unknown == [102, 103, 104, 105, 106, 107, 108, 109]
    assert characteristics.text(BY_ID[6], None) == "-"


@pytest.mark.parametrize(
    ("number", "value", "text"),
    [(1, 0, "0.000"), (1, 7, "0.007"), (1, 1000, "1.000"), (1, -1, "-0.001"), (8, -3, "-3"), (102, -1234, "-12.34")],
)
def test_text_places_the_point_and_the_sign(number: int, value: int, text: str) -> None:
    assert characteristics.text(BY_ID[number], value) == text


@given(st.lists(st.integers(0, 2**31), min_size=d.COUNTS, max_size=d.COUNTS))
def test_every_share_of_consistent_counts_is_a_share(counts: list[int]) -> None:
    bands = sum(counts[d.BAND_0 :])
    counts[d.IDLE], counts[d.LOW_SPEED] = min(counts[d.IDLE], bands), min(counts[d.LOW_SPEED], bands)
    for number in (6, 7):
        value = BY_ID[number].value(counts)
        assert value is None or 0 <= value <= 1000


def test_the_bands_have_names_that_say_their_speeds() -> None:
    assert BY_ID[20].about == "Time standing."
    assert BY_ID[21].about == "Time from 0 to 5 mph."
    assert BY_ID[35].about == "Time from 70 to 75 mph."
    assert BY_ID[36].about == "Time from 75 mph up."
    assert [BY_ID[21 + i].about for i in range(2)] == ["Time from 0 to 5 mph.", "Time from 5 to 10 mph."]


def test_every_characteristic_says_its_unit_and_what_it_is() -> None:
    for c in TRIP + PERIOD:
        assert c.unit
        assert c.about.endswith(".")
        assert c.direction in (characteristics.LOWER_IS_BETTER, characteristics.NEUTRAL)
        assert 0 <= c.decimals <= 3
