"""Dimensions and units, so that kilometres are never compared with minutes, and every literal is converted exactly.

A dimension is a vector of exponents over the base units; a unit is a dimension and an exact factor. Both names are
needed: `UNITS` holds what expressions may use (`29*kmh`), `unit_of_text` reads how people write units (`1/100 km`).

>>> exact_text(Fraction(804672, 100000))
'8.04672'
>>> SPEED.name
'speed'
>>> described(SPEED, Fraction(1, 360))
'speed in 0.01 km/h'
"""

import re
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Dimension:
    """Exponents of the base units m, s, deg, revolution, degree Celsius, kg, V."""

    exponents: tuple[int, ...] = (0, 0, 0, 0, 0, 0, 0)

    def __mul__(self, other: "Dimension") -> "Dimension":
        return Dimension(tuple(a + b for a, b in zip(self.exponents, other.exponents, strict=True)))

    def __truediv__(self, other: "Dimension") -> "Dimension":
        return Dimension(tuple(a - b for a, b in zip(self.exponents, other.exponents, strict=True)))

    @property
    def name(self) -> str:
        """How messages call it: "speed", or its base units if it has no name of its own."""
        if self in _NAMED:
            return _NAMED[self][0]
        return "quantity"

    @property
    def unit(self) -> str:
        """The unit that messages and explanations show numbers in."""
        if self in _NAMED:
            return _NAMED[self][1]
        parts = [f"{base}^{n}" if n != 1 else base for base, n in zip(_BASES, self.exponents, strict=True) if n]
        return "·".join(parts)

    @property
    def unit_factor(self) -> Fraction:
        """`unit` in base units."""
        return _NAMED[self][2] if self in _NAMED else Fraction(1)


_BASES = ("m", "s", "deg", "rev", "°C", "kg", "V")
PLAIN = Dimension()
DISTANCE = Dimension((1, 0, 0, 0, 0, 0, 0))
TIME = Dimension((0, 1, 0, 0, 0, 0, 0))
SPEED = DISTANCE / TIME
ACCELERATION = SPEED / TIME
ANGLE = Dimension((0, 0, 1, 0, 0, 0, 0))
TURN_RATE = ANGLE / TIME
ENGINE_SPEED = Dimension((0, 0, 0, 1, 0, 0, 0)) / TIME
TEMPERATURE = Dimension((0, 0, 0, 0, 1, 0, 0))
MASS = Dimension((0, 0, 0, 0, 0, 1, 0))
VOLTAGE = Dimension((0, 0, 0, 0, 0, 0, 1))
VOLUME = DISTANCE * DISTANCE * DISTANCE
PRESSURE = MASS / (DISTANCE * TIME * TIME)
KMH = Fraction(1000, 3600)

_NAMED: dict[Dimension, tuple[str, str, Fraction]] = {
    PLAIN: ("plain number", "1", Fraction(1)),
    DISTANCE: ("distance", "m", Fraction(1)),
    TIME: ("time", "s", Fraction(1)),
    SPEED: ("speed", "km/h", KMH),
    ACCELERATION: ("acceleration", "m/s2", Fraction(1)),
    ANGLE: ("angle", "deg", Fraction(1)),
    TURN_RATE: ("angle rate", "deg/s", Fraction(1)),
    ENGINE_SPEED: ("engine speed", "rpm", Fraction(1, 60)),
    TEMPERATURE: ("temperature", "°C", Fraction(1)),
    MASS: ("mass", "kg", Fraction(1)),
    VOLTAGE: ("voltage", "V", Fraction(1)),
    VOLUME: ("volume", "l", Fraction(1, 1000)),
    PRESSURE: ("pressure", "kPa", Fraction(1000)),
}

