"""What an expression can be: a literal not yet counted in anything, a number counted in a quantum, or a condition.

Numbers carry their dimension and quantum (what one count stands for, in base units); bringing two of them together is
exact or an error, never a rounding. The trees are those of the compiled pack.

>>> from headway_server.packs.dimension import KMH, SPEED
>>> speed = Number(["s", 0], SPEED, Fraction(1, 360))  # in 0.01 km/h
>>> in_quanta(Literal(29 * KMH, SPEED), speed)
2900
>>> in_quanta(Literal(Fraction(804672, 100000) * KMH, SPEED), speed)
Traceback (most recent call last):
...
headway_server.packs.quantity.ExpressionError: 8.04672 km/h is no whole number of 0.01 km/h; the nearest are 8.04 and 8.05 km/h
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor, gcd, lcm
from typing import Any, TypeAlias

from headway_edge.core.pack_limits import NUMBER_MAX
from headway_server.packs.dimension import PLAIN, Dimension, described, exact_text

Tree: TypeAlias = "int | list[Any]"


class ExpressionError(ValueError):
    """An expression that means nothing here; the text says why and what would."""


@dataclass(frozen=True)
class Literal:
    """A number as written, in base units; it takes on the quantum of what it meets."""

    value: Fraction
    dimension: Dimension

    @property
    def text(self) -> str:
        """As a person would write it."""
        unit = "" if self.dimension == PLAIN else " " + self.dimension.unit
        return exact_text(self.value / self.dimension.unit_factor) + unit

    @property
    def described(self) -> str:
        """What it is, for messages."""
        return f"{self.text} ({self.dimension.name})"


@dataclass(frozen=True)
class Number:
    """A number that is computed. quantum: what one count is, in base units. wraps: a direction, like a heading."""

    tree: Tree
    dimension: Dimension
    quantum: Fraction
    wraps: bool = False

    @property
    def described(self) -> str:
        """What it is, for messages."""
        return described(self.dimension, self.quantum)


@dataclass(frozen=True)
class Condition:
    """True or false."""

    tree: list[Any]

    @property
    def described(self) -> str:
        """What it is, for messages."""
        return "condition"


Quantity: TypeAlias = Literal | Number | Condition


def in_quanta(literal: Literal, number: Number) -> int:
    """Return `literal` counted in the quantum of `number`. A bare 0 fits everything.

    Raises ExpressionError if they are of different dimensions, or the count is not whole or beyond the device's numbers.
    """
    if literal.value == 0 and literal.dimension == PLAIN:
        return 0
    if literal.dimension != number.dimension:
        raise ExpressionError(f"{literal.described} does not go with {number.described}" + _unit_hint(literal, number))
    return whole(literal, number.quantum)


def whole(literal: Literal, quantum: Fraction) -> int:
    """Return how many `quantum` (of the same dimension) `literal` is. Raises ExpressionError unless that is whole."""
    count = literal.value / quantum
    if count.denominator != 1:
        steps = Literal(quantum, literal.dimension).text
        below = Literal(floor(count) * quantum, literal.dimension).text.partition(" ")[0]
        above = Literal((floor(count) + 1) * quantum, literal.dimension).text
        raise ExpressionError(f"{literal.text} is no whole number of {steps}; the nearest are {below} and {above}")
    if abs(count) > NUMBER_MAX:
        raise ExpressionError(f"{literal.text} is {int(count)} steps; the device's numbers end at {NUMBER_MAX}")
    return int(count)


def together(first: Literal | Number, second: Literal | Number) -> tuple[Tree, Tree, Dimension, Fraction]:
    """Return both trees in one quantum, with their dimension and that quantum; at least one is a Number.

    Where the quanta differ, the coarser one is multiplied: exact. Raises ExpressionError where they do not go together.
    """
    if isinstance(first, Literal):
        if isinstance(second, Literal):
            raise ExpressionError(f"{first.text} and {second.text} are both constants; write the result")
        return in_quanta(first, second), second.tree, second.dimension, second.quantum
    if isinstance(second, Literal):
        return first.tree, in_quanta(second, first), first.dimension, first.quantum
    if first.dimension != second.dimension:
        raise ExpressionError(f"{first.described} does not go with {second.described}")
    quantum = _common(first.quantum, second.quantum)
    return _scaled(first, quantum), _scaled(second, quantum), first.dimension, quantum


def _common(a: Fraction, b: Fraction) -> Fraction:
    return Fraction(gcd(a.numerator, b.numerator), lcm(a.denominator, b.denominator))


def _scaled(number: Number, quantum: Fraction) -> Tree:
    times = number.quantum / quantum
    return number.tree if times == 1 else ["*", number.tree, int(times)]


def _unit_hint(literal: Literal, number: Number) -> str:
    if literal.dimension == PLAIN:
        return f"; give it a unit, for example {literal.text}*{_spelled(number.dimension)}"
    return ""


def _spelled(dimension: Dimension) -> str:
    return (
        dimension.unit.replace("km/h", "kmh").replace("m/s2", "mps2").replace("deg/s", "degps").replace("°C", "celsius")
    )
