"""The chart of a characteristic by month: the months, the trend line through them, and the month that is expected."""

import math
from typing import Any

from headway_edge.core.process import Characteristic
from headway_server.pages import drawing
from headway_server.pages.drawing import Look
from headway_server.reading.labels import label_of
from headway_server.reading.trend import SHARE_PCT, Trend, month_label

_WIDE, _NARROW = (7.6, 3.4, 10.5), (3.5, 3.1, 9.5)
_TICK_IN = 0.85  # a label of a month with the room around it


def look(*, dark: bool, narrow: bool) -> Look:
    """Return how a chart looks on a screen."""
    return drawing.look(_NARROW if narrow else _WIDE, dark=dark)


def draw(characteristic: Characteristic, trend: Trend, style: Look) -> bytes:
    """Return an SVG of a trend that has at least one month. Months without a value interrupt the curve."""
    return drawing.drawn(style, lambda figure: _paint(figure, characteristic, trend, style))


def _paint(figure: Any, characteristic: Characteristic, trend: Trend, style: Look) -> None:
    scale = 10**characteristic.decimals
    axes = figure.add_subplot()
    axes.set_facecolor(style.ground)
    months = [month for month, _ in trend.months]
    values = [math.nan if value is None else value / scale for _, value in trend.months]
    axes.plot(months, values, "o-", color=style.dots, markersize=5, linewidth=1.2, label="a month", zorder=3)
    last = months[-1]
    if trend.expected is not None:
        one = trend.expected
        last = max(last, one.month)
        reach = [[max(0, one.value - one.low) / scale], [max(0, one.high - one.value) / scale]]
        axes.errorbar(
            [one.month],
            [one.value / scale],
            yerr=reach,
            fmt="D",
            color=style.knots,
            markerfacecolor=style.ground,
            markersize=7,
            capsize=5,
            linewidth=1.4,
            label=f"expected, {SHARE_PCT} %",
            zorder=4,
        )
    if trend.line is not None:
        ends = [months[0], months[-1]]
        heights = [trend.line.at(month) / scale for month in ends]
        axes.plot(ends, heights, "--", color=style.ink, linewidth=1.4, label="trend", zorder=2)
    axes.set_xlim(months[0] - 0.5, last + 0.5)
    step = math.ceil((last - months[0] + 1) / max(1, int(style.width / _TICK_IN) - 1))
    ticks = range(last, months[0] - 1, -step)
    axes.set_xticks(ticks, [month_label(month) for month in ticks])
    axes.margins(y=0.1)
    axes.set_title(
        label_of(characteristic), loc="left", fontsize=style.text_pt + 1, fontweight="bold", color=style.ink, pad=9
    )
    axes.grid(visible=True, axis="y", color=style.faint, linewidth=0.6, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(style.faint)
    axes.tick_params(colors=style.ink, color=style.faint)
    # Below the axis, where no value can lie.
    legend = axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.5, -0.1),
        ncols=3,
        frameon=False,
        fontsize=style.text_pt - 1,
        columnspacing=1.2,
        handletextpad=0.5,
    )
    for text in legend.get_texts():
        text.set_color(style.ink)
