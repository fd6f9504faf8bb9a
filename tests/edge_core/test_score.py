"""The score: places told no finer than people allow, axes that have data, and chances that keep what they promise."""

from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.comparison import parts, share_below
from headway_edge.core.score import axis_points, chances, moved_by, overall, own_place, place_of_share, value_at

IDS = range(1, 8)


@st.composite
def axes(draw: st.DrawFn) -> list[Any]:
    """One to four axes with weights, each of some of the ids, none on two."""
    borders = sorted(draw(st.sets(st.integers(1, 6), max_size=3)))
    ends = [0, *borders, 7]
    return [[draw(st.integers(1, 100)), [IDS[i] for i in range(a, b)]] for a, b in pairwise(ends)]


PLACES = st.dictionaries(st.sampled_from(IDS), st.integers(0, 1000))
DIRECTIONS = st.sampled_from([-1, 1])


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, list[int], list[int]]:
    """A benchmark's table: persons, increasing shares, non-decreasing values with ties, narrow or wide."""
    persons = draw(st.sampled_from([10, 22, 29, 30, 150, 399, 400, 5000]))
    shares = sorted(draw(st.sets(st.integers(1, 999), min_size=1, max_size=21)))
    highest = draw(st.sampled_from([3, 60, 100_000]))
    return (
        persons,
        shares,
        sorted(draw(st.lists(st.integers(0, highest), min_size=len(shares), max_size=len(shares)))),
    )


# Places


@pytest.mark.parametrize(
    ("share", "persons", "direction", "place"),
    [
        (0, 10, 1, 125),
        (249, 10, 1, 125),
        (250, 10, 1, 375),
        (1000, 10, 1, 875),
        (0, 10, -1, 875),
        (250, 29, -1, 625),
        (0, 30, 1, 50),
        (333, 399, 1, 350),
        (333, 399, -1, 650),
        (333, 400, 1, 333),
        (333, 400, -1, 667),
    ],
)
def test_a_place_is_the_middle_of_the_part_that_may_be_told(
    share: int, persons: int, direction: int, place: int
) -> None:
    assert place_of_share(share, persons, direction) == place


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(5, 2000), DIRECTIONS)
def test_a_better_share_never_has_a_worse_place(one: int, other: int, persons: int, direction: int) -> None:
    worse, better = sorted((one, other), key=lambda share: direction * share)
    assert 0 <= place_of_share(worse, persons, direction) <= place_of_share(better, persons, direction) <= 1000


@given(st.integers(5, 399), DIRECTIONS)
def test_few_persons_have_few_places(persons: int, direction: int) -> None:
    told = {place_of_share(share, persons, direction) for share in range(1001)}
    assert len(told) == (4 if persons < 30 else 10)


def test_ones_own_past_is_compared_with_from_five_weeks_on() -> None:
    assert own_place(10, [1, 2, 3, 4], 1) is None
    assert own_place(10, [1, 2, 3, 4, 5], 1) == 1000
    assert own_place(10, [1, 2, 3, 4, 5], -1) == 0
    assert own_place(3, [1, 2, 3, 4, 5], 1) == 500
    assert own_place(3, [3] * 6, -1) == 500


@given(st.lists(st.integers(0, 5), min_size=5, max_size=13), st.integers(0, 5), DIRECTIONS)
def test_a_place_among_ones_own_weeks_is_the_share_with_ties_in_the_middle(
    past: list[int], value: int, direction: int
) -> None:
    less, same = sum(other < value for other in past), sum(other == value for other in past)
    share = floor(Fraction(1000 * (2 * less + same), 2 * len(past)) + Fraction(1, 2))
    assert own_place(value, past, direction) == (share if direction > 0 else 1000 - share)


# Points


@given(axes(), PLACES)
def test_points_are_0_to_100_and_an_axis_without_data_has_none(drawn: list[Any], places: dict[int, int]) -> None:
    points = axis_points(drawn, places)
    assert len(points) == len(drawn)
    for (_, numbers), value in zip(drawn, points, strict=True):
        found = [places[number] for number in numbers if number in places]
        if not found:
            assert value is None
        else:
            assert value == floor(Fraction(sum(found), 10 * len(found)) + Fraction(1, 2))
            assert 0 <= value <= 100


@given(axes(), PLACES)
def test_the_score_is_the_mean_by_weight_of_the_axes_that_have_data(drawn: list[Any], places: dict[int, int]) -> None:
    points = axis_points(drawn, places)
    there = [(axis[0], value) for axis, value in zip(drawn, points, strict=True) if value is not None]
    weight, whole = sum(weight for weight, _ in there), sum(axis[0] for axis in drawn)
    score = overall(drawn, points)
    if 2 * weight < whole:
        assert score is None
    else:
        exact = Fraction(sum(weight * value for weight, value in there), weight)
        assert score == floor(exact + Fraction(1, 2))


