"""Table 1: its own identities, on the paper's figures and on ours, and against plain arithmetic."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_simulators.costing.accuracy import Accuracy, afe_pct

# The paper's Table 1, simple smoothing and with customer factors.
PAPER = {
    "cfe": (0.0328, -14.1858),
    "mad": (0.9453, 0.9687),
    "mse": (5.2516, 5.8361),
    "rmse": (2.2916, 2.4158),
    "mfe": (0.0, -0.0092),
    "sat": (506.8384, 713.3862),
    "afe": (41.54, 58.46),
}
N = 1537


@pytest.mark.parametrize("column", [0, 1])
def test_the_papers_own_figures_fit_the_definitions_that_are_used_here(column: int) -> None:
    assert math.sqrt(PAPER["mse"][column]) == pytest.approx(PAPER["rmse"][column], abs=1e-4)
    assert PAPER["cfe"][column] / N == pytest.approx(PAPER["mfe"][column], abs=5e-5)
    one, other = (Accuracy("", sat_ulps=round(sat * 10_000)) for sat in PAPER["sat"])
    assert afe_pct(one, other)[column] == pytest.approx(PAPER["afe"][column], abs=5e-3)
    # AFE is no share of 1,537 co-creations: neither of the two figures is k / 1537 for any whole k.
    assert abs(PAPER["afe"][column] * N / 100 - round(PAPER["afe"][column] * N / 100)) > 0.005 * N / 100


def test_the_papers_sums_are_not_of_one_scope() -> None:
    """The sum of |A - F| is at most that of A and F, which is about twice the SAT for errors that sum to nothing."""
    assert PAPER["mad"][0] * N > 2 * PAPER["sat"][0] + PAPER["cfe"][0]


def accuracy_of(pairs: list[tuple[int, int]], base_ulps: int = 0) -> Accuracy:
    found = Accuracy("x")
    for series, (time_q, forecast_ulps) in enumerate(pairs):
        found.add(f"{series % 3}", time_q, forecast_ulps, base_ulps)
    found.close()
    return found


pairs = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 28)), min_size=1, max_size=60)


@given(pairs)
def test_the_measures_are_those_of_plain_arithmetic_over_all_series(pairs: list[tuple[int, int]]) -> None:
    found = accuracy_of(pairs)
    errors = [(Fraction(time_q) - Fraction(ulps, 256)) / 100 for time_q, ulps in pairs]
    n = len(errors)
    assert found.count == n
    assert found.cfe_h == pytest.approx(float(sum(errors)), abs=1e-4)
    assert found.mfe_h == pytest.approx(float(sum(errors) / n), abs=1e-4)
    assert found.mad_h == pytest.approx(float(sum(map(abs, errors)) / n), abs=1e-4)
    assert found.mse_h2 == pytest.approx(float(sum(e * e for e in errors) / n), rel=1e-6, abs=1e-5)
    assert found.sat_h == pytest.approx(float(sum(Fraction(ulps, 25_600) for _, ulps in pairs)), abs=1e-6)


@given(pairs)
def test_the_identities_of_the_paper_hold(pairs: list[tuple[int, int]]) -> None:
    found = accuracy_of(pairs)
    assert found.rmse_h == pytest.approx(math.sqrt(found.mse_h2), abs=2e-4)
    assert found.mfe_h == pytest.approx(found.cfe_h / found.count, abs=1e-4)
    assert found.mad_h <= found.rmse_h + 1e-4
    other = accuracy_of([(time_q, ulps // 2 + 1) for time_q, ulps in pairs])
    assert sum(afe_pct(found, other)) == pytest.approx(100)


def test_negative_is_too_much_as_in_the_paper() -> None:
    assert accuracy_of([(100, 300 * 256)]).cfe_h == -2.0
    assert accuracy_of([(100, 300 * 256)]).too_little == 0
    assert accuracy_of([(300, 100 * 256)]).too_little == 1


def test_better_worse_and_the_same_are_counted_case_by_case() -> None:
    found = accuracy_of([(10, 9 * 256), (10, 12 * 256), (10, 8 * 256)], base_ulps=8 * 256)
    assert (found.better, found.worse, found.count) == (1, 0, 3)
    assert accuracy_of([(10, 13 * 256)], base_ulps=8 * 256).worse == 1


def test_without_anything_forecast_a_share_is_nothing() -> None:
    assert afe_pct(Accuracy("a"), Accuracy("b")) == (0.0, 0.0)
    assert Accuracy("a").share_pct(0) == 0.0
