"""What each operator makes of its operands: trees, dimensions and quanta, without a word of syntax.

Every function returns a new quantity or raises ExpressionError; literals take on the quantum of what they meet.

>>> from headway_server.packs.dimension import KMH, SPEED
>>> speed = Number(["s", 0], SPEED, Fraction(1, 360))
>>> rounded(speed, Literal(KMH, SPEED))
Number(tree=['round', ['s', 0], 100], dimension=Dimension(exponents=(1, -1, 0, 0, 0, 0, 0)), quantum=Fraction(5, 18), wraps=False)
>>> joined("and", [Condition(["and", ["x"], ["y"]]), Condition(["z"])]).tree
['and', ['x'], ['y'], ['z']]
"""

from fractions import Fraction
from typing import Any

from headway_server.packs.dimension import PLAIN
from headway_server.packs.quantity import (
    Condition,
    ExpressionError,
    Literal,
    Number,
    Quantity,
    Tree,
    in_quanta,
    together,
    whole,
)

ONE = Fraction(1)


def added(first: Literal | Number, second: Literal | Number, sign: int) -> Literal | Number:
    """Return first + sign * second; sign is 1 or -1."""
    if isinstance(first, Literal) and isinstance(second, Literal):
        if first.dimension != second.dimension:
            raise ExpressionError(f"{first.described} does not go with {second.described}")
        return Literal(first.value + sign * second.value, first.dimension)
    refuse_direction(first)
    refuse_direction(second)
    left, right, dimension, quantum = together(first, second)
    return Number(["+" if sign > 0 else "-", left, right], dimension, quantum)


def refuse_direction(number: Literal | Number) -> None:
    """Raise if `number` is a direction, whose difference must be taken the shorter way round."""
    if isinstance(number, Number) and number.wraps:
        raise ExpressionError("a direction starts again at 0: use turn(...) or turned(...) for its change")


def negative(number: Literal | Number) -> Literal | Number:
    """Return -number."""
    if isinstance(number, Literal):
        return Literal(-number.value, number.dimension)
    refuse_direction(number)
    return Number(["-", 0, number.tree], number.dimension, number.quantum)


def product(first: Literal | Number, second: Literal | Number) -> Literal | Number:
    """Return first * second; a literal beside a number must be plain and whole."""
    if isinstance(first, Literal) and isinstance(second, Literal):
        return Literal(first.value * second.value, first.dimension * second.dimension)
    trees: list[Tree] = []
    dimension, quantum = PLAIN, ONE
    for one in (first, second):
        refuse_direction(one)
        if isinstance(one, Number):
            trees.append(one.tree)
            dimension, quantum = dimension * one.dimension, quantum * one.quantum
        elif one.dimension != PLAIN:
            raise ExpressionError(f"{one.described} times a number: multiply by whole numbers, or two numbers")
        else:
            trees.append(whole(one, ONE))
    return Number(["*", *trees], dimension, quantum)


def divided(number: Literal | Number, by: Literal | Number) -> Literal | Number:
    """Return number / by, exactly: what is divided is the step that it is counted in, so a device has nothing to do.

    >>> from headway_server.packs.dimension import SPEED, TIME
    >>> divided(Number(["s", 0], SPEED, Fraction(1, 360)), Literal(Fraction(1), TIME)).dimension.name
    'acceleration'
    """
    if not isinstance(by, Literal):
        raise ExpressionError("/ is by a literal; quotients of two numbers are characteristics")
    if by.value <= 0:
        raise ExpressionError("/ needs a literal of more than 0")
    if isinstance(number, Literal):
        return Literal(number.value / by.value, number.dimension / by.dimension)
    refuse_direction(number)
    return Number(number.tree, number.dimension / by.dimension, number.quantum / by.value)


def floored(number: Literal | Number, by: Literal | Number) -> Number:
    """Return number // by. By a plain whole literal the unit stays; by a literal of the same unit a plain count is left."""
    if not isinstance(by, Literal) or isinstance(number, Literal):
        raise ExpressionError("// is of a number by a literal; quotients of two numbers are characteristics")
    if by.dimension == PLAIN and by.value.denominator == 1 and number.dimension != PLAIN:
        return Number(["//", number.tree, positive(int(by.value), "//")], number.dimension, number.quantum)
    return Number(["//", number.tree, positive(in_quanta(by, number), "//")], PLAIN, ONE)


def rounded(number: Number, step: Literal | Number) -> Number:
    """Return number in whole steps, half up; its quantum is the step."""
    if not isinstance(step, Literal):
        raise ExpressionError("round(x, step): the step is a literal, for example 1*kmh")
    count = positive(in_quanta(step, number), "round")
    return Number(["round", number.tree, count], number.dimension, number.quantum * count)


def extreme(word: str, numbers: list[Literal | Number]) -> Number:
    """Return the "min" or "max" of two or more."""
    found: Literal | Number = numbers[0]
    for number in numbers[1:]:
        left, right, dimension, quantum = together(found, number)
        found = Number([word, left, right], dimension, quantum)
    return as_number(found)


def permille(part: Literal | Number, total: Literal | Number) -> Number:
    """Return part in thousandths of total, half up; both in one unit."""
    left, right, _, _ = together(part, total)
    return Number(["permille", left, right], PLAIN, Fraction(1, 1000))


def chosen(condition: Condition, first: Literal | Number, second: Literal | Number) -> Number:
    """Return first if condition else second; two literals must be plain whole numbers."""
    if isinstance(first, Literal) and isinstance(second, Literal):
        return Number(["if", condition.tree, as_number(first).tree, as_number(second).tree], PLAIN, ONE)
    left, right, dimension, quantum = together(first, second)
    return Number(["if", condition.tree, left, right], dimension, quantum)


def joined(word: str, conditions: list[Condition]) -> Condition:
    """Return the conditions under one "and" or "or"; those that are one already are taken apart: depth is limited."""
    operands: list[Any] = []
    for condition in conditions:
        operands.extend(condition.tree[1:] if condition.tree[0] == word else [condition.tree])
    return Condition([word, *operands])


def balanced_sum(numbers: list[Number]) -> Number:
    """Return the sum of numbers of one kind, halved again and again: the depth of a tree is limited on the device."""
    trees = [number.tree for number in numbers]
    while len(trees) > 1:
        pairs: list[Tree] = [["+", a, b] for a, b in zip(trees[::2], trees[1::2], strict=False)]
        trees = pairs + trees[len(trees) - len(trees) % 2 :]
    return Number(trees[0], numbers[0].dimension, numbers[0].quantum)


def positive(count: int, what: str) -> int:
    """Return `count`, or raise if it is not more than 0."""
    if count <= 0:
        raise ExpressionError(f"{what} needs a literal of more than 0")
    return count


def as_number(found: Quantity) -> Number:
    """Return an expression's number; a constant must be plain and whole."""
    if isinstance(found, Number):
        return found
    if isinstance(found, Condition):
        raise ExpressionError("a condition where a number is needed; write `1 if ... else 0` in a total")
    if found.dimension != PLAIN:
        raise ExpressionError(f"{found.described} stands alone: it is not known in which steps to count it")
    return Number(whole(found, ONE), PLAIN, ONE)


def as_condition(found: Quantity) -> Condition:
    """Return an expression's condition."""
    if not isinstance(found, Condition):
        raise ExpressionError(f"{found.described} where a condition is needed; compare it with something")
    return found
