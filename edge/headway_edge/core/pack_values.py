"""What a pack's accumulators mean: a trip's characteristics, a person's totals over a period, and theirs.

Used where people read numbers and where totals are merged; not on every sample, so trees are walked here. All numbers are
those of the wire: times in tenths of a second.

>>> evaluate(["if", ["<", ["a", 1], 18000], 1, 0], [0, 12000])
1
>>> evaluate(["permille", ["a", 0], ["+", ["a", 1], 0]], [250, 1000])
250
"""

from headway_edge.core.integer_root import root
from headway_edge.core.operators import compare
from headway_edge.core.pack import Pack
from headway_edge.core.program import SIGNED

TRIP_LEVEL, PERIOD_LEVEL = 0, 1


def evaluate(tree: object, numbers: list) -> int:
    """Return the value of a period total's tree over a trip's wire numbers (as `from_wire` gives them)."""
    if not isinstance(tree, list):
        return tree  # type: ignore[return-value]
    operator = tree[0]
    if operator == "a":
        return numbers[tree[1]]
    if operator == "if":
        return evaluate(tree[2] if holds(tree[1], numbers) else tree[3], numbers)
    a = evaluate(tree[1], numbers)
    if operator == "abs":
        return abs(a)
    b = evaluate(tree[2], numbers)
    if operator == "permille":
        return (2000 * a + b) // (2 * b) if b else 0
    if operator == "+":
        return a + b
    if operator == "-":
        return a - b
    if operator == "*":
        return a * b
    if operator == "//":
        return a // b
    if operator == "round":
        return (a + b // 2) // b
    return min(a, b) if operator == "min" else max(a, b)


def holds(tree: list, numbers: list) -> bool:
    """Tell whether a condition's tree is true over a trip's wire numbers."""
    operator = tree[0]
    if operator == "and":
        for operand in tree[1:]:
            if not holds(operand, numbers):
                return False
        return True
    if operator == "or":
        for operand in tree[1:]:
            if holds(operand, numbers):
                return True
        return False
    if operator == "not":
        return not holds(tree[1], numbers)
    a, b = evaluate(tree[1], numbers), evaluate(tree[2], numbers)
    return compare(operator, a, b)


def from_wire(pack: Pack, wire: list) -> list:
    """Return a trip's numbers with their signs: what travels as zigzag is a plain integer again."""
    numbers = []
    for cell, coded in zip(pack.cells, wire):
        zigzag = cell[0] >= SIGNED
        numbers.append(coded if not zigzag else -(coded + 1) // 2 if coded & 1 else coded // 2)
    return numbers


def totals_of_trip(pack: Pack, numbers: list) -> list:
    """Return one trip's contribution to a person's totals, in the order of the pack's period."""
    return [evaluate(tree, numbers) for _, tree in pack.period]


def merge(pack: Pack, first: "list | None", second: list) -> list:
    """Return the totals of both; commutative and associative. first: None when there is nothing yet."""
    if first is None:
        return list(second)
    merged = []
    for (how, _), a, b in zip(pack.period, first, second):
        merged.append(a + b if how == "sum" else max(a, b) if how == "max" else min(a, b))
    return merged


def read(characteristic: list, numbers: list) -> "int | None":
    """Return a characteristic's value from a trip's numbers or a person's totals, in its own decimals; None: undefined."""
    _, _, _, _, above, below, factor, divisor, _ = characteristic
    denominator = divisor
    if below:
        denominator *= sum([numbers[i] for i in below])
    if denominator <= 0:
        return None
    numerator = factor * sum([numbers[i] for i in above])
    return (2 * numerator + denominator) // (2 * denominator)


def counting_error(characteristic: list, numbers: list) -> "int | None":
    """Return the standard error of a count's rate, in its own decimals: the root of the count in place of the count.

    Rounded half up; None where the rate is not defined.

    >>> counting_error([1, 1, 1, -1, [0], [1], 1000000, 1, 1], [25, 500000])
    10
    """
    _, _, _, _, above, below, factor, divisor, _ = characteristic
    denominator = divisor
    if below:
        denominator *= sum([numbers[i] for i in below])
    if denominator <= 0:
        return None
    # Four times the square, so that the integer root tells halves apart.
    square = 4 * factor * factor * sum([numbers[i] for i in above]) // (denominator * denominator)
    return (root(square) + 1) // 2
