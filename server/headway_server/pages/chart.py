"""The chart of one characteristic in one cohort: every person a dot on the cumulative curve, published knots marked."""

from typing import Any

from headway_edge.core.process import Characteristic
from headway_server.pages import drawing
from headway_server.pages.drawing import Look
from headway_server.reading.labels import label_of

_WIDE, _NARROW = (7.6, 3.9, 10.5), (3.5, 3.3, 10.0)


def look(*, dark: bool, narrow: bool) -> Look:
    """Return how a chart looks on a screen."""
    return drawing.look(_NARROW if narrow else _WIDE, dark=dark)


def draw(
    characteristic: Characteristic,
    values: list[int],
    knots: tuple[list[int], list[int]] | None,
    title: str,
    style: Look,
) -> bytes:
    """Return an SVG.

    values: one of each person, in the characteristic's quantum; [] draws the knots only. knots: (shares in per mille,
    values) as published, or None. title: one line; it may hold anything, it is drawn as text.
    """
    return drawing.drawn(style, lambda figure: _paint(figure, characteristic, sorted(values), knots, title, style))


def _paint(
    figure: Any,
    characteristic: Characteristic,
    ordered: list[int],
    knots: tuple[list[int], list[int]] | None,
    title: str,
    style: Look,
) -> None:
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415 - see `drawing`

    scale = 10**characteristic.decimals
    axes = figure.add_subplot()
    axes.set_facecolor(style.ground)
    if ordered:
        n = len(ordered)
        xs = [value / scale for value in ordered]
        ys = [100 * (i + 0.5) / n for i in range(n)]
        axes.step(xs, ys, where="post", color=style.faint, linewidth=1.5, zorder=1)
        size = max(2.0, min(7.0, 90 / n))
        axes.plot(xs, ys, "o", color=style.dots, markersize=size, markeredgewidth=0, label="a person", zorder=3)
    if knots is not None:
        shares, knot_values = knots
        axes.plot(
            [value / scale for value in knot_values],
            [share / 10 for share in shares],
            "D-",
            color=style.knots,
            markerfacecolor=style.ground,
            markersize=7,
            linewidth=1.2,
            label="published knot",
            zorder=4,
        )
    axes.set_ylim(0, 100)
    axes.margins(x=0.04)
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, 0) if low < 0.3 * high else low, high)
    axes.yaxis.set_major_formatter(PercentFormatter(decimals=0))
    axes.set_ylabel("persons at or below")
    axes.set_xlabel(label_of(characteristic))
    axes.set_title(title, loc="left", fontsize=style.text_pt + 1, fontweight="bold", color=style.ink, pad=9)
    axes.grid(visible=True, color=style.faint, linewidth=0.6, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(style.faint)
    axes.tick_params(colors=style.ink, color=style.faint)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(style.ink)
    legend = axes.legend(loc="lower right", frameon=False, fontsize=style.text_pt - 1)
    for text in legend.get_texts():
        text.set_color(style.ink)
