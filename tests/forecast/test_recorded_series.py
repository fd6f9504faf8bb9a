"""Real persons' days and real vehicles' trips: do intervals hold what they say, and is the choice worth having?"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bench.recorded_series import STEPS_FILE, Series, daily_steps, trip_characteristics

from headway_edge.core.forecast import error_ledger
from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.error_ledger import ErrorLedger
from headway_edge.core.forecast.fixed_point import ULPS, gain
from headway_edge.core.forecast.interval import SHARES_PCT, ErrorQuantiles
from headway_edge.core.forecast.naive import Naive
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing

pytestmark = pytest.mark.full

TRIPS = (
    "idle_share_pct",
    "distance_km",
    "mean_speed_kmh",
    "low_speed_share_pct",
    "stops",
    "launch_speed_kmh",
    "max_speed_kmh",
)


@pytest.fixture(scope="module")
def steps() -> Series:
    assert STEPS_FILE.exists(), f"this test needs the recordings in {STEPS_FILE.parents[1]}"
    found = daily_steps()
    assert (len(found), sum(map(len, found.values()))) == (33, 940)
    return found


@pytest.fixture(scope="module")
def trips() -> dict[str, Series]:
    found = trip_characteristics(TRIPS)
    assert sum(map(len, found["distance_km"].values())) == 241
    return found


def coverage(series: Series, season: int) -> tuple[dict[int, int], int]:
    """How many numbers lay in the interval of each share, and how many there was an interval for."""
    held, count = dict.fromkeys(SHARES_PCT, 0), 0
    for numbers in series.values():
        model, quantiles = Choice(season), ErrorQuantiles()
        for at, actual in enumerate(numbers):
            forecast = model.forecast_ulps()
            bounds = {share: quantiles.interval(forecast, share) for share in SHARES_PCT}
            for share, pair in bounds.items():
                held[share] += pair is not None and pair[0] <= actual * ULPS <= pair[1]
            count += quantiles.ready
            if at:
                quantiles.update(actual * ULPS - forecast)
            model.update(actual)
    return held, count


def test_intervals_of_daily_steps_hold_their_share_within_3_points(steps: Series) -> None:
    held, count = coverage(steps, 7)
    assert count > 800
    for share in SHARES_PCT:
        assert 100 * held[share] / count == pytest.approx(share, abs=3)


def test_intervals_of_trips_hold_their_share_within_3_points(trips: dict[str, Series]) -> None:
    """All seven characteristics together; one of them alone, 163 forecasts, within chance of that."""
    together, counts = dict.fromkeys(SHARES_PCT, 0), 0
    for series in trips.values():
        held, count = coverage(series, 0)
        counts += count
        for share in SHARES_PCT:
            together[share] += held[share]
            chance = 100 * math.sqrt(share / 100 * (1 - share / 100) / count)
            assert 100 * held[share] / count == pytest.approx(share, abs=3 + 2 * chance)
    assert counts > 1000
    for share in SHARES_PCT:
        assert 100 * together[share] / counts == pytest.approx(share, abs=3)


def test_the_figures_of_the_page_are_these(steps: Series, trips: dict[str, Series]) -> None:
    page = " ".join((Path(__file__).parents[2] / "docs" / "forecasts.md").read_text(encoding="utf-8").split())
    held, count = coverage(steps, 7)
    shares = [f"{100 * held[share] / count:.1f}" for share in SHARES_PCT]
    assert (
        f"{count} forecasts, the intervals of 95, 90, 80 and 50 % hold {', '.join(shares[:3])} and {shares[3]} %"
        in page
    )
    found = {key: coverage(series, 0) for key, series in trips.items()}
    assert {count for _, count in found.values()} == {163}
    off = max(abs(100 * held[share] / 163 - share) for held, _ in found.values() for share in SHARES_PCT)
    assert f"163 forecasts each, lie up to {round(off)} points off" in page
    chance = [round(200 * math.sqrt(share / 100 * (1 - share / 100) / 163)) for share in (95, 50)]
    assert f"{chance[0]} (of 95 %) to {chance[1]} (of 50 %) may be chance" in page
    assert f"the distance: {round(100 * found['distance_km'][0][50] / 163)} % in the interval of 50 %" in page


def mase(make: Callable[[], Any], series: Series) -> float:
    """MASE one step ahead, from the fourth number on, of all series in one ledger."""
    together = ErrorLedger().numbers()
    for numbers in series.values():
        model, ledger = make(), ErrorLedger()
        for at, actual in enumerate(numbers):
            if at < 3:
                ledger.see(actual)
            else:
                ledger.update(actual, model.forecast_ulps())
            model.update(actual)
        together = error_ledger.merge(together, ledger.numbers())
    told = error_ledger.mase(together)
    assert told is not None
    return told / 1000


def test_on_daily_steps_the_choice_beats_every_single_smoothing_and_naive(steps: Series) -> None:
    own = mase(lambda: Choice(7), steps)
    assert own < 0.9 * mase(Naive, steps)
    for alpha in (gain(1, 20), gain(1, 10), gain(1, 5), gain(3, 10), gain(1, 2)):
        assert own < mase(lambda alpha=alpha: SimpleSmoothing(alpha), steps)


def test_on_trips_the_choice_is_not_far_from_the_best_single_smoothing(trips: dict[str, Series]) -> None:
    """The best is known afterwards only; the distance of a trip is the hard one, where next to nothing beats naive."""
    alphas = (gain(1, 20), gain(1, 10), gain(1, 5), gain(3, 10), gain(1, 2), gain(4, 5))
    lost = []
    for key, series in trips.items():
        best = min(mase(lambda alpha=alpha: SimpleSmoothing(alpha), series) for alpha in alphas)
        lost.append(mase(Choice, series) / best)
        assert lost[-1] < (1.2 if key == "distance_km" else 1.1)
    assert sum(lost) / len(lost) < 1.05
