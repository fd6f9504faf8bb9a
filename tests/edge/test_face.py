"""The text face: short lines, no finer than the cohort allows, and honest about what it cannot say."""

import pytest

from headway_edge import packs
from headway_edge.core import comparison
from headway_edge.core.standing import Standing
from headway_edge.face import comparison_lines, meaning, score_lines, standing, trip_lines
from headway_edge.insight import Comparison, compared
from headway_edge.watcher import Trip
from headway_protocol import benchmark, counts

PROCESS = packs.load("private-driving")
WELLNESS = packs.load("wellness")
IDLE = next(c for c in PROCESS.period if c.key == "idle_share_pct")
STEPS = next(c for c in WELLNESS.period if c.key == "mean_steps")
SHARES, VALUES = [136, 386, 614, 864], [10, 20, 30, 40]


def bench(persons: int = 22) -> benchmark.Benchmark:
    tables = {c.id: (persons, SHARES, VALUES) for c in PROCESS.period if c.direction}
    return benchmark.Benchmark(3, "car", PROCESS.id, tables)


def beside(value: int, persons: int = 22, values: list[int] = VALUES, characteristic=IDLE) -> Comparison:
    share = comparison.share_below(value, SHARES, values)
    parts, which = comparison.place(share, persons)
    tied = comparison.tied(value, SHARES, values)
    return Comparison(characteristic, value, share, tied, parts, which, persons)


def totals(trips: int, distance_m: int) -> list[int]:
    """Totals of so many equal trips of which nothing but the distance is known."""
    found = None
    for _ in range(trips):
        numbers = [0] * len(PROCESS.pack.cells)
        numbers[1] = distance_m // trips
        found = PROCESS.merge(found, PROCESS.totals(numbers))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("value", "where", "what", "of_steps"),
    [
        (5, "lowest quarter", "well done", "room to improve"),
        (20, "second quarter", "less than most", "less than most"),
        (28, "third quarter", "more than most", "more than most"),
        (99, "highest quarter", "room to improve", "well done"),
    ],
)
def test_among_22_people_only_the_quarter_is_told(value: int, where: str, what: str, of_steps: str) -> None:
    item = beside(value)
    assert (standing(item), meaning(item)) == (where, what)
    # Of steps, more is better.
    assert meaning(beside(value, characteristic=STEPS)) == of_steps


def test_more_people_allow_a_finer_place() -> None:
    assert standing(beside(28, persons=30)) == "tenth 6 of 10"
    assert standing(beside(28, persons=400)) == "more than 56 %"


def test_where_many_have_the_same_value_no_place_is_told() -> None:
    item = beside(0, values=[0, 0, 0, 45])
    assert (standing(item), meaning(item)) == ("as many others", "")


def test_a_comparison_names_the_cohort_its_size_and_its_limits() -> None:
    lines = comparison_lines(PROCESS, [beside(28)], bench(), totals(9, 90_000))
    assert lines[0] == "You among 22 of the class 'car' (epoch 3)"
    assert lines[1].split("  ")[1:] != []
    assert lines[1].split() == [*IDLE.title.lower().split(), "2.8", "%", "third", "quarter", "more", "than", "most"]
    assert lines[2] == "With 22 people only the quarter can be told; a finer place would be chance."


def test_without_a_benchmark_or_enough_driving_the_face_says_what_it_takes() -> None:
    assert comparison_lines(PROCESS, [], None, totals(9, 90_000))[0].startswith("No comparison yet: no benchmark")
    assert comparison_lines(PROCESS, [], bench(), totals(1, 100)) == [
        "No comparison yet: trips 1 and mileage 0.1 km are too little to judge.",
        "It starts from trips 5 and mileage 20.0 km of your own.",
    ]
    assert "trips 0 and mileage 0.0 km" in comparison_lines(PROCESS, [], bench(), None)[0]


