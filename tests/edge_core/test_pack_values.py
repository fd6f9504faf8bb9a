"""What a pack's trees say of a trip's numbers: each operator, and values and errors against exact arithmetic."""

from fractions import Fraction
from math import floor, isqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.pack_values import counting_error, evaluate, holds, read

NUMBERS = [250, 1000, -7, 0]
A, B, C, ZERO = (["a", i] for i in range(4))


@pytest.mark.parametrize(
    ("tree", "value"),
    [
        (42, 42),
        (A, 250),
        (["+", A, C], 243),
        (["-", A, B], -750),
        (["*", C, 3], -21),
        (["//", C, 2], -4),  # down, not towards zero
        (["round", A, 100], 3),  # half up
        (["round", C, 2], -3),  # -3.5 up
        (["abs", C], 7),
        (["min", A, B], 250),
        (["max", A, B], 1000),
        (["permille", A, B], 250),
        (["permille", 1, 2000], 1),
        (["permille", 1, 2001], 0),
        (["permille", A, ZERO], 0),
        (["if", ["<", A, B], 1, 0], 1),
        (["if", ["and", ["<", A, B], ["not", ["==", C, -7]]], 1, ["+", B, 1]], 1001),
    ],
)
def test_every_operator_of_a_total(tree: object, value: int) -> None:
    assert evaluate(tree, NUMBERS) == value


@pytest.mark.parametrize(
    ("tree", "truth"),
    [
        (["<", A, 250], False),
        (["<=", A, 250], True),
        ([">", A, 249], True),
        ([">=", A, 251], False),
        (["==", C, -7], True),
        (["!=", C, -7], False),
        (["and", ["<", A, B], ["<", C, 0]], True),
        (["and", ["<", A, B], ["<", B, A]], False),
        (["or", ["<", B, A], ["<", C, 0]], True),
        (["or", ["<", B, A], [">", C, 0]], False),
        (["not", ["<", B, A]], True),
    ],
)
def test_every_operator_of_a_condition(tree: list[object], truth: bool) -> None:
    assert holds(tree, NUMBERS) is truth


def half_up(exact: Fraction) -> int:
    return floor(exact + Fraction(1, 2))


COUNTS = st.lists(st.integers(-(2**40), 2**40), min_size=4, max_size=4)
PLACES = st.lists(st.integers(0, 3), max_size=4)
FACTORS = st.integers(1, 1 << 40)


@given(COUNTS, PLACES, PLACES, FACTORS, FACTORS)
def test_a_value_is_the_exact_quotient_half_up(
    counts: list[int], above: list[int], below: list[int], factor: int, divisor: int
) -> None:
    value = read([1, 0, 1, 0, above, below, factor, divisor, 0], counts)
    denominator = divisor * (sum(counts[i] for i in below) if below else 1)
    if denominator <= 0:
        assert value is None
    else:
        assert value == half_up(Fraction(factor * sum(counts[i] for i in above), denominator))


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(1, 10**9), st.integers(1, 10**6))
def test_a_counting_error_is_the_root_of_the_count_in_its_place_half_up(
    count: int, whole: int, factor: int, divisor: int
) -> None:
    error = counting_error([1, 1, 1, -1, [0], [1], factor, divisor, 1], [count, whole])
    if whole == 0:
        assert error is None
        return
    # The exact error e has e**2 = count * (factor / (divisor * whole))**2; half up: the whole number n with
    # n - 1/2 <= e < n + 1/2.
    assert error is not None
    square = Fraction(count) * Fraction(factor, divisor * whole) ** 2
    assert error == 0 or (2 * error - 1) ** 2 <= 4 * square
    assert 4 * square < (2 * error + 1) ** 2


def test_a_counting_error_without_a_denominator_is_of_the_count_itself() -> None:
    for count in (0, 1, 2, 3, 6, 7, 99, 10**12):
        assert counting_error([1, 1, 0, -1, [0], [], 1, 1, 1], [count]) == (isqrt(4 * count) + 1) // 2
