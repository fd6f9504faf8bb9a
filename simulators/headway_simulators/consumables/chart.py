"""The chart of one consumable since its last replacement, after Fig. 7(b) of the founding paper: two lines and a limit.

Solid is what was driven, dotted what it was worth in wear; both go on along their regression lines to the limit. The chart is
SVG with real text, or PNG, the same bytes for the same input.
"""

import io
import math
from typing import Any

from headway_edge.core.consumable import CALENDAR, DUE, LINE
from headway_simulators.consumables.simulated_use import SimulatedUse

_INK, _FAINT, _REAL, _ADJUSTED, _BAND, _LIMIT = "#1d2733", "#c9d1da", "#2c5f9e", "#b3400a", "#f3ddd1", "#5b6672"
_SETTINGS: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "headway",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.5,
    "text.parse_math": False,
}


def draw(use: SimulatedUse, image: str = "svg") -> bytes:
    """Return an image of the last stretch of a consumable that has a limit. image: "svg" or "png".

    Days on the way, amounts in the definition's unit. What is "not yet" has no line into the future.
    """
    import matplotlib as mpl  # noqa: PLC0415 - takes a second to load
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(_SETTINGS):
        figure = Figure(figsize=(8.4, 4.4), dpi=100, layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        _fill(figure.add_subplot(), use)
        out = io.BytesIO()
        metadata = {"Date": None, "Creator": "Headway"} if image == "svg" else {"Software": "Headway"}
        figure.savefig(out, format=image, metadata=metadata)
    return out.getvalue()


def _fill(axes: Any, use: SimulatedUse) -> None:
    item, stretch = use.definition, use.stretches[-1]
    outlook = stretch.outlooks[-1]
    size = item.unit_size
    limit = item.limit / size
    today = len(stretch.real)
    days = range(today + 1)
    real, adjusted = ([0, *(amount / size for amount in line)] for line in (stretch.real, stretch.adjusted))
    end = today
    if outlook.fewest is not None and outlook.most is not None and outlook.reason in (LINE, CALENDAR):
        if outlook.fewest < outlook.most:
            span = (today + outlook.fewest, today + outlook.most)
            axes.axvspan(*span, color=_BAND, linewidth=0, zorder=0, label="to be expected in 80 of 100 cases")
        end = max(end, today + outlook.most)
    lines = [("real", real, outlook.real_days, _REAL, "-")]
    if item.worn != item.used:
        lines.append(("adjusted for wear", adjusted, outlook.adjusted_days, _ADJUSTED, ":"))
    for name, amounts, left, colour, dashes in lines:
        axes.plot(days, amounts, dashes, color=colour, linewidth=2.2, label=f"{name}, {amounts[-1]:,.0f} {item.unit}")
        if left:
            axes.plot([today, today + left], [amounts[-1], limit], dashes, color=colour, linewidth=1.2)
            axes.plot([today + left], [limit], "o", color=colour, markersize=5)
            axes.annotate(f"day {today + left}", (today + left, limit), (0, 6), textcoords="offset points", ha="center")
            end = max(end, today + left)
    axes.axhline(limit, color=_LIMIT, linewidth=1, linestyle=(0, (6, 3)))
    axes.annotate(
        f"limit {limit:,.0f} {item.unit}", (0, limit), (4, 5), textcoords="offset points", color=_LIMIT, fontsize=9.5
    )
    if outlook.calendar_days is not None and today + outlook.calendar_days <= end:
        due = today + outlook.calendar_days
        axes.axvline(due, color=_LIMIT, linewidth=1, linestyle=(0, (6, 3)))
        axes.annotate(
            f"due by age, day {due}", (due, 0), (4, 4), textcoords="offset points", color=_LIMIT, fontsize=9.5
        )
    axes.axvline(today, color=_FAINT, linewidth=1)
    axes.annotate("today", (today, 0), (4, 4), textcoords="offset points", color=_LIMIT, fontsize=9.5)
    axes.set_xlim(0, math.ceil(end * 1.07) + 1)
    axes.set_ylim(0, limit * 1.14)
    axes.set_xlabel(f"days since the replacement on day {stretch.start_day}")
    axes.set_ylabel(item.unit)
    axes.set_title(_title(use), loc="left", fontsize=11.5, fontweight="bold", color=_INK, pad=9)
    axes.grid(visible=True, color=_FAINT, linewidth=0.6, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.legend(loc="upper left", bbox_to_anchor=(0.01, 0.88), frameon=False)


def _title(use: SimulatedUse) -> str:
    item, outlook = use.definition, use.stretches[-1].outlooks[-1]
    if outlook.reason == DUE:
        return f"{item.title}: replace it now"
    if outlook.days is None:
        return f"{item.title}: not yet known how long it will last"
    band = "" if outlook.fewest == outlook.most else f" ({outlook.fewest} to {outlook.most})"
    why = ", by its age" if outlook.reason == CALENDAR else ""
    return f"{item.title}: {outlook.days} days left{band}{why}"
