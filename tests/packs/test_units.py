"""Units as people write them, and how exact numbers are shown."""

from fractions import Fraction

import pytest

from headway_server.packs.dimension import (
    ACCELERATION,
    ANGLE,
    DISTANCE,
    PLAIN,
    SPEED,
    TIME,
    VOLUME,
    Dimension,
    described,
    exact_text,
    unit_of_text,
)


@pytest.mark.parametrize(
    ("text", "dimension", "size"),
    [
        ("", PLAIN, Fraction(1)),
        ("1", PLAIN, Fraction(1)),
        ("%", PLAIN, Fraction(1, 100)),
        ("percent", PLAIN, Fraction(1, 100)),
        ("km/h", SPEED, Fraction(5, 18)),
        ("m/s^2", ACCELERATION, Fraction(1)),
        ("degrees", ANGLE, Fraction(1)),
        ("1/km", PLAIN / DISTANCE, Fraction(1, 1000)),
        ("1/100 km", PLAIN / DISTANCE, Fraction(1, 100000)),
        ("s/100 km", TIME / DISTANCE, Fraction(1, 100000)),
        ("100 km", DISTANCE, Fraction(100000)),
        ("l/100 km", VOLUME / DISTANCE, Fraction(1, 100000000)),
        ("min/h", PLAIN, Fraction(1, 60)),
    ],
)
def test_a_unit_as_people_write_it_is_read_exactly(text: str, dimension: Dimension, size: Fraction) -> None:
    assert unit_of_text(text) == (dimension, size)


@pytest.mark.parametrize(
    "text", ["g", "kmh", "parsec", "km/", "/h", "0 km", "1/0 km", "km/h/s", "km h", " km", "1e3 km", "km\n"]
)
def test_what_is_no_unit_of_ours_is_none(text: str) -> None:
    # "g" would be the gram of VSS to one reader and an acceleration to the next.
    assert unit_of_text(text) is None


def test_exact_numbers_are_shown_as_decimals_where_they_are_ones() -> None:
    shown = [exact_text(Fraction(*pair)) for pair in ((0, 1), (5, 2), (-1, 8), (1, 3), (1609344, 1000), (10**9, 1))]
    assert shown == ["0", "2.5", "-0.125", "1/3", "1609.344", "1000000000"]


def test_a_number_is_described_with_its_steps() -> None:
    assert described(SPEED, Fraction(5, 18)) == "speed in km/h"
    assert described(SPEED, Fraction(5, 1800)) == "speed in 0.01 km/h"
    assert described(PLAIN, Fraction(1)) == "plain number"
    assert described(PLAIN, Fraction(1, 1000)) == "plain number in 0.001"
    assert described(DISTANCE * DISTANCE, Fraction(1)) == "quantity in m^2"
