"""What holds for every model, and what for one."""

import random
from array import array
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.customer_factor import (
    CustomerFactorSmoothing,
    QuantileTarget,
    RecursiveFactorSmoothing,
)
from headway_edge.core.forecast.fixed_point import GAIN_ONE, ULPS, VALUE_MAX, add_times, gain, times
from headway_edge.core.forecast.holt_winters import HoltWinters
from headway_edge.core.forecast.interval import spread
from headway_edge.core.forecast.naive import Naive, SeasonalNaive
from headway_edge.core.forecast.seasonal_smoothing import SeasonalSmoothing
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing
from headway_edge.core.forecast.trend import DampedTrend, Holt

MODELS: dict[str, Callable[[], Any]] = {
    "naive": Naive,
    "seasonal naive": SeasonalNaive,
    "simple": lambda: SimpleSmoothing(gain(1, 5)),
    "holt": lambda: Holt(gain(1, 2), gain(1, 5)),
    "damped": lambda: DampedTrend(gain(1, 2), gain(1, 5), gain(9, 10)),
    "holt-winters": lambda: HoltWinters(gain(1, 5), gain(1, 10), gain(1, 5)),
    "seasonal": lambda: SeasonalSmoothing(gain(1, 5), gain(1, 5)),
    "choice": Choice,
    "choice by week": lambda: Choice(7),
    "R1": lambda: CustomerFactorSmoothing(gain(1, 2), gain(1, 2)),
    "R2": lambda: RecursiveFactorSmoothing(gain(1, 2), gain(1, 2)),
    "R1-asym": lambda: QuantileTarget(gain(1, 5), gain(7, 10)),
}
values = st.integers(-VALUE_MAX, VALUE_MAX)
gains = st.integers(1, GAIN_ONE)
every_model = pytest.mark.parametrize("name", MODELS)


@every_model
@settings(max_examples=30)
@given(series=st.lists(values, min_size=1, max_size=60), cut=st.integers(0, 60))
def test_a_restored_model_goes_on_as_if_nothing_had_happened(name: str, series: list[int], cut: int) -> None:
    through, before, after = MODELS[name](), MODELS[name](), MODELS[name]()
    for actual in series:
        through.update(actual)
    for actual in series[:cut]:
        before.update(actual)
    after.restore(before.state())
    for actual in series[cut:]:
        after.update(actual)
    assert after.state() == through.state()
    assert [after.forecast_ulps(h) for h in (1, 2, 9)] == [through.forecast_ulps(h) for h in (1, 2, 9)]
    assert all(type(number) is int and -(1 << 29) <= number < 1 << 29 for number in after.state())


@every_model
@given(series=st.lists(st.sampled_from([VALUE_MAX, -VALUE_MAX, 1 << 40, -(1 << 40), 0, 12345]), max_size=80))
def test_the_largest_numbers_saturate_and_never_wrap(name: str, series: list[int]) -> None:
    model = MODELS[name]()
    for actual in series:
        model.update(actual)
        assert abs(model.forecast()) <= VALUE_MAX
        assert abs(model.forecast(56)) <= VALUE_MAX


@every_model
@given(constant=values)
def test_a_constant_is_forecast_exactly(name: str, constant: int) -> None:
    model = MODELS[name]()
    for _ in range(40):
        model.update(constant)
    assert model.ready
    assert (model.forecast(), model.forecast(10)) == (constant, constant)


@every_model
def test_before_the_first_number_the_forecast_is_0(name: str) -> None:
    model = MODELS[name]()
    assert (model.ready, model.forecast()) == (False, 0)


@every_model
@pytest.mark.parametrize("h", [0, 57])
def test_a_horizon_out_of_range_is_refused(name: str, h: int) -> None:
    with pytest.raises(ValueError, match="1 to 56 are possible"):
        MODELS[name]().forecast(h)


