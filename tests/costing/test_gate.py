"""The gate: what g* says about squared errors, and what it takes for corrections to be believed."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_server.factors.gate import Gate, ask

numbers = st.integers(-(10**6), 10**6)


def asked(errors: list[int], corrections: list[int], customers: int = 50) -> Gate:
    n = len(errors)
    return ask(errors, corrections, [1000] * n, ["s"] * n, [f"{i % customers}" for i in range(n)])


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=80))
def test_half_is_where_the_squared_error_begins_to_fall(pairs: list[tuple[int, int]]) -> None:
    errors, corrections = [e for e, _ in pairs], [c for _, c in pairs]
    found = asked(errors, corrections)
    before, after = sum(e * e for e in errors), sum((e - c) ** 2 for e, c in pairs)
    squares = sum(c * c for c in corrections)
    # dMSE = mean(c^2) (1 - 2 g*), exactly.
    assert after - before == pytest.approx(squares * (1 - 2 * found.best_gain), rel=1e-9, abs=1e-3)
    if found.used:
        assert after < before
        assert found.squared_error_corrected <= after / len(pairs) * (1 + 1e-9)
    else:
        assert found.gain == 0
        assert found.squared_error_corrected == found.squared_error


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=80))
def test_the_gain_that_is_used_lies_from_a_half_to_one(pairs: list[tuple[int, int]]) -> None:
    found = asked([e for e, _ in pairs], [c for _, c in pairs])
    assert found.gain == 0 or 0.5 < found.gain <= 1


def test_corrections_that_hit_are_used_and_too_large_ones_are_made_smaller() -> None:
    random = Random(1)  # noqa: S311
    errors = [random.choice((-900, 900)) + random.randrange(-99, 100) for _ in range(200)]
    hit = asked(errors, [900 if e > 0 else -900 for e in errors])
    assert hit.used
    assert hit.gain == pytest.approx(1, abs=0.02)
    assert asked(errors, [1300 if e > 0 else -1300 for e in errors]).gain == pytest.approx(900 / 1300, abs=0.02)
    twice = asked(errors, [1900 if e > 0 else -1900 for e in errors])
    assert not twice.used
    assert "only above 0.5" in twice.reason


def test_too_few_observations_or_customers_decide_nothing() -> None:
    errors, corrections = [5, -5] * 20, [5, -5] * 20
    assert "too few" in asked(errors[:28], corrections[:28]).reason
    assert "40 held-out observations of 9 customers are too few" in asked(errors, corrections, 9).reason
    assert asked(errors, corrections, 10).used


def test_no_correction_is_nothing_to_use() -> None:
    assert asked([5] * 40, [0] * 40).reason == "no correction was learned"


def test_a_shift_that_is_the_same_for_all_is_no_merit_of_customers() -> None:
    """The forecast is off by 800 for everybody; the corrections follow it, and by noise they differ a little."""
    random = Random(2)  # noqa: S311
    errors = [800 + random.randrange(-500, 501) for _ in range(400)]
    found = asked(errors, [700 + random.randrange(-9, 10) for _ in range(400)])
    assert found.best_gain > 1
    assert not found.used
    assert "do not differ" in found.reason


def test_one_customer_with_many_activities_is_one_witness() -> None:
    """All that speaks for the corrections is one customer's: 300 of his activities weigh as one."""
    random = Random(3)  # noqa: S311
    customers = ["often"] * 300 + [f"{i}" for i in range(100)]
    signs = [random.choice((-1, 1)) for _ in range(400)]
    errors = [500 * sign for sign in signs[:300]] + [random.randrange(-500, 501) for _ in range(100)]
    corrections = [200 * sign for sign in signs]
    found = ask(errors, corrections, [1000] * 400, ["s"] * 400, customers)
    assert found.best_gain > 1
    assert not found.used
    # Were each of them somebody's own, it would be evidence enough.
    assert ask(errors, corrections, [1000] * 400, ["s"] * 400, [f"{i}" for i in range(400)]).used