def test_a_trip_is_two_lines_and_without_a_clock_has_no_day() -> None:
    numbers = [0] * len(PROCESS.pack.cells)
    bands, (idle,), (stops,) = (PROCESS.places(name) for name in ("speed_bands", "idle", "stops"))
    numbers[0], numbers[1], numbers[idle], numbers[stops] = 18_600, 14_230, 1_860, 1
    numbers[bands[0]], numbers[bands[5]] = 1_860, 16_740
    trip = Trip(PROCESS, 0, counts.pack(numbers), b"", ())
    first, second = trip_lines(trip, 1_772_435_400_000)
    assert first == "Trip, 2 Mar 07:10: 14.2 km in 31 min"
    assert "idling share 10.0 %, stops 1" in second
    assert trip_lines(trip, None)[0] == "Trip: 14.2 km in 31 min"


def test_a_day_says_for_how_long_it_was_observed() -> None:
    numbers = [0] * len(WELLNESS.pack.cells)
    numbers[0] = 14 * 36_000 + 18_000
    trip = Trip(WELLNESS, 0, counts.pack(numbers), b"", ())
    assert trip_lines(trip, None)[0] == "Day: 14 h 30 min observed"


def test_every_line_fits_a_display_of_80_columns() -> None:
    for process in (PROCESS, WELLNESS, packs.load("commercial-driving"), packs.load("eco-driving")):
        items = [Comparison(item, 9999, 999, 0, 4, 4, 22) for item in process.period]
        lines = comparison_lines(process, items, bench(), [9] * len(process.pack.period))
        assert len(lines) == 2 + sum(c.direction != 0 and c.headline for c in process.period)
        assert max(map(len, lines)) <= 80, max(lines, key=len)


def test_a_score_says_what_it_is_made_of_what_moved_it_and_what_would_change_it() -> None:
    score = Standing(PROCESS, driven(), bench().tables, [])
    lines = score_lines(score)
    assert lines[0] == f"Score {score.points} of 100, among people like you"
    assert len([line for line in lines if line.startswith("  ")]) == len(PROCESS.axes)
    assert max(map(len, lines)) <= 80


def driven() -> list[int]:
    """Totals of trips in which a bit of everything happened."""
    found = None
    for i in range(20):
        numbers = [30 + place for place in range(len(PROCESS.pack.cells))]
        numbers[0], numbers[1] = 6000, 10_000 + i
        found = PROCESS.merge(found, PROCESS.totals(numbers))
    assert found is not None
    return found


def test_the_chances_of_a_score_come_true() -> None:
    # Everything in the third quarter; whoever brings one number to where the next quarter begins gains what was said.
    found = driven()
    tables = {}
    for _, ids in PROCESS.pack.axes:
        for number in ids:
            value = PROCESS.by_id[number].value(found)
            if value is not None:
                worse, better = (-1, 1) if PROCESS.by_id[number].direction > 0 else (1, -1)
                near = sorted([value + better * 90, value + better * 10, value + worse * 10, value + worse * 90])
                tables[number] = (22, SHARES, near)
    before = Standing(PROCESS, found, tables, [])
    assert before.points is not None
    assert before.chances != []
    for chance in before.chances:
        persons, shares, values = tables[chance.characteristic.id]
        now = chance.characteristic.value(found)
        assert now is not None
        moved = tables | {chance.characteristic.id: (persons, shares, [v + now - chance.value for v in values])}
        after = Standing(PROCESS, found, moved, [])
        assert after.points == before.points + chance.points


def test_no_score_no_lines() -> None:
    assert score_lines(None) == []
    nothing_known = PROCESS.totals([0] * len(PROCESS.pack.cells))
    assert score_lines(Standing(PROCESS, nothing_known, {}, [])) == []


def test_a_comparison_leaves_out_what_is_not_known() -> None:
    mine = totals(9, 90_000)  # no time at all: shares of time are not defined
    keys = [item.characteristic.key for item in compared(PROCESS, mine, bench())]
    assert "idle_share_pct" not in keys
    assert "short_trip_ratio_pct" in keys
