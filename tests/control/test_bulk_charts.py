"""The charts that run lengths are counted with are the device's own, number by number."""

import numpy as np
import pytest
from bench import control_runs as bulk
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.core.cusum_chart import H4_Q12, H5_Q12, CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.forecast.fixed_point import gain
from headway_edge.core.poisson_chart import PoissonChart
from headway_edge.core.robust_baseline import RobustBaseline

CHARTS = 40


def first_signals(scalar, charts, numbers) -> None:
    """Each chart up to its first signal: the same signal at the same number."""
    alive = np.arange(CHARTS)
    for row in numbers:
        signals = charts.update(row[alive])
        expected = [scalar[chart].update(int(row[chart])) for chart in alive]
        assert signals.tolist() == expected
        charts.keep(signals == 0)
        alive = alive[signals == 0]
    assert 0 < alive.size < CHARTS  # some signalled, some did not


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("h_q12", [H4_Q12, H5_Q12])
@pytest.mark.parametrize("headstart", [False, True])
def test_cusum(seed: int, h_q12: int, headstart: bool) -> None:
    numbers = np.clip(np.rint(np.random.default_rng(seed).normal(0, 4096, (250, CHARTS))).astype(int), -16384, 16384)
    first_signals([CusumChart(h_q12, headstart) for _ in range(CHARTS)], bulk.Cusum(CHARTS, h_q12, headstart), numbers)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("weight", "width_q8"), [(gain(1, 5), 758), (gain(1, 5), 732), (gain(1, 20), 600), (gain(1, 2), 800)]
)
def test_ewma(seed: int, weight: int, width_q8: int) -> None:
    numbers = np.clip(np.rint(np.random.default_rng(seed).normal(0, 4096, (250, CHARTS))).astype(int), -16384, 16384)
    first_signals([EwmaChart(weight, width_q8) for _ in range(CHARTS)], bulk.Ewma(CHARTS, weight, width_q8), numbers)


@pytest.mark.parametrize("mean", [0.3, 1.0, 4.0, 40.0])
def test_poisson(mean: float) -> None:
    dice = np.random.default_rng(5)
    scalar, charts = [PoissonChart() for _ in range(CHARTS)], bulk.Poisson(CHARTS)
    alive = np.arange(CHARTS)
    for _ in range(200):
        exposure = dice.uniform(0.2, 3, CHARTS)
        expected = np.rint(4096 * mean * exposure).astype(int)
        events = dice.poisson(1.2 * mean * exposure)
        signals = charts.update(events[alive], expected[alive])
        assert signals.tolist() == [scalar[i].update(int(events[i]), int(expected[i])) for i in alive]
        charts.keep(signals == 0)
        alive = alive[signals == 0]


@given(
    st.lists(st.integers(-(2**20), 2**20), min_size=20, max_size=20)
    | st.lists(st.integers(-30, 30), min_size=20, max_size=20)
    | st.lists(st.sampled_from([0, 0, 0, 7, -1000]), min_size=20, max_size=20),
    st.booleans(),
    st.lists(st.integers(-(2**20), 2**20), max_size=10),
)
def test_baseline_and_standardised(first: list[int], errors: bool, later: list[int]) -> None:
    scalar = RobustBaseline(errors)
    for number in first:
        scalar.add(number)
    cut = np.clip(np.array([first]), -(2**19) + 1, 2**19 - 1)
    centre, spread = bulk.baseline(cut, errors)
    assert (scalar.centre_q4, scalar.spread_q4) == (centre[0], spread[0])
    for number in later:
        assert scalar.standardised(number) == bulk.standardised(np.array([number]), centre, spread)[0]