@pytest.mark.parametrize("name", ["simple", "holt", "damped", "holt-winters", "naive", "seasonal naive"])
def test_the_response_is_what_an_error_leaves_in_later_forecasts(name: str) -> None:
    """One model sees what was forecast, its twin 1000 more; after j steps without further errors they differ by response."""
    model, twin = MODELS[name](), MODELS[name]()
    for step in range(28):
        for each in (model, twin):
            each.update(50_000 + 300 * step + (0, 700, -900, 40, 0, 3000, 1200)[step % 7])
    expected = model.forecast()
    model.update(expected)
    twin.update(expected + 1000)
    for j in range(1, 15):
        left = (twin.forecast_ulps(j) - model.forecast_ulps(j)) / (1000 * ULPS)
        assert left == pytest.approx(model.response(j) / 4096, abs=0.002), j


@settings(max_examples=30)
@given(st.lists(values, min_size=5, max_size=300), st.integers(GAIN_ONE // 20, GAIN_ONE))
def test_the_errors_of_simple_smoothing_telescope(series: list[int], alpha: int) -> None:
    """CFE = (F at the end - F at the start) / alpha: so CFE near 0 is no evidence of accuracy."""
    model = SimpleSmoothing(alpha, 1)
    model.update(series[0])
    start, cfe = model.forecast_ulps(), 0
    for actual in series[1:]:
        cfe += actual * ULPS - model.forecast_ulps()
        model.update(actual)
    # Each error is read to half an ulp.
    assert abs(cfe * alpha / GAIN_ONE - (model.forecast_ulps() - start)) <= 1 + 0.5 * len(series) * alpha / GAIN_ONE


@given(st.lists(values, max_size=60), gains, st.integers(-GAIN_ONE, GAIN_ONE))
def test_without_a_factor_r1_is_simple_smoothing_to_the_bit(series: list[int], alpha: int, weight: int) -> None:
    plain = SimpleSmoothing(alpha)
    no_weight = CustomerFactorSmoothing(alpha, gain(1, 2), f_min=0, f_max=100)
    damped_away = CustomerFactorSmoothing(alpha, GAIN_ONE, f_min=0, f_max=100)
    damped_away.weigh(weight)
    for actual in series:
        for model in (plain, no_weight, damped_away):
            model.update(actual)
        assert no_weight.forecast_ulps() == damped_away.forecast_ulps() == plain.forecast_ulps()
    assert no_weight.level.state() == damped_away.level.state() == plain.state()


@given(st.lists(values, max_size=60), st.integers(-GAIN_ONE, GAIN_ONE))
def test_without_a_factor_r2_is_simple_smoothing_to_the_bit(series: list[int], weight: int) -> None:
    plain = SimpleSmoothing(gain(1, 2))
    no_weight = RecursiveFactorSmoothing(gain(1, 2), gain(1, 2))
    no_second = RecursiveFactorSmoothing(gain(1, 2), 0)
    no_second.weigh(weight)
    for actual in series:
        for model in (plain, no_weight, no_second):
            model.update(actual)
        assert no_weight.forecast_ulps() == no_second.forecast_ulps() == plain.forecast_ulps()


@given(
    st.lists(st.integers(0, VALUE_MAX), min_size=3, max_size=40),
    gains,
    st.integers(0, GAIN_ONE),
    st.integers(0, 5000),
    st.tuples(st.integers(-GAIN_ONE, GAIN_ONE), st.integers(-GAIN_ONE, GAIN_ONE)),
)
def test_r1_is_bounded_and_more_weight_never_forecasts_less(
    series: list[int], alpha: int, b: int, limit: int, weights: tuple[int, int]
) -> None:
    model = CustomerFactorSmoothing(alpha, b, limit=limit, f_min=10, f_max=VALUE_MAX - 10)
    for actual in series:
        model.update(actual)
    level = model.level.forecast_ulps()
    said = []
    for weight in sorted(weights):
        model.weigh(weight)
        said.append(model.forecast_ulps())
    assert said[0] <= said[1]
    # Half of the level, the size of the errors, the limit: the least, times what b leaves, and rounding.
    most = min(level / 2, model.scale.ulps(), limit * ULPS) * (GAIN_ONE - b) / GAIN_ONE
    assert all(abs(forecast - level) <= most * (1 + 2**-14) + 2 for forecast in said)


def test_r1_at_its_usual_parameters_moves_by_the_formula() -> None:
    model = CustomerFactorSmoothing(gain(1, 2), gain(1, 2), limit=250)
    for actual in (1000, 1400, 1000, 1200):
        model.update(actual)
    # Level 1000, 1200, 1100, 1150; errors 400, -200, 100, mean size 233.3; PFE the least of 575, 233.3 and 250.
    model.weigh(gain(1, 1))
    assert model.forecast_ulps() / ULPS == pytest.approx(1150 + 0.5 * 700 / 3, abs=0.05)
    model.weigh(-gain(1, 2))
    assert model.forecast_ulps() / ULPS == pytest.approx(1150 - 0.25 * 700 / 3, abs=0.05)


def test_r2_settles_on_the_bias_that_its_feedback_makes() -> None:
    """A constant A, alpha b and rho 0.5, w 1: k = 0.25, and F = 0.5 A / (1 - 0.5 * 1.25) = 4 / 3 of A."""
    model = RecursiveFactorSmoothing(gain(1, 2), gain(1, 2), gamma=-1)
    model.weigh(GAIN_ONE)
    for _ in range(200):
        model.update(9000)
    assert model.forecast_ulps() / ULPS == pytest.approx(12000, abs=0.1)


def test_r2_that_would_grow_for_ever_is_refused() -> None:
    with pytest.raises(ValueError, match="grows for ever"):
        RecursiveFactorSmoothing(gain(1, 5), gain(1, 2), rho=gain(1, 2))


@pytest.mark.parametrize("tau", [(3, 5), (4, 5), (9, 10)])
def test_in_the_long_run_a_share_tau_lies_at_or_below_the_quantile(tau: tuple[int, int]) -> None:
    dice = random.Random(7)  # noqa: S311 - repeatable, not secret
    model = QuantileTarget(gain(1, 10), gain(*tau))
    below = 0
    for step in range(5000):
        actual = round(dice.lognormvariate(8, 0.6)) + (3000 if step > 2500 else 0)
        below += actual * ULPS <= model.forecast_ulps()
        model.update(actual)
    assert below / 5000 == pytest.approx(tau[0] / tau[1], abs=0.02)


def test_a_day_without_a_number_keeps_the_week_in_step() -> None:
    week = (5000, 6000, 7000, 5500, 6500, 12000, 9000)
    model = SeasonalSmoothing(gain(1, 10), gain(1, 5))
    for day in range(700):
        if day % 11:
            model.update(week[day % 7])
        else:
            model.skip()
    assert [model.forecast(h) for h in range(1, 8)] == pytest.approx(week, abs=20)


def test_naive_intervals_widen_with_the_root_of_the_steps() -> None:
    assert [spread(Naive(), h) for h in (1, 4, 9)] == [4096, 8192, 12288]
    assert [spread(SeasonalNaive(7), h) for h in (1, 7, 8)] == [4096, 4096, 5792]


@given(st.integers(0, GAIN_ONE), st.integers(-(1 << 29), 1 << 29))
def test_products_are_exact_and_rounded_half_up(share: int, number: int) -> None:
    assert times(share, number) == (2 * share * number + GAIN_ONE) // (2 * GAIN_ONE)
    cells = array("i", [0, 0])
    add_times(cells, 0, share, number // 2)
    assert cells[0] * GAIN_ONE + cells[1] == share * (number // 2)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: gain(3, 2), "a share from 0 to 1"),
        (lambda: gain(1, 0), "a share from 0 to 1"),
        (lambda: SimpleSmoothing(0), "alpha is 0"),
        (lambda: SimpleSmoothing(GAIN_ONE + 1), "alpha is 32769"),
        (lambda: SimpleSmoothing(1, 0), "warm-up of 0"),
        (lambda: Holt(1, -1), "beta is -1"),
        (lambda: HoltWinters(1, 1, 1, 1), "season of 1"),
        (lambda: SeasonalNaive(32), "season of 32"),
        (lambda: CustomerFactorSmoothing(1, 1, f_min=3, f_max=2), "f_min 3 lies over f_max 2"),
        (lambda: CustomerFactorSmoothing(1, 1, limit=-1), "limit -1"),
        (lambda: CustomerFactorSmoothing(1, 1).weigh(GAIN_ONE + 1), "w is 32769"),
    ],
)
def test_parameters_out_of_range_are_refused_by_name(make: Callable[[], object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()
