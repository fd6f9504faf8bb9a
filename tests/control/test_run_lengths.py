"""How long the device's charts stay silent when nothing has changed, and how soon they tell when something has.

A chart's average run length is that of the textbooks where mean and deviation are known: of 12,000 simulated charts, so with
a standard error of 0.9 % where nothing has changed and less elsewhere; 4 % are allowed. Numbers are cut at four spreads, which
adds up to 0.1 to the delay at a shift of three. The seeds are fixed: this is arithmetic, and not luck.
"""

import numpy as np
import pytest
from bench.control_runs import Cusum, Ewma, Poisson, baseline, event_run_lengths, run_lengths

from headway_edge.core import change_words
from headway_edge.core.pack_limits import CUSUM_CHART, EWMA_CHART, NO_CHART, POISSON_CHART, WATCH_ERRORS, WATCH_VALUES

CHARTS = 12_000
QUANTA = 1000  # of a spread
KNOWN = (0, QUANTA << 4)


def normal(seed: int, shift: float = 0.0):
    dice = np.random.default_rng(seed)
    return lambda count: np.rint(QUANTA * (dice.standard_normal(count) + shift)).astype(np.int64)


def laplace(seed: int):
    dice = np.random.default_rng(seed)
    return lambda count: np.rint(QUANTA / 2**0.5 * dice.laplace(size=count)).astype(np.int64)


# Montgomery, table 9.3, for k = 0.5.
@pytest.mark.parametrize(
    ("h", "shift", "textbook"),
    [(4, 0, 168), (4, 0.5, 26.6), (4, 1, 8.38), (4, 2, 3.34), (5, 0, 465), (5, 0.5, 38.0), (5, 1, 10.4), (5, 2, 4.01)],
)
def test_cusum_is_as_quick_and_as_silent_as_in_the_textbook(h: int, shift: float, textbook: float) -> None:
    found = run_lengths(Cusum(CHARTS, h << 12), normal(1, shift), KNOWN).mean()
    assert found == pytest.approx(textbook, rel=0.04)


@pytest.mark.parametrize(("h", "shift", "textbook"), [(4, 3, 2.19), (5, 3, 2.57)])
def test_the_cut_at_four_spreads_costs_a_tenth_of_a_trip_at_a_great_shift(
    h: int, shift: float, textbook: float
) -> None:
    assert textbook <= run_lengths(Cusum(CHARTS, h << 12), normal(1, shift), KNOWN).mean() <= textbook + 0.1


# Lucas and Crosier 1982, k = 0.5, h = 5, headstart 2.5.
@pytest.mark.parametrize(("shift", "textbook"), [(0, 430), (1, 6.35)])
def test_a_headstart_finds_sooner_what_is_wrong_from_the_start(shift: float, textbook: float) -> None:
    found = run_lengths(Cusum(CHARTS, 5 << 12, headstart=True), normal(2, shift), KNOWN).mean()
    assert found == pytest.approx(textbook, rel=0.04)


# Lucas and Saccucci 1990, weight 0.2. Their limits are those of a chart that has settled; ours are narrower in the first ten
# numbers, which the textbook figures do not have in them: it makes false alarms up to 5 % more frequent, and a shift that is
# there from the start is found a number sooner. So this side is bounded, not met.
@pytest.mark.parametrize(("width_q8", "textbook"), [(732, 370), (758, 500), (768, 559)])
def test_ewma_is_as_silent_as_in_the_textbook(width_q8: int, textbook: float) -> None:
    found = run_lengths(Ewma(CHARTS, 6554, width_q8), normal(3), KNOWN).mean()
    assert 0.93 * textbook <= found <= 1.04 * textbook


@pytest.mark.parametrize(("shift", "textbook"), [(0.5, 41.8), (1, 10.5), (2, 3.7), (3, 2.4)])
def test_ewma_is_no_slower_than_in_the_textbook(shift: float, textbook: float) -> None:
    found = run_lengths(Ewma(CHARTS, 6554, 758), normal(4, shift), KNOWN).mean()
    assert textbook - 1.5 - 0.04 * textbook <= found <= textbook


@pytest.mark.parametrize("mean", [0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0])
def test_poisson_chart_is_silent_for_three_hundred_trips(mean: float) -> None:
    dice = np.random.default_rng(6)
    assert event_run_lengths(Poisson(3000), lambda n: dice.poisson(mean, n), round(4096 * mean)).mean() > 300


