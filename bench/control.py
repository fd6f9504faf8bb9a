"""How silent and how quick control charts are, on simulated numbers, and what an update costs."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.control_runs import (
    Cusum,
    Draw,
    Ewma,
    Numbers,
    Poisson,
    baseline,
    event_run_lengths,
    run_lengths,
    standardised,
)
from bench.recorded_series import Series, daily_steps, trip_characteristics
from bench.rows import Rows
from headway_simulators.errors import SimulatorError

ROOT = Path(__file__).parents[1]
CHARTS = 10_000
BASELINE = 20
LONGEST = 5000
QUANTA = 1000  # of a standard deviation
REPEATS = 5
SCRIPT = """
import sys, time
from headway_edge.core.control_chart import ControlChart, EventChart
from headway_edge.core.cusum_chart import CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.poisson_chart import EventRate, PoissonChart
from headway_edge.core.robust_baseline import RobustBaseline

ticks = time.perf_counter if hasattr(time, "perf_counter") else time.time
cusum = ControlChart(b"", RobustBaseline(True), CusumChart()).update
ewma = ControlChart(b"", RobustBaseline(True), EwmaChart()).update
events = EventChart(b"", EventRate(), PoissonChart())
for update in (cusum, ewma):
    for i in range(60):
        update((i * 37) % 201 - 100)
    start = ticks()
    for i in range(20000):
        update((i * 37) % 201 - 100)
    print((ticks() - start) * 50)
for i in range(60):
    events.update(i % 3, 100)
start = ticks()
for i in range(20000):
    events.update(i % 3, 100)
