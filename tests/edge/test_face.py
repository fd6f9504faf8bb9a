"""The text face: short lines, no finer than the cohort allows, and honest about what it cannot say."""

import pytest

from headway_edge.agent import Comparison
from headway_edge.core import characteristics, comparison, definition, period
from headway_edge.core.trip import wire_counts
from headway_edge.face import comparison_lines, meaning, standing, trip_lines
from headway_edge.watcher import Trip
from headway_protocol import benchmark

IDLE = characteristics.BY_ID[105]
SHARES, VALUES = [136, 386, 614, 864], [10, 20, 30, 40]


def bench(persons: int = 22) -> benchmark.Benchmark:
    return benchmark.Benchmark(3, "car", definition.pack_id(), {105: (persons, SHARES, VALUES)})


def compared(value: int, persons: int = 22, values: list[int] = VALUES) -> Comparison:
    share = comparison.share_below(value, SHARES, values)
    parts, which = comparison.place(share, persons)
    return Comparison(IDLE, value, share, comparison.tied(value, SHARES, values), parts, which, persons)


def totals(trips: int, distance_m: int) -> list[int]:
    found = period.empty()
    found[period.TRIPS], found[period.DISTANCE_M] = trips, distance_m
    return found


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        (5, "lowest quarter", "well done"),
        (20, "second quarter", "less than most"),
        (28, "third quarter", "more than most"),
        (99, "highest quarter", "room to improve"),
    ],
)
def test_among_22_people_only_the_quarter_is_told(value: int, where: str, what: str) -> None:
    item = compared(value)
    assert (standing(item), meaning(item)) == (where, what)


def test_more_people_allow_a_finer_place() -> None:
    assert standing(compared(28, persons=30)) == "tenth 6 of 10"
    assert standing(compared(28, persons=400)) == "more than 56 % of drivers"


def test_where_many_have_the_same_value_no_place_is_told() -> None:
    item = compared(0, values=[0, 0, 0, 45])
    assert (standing(item), meaning(item)) == ("as many others", "")


def test_a_comparison_names_the_cohort_its_size_and_its_limits() -> None:
    assert comparison_lines([compared(28)], bench(), totals(9, 90_000)) == [
        "You among 22 drivers of the class 'car' (epoch 3)",
        "  idling                         2.8 %   third quarter    more than most",
        "With 22 people only the quarter can be told; a finer place would be chance.",
    ]


def test_without_a_benchmark_or_enough_driving_the_face_says_what_it_takes() -> None:
    assert comparison_lines([], None, totals(9, 90_000))[0].startswith("No comparison yet: no benchmark")
    assert comparison_lines([], bench(), totals(1, 100)) == [
        "No comparison yet: 1 trip and 0.1 km are too little to judge.",
        "It starts from 5 trips and 20 km of your own.",
    ]


def test_a_trip_is_two_lines_and_without_a_clock_has_no_day() -> None:
    counts = [0] * definition.COUNTS
    counts[definition.DISTANCE], counts[definition.ELAPSED] = 14_230, 1_860_000
    counts[definition.BAND_0], counts[definition.BAND_0 + 5], counts[definition.IDLE] = 186_000, 1_674_000, 186_000
    counts[definition.STOPS], counts[definition.HARD_BRAKING] = 1, 2
    trip = Trip(0, wire_counts(counts), b"", ())
    assert trip_lines(trip, 1_772_435_400_000) == [
        "Trip, 2 Mar 07:10: 14.2 km in 31 min",
        "  idling 10 %, 1 stop, 2 hard manoeuvres",
    ]
    assert trip_lines(trip, None)[0] == "Trip: 14.2 km in 31 min"


def test_every_line_fits_a_display_of_80_columns() -> None:
    items = [Comparison(item, 9999, 999, 0, 4, 4, 22) for item in characteristics.PERIOD]
    lines = comparison_lines(items, bench(), totals(9, 90_000))
    assert len(lines) == 8  # a heading, six that have a direction, and the limits
    assert max(map(len, lines)) <= 80