def markov_run_length(usual: float, mean: float, up: bool) -> float:
    """Average run length of one side of the Poisson chart, after Brook and Evans (1972): states in steps of 1/64 of an event."""
    from math import exp, lgamma, log

    steps, h = 64, 7
    size = h * steps + 1
    k = usual * (1 if up else 0.5) / log(2)
    chances = [exp(x * log(mean) - mean - lgamma(x + 1)) for x in range(int(mean + 12 * mean**0.5 + 15))]
    transition = np.zeros((size, size))
    for x, chance in enumerate(chances):
        move = (x - k if up else k - x) * steps
        low = int(np.floor(move))
        for part, step in ((1 - (move - low), low), (move - low, low + 1)):
            to = np.maximum(np.arange(size) + step, 0)
            inside = to < size
            np.add.at(transition, (np.arange(size)[inside], to[inside]), chance * part)
    return float(np.linalg.solve(np.eye(size) - transition, np.ones(size))[0])


@pytest.mark.parametrize("usual", [0.5, 2.0, 8.0])
@pytest.mark.parametrize("times", [0.5, 1, 2])
def test_poisson_chart_against_a_markov_chain(usual: float, times: float) -> None:
    dice = np.random.default_rng(7)
    mean = usual * times
    found = event_run_lengths(Poisson(6000), lambda n: dice.poisson(mean, n), round(4096 * usual)).mean()
    up, down = markov_run_length(usual, mean, up=True), markov_run_length(usual, mean, up=False)
    assert found == pytest.approx(1 / (1 / up + 1 / down), rel=0.06)


def with_baselines(charts, draw, errors: bool) -> np.ndarray:
    first = draw(charts.count * 20).reshape(charts.count, 20)
    return run_lengths(charts, draw, baseline(first, errors), longest=3000)


def test_what_people_are_told_of_chance_holds_where_errors_have_heavy_tails() -> None:
    for chart, told in ((Cusum(CHARTS), change_words.CUSUM_ERRORS), (Ewma(CHARTS), change_words.EWMA_ERRORS)):
        assert np.median(with_baselines(chart, laplace(8), errors=True)) == pytest.approx(told, rel=0.1)
        assert np.median(with_baselines(type(chart)(CHARTS), normal(9), errors=True)) > 2 * told


def test_what_people_are_told_of_chance_holds_for_values_with_heavy_tails() -> None:
    for chart, told in ((Cusum(CHARTS), change_words.CUSUM_VALUES), (Ewma(CHARTS), change_words.EWMA_VALUES)):
        assert np.median(with_baselines(chart, laplace(8), errors=False)) == pytest.approx(told, rel=0.1)


def test_each_chart_of_a_series_has_its_own_chance() -> None:
    chances = [
        [change_words.chance_of(chart, watch) for watch in (WATCH_ERRORS, WATCH_VALUES)]
        for chart in (NO_CHART, EWMA_CHART, CUSUM_CHART, POISSON_CHART)
    ]
    assert chances == [[0, 0], [80, 50], [100, 60], [130, 130]]


def test_what_people_are_told_of_chance_holds_for_events() -> None:
    dice, found = np.random.default_rng(10), []
    for mean in (0.2, 0.5, 1.0, 2.0, 5.0, 20.0):
        totals = dice.poisson(mean, (4000, 60)).cumsum(axis=1)
        enough = (totals >= 16) & (np.arange(60) >= 19)
        trips = np.where(enough.any(axis=1), enough.argmax(axis=1), 59)
        events = totals[np.arange(4000), trips]
        rates = (events + 0.5) / (trips + 1)
        lengths = event_run_lengths(
            Poisson(4000), lambda n, mean=mean: dice.poisson(mean, n), np.rint(4096 * rates), 3000
        )
        found.append(float(np.median(lengths)))
    assert min(found) == pytest.approx(change_words.EVENTS, rel=0.1)


def test_errors_have_their_centre_at_zero_for_a_reason() -> None:
    # The median of twenty for a centre: twice as many charts give a false alarm within fifty numbers.
    zero = (with_baselines(Cusum(CHARTS), normal(11), errors=True) <= 50).mean()
    median = (with_baselines(Cusum(CHARTS), normal(11), errors=False) <= 50).mean()
    assert median > 1.8 * zero
