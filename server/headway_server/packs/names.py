"""What names in expressions stand for, bands among them, and how the text of an expression becomes a syntax tree.

Bands are several counts under one name: `speed_bands` are all of them, `speed_bands[3]` is one, `speed_bands[1:]` are
all but the first.

>>> bands("speed_bands[1:]", {"speed_bands": Name("bands", None, (6, 7, 8))})
(7, 8)
"""

import ast
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from headway_server.packs.dimension import TIME
from headway_server.packs.problems import none_of
from headway_server.packs.quantity import ExpressionError, Number

TEXT_LENGTH_MAX = 2000


@dataclass(frozen=True)
class Name:
    """What a name stands for. kind: "signal", "value", "parameter", "count" or "bands" (then `cells` are its counts).

    quantity: None if its own definition is wrong; whoever uses it is then passed over, for one mistake is one message.
    """

    kind: str
    quantity: Number | None
    cells: tuple[int, ...] = ()


class UsesWrongNameError(ExpressionError):
    """An expression uses a name whose own definition is wrong; that one has been reported already."""


def parsed(text: str) -> tuple[str, ast.expr]:
    """Return `text` in one line, and its syntax tree. Raises ExpressionError; any text is refused in bounded time."""
    if len(text) > TEXT_LENGTH_MAX:
        raise ExpressionError(f"an expression of {len(text)} characters; the limit is {TEXT_LENGTH_MAX}")
    if "#" in text:
        raise ExpressionError("'#' in an expression; put the comment on a line of its own in the TOML")
    line = " ".join(text.split())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # what Python only warns of ("1or 2") is unclear to readers too
            return line, ast.parse(line, mode="eval").body
    except SyntaxError as error:
        where = f" (at character {error.offset})" if error.offset else ""
        raise ExpressionError(f"not an expression: {error.msg}{where}") from None
    except (ValueError, MemoryError, RecursionError, Warning):
        raise ExpressionError("not an expression: nested too deep, or a number too long") from None


def bands(text: str, names: Mapping[str, Name]) -> tuple[int, ...]:
    """Return the counts that `name`, `name[3]` or `name[1:]` stand for, of bands in `names`. Raises ExpressionError."""
    return band_cells(parsed(text)[1], names)


def band_cells(node: ast.expr, names: Mapping[str, Name]) -> tuple[int, ...]:
    """Return what `bands` does, of a syntax tree."""
    base = node.value if isinstance(node, ast.Subscript) else node
    if not isinstance(base, ast.Name):
        raise ExpressionError("bands are written as name, name[3] or name[1:]")
    known_bands = sorted(name for name, known in names.items() if known.kind == "bands")
    if base.id not in known_bands:
        raise ExpressionError(f"unknown bands: {none_of(base.id, known_bands)}")
    cells = names[base.id].cells
    if not cells:
        raise UsesWrongNameError(base.id)
    if not isinstance(node, ast.Subscript):
        return cells
    if isinstance(node.slice, ast.Slice) and node.slice.step is None:
        first, last = _index(node.slice.lower, 0, len(cells)), _index(node.slice.upper, len(cells), len(cells))
    else:
        first = _index(node.slice, 0, len(cells) - 1)
        last = first + 1
    if not cells[first:last]:
        raise ExpressionError(f"no band is left of {base.id}, which has {len(cells)}")
    return cells[first:last]


def _index(node: ast.expr | None, absent: int, most: int) -> int:
    if node is None:
        return absent
    number: Any = node.value if isinstance(node, ast.Constant) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= most:
        raise ExpressionError(f"a band's number is a whole literal in 0..{most}")
    return number


def band_count(cell: int) -> Number:
    """Return the time in one band."""
    return Number(["a", cell], TIME, Fraction(1, 10))
