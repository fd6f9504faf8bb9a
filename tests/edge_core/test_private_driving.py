"""The characteristics of private driving as shipped: numbers that keep their id for ever, and values worked out by hand."""

import pytest
from driven import PROCESS
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.process import LOWER_IS_BETTER as LOWER
from headway_edge.core.process import NEUTRAL, text

# id: (key, unit, decimals, direction). Benchmarks carry these ids, and devices in the field keep them. Add to the table;
# never change a line.
CHARACTERISTICS = {
    1: ("distance_km", "km", 3, NEUTRAL),
    2: ("elapsed_s", "s", 1, NEUTRAL),
    3: ("driving_s", "s", 1, NEUTRAL),
    4: ("stopped_s", "s", 1, NEUTRAL),
    5: ("idle_s", "s", 1, LOWER),
    6: ("idle_share_pct", "%", 1, LOWER),
    7: ("low_speed_share_pct", "%", 1, LOWER),
    8: ("stops", "1", 0, LOWER),
    9: ("max_speed_kmh", "km/h", 2, NEUTRAL),
    10: ("mean_speed_kmh", "km/h", 2, NEUTRAL),
    11: ("hard_accelerations", "1", 0, LOWER),
    12: ("hard_brakings", "1", 0, LOWER),
    20: ("speed_band_00_s", "s", 1, NEUTRAL),
    21: ("speed_band_01_s", "s", 1, NEUTRAL),
    22: ("speed_band_02_s", "s", 1, NEUTRAL),
    23: ("speed_band_03_s", "s", 1, NEUTRAL),
    24: ("speed_band_04_s", "s", 1, NEUTRAL),
    25: ("speed_band_05_s", "s", 1, NEUTRAL),
    26: ("speed_band_06_s", "s", 1, NEUTRAL),
    27: ("speed_band_07_s", "s", 1, NEUTRAL),
    28: ("speed_band_08_s", "s", 1, NEUTRAL),
    29: ("speed_band_09_s", "s", 1, NEUTRAL),
    30: ("speed_band_10_s", "s", 1, NEUTRAL),
    31: ("speed_band_11_s", "s", 1, NEUTRAL),
    32: ("speed_band_12_s", "s", 1, NEUTRAL),
    33: ("speed_band_13_s", "s", 1, NEUTRAL),
    34: ("speed_band_14_s", "s", 1, NEUTRAL),
    35: ("speed_band_15_s", "s", 1, NEUTRAL),
    36: ("speed_band_16_s", "s", 1, NEUTRAL),
    100: ("trips", "1", 0, NEUTRAL),
    101: ("mileage_km", "km", 1, NEUTRAL),
    102: ("mileage_per_trip_km", "km", 2, NEUTRAL),
    103: ("short_trip_ratio_pct", "%", 1, LOWER),
    104: ("low_speed_ratio_pct", "%", 1, LOWER),
    105: ("idle_share_pct", "%", 1, LOWER),
    106: ("stops_per_km", "1/km", 2, LOWER),
    107: ("hard_accelerations_per_100km", "1/100 km", 1, LOWER),
    108: ("hard_brakings_per_100km", "1/100 km", 1, LOWER),
    109: ("mean_speed_kmh", "km/h", 1, NEUTRAL),
    110: ("max_speed_kmh", "km/h", 1, NEUTRAL),
}


# A trip of 12.345 km in 20 minutes: 2 minutes standing (1 of them idling), 1 minute at 20 km/h, 16.5 minutes at
# 45 km/h, half a minute nobody saw. Times in tenths of a second, as on the wire.
TRIP = {
    "elapsed": 12000, "distance": 12345, "low_speed": 1800, "idle": 600, "stops": 4, "speed_max": 5678,
    "hard_acceleration": 2, "hard_braking": 3,
}  # fmt: skip
BANDS = {0: 1200, 3: 600, 6: 9900}


def numbers_of(counts: dict[str, int], bands: dict[int, int]) -> list[int]:
    found = [0] * len(PROCESS.pack.cells)
    for name, number in counts.items():
        found[PROCESS.places(name)[0]] = number
    for band, number in bands.items():
        found[PROCESS.places("speed_bands")[band]] = number
    return found


NUMBERS = numbers_of(TRIP, BANDS)


def test_ids_keep_their_meaning_and_each_key_is_there_once_in_a_level() -> None:
    found = {number: (c.key, c.unit, c.decimals, c.direction) for number, c in PROCESS.by_id.items()}
    assert {number: found.get(number) for number in CHARACTERISTICS} == CHARACTERISTICS
    for level in (PROCESS.trip, PROCESS.period):
        assert len({c.key for c in level}) == len(level)
    assert all(1 <= c.id <= 99 for c in PROCESS.trip)
    assert all(c.id >= 100 for c in PROCESS.period)


@pytest.mark.parametrize(
    ("number", "value", "shown"),
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
def test_values_of_a_hand_made_trip(number: int, value: int, shown: str) -> None:
    assert PROCESS.by_id[number].value(NUMBERS) == value
    assert text(PROCESS.by_id[number], value) == shown


@pytest.mark.parametrize(
    ("number", "value", "shown"),
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
def test_values_of_a_hand_made_period(number: int, value: int, shown: str) -> None:
    # A second trip: 30 km in 1450 s without a stop.
    other = numbers_of({"elapsed": 14500, "distance": 30000, "speed_max": 8005}, {10: 14500})
    totals = PROCESS.merge(PROCESS.totals(NUMBERS), PROCESS.totals(other))
    assert PROCESS.by_id[number].value(totals) == value
    assert text(PROCESS.by_id[number], value) == shown


@pytest.mark.parametrize(("metres", "short"), [(17999, 1000), (18000, 0)])
def test_a_trip_is_short_under_18_km(metres: int, short: int) -> None:
    assert PROCESS.by_id[103].value(PROCESS.totals(numbers_of({"distance": metres}, {}))) == short


def test_a_trip_and_a_period_of_nothing_have_no_shares_and_no_rates() -> None:
    nothing = [0] * len(NUMBERS)
    assert {n for n in CHARACTERISTICS if n < 100 and PROCESS.by_id[n].value(nothing) is None} == {6, 7, 10}
    zeros = [0] * len(PROCESS.pack.period)
    assert {n for n in CHARACTERISTICS if n >= 100 and PROCESS.by_id[n].value(zeros) is None} == set(range(102, 110))


@given(st.lists(st.integers(0, 2**31), min_size=len(NUMBERS), max_size=len(NUMBERS)))
def test_every_share_of_consistent_counts_is_a_share(numbers: list[int]) -> None:
    observed = sum(numbers[place] for place in PROCESS.places("speed_bands"))
    for name in ("idle", "low_speed"):
        place = PROCESS.places(name)[0]
        numbers[place] = min(numbers[place], observed)
    for number in (6, 7):
        value = PROCESS.by_id[number].value(numbers)
        assert value is None or 0 <= value <= 1000


def test_every_characteristic_says_its_unit_and_what_it_is() -> None:
    for c in PROCESS.by_id.values():
        assert c.unit
        assert c.about.endswith(".")
        assert 0 <= c.decimals <= 3
