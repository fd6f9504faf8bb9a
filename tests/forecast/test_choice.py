"""Which forecast speaks, and how well the one that speaks does."""

import random
from collections.abc import Callable

import pytest

from headway_edge.core.forecast.choice import ALPHAS, BEGINNING, SEASON, TOGETHER, Choice
from headway_edge.core.forecast.fixed_point import GAIN_ONE, ULPS, gain
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing


def mean_error(model: Choice | SimpleSmoothing, series: list[int], first: int = 10) -> float:
    """Mean absolute error one step ahead, in quanta."""
    total = 0.0
    for at, actual in enumerate(series):
        if at >= first:
            total += abs(actual - model.forecast_ulps() / ULPS)
        model.update(actual)
    return total / (len(series) - first)


def noise(dice: random.Random, length: int) -> list[int]:
    return [round(dice.gauss(5000, 800)) for _ in range(length)]


def walk(dice: random.Random, length: int) -> list[int]:
    series = [5000]
    while len(series) < length:
        series.append(series[-1] + round(dice.gauss(0, 400)))
    return series


def shifts(dice: random.Random, length: int) -> list[int]:
    return [round(dice.gauss(4000 + 3000 * (at // 40 % 2), 500)) for at in range(length)]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("make", [noise, walk, shifts])
def test_it_does_nearly_as_well_as_the_best_alpha_would_have(
    make: Callable[[random.Random, int], list[int]], seed: int
) -> None:
    series = make(random.Random(seed), 300)  # noqa: S311 - repeatable, not secret
    best = min(mean_error(SimpleSmoothing(alpha, 20), series) for alpha in ALPHAS)
    assert mean_error(Choice(), series) <= 1.05 * best


def test_it_begins_with_alpha_03_then_all_speak_together() -> None:
    model, usual = Choice(7), SimpleSmoothing(gain(3, 10), 20)
    for at, actual in enumerate([5000, 6000, 7000, 5500, 6500, 12000, 9000, 5100, 6000], start=1):
        model.update(actual)
        usual.update(actual)
        if at < 8:
            assert (model.speaks(), model.ready) == (BEGINNING, False)
            assert model.forecast_ulps() == usual.forecast_ulps()
        else:
            assert (model.speaks(), model.ready) == (TOGETHER, True)


def test_shares_add_up_to_one_and_go_to_who_was_right() -> None:
    model = Choice()
    for actual in noise(random.Random(1), 200):  # noqa: S311 - repeatable, not secret
        model.update(actual)
    shares = model.shares()
    assert sum(shares) == GAIN_ONE
    assert shares[0] == max(shares)  # pure noise: the slowest
    for actual in walk(random.Random(1), 200):  # noqa: S311 - repeatable, not secret
        model.update(actual)
    assert model.shares()[0] < model.shares()[5]


def weeks(dice: random.Random, length: int, swing: int) -> list[int]:
    return [5000 + swing * (day % 7 in {5, 6}) + round(dice.gauss(0, 500)) for day in range(length)]


def test_a_weekly_pattern_speaks_from_the_third_week_on() -> None:
    model = Choice(7)
    spoke = []
    for day, steps in enumerate(weeks(random.Random(3), 60, 4000), start=1):  # noqa: S311 - repeatable, not secret
        model.update(steps)
        spoke.append(model.speaks() == SEASON)
        assert day >= 21 or not spoke[-1]
    assert spoke[-1]
    assert model.forecast(7 - 60 % 7) > model.forecast(9 - 60 % 7) + 2000  # Sunday over Tuesday


def test_where_there_is_no_weekly_pattern_one_hardly_ever_speaks() -> None:
    days = spoke = 0
    for seed in range(40):
        model = Choice(7)
        for steps in weeks(random.Random(seed), 120, 0):  # noqa: S311 - repeatable, not secret
            model.update(steps)
            days += 1
            spoke += model.speaks() == SEASON
    assert spoke <= 0.05 * days


def test_a_pattern_that_ends_stops_speaking() -> None:
    model = Choice(7)
    dice = random.Random(5)  # noqa: S311 - repeatable, not secret
    for steps in weeks(dice, 70, 4000):
        model.update(steps)
    assert model.speaks() == SEASON
    for _ in range(70):
        model.update(round(dice.gauss(5000, 500)))
    assert model.speaks() == TOGETHER


def test_without_a_season_there_is_no_memory_for_one() -> None:
    assert len(Choice().state()) < 60 <= len(Choice(7).state()) < 90
