"""Trees of a pack of kind "day", walked epoch by epoch over whole lists: slow, and written without a look at the generated code.

An epoch that was not observed is a row of None. A number made of a missing one is missing (None); a comparison with it is false.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from headway_edge.core.logarithm import ln_milli

Row = Sequence[int | None]
EPOCH_MS = 60_000


class Walk:
    """Values of a pack's trees over `rows`, the last of which is the present epoch."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    def number(self, tree: Any, rows: list[Row]) -> int | None:
        if not isinstance(tree, list):
            return int(tree)
        operator = tree[0]
        if operator == "s":
            return rows[-1][tree[1]]
        if operator == "v":
            return self.number(self._values[tree[1]], rows) if rows[-1] else None
        if operator == "ln":
            x = self.number(tree[1], rows)
            return None if x is None else ln_milli(x)  # its distance from the exact value has a test of its own
        if operator in ("lag", "total", "deviation", "count"):
            return self._window(tree, rows, tree[2] // EPOCH_MS)
        numbers = [self.number(operand, rows) for operand in tree[1:]]
        if any(number is None for number in numbers):
            return None
        a, b = [*numbers, None][:2]
        assert a is not None
        if operator == "abs":
            return abs(a)
        assert b is not None
        found: int = {
            "+": lambda: a + b, "-": lambda: a - b, "*": lambda: a * b, "min": lambda: min(a, b), "max": lambda: max(a, b),
            "//": lambda: math.floor(Fraction(a, b)), "round": lambda: math.floor(Fraction(a, b) + Fraction(1, 2)),
        }[operator]()  # fmt: skip
        return found

    def _window(self, tree: Any, rows: list[Row], epochs: int) -> int | None:
        operator = tree[0]
        if operator == "lag":
            back = rows[: max(0, len(rows) - epochs)]
            return self.number(tree[1], back) if back and back[-1] else None
        window = [rows[: max(0, len(rows) - back)] for back in range(epochs)]
        if any(not past or not past[-1] for past in window):
            return None
        if operator == "count":
            return sum(self.condition(tree[1], past) for past in window)
        numbers = [self.number(tree[1], past) for past in window]
        known = [number for number in numbers if number is not None]
        if len(known) < epochs:
            return None
        if operator == "total":
            return sum(known)
        square = Fraction(epochs * sum(n * n for n in known) - sum(known) ** 2, epochs * (epochs - 1)) * 10**6
        root = math.isqrt(math.floor(square))
        return root + (square >= Fraction(2 * root + 1, 2) ** 2)

    def condition(self, tree: Any, rows: list[Row]) -> bool:
        operator = tree[0]
        if operator == "and":
            return all(self.condition(operand, rows) for operand in tree[1:])
        if operator == "or":
            return any(self.condition(operand, rows) for operand in tree[1:])
        if operator == "not":
            return not self.condition(tree[1], rows)
        a, b = self.number(tree[1], rows), self.number(tree[2], rows)
        if a is None or b is None:
            return False
        return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b, "==": a == b, "!=": a != b}[operator]