@given(axes(), PLACES, st.data())
def test_a_better_place_never_lowers_the_score(drawn: list[Any], places: dict[int, int], choose: st.DataObject) -> None:
    better = {number: choose.draw(st.integers(place, 1000)) for number, place in places.items()}
    before, after = (overall(drawn, axis_points(drawn, found)) for found in (places, better))
    assert (before is None) == (after is None)
    assert before is None or before <= after


@given(axes(), PLACES, PLACES)
def test_what_moved_the_score_most_is_the_axis_with_the_largest_part_in_it(
    drawn: list[Any], before: dict[int, int], after: dict[int, int]
) -> None:
    earlier, later = axis_points(drawn, before), axis_points(drawn, after)
    parts_moved = [
        0 if old is None or new is None else abs(axis[0] * (new - old))
        for axis, old, new in zip(drawn, earlier, later, strict=True)
    ]
    found = moved_by(drawn, earlier, later)
    if max(parts_moved) == 0:
        assert found is None
    else:
        most = parts_moved.index(max(parts_moved))
        assert found == (most, later[most] - earlier[most])


# Chances


@given(tables(), st.data())
def test_a_value_at_a_share_has_that_share(table: tuple[int, list[int], list[int]], choose: st.DataObject) -> None:
    _, shares, values = table
    share = choose.draw(st.integers(shares[0], shares[-1]))
    value = value_at(share, shares, values)
    assert values[0] <= value <= values[-1]
    # Values are whole: the exact one lies within half of one, so its share between those on either side.
    assert share_below(value - 1, shares, values) <= share <= share_below(value + 1, shares, values)


@given(tables())
def test_a_value_at_a_knot_is_the_knots(table: tuple[int, list[int], list[int]]) -> None:
    _, shares, values = table
    assert [value_at(share, shares, values) for share in shares] == values
    assert (value_at(0, shares, values), value_at(1000, shares, values)) == (values[0], values[-1])


@given(axes(), st.dictionaries(st.sampled_from(IDS), tables()), DIRECTIONS, st.data())
def test_a_chance_gives_what_it_promises_when_the_score_is_computed_again(
    drawn: list[Any], found: dict[int, Any], direction: int, choose: st.DataObject
) -> None:
    values = {number: choose.draw(st.integers(-5, table[2][-1] + 5)) for number, table in found.items()}

    def place(number: int, value: int) -> int:
        persons, shares, knots = found[number]
        return place_of_share(share_below(value, shares, knots), persons, direction)

    places = {number: place(number, value) for number, value in values.items()}
    score = overall(drawn, axis_points(drawn, places))
    told = chances(drawn, places, found, dict.fromkeys(IDS, direction))
    assert [gain for gain, _, _ in told] == sorted((gain for gain, _, _ in told), reverse=True)
    assert len({number for _, number, _ in told}) == len(told)
    for gain, number, value in told:
        assert score is not None
        reached = places | {number: place(number, value)}
        assert reached[number] >= places[number] + 1000 // parts(found[number][0])
        assert direction * (value - values[number]) > 0
        again = overall(drawn, axis_points(drawn, reached))
        assert again is not None
        assert again == score + gain
    told_of = {number for _, number, _ in told}
    for number in places.keys() - told_of if score is not None else ():
        # Nothing that the table knows of would be a better part, and nothing below zero where nobody is there.
        knots = found[number][2]
        best = max(place(number, max(knots[0] - 1, 0 if knots[0] >= 0 else knots[0] - 1)), place(number, knots[-1] + 1))
        assert best < places[number] + 1000 // parts(found[number][0])


def test_a_chance_asks_for_no_more_than_it_takes() -> None:
    # Less is better. Among 20 persons the best quarter is the one with under 25 % below: 249 per mille lie at 62.4.
    table = (20, [136, 386, 614, 864], [40, 90, 120, 230])
    told = chances([[1, [7]]], {7: 625}, {7: table}, {7: -1})
    assert told == [(25, 7, 62)]
    assert place_of_share(share_below(63, *table[1:]), 20, -1) == 625


def test_without_a_benchmark_or_without_a_score_there_are_no_chances() -> None:
    table = (20, [136, 864], [40, 90])
    assert chances([[1, [7]]], {7: 625}, {}, {7: -1}) == []
    assert chances([[1, [7]], [9, [8]]], {7: 625}, {7: table}, {7: -1, 8: -1}) == []


def test_nobody_is_told_to_have_less_than_nothing() -> None:
    # Most have no hard braking at all: with none one is in the middle of them, and could only gain below zero.
    table = (22, [136, 386, 614, 864], [0, 0, 0, 45])
    axes_here = [[1, [1]], [1, [2]]]
    places = {1: place_of_share(share_below(0, *table[1:]), 22, -1), 2: 125}
    found = chances(axes_here, places, {1: table, 2: (22, [136, 386, 614, 864], [10, 20, 30, 40])}, {1: -1, 2: -1})
    assert [number for _, number, _ in found] == [2]
    # Where there are values below zero, as temperatures, they may be reached.
    cold = (22, [136, 386, 614, 864], [-20, -10, 0, 10])
    assert [value < 0 for _, _, value in chances([[1, [1]]], {1: 375}, {1: cold}, {1: -1})] == [True]
