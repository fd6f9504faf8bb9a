"""Measures against their definitions in floating point, and the paper's own identities."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.forecast import error_ledger as ledgers
from headway_edge.core.forecast import wide_sum
from headway_edge.core.forecast.error_ledger import ErrorLedger

VALUE_MAX = 1 << 20
pairs = st.lists(
    st.tuples(st.integers(-VALUE_MAX, VALUE_MAX), st.integers(-VALUE_MAX << 8, VALUE_MAX << 8)), min_size=1, max_size=80
)
small_pairs = st.lists(st.tuples(st.integers(-3, 3), st.integers(-800, 800)), min_size=1, max_size=80)


def filled(rows: list[tuple[int, int]], season: int = 7, least: int = 1) -> list[int]:
    ledger = ErrorLedger(season, least)
    for actual, forecast_ulps in rows:
        ledger.update(actual, forecast_ulps)
    return ledger.numbers()


def check(told: int | None, exact: float, relative: float = 1e-9, absolute: float = 0.5001) -> None:
    assert told is not None
    assert told == pytest.approx(exact, rel=relative, abs=absolute)


@given(pairs | small_pairs, st.sampled_from([1, 7]), st.sampled_from([1, 50]))
def test_every_measure_is_its_definition(rows: list[tuple[int, int]], season: int, least: int) -> None:
    numbers = filled(rows, season, least)
    actual = np.array([row[0] for row in rows], float)
    forecast = np.array([row[1] for row in rows], float) / 256
    error = actual - forecast
    check(ledgers.cfe(numbers), 1000 * error.sum())
    check(ledgers.mfe(numbers), 1000 * error.mean())
    check(ledgers.mad(numbers), 1000 * abs(error).mean())
    check(ledgers.mse(numbers), 1000 * (error**2).mean())
    check(ledgers.rmse(numbers), 1000 * math.sqrt((error**2).mean()))
    large = abs(actual) >= least
    check(ledgers.mape_coverage(numbers), 1000 * large.mean())
    if large.any():
        check(ledgers.mape(numbers), 10000 * (abs(error[large]) / abs(actual[large])).mean(), absolute=2)
    else:
        assert ledgers.mape(numbers) is None
    both = abs(actual) + abs(forecast)
    check(ledgers.smape(numbers), 20000 * (abs(error)[both > 0] / both[both > 0]).sum() / len(rows), absolute=3)
    for told, lag in ((ledgers.mase(numbers), 1), (ledgers.seasonal_mase(numbers), season)):
        steps = abs(actual[lag:] - actual[:-lag])
        if steps.sum():
            check(told, 1000 * abs(error).mean() / steps.mean())
        else:
            assert told is None
    if abs(error).sum():
        check(ledgers.tracking_signal(numbers), 100 * error.sum() / abs(error).mean())
    else:
        assert ledgers.tracking_signal(numbers) is None


@given(pairs, pairs, pairs)
def test_ledgers_merge_in_any_order(
    a: list[tuple[int, int]], b: list[tuple[int, int]], c: list[tuple[int, int]]
) -> None:
    first, second, third = filled(a), filled(b), filled(c)
    assert ledgers.merge(first, second) == ledgers.merge(second, first)
    assert ledgers.merge(ledgers.merge(first, second), third) == ledgers.merge(first, ledgers.merge(second, third))
    merged, whole = ledgers.merge(first, second), filled(a + b)
    steps = (ledgers.STEP_COUNT, ledgers.STEP, ledgers.SEASON_COUNT, ledgers.SEASON)  # one step lies between a and b
    assert [n for i, n in enumerate(merged) if i not in steps] == [n for i, n in enumerate(whole) if i not in steps]


@given(pairs, st.integers(0, 80))
def test_a_restored_ledger_goes_on(rows: list[tuple[int, int]], cut: int) -> None:
    before, after = ErrorLedger(), ErrorLedger()
    for row in rows[:cut]:
        before.update(*row)
    after.restore(before.state())
    for row in rows[cut:]:
        after.update(*row)
    assert after.numbers() == filled(rows)
    assert all(abs(number) < 1 << 29 for number in after.state())


def test_naive_forecasts_have_a_mase_of_one() -> None:
    ledger = ErrorLedger(3)
    series = [5, 9, 2, 7, 7, 1, 30, 4]
    for at, actual in enumerate(series):
        if at:
            ledger.update(actual, series[at - 1] << 8)
        else:
            ledger.see(actual)
    assert ledgers.mase(ledger.numbers()) == 1000


def test_always_forecasting_too_much_is_a_negative_signal() -> None:
    numbers = filled([(100, 110 << 8)] * 6)
    assert ledgers.cfe(numbers) == -60_000
    assert ledgers.tracking_signal(numbers) == -600


def test_an_empty_ledger_knows_nothing() -> None:
    numbers = ErrorLedger().numbers()
    assert ledgers.cfe(numbers) == 0
    measures = (ledgers.mfe, ledgers.mad, ledgers.mse, ledgers.rmse, ledgers.mape, ledgers.smape, ledgers.mase)
    assert {measure(numbers) for measure in measures} == {None}


def test_half_a_million_of_the_largest_errors_do_not_overflow() -> None:
    ledger = ErrorLedger()
    ledger.update(VALUE_MAX, -VALUE_MAX << 8)
    one = ledger.numbers()
    # As after half a million of them: their sums, put in place.
    cells = ledger.state()
    for at, limbs, number in ((2, 2, one[2]), (4, 2, one[3]), (6, 3, one[4])):
        number *= 500_000  # noqa: PLW2901
        for i in range(at, at + limbs - 1):
            cells[i] = number & ((1 << wide_sum.BITS) - 1)
            number >>= wide_sum.BITS  # noqa: PLW2901
        cells[at + limbs - 1] = number
    ledger.restore(cells)
    ledger.update(VALUE_MAX, -VALUE_MAX << 8)
    assert ledger.numbers()[2:5] == [500_001 * number for number in one[2:5]]
