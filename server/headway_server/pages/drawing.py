"""What the pages' images share: colours and sizes of a screen, and a figure that becomes the same bytes each time.

SVG with real text. Colours and size are parameters, because an image does not inherit the page's; matplotlib is loaded at
the first image, it takes a second to.
"""

import io
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

_drawing = threading.Lock()  # matplotlib's settings and font cache are of the process


@dataclass(frozen=True, slots=True)
class Look:
    """Colours and size, the size in inches of 100 px."""

    width: float
    height: float
    text_pt: float
    ink: str
    faint: str
    dots: str
    knots: str
    ground: str


Size = tuple[float, float, float]  # width, height, size of the text in points
_LIGHT = ("#1d2733", "#c9d1da", "#2c5f9e", "#b3400a", "#ffffff")
_DARK = ("#e6ebf1", "#3c4855", "#7fb2ec", "#ff9a5c", "#171d24")


def look(size: Size, *, dark: bool) -> Look:
    """Return how an image looks on a screen."""
    return Look(*size, *(_DARK if dark else _LIGHT))


def drawn(style: Look, paint: Callable[[Any], None]) -> bytes:
    """Return the SVG of a figure that `paint` has drawn on (a `matplotlib.figure.Figure`)."""
    import matplotlib as mpl  # noqa: PLC0415 - see above
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

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
        paint(figure)
        out = io.BytesIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "Headway"})
    return out.getvalue()
