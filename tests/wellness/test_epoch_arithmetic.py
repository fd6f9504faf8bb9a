"""Rings of epochs, deviations and logarithms against plain arithmetic."""

import math
from fractions import Fraction
from statistics import stdev

from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.epochs import Epochs, root_milli
from headway_edge.core.logarithm import ln_milli
from headway_edge.core.program import MISSING

NUMBERS = st.lists(st.one_of(st.integers(-100, 300), st.just(MISSING)), min_size=1, max_size=30)


@given(NUMBERS, st.lists(st.integers(1, 4), min_size=30, max_size=30), st.integers(2, 6))
def test_a_ring_tells_what_a_list_would(numbers: list[int], steps: list[int], width: int) -> None:
    ring, told = Epochs(2, 6), [MISSING] * 10
    for number, step in zip(numbers, steps, strict=False):
        ring.push(step)
        ring.put(1, number)
        told += [MISSING] * (step - 1) + [number]
        window = told[-width:]
        assert ring.ago(1, width - 1) == window[0]
        if MISSING in window:
            assert ring.total(1, width) == ring.deviation(1, width) == MISSING
        else:
            assert ring.total(1, width) == sum(window)
            assert abs(ring.deviation(1, width) - 1000 * stdev(window)) <= 0.5 + 1e-6


@given(NUMBERS)
def test_a_ring_goes_on_from_its_state(numbers: list[int]) -> None:
    first, second = Epochs(1, 5), Epochs(1, 5)
    for number in numbers:
        second.restore(first.state())
        for ring in (first, second):
            ring.push(1)
            ring.put(0, number)
        assert first.state() == second.state()
    assert len(first.state()) == first.state_length()


@given(st.integers(0, 2**29 - 1), st.integers(2, 2**20))
def test_a_root_is_rounded_half_up_to_the_thousandth(above: int, below: int) -> None:
    found = root_milli(above, below)
    square = Fraction(10**6 * above, below)
    assert found == 0 or Fraction(2 * found - 1, 2) ** 2 <= square
    assert square < Fraction(2 * found + 1, 2) ** 2


@given(st.integers(1, 2**29 - 1))
def test_a_logarithm_is_within_a_thousandth_and_never_falls(number: int) -> None:
    assert abs(ln_milli(number) - 1000 * math.log(number)) <= 1
    assert ln_milli(number) <= ln_milli(min(number + 1, 2**29 - 1))


def test_logarithms_of_all_counts_that_sleep_asks_for_are_within_a_thousandth() -> None:
    assert max(abs(ln_milli(n) - 1000 * math.log(n)) for n in range(1, 302)) <= 1
