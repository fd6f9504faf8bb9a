"""Dominance: what one person does makes no knot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.cohorts.benchmarks import knots
from headway_server.cohorts.dominance import DOMINANCE_PERCENT, cut

groups = st.lists(
    st.one_of(st.integers(-20, 20), st.integers(-(10**6), 10**6), st.sampled_from([0, 10**9])), min_size=5, max_size=60
).map(sorted)


def is_dominated(contributions: list[int]) -> bool:
    """The p% rule: whether the second can tell the largest contribution within p %, from a mean rounded to a quantum."""
    *_, second, largest = sorted(contributions)
    uncertain = sum(contributions) - second - largest + len(contributions) / 2
    return uncertain < DOMINANCE_PERCENT / 100 * largest - 1e-6 * largest


@given(values=groups)
def test_the_rule_holds_at_both_ends_of_what_is_published(values):
    found = cut(values)
    assert found == sorted(found)
    assert len(found) == len(values)
    assert not is_dominated([value - found[0] for value in found])
    assert not is_dominated([found[-1] - value for value in found])


@given(values=groups)
def test_only_what_dominates_is_cut(values):
    from_below = is_dominated([value - values[0] for value in values])
    from_above = is_dominated([values[-1] - value for value in values])
    if cut(values) == values:
        assert not from_below
        assert not from_above
    else:
        kept = [a == b for a, b in zip(values, cut(values), strict=True)]
        assert sum(kept) >= len(values) - 2, "the two at an end, at most"


@given(values=groups, by=st.integers(-(10**6), 10**6))
def test_what_is_added_to_everybody_changes_nothing_else(values, by):
    assert cut([value + by for value in values]) == [value + by for value in cut(values)]


@given(others=st.lists(st.integers(-100, 100), min_size=4, max_size=4).map(sorted), far=st.integers(10**6, 10**12))
def test_how_far_one_stands_out_does_not_move_the_mean(others, far):
    assert cut([*others, far]) == cut([*others, 10 * far])
    assert cut([-far, *others]) == cut([-10 * far, *others])


@pytest.mark.parametrize("values", [[0] * 5, [7] * 9, [0, 0, 0, 0, 1], [-1, 0, 0, 0, 0], [998, 999, 1000, 1001, 1003]])
def test_values_alike_are_left_as_they_are(values):
    assert cut(values) == values


def test_a_person_with_nearly_all_of_the_kilometres_moves_no_knot_more_than_another():
    # Braking in 100 km: 29 persons drive 100 km each, one drives 55,000, which is 95 % of all. Each of them is one value.
    braking = [10 * i for i in range(30)]
    assert 55_000 / (55_000 + 29 * 100) > 0.94
    without = knots(braking, 10)[1]
    for whose in (0, 14, 29):
        changed = list(braking)
        changed[whose] += 5
        moved = [b - a for a, b in zip(without, knots(changed, 10)[1], strict=True)]
        assert sorted(moved) == [0] * 5 + [1], f"a fifth of it, whoever it is ({whose})"


def test_the_mileage_of_that_person_is_not_what_the_highest_knot_tells():
    kilometres = [100 + i for i in range(29)] + [55_000]
    shares, found = knots(kilometres, 10)
    highest_others = sorted(kilometres)[-5:-1]
    assert found[-1] < 2 * max(highest_others)
    assert found == knots([100 + i for i in range(29)] + [550_000], 10)[1]
    assert len(shares) == 6
