"""What the device's forecasts are worth beside the usual ones and an automatic model choice, on real series.

Daily steps of 33 wearers (season 7) and characteristics of 22 vehicles trip by trip. Every forecast is one step ahead and made
of nothing but what came before: AutoETS is fitted anew at every step, with statsforecast's defaults, on the whole series so
far. Compared is where AutoETS forecasts at all (it refuses very short series), all models at the same steps.

MASE is told twice: the mean over series of each one's, in which a series of three forecasts counts as much as one of forty;
and that of all errors together, in which large numbers count more. Times are of one update with its forecast, CPython.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any

from bench.recorded_series import Series, daily_steps, trip_characteristics
from bench.rows import Rows
from headway_edge.core.forecast.choice import Choice
from headway_edge.core.forecast.fixed_point import ULPS, gain
from headway_edge.core.forecast.holt_winters import HoltWinters
from headway_edge.core.forecast.interval import ErrorQuantiles
from headway_edge.core.forecast.naive import Naive, SeasonalNaive
from headway_edge.core.forecast.simple_smoothing import SimpleSmoothing
from headway_edge.core.forecast.trend import DampedTrend
from headway_simulators.errors import SimulatorError

TRIPS = ("idle_share_pct", "distance_km", "mean_speed_kmh", "stops")
SHARES_PCT = (80, 90)
_LEAST = 3  # numbers before the first forecast that counts

Forecast = float | None
Bounds = tuple[float, float] | None
# One series' forecasts in quanta, an interval for each of SHARES_PCT, and the seconds they took in all.
Run = tuple[list[Forecast], list[tuple[Bounds, ...]], float]


def figures() -> Rows:
    """Yield MASE, coverage and time, or why there are none."""
    try:
        sets = {"daily steps": (daily_steps(), 7)}
    except FileNotFoundError as error:
        yield "forecast, daily steps", "-", "", str(error)
        sets = {}
    try:
        sets |= {key: (series, 0) for key, series in trip_characteristics(TRIPS).items()}
    except SimulatorError as error:
        yield "forecast, trips", "-", "", str(error)
    for name, (series, season) in sets.items():
        yield from _compared(name, series, season)


def _compared(name: str, series: Series, season: int) -> Rows:
    runs = {"online choice": _device_runs(lambda: Choice(season), series)}
    for model, make in (
        ("SES, alpha 0.3", lambda: SimpleSmoothing(gain(3, 10))),
        ("damped trend", lambda: DampedTrend(gain(1, 5), gain(1, 10), gain(9, 10))),
        ("naive", Naive),
    ):
        runs[model] = _device_runs(make, series)
    if season:
        runs["seasonal naive"] = _device_runs(lambda: SeasonalNaive(season), series)
        runs["Holt-Winters"] = _device_runs(lambda: HoltWinters(gain(1, 5), gain(1, 20), gain(1, 10), season), series)
    counted = {person: range(_LEAST, len(numbers)) for person, numbers in series.items()}
    judge = _auto_ets_runs(series, season or 1)
    if judge is None:
        yield f"{name}, AutoETS", "-", "", "statsforecast is not installed: pip install statsforecast"
    else:
        runs["AutoETS"] = judge
        counted = {
            person: [at for at in steps if judge[person][0][at] is not None] for person, steps in counted.items()
        }
    steps = sum(map(len, counted.values()))
    yield f"{name}, forecasts", f"{steps:,}", "", f"of {sum(1 for found in counted.values() if found)} series"
    for model, run in runs.items():
        mean, together = _mase(run, series, counted)
        yield f"{name}, {model}", f"{mean:.3f}", "MASE", f"{together:.3f} of all errors together"
        held = [_coverage(run, series, counted, which) for which in range(len(SHARES_PCT))]
        if None not in held and model in {"online choice", "AutoETS"}:
            said = " and ".join(f"{share} %" for share in SHARES_PCT)
            yield f"{name}, {model}, intervals", " and ".join(f"{h:.1f}" for h in held), "%", f"lie in those of {said}"
    for model in ("online choice", "AutoETS"):
        if model in runs:
            seconds = sum(run[2] for run in runs[model].values())
            count = sum(map(len, series.values())) if model == "online choice" else steps
            yield f"{name}, {model}, time", f"{seconds / count * 1e6:,.0f}", "µs", "an update, forecast and intervals"


def _device_runs(make: Callable[[], Any], series: Series) -> dict[str, Run]:
    found = {}
    for person, numbers in series.items():
        model, quantiles = make(), ErrorQuantiles()
        said: list[Forecast] = []
        bounds: list[tuple[Bounds, ...]] = []
        start = time.perf_counter()
        for at, actual in enumerate(numbers):
            forecast = model.forecast_ulps()
            intervals = [quantiles.interval(forecast, share) for share in SHARES_PCT]
            if at:
                quantiles.update(actual * ULPS - forecast)
            model.update(actual)
            said.append(forecast / ULPS)
            bounds.append(tuple(pair and (pair[0] / ULPS, pair[1] / ULPS) for pair in intervals))
        found[person] = (said, bounds, time.perf_counter() - start)
    return found


def _auto_ets_runs(series: Series, season: int) -> dict[str, Run] | None:
    try:
        import numpy as np  # noqa: PLC0415 - optional, as the judge itself
        from statsforecast.models import AutoETS  # noqa: PLC0415
    except ImportError:
        return None
    found = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Compiled, or loaded, before it is timed.
        AutoETS(season_length=season).forecast(np.arange(30.0) % 5, h=1)
        for person, numbers in series.items():
            past = np.array(numbers, float)
            said: list[Forecast] = [None] * len(numbers)
            bounds: list[tuple[Bounds, ...]] = [(None,) * len(SHARES_PCT)] * len(numbers)
            seconds = 0.0
            for at in range(_LEAST, len(numbers)):
                start = time.perf_counter()
                try:
                    told = AutoETS(season_length=season).forecast(past[:at], h=1, level=list(SHARES_PCT))
                except (NotImplementedError, IndexError):  # too short for it; some short ones it fails on
                    continue
                seconds += time.perf_counter() - start
                said[at] = float(told["mean"][0])
                bounds[at] = tuple((float(told[f"lo-{s}"][0]), float(told[f"hi-{s}"][0])) for s in SHARES_PCT)
            found[person] = (said, bounds, seconds)
    return found


def _mase(runs: dict[str, Run], series: Series, counted: dict[str, Any]) -> tuple[float, float]:
    each, errors, naive = [], 0.0, 0.0
    for person, steps in counted.items():
        numbers, said = series[person], runs[person][0]
        off = sum(abs(numbers[at] - (said[at] or 0)) for at in steps)
        moved = sum(abs(numbers[at] - numbers[at - 1]) for at in steps)
        errors, naive = errors + off, naive + moved
        if moved:
            each.append(off / moved)
    return sum(each) / len(each), errors / naive


def _coverage(runs: dict[str, Run], series: Series, counted: dict[str, Any], which: int) -> float | None:
    inside, count = 0, 0
    for person, steps in counted.items():
        for at in steps:
            pair = runs[person][1][at][which]
            if pair is not None:
                count += 1
                inside += pair[0] <= series[person][at] <= pair[1]
    return 100 * inside / count if count else None
