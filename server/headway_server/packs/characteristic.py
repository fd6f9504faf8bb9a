"""A characteristic's quotient: which counts, and the factor that brings them into the unit people read.

The author says `numerator`, `denominator`, `unit` and `decimals`; the factor follows from the units, so nobody has to
work out that metres over tenths of a second times 3600 are hundredths of km/h.

>>> from headway_server.packs.dimension import DISTANCE, TIME
>>> cells = [Cell(DISTANCE, Fraction(1)), Cell(TIME, Fraction(1, 10))]
>>> item = Entry(("trip", "mean_speed_kmh"), {"unit": "km/h", "decimals": 2, "numerator": ["m"], "denominator": ["t"]})
>>> compile_characteristic(item, {"m": (0,), "t": (1,)}, cells, set())
[[0], [1], 3600, 1]
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from headway_server.packs.dimension import PLAIN, Dimension, described, unit_names, unit_of_text
from headway_server.packs.names import Name, UsesWrongNameError, bands
from headway_server.packs.problems import none_of
from headway_server.packs.quantity import ExpressionError
from headway_server.packs.source import Entry


class FieldError(ExpressionError):
    """A field of a characteristic that means nothing. field: its name."""

    def __init__(self, field: str, what: str) -> None:
        super().__init__(what)
        self.field = field


@dataclass(frozen=True)
class Cell:
    """A count on the wire, or a period total: what it is and in which steps it is counted."""

    dimension: Dimension
    quantum: Fraction


def compile_characteristic(
    item: Entry, names: Mapping[str, tuple[int, ...]], cells: list[Cell], wrong: set[str]
) -> list[Any]:
    """Return [numerator indexes, denominator indexes, factor, divisor].

    names: the indexes in `cells` that each name stands for. wrong: names whose definition has been refused already.
    Raises FieldError.
    """
    sides = []
    for key in ("numerator", "denominator"):
        indexes: list[int] = []
        for text in item.texts(key):
            try:
                indexes.extend(_indexes(text, names, wrong))
            except UsesWrongNameError:
                raise
            except ExpressionError as error:
                raise FieldError(key, str(error)) from None
        kinds = {cells[index] for index in indexes}
        if len(kinds) > 1:
            shown = " and ".join(sorted(described(cell.dimension, cell.quantum) for cell in kinds))
            raise FieldError(key, f"a sum of {shown}")
        if len(set(indexes)) != len(indexes):
            raise FieldError(key, "the same count twice")
        sides.append((indexes, kinds.pop() if kinds else Cell(PLAIN, Fraction(1))))
    (above, top), (below, bottom) = sides
    if not above:
        raise FieldError("numerator", "names one count at least")
    unit = unit_of_text(item.text("unit"))
    if unit is None:
        what = none_of(item.text("unit"), unit_names()) + "; also quotients such as 1/100 km"
        raise FieldError("unit", what)
    if unit[0] != top.dimension / bottom.dimension:
        found = top.dimension / bottom.dimension
        what = f"{item.text('unit')!r} is a {unit[0].name} ({unit[0].unit}), but the quotient is a {found.name} ({found.unit})"
        raise FieldError("unit", what)
    factor = top.quantum / bottom.quantum / unit[1] * 10 ** item.fields["decimals"]
    return [above, below, factor.numerator, factor.denominator]


def _indexes(text: str, names: Mapping[str, tuple[int, ...]], wrong: set[str]) -> tuple[int, ...]:
    name = text.partition("[")[0].strip()
    if name in wrong:
        raise UsesWrongNameError(name)
    if name not in names:
        raise ExpressionError(f"unknown name: {none_of(name, sorted(names))}")
    if "[" not in text:
        return names[name]
    return bands(text, {name: Name("bands", None, names[name])})
