"""Plots of forecast against actual, an SVG for each activity, with the same bytes for the same input."""

import io
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headway_edge.core.forecast.fixed_point import ULPS
from headway_simulators.costing.evaluation import Evaluation, Forecast
from headway_simulators.costing.event_log import QUANTA_PER_HOUR, hours
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LATEST = 150  # activities that are drawn over time; more are a blur
_ACTIVITIES_MAX = 24
_LEAST_H = 0.01  # what a logarithmic axis begins with
_INK, _FAINT, _ACTUAL, _SES, _FACTORS = "#1d2733", "#c9d1da", "#7d8894", "#2c5f9e", "#b3400a"


def draw(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Write the plots of the activities that were evaluated most often, up to 24, and return their paths.

    Raises SimulatorError when the folder cannot be written to.
    """
    by_activity: defaultdict[str, list[Forecast]] = defaultdict(list)
    for item in evaluation.forecasts:
        by_activity[evaluation.log.activities[item.index].activity].append(item)
    chosen = sorted(by_activity, key=lambda name: (-len(by_activity[name]), name))[:_ACTIVITIES_MAX]
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(chosen, 1):
            slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40]
            path = folder / f"{number:02d}-{slug or 'activity'}.svg"
            path.write_bytes(_drawn(evaluation, name, by_activity[name]))
            paths.append(path)
    except OSError as error:
        raise SimulatorError(f"the plots cannot be written to {folder}: {error}.") from None
    return paths


def _drawn(evaluation: Evaluation, name: str, items: list[Forecast]) -> bytes:
    import matplotlib as mpl  # noqa: PLC0415 - it takes a second, and most runs draw nothing
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: PLC0415

    actual = [hours(evaluation.log.activities[item.index].time_q) for item in items]
    ses = [item.ses_ulps / ULPS / QUANTA_PER_HOUR for item in items]
    factors = [item.factors_ulps / ULPS / QUANTA_PER_HOUR for item in items]
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "headway",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 10,
        "text.parse_math": False,  # a name is no mathematics
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(9.6, 3.9), dpi=100, layout="constrained", facecolor="#ffffff")
        FigureCanvasSVG(figure)
        over_time, against = figure.subplots(1, 2, width_ratios=[1.6, 1])
        first = max(0, len(items) - _LATEST)
        places = range(first + 1, len(items) + 1)
        over_time.plot(places, actual[first:], "o", color=_ACTUAL, markersize=3.5, markeredgewidth=0, label="actual")
        over_time.plot(places, ses[first:], color=_SES, linewidth=1.3, label="SES")
        over_time.plot(places, factors[first:], color=_FACTORS, linewidth=1.3, label="with customer factors")
        over_time.set_xlabel("activity, in order of its start" + (f"; the latest {_LATEST}" if first else ""))
        over_time.set_ylabel("hours")
        over_time.set_ylim(bottom=0)
        over_time.set_title(name[:60], loc="left", fontweight="bold", color=_INK)
        over_time.legend(frameon=False, fontsize=9, loc="upper right")
        shown = [[max(value, _LEAST_H) for value in values] for values in (actual, ses, factors)]
        most = max(max(values) for values in shown)
        least = min(min(values) for values in shown)
        against.plot([least, most], [least, most], color=_FAINT, linewidth=1)
        size = max(1.5, min(5.0, 120 / len(items)))
        against.plot(shown[1], shown[0], "o", color=_SES, markersize=size, markeredgewidth=0, alpha=0.6)
        against.plot(shown[2], shown[0], "o", color=_FACTORS, markersize=size, markeredgewidth=0, alpha=0.6)
        against.set_xscale("log")
        against.set_yscale("log")
        for axis in (against.xaxis, against.yaxis):
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            axis.set_minor_formatter(NullFormatter())
        against.set_xlabel("forecast, hours")
        against.set_ylabel("actual, hours")
        against.set_title(f"{len(items)} activities", loc="left", color=_INK)
        for axes in (over_time, against):
            _quiet(axes)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "Headway"})
    return out.getvalue()


def _quiet(axes: "Axes") -> None:
    axes.grid(visible=True, color=_FAINT, linewidth=0.6, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(_FAINT)
    axes.tick_params(colors=_INK, color=_FAINT)
