"""Sums in limbs against Python's own integers."""

from array import array

from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.forecast import wide_sum

numbers = st.integers(-(1 << 29), 1 << 29)


@given(st.lists(numbers, max_size=60))
def test_sums_and_squares_are_exact(added: list[int]) -> None:
    limbs = array("i", [0] * 5)
    for number in added:
        wide_sum.add(limbs, 0, number)
        wide_sum.add_square(limbs, 2, number)
    assert wide_sum.value(limbs, 0, wide_sum.SUM) == sum(added)
    assert wide_sum.value(limbs, 2, wide_sum.SQUARES) == sum(n * n for n in added)
    assert all(abs(limb) < 1 << 29 for limb in limbs)


@given(st.integers(-(1 << 58) + 1, (1 << 58) - 1), numbers)
def test_a_full_sum_stays_as_it_is(start: int, number: int) -> None:
    limbs = array("i", [start & ((1 << 29) - 1), start >> 29])
    before = wide_sum.value(limbs, 0, 2)
    wide_sum.add(limbs, 0, number)
    after = wide_sum.value(limbs, 0, 2)
    assert before == start
    assert after == start + number or (after == start and abs(start + number) >= (1 << 58) - (1 << 29))
