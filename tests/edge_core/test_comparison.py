"""Where a value lies among others: never out of order, and never finer than the persons behind it allow."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core import comparison
from headway_edge.core.comparison import parts, place, share_below

SHARES, VALUES = [136, 386, 614, 864], [51, 80, 120, 230]


@st.composite
def tables(draw: Any) -> tuple[list[int], list[int]]:
    """Shares increasing, values non-decreasing, ties likely."""
    shares = sorted(draw(st.sets(st.integers(0, 1000), min_size=1, max_size=21)))
    values = sorted(draw(st.lists(st.integers(-40, 60), min_size=len(shares), max_size=len(shares))))
    return shares, values


@pytest.mark.parametrize(
    ("value", "share"),
    [
        (51, 136),
        (80, 386),
        (120, 614),
        (230, 864),
        (100, 500),  # half way from 80 to 120
        (52, 145),  # 136 + 250/29 = 144.6
        (229, 862),  # 614 + 250*109/110 = 861.7
    ],
)
def test_shares_lie_on_straight_lines_between_knots(value: int, share: int) -> None:
    assert share_below(value, SHARES, VALUES) == share


@pytest.mark.parametrize(("value", "share"), [(50, 136), (-(2**40), 136), (231, 864), (2**40, 864)])
def test_beyond_the_ends_a_table_says_no_more_than_its_last_knot(value: int, share: int) -> None:
    assert share_below(value, SHARES, VALUES) == share


@pytest.mark.parametrize(
    ("values", "value", "share"),
    [
        ([5, 5, 9, 9], 5, 261),  # the middle of 136 and 386
        ([5, 5, 9, 9], 9, 739),
        ([5, 5, 9, 9], 7, 500),  # from the upper knot of one tie to the lower one of the next
        ([5, 5, 9, 9], 4, 136),
        ([5, 5, 9, 9], 10, 864),
        ([7, 7, 7, 7], 7, 500),
        ([7, 7, 7, 7], 6, 136),
        ([7, 7, 7, 7], 8, 864),
        ([1, 7, 7, 7], 7, 625),
        ([0, 0, 0, 1], 0, 375),
    ],
)
def test_tied_knots_give_the_middle_of_their_shares(values: list[int], value: int, share: int) -> None:
    assert share_below(value, SHARES, values) == share


@pytest.mark.parametrize(("value", "share"), [(6, 500), (7, 500), (8, 500)])
def test_a_single_knot_gives_its_share(value: int, share: int) -> None:
    assert share_below(value, [500], [7]) == share


@given(tables())
def test_a_higher_value_is_never_placed_lower(table: tuple[list[int], list[int]]) -> None:
    shares, values = table
    found = [share_below(value, shares, values) for value in range(-45, 66)]
    assert all(before <= after for before, after in pairwise(found))
    assert (found[0], found[-1]) == (shares[0], shares[-1])


@pytest.mark.parametrize(
    ("persons", "expected"),
    [(5, 4), (29, 4), (30, 10), (399, 10), (400, 100), (100000, 100)],
)
def test_a_place_is_a_quarter_a_tenth_or_a_percentage_by_the_number_of_persons(persons: int, expected: int) -> None:
    assert parts(persons) == expected


@pytest.mark.parametrize(
    ("share", "persons", "expected"),
    [
        (0, 10, (4, 1)),
        (249, 10, (4, 1)),
        (250, 10, (4, 2)),
        (750, 10, (4, 4)),
        (1000, 10, (4, 4)),
        (99, 30, (10, 1)),
        (100, 30, (10, 2)),
        (1000, 30, (10, 10)),
        (9, 400, (100, 1)),
        (10, 400, (100, 2)),
        (999, 400, (100, 100)),
        (1000, 400, (100, 100)),
    ],
)
def test_places_count_from_one_at_the_lowest_values(share: int, persons: int, expected: tuple[int, int]) -> None:
    assert place(share, persons) == expected


@given(st.integers(0, 1000), st.integers(5, 1000))
def test_every_share_has_a_place(share: int, persons: int) -> None:
    fine, which = place(share, persons)
    assert fine in (comparison.QUARTER, comparison.TENTH, comparison.HUNDREDTH)
    assert 1 <= which <= fine
    assert (which - 1) * 1000 <= share * fine