print((ticks() - start) * 50)
"""


def _normal(dice: np.random.Generator, shift: float = 0.0) -> Draw:
    return lambda count: np.rint(QUANTA * (dice.standard_normal(count) + shift)).astype(np.int64)


def _laplace(dice: np.random.Generator) -> Draw:
    return lambda count: np.rint(QUANTA / 2**0.5 * dice.laplace(size=count)).astype(np.int64)


def _lognormal(dice: np.random.Generator) -> Draw:
    # Of mean 0 and deviation 1, with the shape of a logarithm's deviation of 0.5: skewness 1.75.
    mean, deviation = np.exp(0.125), ((np.exp(0.25) - 1) * np.exp(0.25)) ** 0.5
    return lambda count: np.rint(QUANTA * (np.exp(dice.normal(0, 0.5, count)) - mean) / deviation).astype(np.int64)


def _smoothed(dice: np.random.Generator, shift: float, share: float = 0.2) -> Callable[[int], Numbers]:
    # Errors of a simple exponential smoothing that has settled, and learns the shift: each row one chart's.
    def rows(count: int) -> Numbers:
        values = dice.standard_normal((count, BASELINE + 40))
        values[:, BASELINE + 20 :] += shift
        level, errors = np.zeros(count), np.empty_like(values)
        for i in range(values.shape[1]):
            errors[:, i] = values[:, i] - level
            level += share * errors[:, i]
        return np.rint(QUANTA * errors).astype(np.int64)

    return rows


def _charts() -> list[tuple[str, Callable[[int], Cusum | Ewma]]]:
    return [
        ("CUSUM h 4", lambda count: Cusum(count, 4 << 12)),
        ("CUSUM h 5", lambda count: Cusum(count, 5 << 12)),
        ("EWMA 0.2, L 2.96", Ewma),
    ]


def figures() -> Rows:
    """Yield run lengths in updates, shares of charts, and µs per update."""
    dice = np.random.default_rng(1)
    for name, chart in _charts():
        known = run_lengths(chart(CHARTS), _normal(dice), (0, QUANTA << 4)).mean()
        shifted = run_lengths(chart(CHARTS), _normal(dice, 1.0), (0, QUANTA << 4)).mean()
        what = f"mean run length / at a shift of 1, {CHARTS} charts, mean and deviation known"
        yield f"{name}, normal", f"{known:.0f} / {shifted:.1f}", "updates", what
    for name, chart in _charts()[1:]:
        for shape, draw in (("normal", _normal(dice)), ("Laplace", _laplace(dice)), ("lognormal", _lognormal(dice))):
            for centre, errors in (("0", True), ("median", False)):
                first = draw(CHARTS * BASELINE).reshape(CHARTS, BASELINE)
                found = run_lengths(chart(CHARTS), draw, baseline(first, errors), LONGEST)
                yield (
                    f"{name}, {shape}, centre {centre}",
                    f"{np.median(found):.0f} / {100 * (found <= 50).mean():.0f} %",
                    "updates",
                    f"median run length / false alarm within 50, baseline of {BASELINE}",
                )
    for mean in (0.5, 2.0, 10.0):
        usual = round(4096 * mean)
        silent = event_run_lengths(Poisson(CHARTS), lambda n, m=mean: dice.poisson(m, n), usual).mean()
        twice = event_run_lengths(Poisson(CHARTS), lambda n, m=mean: dice.poisson(2 * m, n), usual).mean()
        half = event_run_lengths(Poisson(CHARTS), lambda n, m=mean: dice.poisson(m / 2, n), usual).mean()
        what = f"mean run length / at twice / at half the rate, {mean:g} events a trip, rate known"
        yield f"Poisson CUSUM h 7, {mean:g}", f"{silent:.0f} / {twice:.1f} / {half:.1f}", "trips", what
    for shift in (1.0, 2.0, 3.0):
        yield _found_after_smoothing(dice, shift)
    for leaning in (0.0, 0.15, 0.3):
        yield _errors_or_values(leaning)
    yield from _leanings()
    yield from _costs()


def _found_after_smoothing(dice: np.random.Generator, shift: float) -> tuple[str, str, str, str]:
    # A forecast learns a step, so its errors show it for a while only; beside it, a chart of the values themselves.
    shares = []
    for learns in (0.2, 0.0):
        rows = _smoothed(dice, shift, learns)(CHARTS)
        centre, spread = baseline(rows[:, :BASELINE], errors=True)
        left = np.arange(CHARTS)
        charts = Cusum(CHARTS)
        for numbers in rows[:, BASELINE + 20 : BASELINE + 40].T:
            found = charts.update(standardised(numbers[left], centre[left], spread[left])) != 0
            left = left[~found]
            charts.keep(~found)
        shares.append(100 * (1 - left.size / CHARTS))
    return (
        f"CUSUM h 5, step of {shift:g}",
        f"{shares[0]:.0f} % / {shares[1]:.0f} %",
        "of charts",
        "found within 20: errors of a smoothing with 0.2 / values beside a fixed level",
    )


def errors_or_values(leaning: float, step: float, within: int, errors: bool) -> float:
    """Return the share of charts, CUSUM with h 5, that signal within so many numbers after a step, in spreads.

    leaning: how much each number is like the one before, their autocorrelation at lag 1. errors: of a smoothing with 0.2,
    beside 0; else the numbers themselves, beside the median. Either way the baseline is that of the first 20 after the
    smoothing has settled, which is all that a device knows.
    """
    dice = np.random.default_rng(12)
    settling = 20
    change = settling + BASELINE
    numbers = dice.standard_normal((CHARTS, change + within))
    for i in range(1, change + within):
        numbers[:, i] = leaning * numbers[:, i - 1] + (1 - leaning**2) ** 0.5 * numbers[:, i]
    numbers[:, change:] += step
    if errors:
        level = numbers[:, 0].copy()
        for i in range(1, change + within):
            missed = numbers[:, i] - level
            numbers[:, i] = missed
            level += 0.2 * missed
    rows = np.rint(QUANTA * numbers).astype(np.int64)
    centre, spread = baseline(rows[:, settling:change], errors)
    charts, left = Cusum(CHARTS), np.arange(CHARTS)
    for column in rows[:, change:].T:
        silent = charts.update(standardised(column[left], centre[left], spread[left])) == 0
        left = left[silent]
        charts.keep(silent)
    return 1 - left.size / CHARTS


def _errors_or_values(leaning: float) -> tuple[str, str, str, str]:
    shares = []
    for errors in (True, False):
        false = 100 * errors_or_values(leaning, 0, 50, errors)
        found = " ".join(f"{100 * errors_or_values(leaning, step, 20, errors):.0f}" for step in (1.0, 2.0))
        shares.append(f"{false:.0f}: {found}")
    return (
        f"CUSUM h 5, autocorrelation {leaning:g}",
        " / ".join(shares),
        "%",
        "errors / values: false alarm within 50: found within 20, of steps of 1 and 2",
    )


def autocorrelation(series: Series) -> tuple[float, float]:
    """Return (mean over series, its standard error) of the autocorrelation at lag 1, its bias by (1 + 3 r) / n mended.

    Series of under ten numbers, and of nothing but one number, are left out.
    """
    found = []
    for numbers in series.values():
        away = np.array(numbers, float) - np.mean(numbers)
        if len(numbers) >= 10 and away.any():
            r = float((away[1:] * away[:-1]).sum() / (away * away).sum())
            found.append(r + (1 + 3 * r) / len(numbers))
    return float(np.mean(found)), float(np.std(found) / len(found) ** 0.5)


def _leanings() -> Rows:
    sets: dict[str, Series] = {}
    try:
        sets["daily steps"] = daily_steps()
    except FileNotFoundError as error:
        yield "autocorrelation, daily steps", "-", "", str(error)
    try:
        sets |= trip_characteristics(("idle_share_pct", "low_speed_share_pct"))
    except SimulatorError as error:
        yield "autocorrelation, trips", "-", "", str(error)
    for name, series in sets.items():
        r, give = autocorrelation(series)
        yield f"autocorrelation, {name}", f"{r:.2f} ± {give:.2f}", "", "at lag 1, mean over persons or vehicles"


def _costs() -> Rows:
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "script.py"
        script.write_text(SCRIPT)
        for name, command in (
            ("CPython", sys.executable),
            ("MicroPython", shutil.which("micropython")),
            ("MicroPython, 31-bit integers", shutil.which("micropython32")),
        ):
            if command is None:
                yield f"charts, {name}", "-", "", "not installed"
                continue
            runs = [_measure(command, script) for _ in range(REPEATS)]
            costs = " / ".join(f"{statistics.median(run):.1f}" for run in zip(*runs, strict=True))
            yield f"charts, {name}", costs, "µs/update", f"CUSUM / EWMA / Poisson, median of {REPEATS}"


def _measure(command: str, script: Path) -> list[float]:
    path = [str(ROOT / "protocol"), str(ROOT / "edge")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path), "MICROPYPATH": ":".join([*path, ".frozen"])}
    done = subprocess.run([command, str(script)], env=environment, capture_output=True, text=True, check=True)
    return [float(line) for line in done.stdout.split()]