# What expressions may multiply a literal with. Temperatures are in whole degrees Celsius and are never converted.
UNITS: dict[str, tuple[Dimension, Fraction]] = {
    "mm": (DISTANCE, Fraction(1, 1000)),
    "cm": (DISTANCE, Fraction(1, 100)),
    "m": (DISTANCE, Fraction(1)),
    "km": (DISTANCE, Fraction(1000)),
    "mile": (DISTANCE, Fraction(1609344, 1000)),
    "ms": (TIME, Fraction(1, 1000)),
    "s": (TIME, Fraction(1)),
    "min": (TIME, Fraction(60)),
    "h": (TIME, Fraction(3600)),
    "d": (TIME, Fraction(86400)),
    "kmh": (SPEED, KMH),
    "mps": (SPEED, Fraction(1)),
    "mph": (SPEED, Fraction(1609344, 3600000)),
    "mps2": (ACCELERATION, Fraction(1)),
    "g": (ACCELERATION, Fraction(980665, 100000)),
    "deg": (ANGLE, Fraction(1)),
    "degps": (TURN_RATE, Fraction(1)),
    "rpm": (ENGINE_SPEED, Fraction(1, 60)),
    "celsius": (TEMPERATURE, Fraction(1)),
    "kg": (MASS, Fraction(1)),
    "V": (VOLTAGE, Fraction(1)),
    "l": (VOLUME, Fraction(1, 1000)),
    "kPa": (PRESSURE, Fraction(1000)),
    "percent": (PLAIN, Fraction(1, 100)),
}

# Units as COVESA VSS and people write them, where that is not the name above.
_WRITTEN: dict[str, tuple[Dimension, Fraction]] = {
    "": (PLAIN, Fraction(1)),
    "1": (PLAIN, Fraction(1)),
    "%": UNITS["percent"],
    "percent": UNITS["percent"],
    "km/h": UNITS["kmh"],
    "m/s": UNITS["mps"],
    "m/s2": UNITS["mps2"],
    "m/s^2": UNITS["mps2"],
    "m2/s4": (ACCELERATION * ACCELERATION, Fraction(1)),
    "degrees": UNITS["deg"],
    "degrees/s": UNITS["degps"],
    "deg/s": UNITS["degps"],
    "°": UNITS["deg"],
    "°C": UNITS["celsius"],
}
# Not "g": as a unit of VSS that is the gram.
_SYMBOLS = {n: unit for n, unit in UNITS.items() if n not in {"kmh", "mps", "mps2", "degps", "percent", "g"}}
_QUOTIENT = re.compile(r"(?:(\d{1,6})|(?:(\d{1,6}) ?)?([A-Za-z]+))(?:/(?:(\d{1,6}) ?)?([A-Za-z]+))?")


def unit_of_text(text: str) -> tuple[Dimension, Fraction] | None:
    """Return (dimension, size in base units) of a unit as people write it, or None if it is not known.

    text: "km/h", "%", "s", "1/km", "1/100 km", "s/100 km", "degrees", "" or "1" for a plain number.

    >>> unit_of_text("1/100 km") == (PLAIN / DISTANCE, Fraction(1, 100000))
    True
    """
    if text in _WRITTEN:
        return _WRITTEN[text]
    match = _QUOTIENT.fullmatch(text)
    if match is None:
        return None
    bare, count, symbol, below_count, below = match.groups()
    if (symbol and symbol not in _SYMBOLS) or (below and below not in _SYMBOLS) or not int(bare or count or 1):
        return None
    dimension, size = _SYMBOLS[symbol] if symbol else (PLAIN, Fraction(1))
    size *= int(bare or count or 1)
    if below:
        if not int(below_count or 1):
            return None
        dimension, size = dimension / _SYMBOLS[below][0], size / (_SYMBOLS[below][1] * int(below_count or 1))
    return dimension, size


def unit_names() -> list[str]:
    """Units that `unit_of_text` knows by themselves, for messages."""
    return sorted({*_WRITTEN, *_SYMBOLS} - {""})


def exact_text(number: Fraction) -> str:
    """Return `number` as a decimal if it has a finite one of up to nine places, else as a fraction."""
    scaled = number * 10**9
    if scaled.denominator != 1:
        return f"{number.numerator}/{number.denominator}"
    sign, digits = ("-" if scaled < 0 else ""), str(abs(int(scaled))).rjust(10, "0")
    return (sign + digits[:-9] + "." + digits[-9:]).rstrip("0").rstrip(".")


def described(dimension: Dimension, quantum: Fraction) -> str:
    """Say what a number is and in which steps it is counted: "speed in 0.01 km/h", "plain number in 1"."""
    steps = exact_text(quantum / dimension.unit_factor)
    unit = "" if dimension == PLAIN else " " + dimension.unit
    if dimension == PLAIN and steps == "1":
        return dimension.name
    return f"{dimension.name} in {unit.strip() if steps == '1' else steps + unit}"
