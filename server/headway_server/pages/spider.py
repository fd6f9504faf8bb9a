"""The score's axes as a spider chart, 0 in the middle and 100 outside; fewer than three axes are bars, they span no web.

(Spider chart of normalised characteristics: Lim et al., customer process management, Fig. 7a.)
"""

import math
import textwrap
from dataclasses import replace
from typing import Any

from headway_server.pages import drawing
from headway_server.pages.drawing import Look

_WIDE, _NARROW = (5.4, 4.0, 10.5), (3.5, 3.5, 9.5)  # the heights are the most that are taken
_WEB_MIN = 3
_LINE, _LINES = 13, 3  # of a label's title, at most
_WORDS_LINE = 8  # characters of a line that words are put together on
_EM = 0.62  # mean width of a character, in sizes of the text
_LEADING = 1.25
_GAP_IN = 0.1
_RADIUS_MIN_IN = 0.4
_RINGS = (25, 50, 75, 100)


def look(*, dark: bool, narrow: bool) -> Look:
    """Return how a spider chart looks on a screen."""
    return drawing.look(_NARROW if narrow else _WIDE, dark=dark)


def draw(axes: list[tuple[str, int]], style: Look) -> bytes:
    """Return an SVG. axes: (title, points 0..100) of each axis that has data, at least one, in the order they are drawn."""
    if len(axes) < _WEB_MIN:
        low = replace(style, height=0.5 + 0.6 * len(axes))
        return drawing.drawn(low, lambda figure: _bars(figure, axes, low))
    labels = [_label(title, points) for title, points in axes]
    ways = [(math.sin(turn), math.cos(turn)) for turn in (2 * math.pi * i / len(axes) for i in range(len(axes)))]
    radius = _radius(ways, labels, style)
    bottom, top = _reach(ways, labels, radius, style)
    fitted = replace(style, height=top - bottom)
    points = [value for _, value in axes]
    return drawing.drawn(fitted, lambda figure: _web(figure, ways, points, labels, (radius, bottom, top), fitted))


def _web(
    figure: Any,
    ways: list[tuple[float, float]],
    points: list[int],
    labels: list[list[str]],
    extent: tuple[float, float, float],
    style: Look,
) -> None:
    # extent: radius of the web, bottom and top of everything; in inches, the web's middle at 0.
    radius, bottom, top = extent

    def at(values: list[int]) -> tuple[list[float], list[float]]:
        # Straight from axis to axis, and back to the first.
        found = [(radius * r / 100 * x, radius * r / 100 * y) for r, (x, y) in zip(values, ways, strict=True)]
        return [x for x, _ in (*found, found[0])], [y for _, y in (*found, found[0])]

    figure.set_layout_engine("none")
    plot = figure.add_axes((0, 0, 1, 1))
    plot.axis("off")
    plot.set_xlim(-style.width / 2, style.width / 2)
    plot.set_ylim(bottom, top)
    for ring in _RINGS:
        plot.plot(*at([ring] * len(ways)), color=style.faint, linewidth=0.8)
    for x, y in ways:
        plot.plot([0, radius * x], [0, radius * y], color=style.faint, linewidth=0.8)
    web = at(points)
    plot.fill(*web, color=style.dots, alpha=0.25, linewidth=0)
    plot.plot(*web, "o-", color=style.dots, markersize=5, linewidth=1.6)
    for (x, y), lines in zip(ways, labels, strict=True):
        plot.text(
            (radius + _GAP_IN) * x,
            (radius + _GAP_IN) * y,
            "\n".join(lines),
            color=style.ink,
            horizontalalignment="center" if _is_upright(x) else "left" if x > 0 else "right",
            verticalalignment="center" if not _is_upright(x) else "bottom" if y > 0 else "top",
            linespacing=_LEADING,
        )


def _radius(ways: list[tuple[float, float]], labels: list[list[str]], style: Look) -> float:
    """The largest web that leaves its labels room."""
    radii = []
    upright_in = 0.0
    for (x, _), lines in zip(ways, labels, strict=True):
        if _is_upright(x):
            upright_in += _height_in(lines, style) + 2 * _GAP_IN
        else:
            width_in = max(map(len, lines)) * _EM * style.text_pt / 72
            radii.append((style.width / 2 - width_in - 2 * _GAP_IN) / abs(x))
    highest, lowest = max(y for _, y in ways), min(y for _, y in ways)
    beside_in = 0.0 if any(_is_upright(x) and y < 0 for x, y in ways) else 3 * style.text_pt / 72
    radii.append((style.height - upright_in - beside_in) / (highest - lowest))
    return max(_RADIUS_MIN_IN, min(radii))


def _reach(ways: list[tuple[float, float]], labels: list[list[str]], radius: float, style: Look) -> tuple[float, float]:
    """(bottom, top) of what is drawn, the web's middle at 0."""
    tops, bottoms = [], []
    for (x, y), lines in zip(ways, labels, strict=True):
        height_in = _height_in(lines, style)
        reach = (radius + _GAP_IN) * y
        tops.append(reach + (height_in if _is_upright(x) and y > 0 else height_in / 2))
        bottoms.append(reach - (height_in if _is_upright(x) and y < 0 else height_in / 2))
    return min(bottoms) - _GAP_IN, max(tops) + _GAP_IN


def _is_upright(x: float) -> bool:
    return abs(x) < 0.1


def _height_in(lines: list[str], style: Look) -> float:
    return len(lines) * _LEADING * style.text_pt / 72


def _bars(figure: Any, axes: list[tuple[str, int]], style: Look) -> None:
    plot = figure.add_subplot()
    plot.set_facecolor(style.ground)
    plot.barh(range(len(axes)), [points for _, points in axes], color=style.dots, height=0.5)
    plot.set_yticks(range(len(axes)), ["\n".join(_label(*axis)) for axis in axes])
    plot.set_xlim(0, 100)
    plot.set_ylim(len(axes) - 0.5, -0.5)
    plot.set_xticks((0, *_RINGS))
    plot.grid(visible=True, axis="x", color=style.faint, linewidth=0.8)
    plot.set_axisbelow(True)
    plot.spines[["top", "right", "bottom"]].set_visible(False)
    plot.spines["left"].set_color(style.faint)
    plot.tick_params(colors=style.ink, color=style.faint, length=0)


def _label(title: str, points: int) -> list[str]:
    lines = textwrap.wrap(title, _WORDS_LINE, break_long_words=False, max_lines=_LINES, placeholder=" …")
    return [*(line if len(line) <= _LINE else line[: _LINE - 1] + "…" for line in lines), str(points)]
