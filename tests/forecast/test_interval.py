"""Intervals hold the share that they say."""

import random
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.error_scale import ErrorScale
from headway_edge.core.forecast.fixed_point import ULPS, gain
from headway_edge.core.forecast.interval import SHARES_PCT, ErrorQuantiles, multiple, normal_width

Draw = Callable[[random.Random], float]
DISTRIBUTIONS: dict[str, Draw] = {
    "normal": lambda dice: dice.gauss(0, 400),
    "wild": lambda dice: dice.gauss(0, 400) / max(0.05, dice.random()) ** 0.5,
    "one-sided": lambda dice: dice.expovariate(1 / 400),
    "mostly the same": lambda dice: dice.choice([0, 0, 0, dice.gauss(0, 1000)]),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_in_the_long_run_intervals_hold_their_share_whatever_the_distribution(name: str) -> None:
    dice = random.Random(11)  # noqa: S311 - repeatable, not secret
    model, quantiles = Choice(), ErrorQuantiles()
    held = dict.fromkeys(SHARES_PCT, 0)
    steps = 4000
    for _ in range(steps):
        actual = round(3000 + DISTRIBUTIONS[name](dice))
        forecast = model.forecast_ulps()
        for share in SHARES_PCT:
            bounds = quantiles.interval(forecast, share)
            held[share] += bounds is not None and bounds[0] <= actual * ULPS <= bounds[1]
        quantiles.update(max(-(1 << 29), min(1 << 29, actual * ULPS - forecast)))
        model.update(actual)
    for share in SHARES_PCT:
        assert 100 * held[share] / steps == pytest.approx(share, abs=3)


def test_normal_widths_hold_their_share_of_normal_errors() -> None:
    dice = random.Random(2)  # noqa: S311 - repeatable, not secret
    scale = ErrorScale(gain(1, 100))
    errors = [round(dice.gauss(0, 50_000)) for _ in range(4000)]
    held = dict.fromkeys(SHARES_PCT, 0)
    for at, error in enumerate(errors):
        if at >= 500:
            for share in SHARES_PCT:
                held[share] += abs(error) <= normal_width(scale.ulps(), share)
        scale.update(error)
    for share in SHARES_PCT:
        assert 100 * held[share] / 3500 == pytest.approx(share, abs=2)


NEAR_THE_LIMIT = [0, 6773, -199990, -30696297, -24646630, -7, -9049031, -2568, -4904960, -24064857, 0, 1308319]


@given(st.lists(st.integers(-(1 << 29), 1 << 29), min_size=3, max_size=60), st.integers(-(1 << 28), 1 << 28))
@example([*NEAR_THE_LIMIT, -218931857, -536868556], 1)
def test_wider_intervals_hold_the_narrower_ones(errors: list[int], forecast: int) -> None:
    quantiles = ErrorQuantiles()
    for error in errors:
        quantiles.update(error)
    bounds = [quantiles.interval(forecast, share) for share in SHARES_PCT]
    lows, highs = zip(*(pair for pair in bounds if pair is not None), strict=True)
    assert len(lows) == len(SHARES_PCT)
    assert list(lows) == sorted(lows)
    assert list(highs) == sorted(highs, reverse=True)
    assert all(abs(number) < 1 << 29 for number in quantiles.state())


@given(st.lists(st.integers(-(1 << 29), 1 << 29), max_size=60), st.integers(0, 60))
def test_restored_quantiles_go_on(errors: list[int], cut: int) -> None:
    through, before, after = ErrorQuantiles(), ErrorQuantiles(), ErrorQuantiles()
    for error in errors:
        through.update(error)
    for error in errors[:cut]:
        before.update(error)
    after.restore(before.state())
    for error in errors[cut:]:
        after.update(error)
    assert after.state() == through.state()


def test_before_three_errors_there_is_no_interval() -> None:
    quantiles = ErrorQuantiles()
    for error in (100, -200):
        quantiles.update(error)
        assert (quantiles.ready, quantiles.interval(0, 80)) == (False, None)
    quantiles.update(50)
    assert quantiles.interval(0, 80) is not None


def test_a_share_that_there_is_no_interval_of_is_refused() -> None:
    with pytest.raises(ValueError, match="an interval of 85 %"):
        ErrorQuantiles().interval(0, 85)


@given(st.integers(0, 1 << 28), st.integers(-(1 << 15), 1 << 15))
def test_multiples_are_exact_but_for_the_rounding_down(number: int, by: int) -> None:
    most = 1 << 28
    exact = number * by // 4096
    assert multiple(number, by) == exact or abs(multiple(number, by)) >= most
