"""Period totals: the same whatever the order and the grouping in which trips arrive."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core import definition as d
from headway_edge.core import period

COUNTS = st.lists(st.integers(0, 2**30), min_size=d.COUNTS, max_size=d.COUNTS)
TOTALS = st.lists(st.integers(0, 2**40), min_size=period.TOTALS, max_size=period.TOTALS)


def counts_of(**numbers: int) -> list[int]:
    counts = [0] * d.COUNTS
    for name, number in numbers.items():
        counts[getattr(d, name)] = number
    return counts


def test_totals_of_a_hand_made_trip() -> None:
    counts = counts_of(
        ELAPSED=6100, DISTANCE=9000, LOW_SPEED=1500, IDLE=500, STOPS=7, SPEED_MAX=5210, HARD_ACCELERATION=2, HARD_BRAKING=3
    )  # fmt: skip
    counts[d.BAND_0], counts[d.BAND_0 + 5], counts[d.BAND_0 + 16] = 600, 5390, 10
    total = period.of_trip(counts)
    assert total[: period.BAND_0_DS] == [1, 9000, 1, 250, 6100, 6000, 500, 7, 2, 3, 5210]
    assert total[period.BAND_0_DS :] == [600, 0, 0, 0, 0, 5390, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10]


@pytest.mark.parametrize(("metres", "short"), [(17999, 1), (18000, 0)])
def test_a_trip_is_short_under_18_km(metres: int, short: int) -> None:
    assert period.of_trip(counts_of(DISTANCE=metres))[period.SHORT_TRIPS] == short


@pytest.mark.parametrize(
    ("low", "observed", "permille"),
    [(0, 7, 0), (7, 7, 1000), (1, 2000, 1), (1, 2001, 0), (1, 3, 333), (2, 3, 667), (5, 0, 0)],
)
def test_the_low_speed_ratio_of_a_trip_is_rounded_half_up(low: int, observed: int, permille: int) -> None:
    assert period.of_trip(counts_of(LOW_SPEED=low, BAND_0=observed))[period.LOW_SPEED_PERMILLE] == permille


@pytest.mark.parametrize("length", [0, d.COUNTS - 1, d.COUNTS + 1])
def test_counts_of_another_definition_are_refused(length: int) -> None:
    with pytest.raises(ValueError, match=f"{length} counts; the definition has 25"):
        period.of_trip([0] * length)


def test_merging_adds_and_keeps_the_highest_speed() -> None:
    first = period.of_trip(counts_of(DISTANCE=1000, SPEED_MAX=5000, STOPS=1))
    second = period.of_trip(counts_of(DISTANCE=20000, SPEED_MAX=4000, STOPS=2))
    total = period.merge(first, second)
    assert total[: period.BAND_0_DS] == [2, 21000, 1, 0, 0, 0, 0, 3, 0, 0, 5000]


@given(TOTALS, TOTALS)
def test_merge_is_commutative(a: list[int], b: list[int]) -> None:
    assert period.merge(a, b) == period.merge(b, a)


@given(TOTALS, TOTALS, TOTALS)
def test_merge_is_associative(a: list[int], b: list[int], c: list[int]) -> None:
    assert period.merge(period.merge(a, b), c) == period.merge(a, period.merge(b, c))


@given(TOTALS)
def test_no_trips_change_nothing(a: list[int]) -> None:
    assert period.merge(a, period.empty()) == a
    assert period.merge(period.empty(), a) == a


@given(st.lists(COUNTS, max_size=6).flatmap(lambda trips: st.tuples(st.just(trips), st.permutations(trips))), st.data())
def test_any_order_and_grouping_of_trips_gives_the_same_totals(trips: tuple[Any, Any], choose: st.DataObject) -> None:
    in_order, shuffled = trips
    expected = period.empty()
    for counts in in_order:
        expected = period.merge(expected, period.of_trip(counts))
    groups = [period.of_trip(counts) for counts in shuffled]
    while len(groups) > 1:
        first = groups.pop(choose.draw(st.integers(0, len(groups) - 1)))
        second = groups.pop(choose.draw(st.integers(0, len(groups) - 1)))
        groups.append(period.merge(first, second))
    assert (groups or [period.empty()]) == [expected]


@given(TOTALS, TOTALS)
def test_merging_leaves_what_it_merged_as_it_was(a: list[int], b: list[int]) -> None:
    before = (list(a), list(b))
    period.merge(a, b)
    assert (a, b) == before
