"""What characteristics are called on pages and charts, and which of them are shown first."""

from headway_edge.core.process import NEUTRAL, Characteristic, Process, text

_COLUMNS_MAX = 9


def unit_of(characteristic: Characteristic) -> str:
    """Return the unit for people, "" for a mere number.

    >>> [unit_of(_made("x", unit)) for unit in ("1", "%", "1/100 km", "s/100 km")]
    ['', '%', 'per 100 km', 's/100 km']
    """
    unit: str = characteristic.unit
    if unit == "1":
        return ""
    return "per " + unit[2:] if unit.startswith("1/") else unit


def label_of(characteristic: Characteristic) -> str:
    """Return the title with the unit, which is not said twice.

    >>> [label_of(_made(title, unit)) for title, unit in (("Trips", "1"), ("Mileage", "km"), ("Stops", "1/km"))]
    ['Trips', 'Mileage (km)', 'Stops per km']
    >>> label_of(_made("Stops per km", "1/km"))
    'Stops per km'
    """
    title, unit = characteristic.title, unit_of(characteristic)
    if not unit or title.endswith(unit):
        return str(title)
    return f"{title} {unit}" if unit.startswith("per ") else f"{title} ({unit})"


def with_unit(characteristic: Characteristic, value: int | None) -> str:
    """Return a value as people read it beside the title, which may say the unit.

    >>> [with_unit(_made("x", unit), 12) for unit in ("1", "%", "1/100 km")]
    ['12', '12 %', '12 per 100 km']
    >>> with_unit(_made("Stops per km", "1/km"), 12)
    '12'
    """
    unit = unit_of(characteristic)
    shown = text(characteristic, value)
    return shown if not unit or characteristic.title.endswith(unit) else f"{shown} {unit}"


def columns_of(process: Process) -> list[Characteristic]:
    """Return the characteristics of a period that a table has room for: those for the headline, else the first."""
    headline = [c for c in process.period if c.headline]
    return headline or process.period[:_COLUMNS_MAX]


def first_of(process: Process) -> Characteristic | None:
    """Return the characteristic to begin with, one where less or more is better; None if the pack has none at all."""
    columns = columns_of(process)
    return next((c for c in columns if c.direction != NEUTRAL), columns[0] if columns else None)


def _made(title: str, unit: str) -> Characteristic:
    return Characteristic([1, 1, 0, NEUTRAL, [], [], 1, 1, 0], {"title": title, "unit": unit})
