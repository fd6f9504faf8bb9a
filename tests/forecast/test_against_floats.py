"""The device's integers against double precision over long runs, whatever the parameters.

Plain fixed point, rounding each step, may be 0.5 / alpha + 1 ulp off (51 at alpha 0.01). Remainders are carried, so less is
asked; but for Holt-Winters, which rounds what it makes of the first two seasons, and forgets that by alpha a step.
"""

import random

import pytest
from floats import ONE, ULPS, holt_winters, seasonal_smoothing, simple_smoothing, trend
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_edge.core.forecast.fixed_point import gain
from headway_edge.core.forecast.holt_winters import HoltWinters
from headway_edge.core.forecast.seasonal_smoothing import SeasonalSmoothing
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing
from headway_edge.core.forecast.trend import DampedTrend, Holt

STEPS = 1000
READ_OUT, RECURSION = 0.51, 1.5  # ulps
gains = st.integers(min_value=ONE // 100, max_value=ONE)


@st.composite
def long_series(draw: st.DrawFn, most: int = 1 << 12) -> list[int]:
    """Noise, steps and walks up to a size: a thousand numbers from a few draws.

    A trend from the first days, hardly corrected for a hundred steps, leads far beyond the numbers themselves: sizes stay so
    small that nothing saturates.
    """
    dice = random.Random(draw(st.integers(0, 1 << 30)))  # noqa: S311 - repeatable, not secret
    size = draw(st.sampled_from([1, 3, 50, 700, most]))
    kind = draw(st.sampled_from(["noise", "walk", "steps", "constant"]))
    series, now = [], dice.randint(-size, size)
    for _ in range(STEPS):
        if kind == "noise":
            now = dice.randint(-size, size)
        elif kind == "walk":
            now = max(-size, min(size, now + dice.randint(-size // 20 - 1, size // 20 + 1)))
        elif kind == "steps" and dice.random() < 0.01:
            now = dice.randint(-size, size)
        series.append(now)
    return series


@settings(max_examples=30)
@given(long_series(1 << 20), gains, st.integers(1, 20))
def test_simple_smoothing_is_off_by_the_rounding_of_the_read_out_alone(
    series: list[int], alpha: int, warm_up: int
) -> None:
    model = SimpleSmoothing(alpha, warm_up)
    for actual, exact in zip(series, simple_smoothing(series, alpha, warm_up), strict=True):
        model.update(actual)
        assert abs(model.forecast_ulps() - exact) <= READ_OUT


@settings(max_examples=30)
@given(long_series(), gains, st.integers(0, ONE // 2))
def test_holt(series: list[int], alpha: int, beta: int) -> None:
    model = Holt(alpha, beta)
    for actual, exact in zip(series, trend(series, alpha, model.trend_gain, ONE), strict=True):
        model.update(actual)
        assert abs(model.forecast_ulps() - exact) <= RECURSION


@settings(max_examples=30)
@given(long_series(), gains, st.integers(0, ONE), st.integers(ONE // 2, ONE * 98 // 100))
def test_damped_trend(series: list[int], alpha: int, beta: int, phi: int) -> None:
    model = DampedTrend(alpha, beta, phi)
    for actual, exact in zip(series, trend(series, alpha, model.trend_gain, phi), strict=True):
        model.update(actual)
        assert abs(model.forecast_ulps() - exact) <= RECURSION


@settings(max_examples=30)
@given(long_series(), gains, st.integers(0, ONE // 5), gains, st.sampled_from([4, 7, 12]))
def test_holt_winters(series: list[int], alpha: int, beta: int, gamma: int, season: int) -> None:
    model = HoltWinters(alpha, beta, gamma, season)
    expected = holt_winters(series, alpha, model.trend_gain, model.season_gain, season)
    for step, actual in enumerate(series, start=1):
        model.update(actual)
        assert model.ready == (step >= 2 * season)
        if model.ready:
            assert abs(model.forecast_ulps() - next(expected)) <= 0.5 * ONE / alpha + 1


@settings(max_examples=30)
@given(long_series(), gains, gains, st.sampled_from([2, 7, 31]))
def test_seasonal_smoothing(series: list[int], alpha: int, gamma: int, season: int) -> None:
    model = SeasonalSmoothing(alpha, gamma, season)
    for actual, exact in zip(series, seasonal_smoothing(series, alpha, gamma, season), strict=True):
        model.update(actual)
        assert abs(model.forecast_ulps() - exact) <= RECURSION


@pytest.mark.parametrize("alpha", [(1, 50), (1, 10), (1, 2)])
def test_a_level_arrives_where_a_constant_series_is(alpha: tuple[int, int]) -> None:
    """Rounding each step would stop 0.5 / alpha ulps short: 25 at 0.02."""
    model = SimpleSmoothing(gain(*alpha), 1)
    model.update(0)
    for _ in range(2000):
        model.update(10)
    assert model.forecast_ulps() == 10 * ULPS
