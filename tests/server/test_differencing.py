"""Differencing: tables of one characteristic are over the same persons, or differ by at least k."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.cohorts.differencing import EARLIER_MAX, are_apart, choose, members, nearest, set_of


def dice(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - repeatable, not secret


people = st.sets(st.integers(0, 40), max_size=40).map(set_of)


@given(numbers=st.sets(st.integers(0, 5000)))
def test_a_set_is_its_members(numbers):
    assert members(set_of(numbers)) == sorted(numbers)


@given(
    rounds=st.lists(people, max_size=20),
    k=st.integers(5, 12),
    seed=st.integers(0, 2**32),
)
def test_whoever_comes_and_goes_all_that_is_published_is_apart_and_over_k(rounds, k, seed):
    published: list[int] = []
    for present in rounds:
        found = choose(present, published[-EARLIER_MAX:], k, dice(seed))
        if found is None:
            continue
        assert found & ~present == 0, "nobody who was not there"
        assert found.bit_count() >= k
        assert all(are_apart(found, one, k) for one in published[-EARLIER_MAX:])
        published.append(found)


@given(fleet=st.integers(30, 80), k=st.integers(5, 10), away=st.sets(st.integers(0, 29), min_size=1, max_size=4))
def test_where_few_are_away_no_more_are_left_out_than_must_be(fleet, k, away):
    everybody = set_of(range(fleet))
    present = everybody & ~set_of(away)
    found = choose(present, [everybody], k, dice(1))
    assert found is not None
    assert found.bit_count() == fleet - max(k, len(away))


def test_who_is_left_out_is_chance():
    everybody, present = set_of(range(40)), set_of(range(1, 40))
    left_out = [present & ~(choose(present, [everybody], 10, dice(seed)) or 0) for seed in range(200)]
    times = [sum(one >> person & 1 for one in left_out) for person in range(1, 40)]
    # 9 of 39 each time: 46 of 200 expected, with a deviation of 6
    assert sum(times) == 200 * 9
    assert min(times) > 46 - 5 * 6
    assert max(times) < 46 + 5 * 6


def test_the_same_persons_may_be_published_again_and_others_in_between():
    a, b = set_of(range(20)), set_of(range(10, 30))
    assert choose(b, [a], 10, dice(0)) == b
    assert choose(a, [a, b], 10, dice(0)) == a


def test_an_earlier_set_is_taken_again_where_that_keeps_as_many():
    everybody, first_away = set_of(range(22)), set_of(range(1, 22))
    smaller = choose(first_away, [everybody], 10, dice(0))
    assert smaller is not None
    assert smaller.bit_count() == 12
    # Somebody else is away who was left out then: the same persons tell nothing new.
    away = members(everybody & ~smaller)[-1]
    assert choose(everybody & ~(1 << away), [everybody, smaller], 10, dice(3)) == smaller


@pytest.mark.parametrize("persons", [11, 19])
def test_a_fleet_too_small_to_leave_anybody_out_gets_nothing_new(persons):
    everybody = set_of(range(persons))
    assert choose(everybody, [], 10, dice(0)) == everybody
    for away in range(persons):
        assert choose(everybody & ~(1 << away), [everybody], 10, dice(0)) is None


def test_one_for_another_is_a_difference_of_two():
    everybody, present = set_of(range(11)), set_of(range(1, 12))
    assert choose(present, [everybody], 10, dice(0)) is None
    assert nearest(present, [everybody]) == 2
    assert nearest(everybody, [everybody]) == 0


def test_newcomers_wait_until_there_are_enough_of_them():
    everybody = set_of(range(12))
    for newcomers in range(1, 11):
        present = set_of(range(12 + newcomers))
        found = choose(present, [everybody], 10, dice(0))
        assert found is not None
        if newcomers <= 5:
            assert found == everybody, "the newcomers are left out"
        else:
            # With as many of the others left out as are missing to ten.
            assert (present & ~found).bit_count() == 10 - newcomers


def test_other_people_s_tables_cost_nothing():
    others = [set_of(range(100 * i, 100 * i + 12)) for i in range(1, 13)]
    present = set_of(range(15))
    assert choose(present, others, 10, dice(0)) == present


def test_a_floor_that_was_raised_holds_for_what_was_published_before_it():
    everybody, present = set_of(range(60)), set_of(range(6, 60))
    assert choose(present, [everybody], 5, dice(0)) == present
    found = choose(present, [everybody], 20, dice(0))
    assert found is not None
    assert (found ^ everybody).bit_count() == 20
