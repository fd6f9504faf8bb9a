"""Knots: what is published about a cohort never shows one person."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import benchmark
from headway_server.cohorts.benchmarks import _edges, knots

values = st.lists(st.integers(-(10**9), 10**9), min_size=0, max_size=400)


@pytest.mark.parametrize(("persons", "expected"), [(10, 2), (22, 4), (104, 20), (105, 21), (5000, 21)])
def test_there_is_one_knot_for_five_persons_and_never_more_than_21(persons, expected):
    shares, found = knots(list(range(persons)), 10)
    assert len(shares) == len(found) == expected


@pytest.mark.parametrize(("persons", "k_floor"), [(0, 10), (9, 10), (4, 5), (4, 1), (49, 50)])
def test_nothing_is_published_under_the_floor(persons, k_floor):
    assert knots(list(range(persons)), k_floor) is None


@given(values=values, k_floor=st.integers(5, 30))
def test_a_table_is_one_that_every_device_accepts(values, k_floor):
    found = knots(values, k_floor)
    if len(values) < k_floor:
        assert found is None
        return
    shares, means = found
    assert all(low < high for low, high in itertools.pairwise(shares))
    assert shares[0] >= 0
    assert shares[-1] <= 1000
    assert means == sorted(means)
    assert min(values) <= means[0]
    assert means[-1] <= max(values)
    benchmark.encode(1, "car", bytes(8), [(100, len(values), shares, means)])


@given(values=st.lists(st.integers(0, 1000), min_size=10, max_size=300), seed=st.randoms())
def test_the_order_of_persons_does_not_matter(values, seed):
    shuffled = list(values)
    seed.shuffle(shuffled)
    assert knots(shuffled, 10) == knots(values, 10)


def test_every_person_is_in_one_group_of_at_least_five():
    for persons in [*range(5, 3000), 18_943, 100_000]:
        edges = _edges(persons)
        sizes = [last - first for first, last in itertools.pairwise(edges)]
        assert edges[0] == 0
        assert edges[-1] == persons
        assert min(sizes) >= 5, persons
        if persons < 105:
            assert max(sizes) - min(sizes) <= 1, persons
        if persons >= 105 or (persons % len(sizes)) % 2 == 0 or len(sizes) % 2:
            assert sizes == sizes[::-1], "no side is told more about than the other"


def test_knots_are_means_of_their_groups():
    # 22 persons in groups of 6, 5, 5, 6
    shares, means = knots([1, 1, 1, 1, 1, 12, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 4, 4, 4, 4, 4, 10], 10)
    assert shares == [136, 386, 614, 864]
    # sorted: 1 1 1 1 1 2 | 2 2 2 2 3 | 3 3 3 3 4 | 4 4 4 4 10 12
    assert means == [1, 2, 3, 6]


@given(values=st.lists(st.integers(-(10**9), 10**9), min_size=10, max_size=300, unique=True))
def test_a_knot_is_neither_the_lowest_nor_the_highest_value_of_its_group(values):
    _, means = knots(values, 10)
    ordered, edges = sorted(values), _edges(len(values))
    for (first, last), mean in zip(itertools.pairwise(edges), means, strict=True):
        assert ordered[first] < mean < ordered[last - 1]


def test_large_cohorts_get_knots_near_the_ends():
    shares, _ = knots(list(range(1000)), 10)
    assert shares == [
        *(3, 12, 28, 57, 100, 150, 200, 250, 313, 400, 500),
        *(600, 688, 750, 800, 850, 900, 944, 972, 989, 998),
    ]
