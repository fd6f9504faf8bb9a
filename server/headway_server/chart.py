"""The chart of one characteristic in one cohort: every person a dot on the cumulative curve, published knots marked.

Drawn as SVG with real text, the same bytes for the same input. Colours and size are parameters, because an image does
not inherit the page's; matplotlib is loaded at the first chart, it takes a second to.
"""

import io
import threading
from dataclasses import dataclass
from typing import Any

from headway_edge.core.characteristics import Characteristic

_drawing = threading.Lock()  # matplotlib's settings and font cache are of the process


@dataclass(frozen=True, slots=True)
class Look:
    """Colours and size, the size in inches of 100 px."""

    width: float
    height: float
    ink: str
    faint: str
    dots: str
    knots: str
    ground: str
    text_pt: float


_WIDE, _NARROW = (7.6, 3.9, 10.5), (3.5, 3.3, 10.0)
_LIGHT = ("#1d2733", "#c9d1da", "#2c5f9e", "#b3400a", "#ffffff")
_DARK = ("#e6ebf1", "#3c4855", "#7fb2ec", "#ff9a5c", "#171d24")


def look(*, dark: bool, narrow: bool) -> Look:
    """Return how a chart looks on a screen."""
    width, height, text_pt = _NARROW if narrow else _WIDE
    return Look(width, height, *(_DARK if dark else _LIGHT), text_pt=text_pt)


def draw(
    characteristic: Characteristic,
    values: list[int],
    knots: tuple[list[int], list[int]] | None,
    title: str,
    style: Look,
) -> bytes:
    """Return an SVG.

    values: one of each person, in the characteristic's quantum, at least one. knots: (shares in per mille, values) as
    published, or None. title: one line; it may hold anything, it is drawn as text.
    """
    import matplotlib as mpl  # noqa: PLC0415 - see above
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.ticker import PercentFormatter  # noqa: PLC0415

    scale = 10**characteristic.decimals
    ordered = sorted(values)
    n = len(ordered)
    xs = [value / scale for value in ordered]
    ys = [100 * (i + 0.5) / n for i in range(n)]
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "headway",
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": style.text_pt,
        "text.parse_math": False,  # a title is a name, not mathematics
    }
    with _drawing, mpl.rc_context(settings):
        figure = Figure(figsize=(style.width, style.height), dpi=100, layout="constrained", facecolor=style.ground)
        FigureCanvasSVG(figure)
        engine: Any = figure.get_layout_engine()
        engine.set(w_pad=0.09, h_pad=0.09)
        axes = figure.add_subplot()
        axes.set_facecolor(style.ground)
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
        axes.set_xlabel(axis_label(characteristic))
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
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "Headway"})
    return out.getvalue()


def name_of(characteristic: Characteristic) -> str:
    """Return a characteristic's name for people: its key without the unit.

    >>> from headway_edge.core.characteristics import BY_ID
    >>> name_of(BY_ID[103]), name_of(BY_ID[107]), name_of(BY_ID[100])
    ('Short trip ratio', 'Hard accelerations', 'Trips')
    """
    key = characteristic.key
    for suffix in ("_per_100km", "_per_km", "_pct", "_kmh", "_km", "_s"):
        if key.endswith(suffix):
            key = key[: -len(suffix)]
            break
    return key.replace("_", " ").capitalize()


def axis_label(characteristic: Characteristic) -> str:
    """Return the name with the unit.

    >>> from headway_edge.core.characteristics import BY_ID
    >>> axis_label(BY_ID[103]), axis_label(BY_ID[100])
    ('Short trip ratio (%)', 'Trips')
    >>> axis_label(BY_ID[107])
    'Hard accelerations per 100 km'
    """
    name, unit = name_of(characteristic), unit_of(characteristic)
    if not unit:
        return name
    return f"{name} {unit}" if unit.startswith("per ") else f"{name} ({unit})"


def unit_of(characteristic: Characteristic) -> str:
    """Return the unit for people, "" for a mere number.

    >>> from headway_edge.core.characteristics import BY_ID
    >>> unit_of(BY_ID[107]), unit_of(BY_ID[103]), unit_of(BY_ID[100])
    ('per 100 km', '%', '')
    """
    unit: str = characteristic.unit
    if unit == "1":
        return ""
    return "per " + unit[2:] if unit.startswith("1/") else unit
