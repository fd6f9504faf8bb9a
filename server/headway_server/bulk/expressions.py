"""The operations of a pack over all rows at once.

A number is its integers and where they are valid; either may be the same everywhere, and then is a plain int or bool.
Where a number is not valid its integers mean nothing. A condition is one truth for each row, or one for all.
"""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from headway_edge.core.program import HOLD_MS_MAX
from headway_server.bulk.looking_back import Look, look_back
from headway_server.bulk.program import COMPARISONS, Program
from headway_server.bulk.rows import Rows
from headway_server.bulk.samples import Integers, Truths

Number = tuple[Integers | int, Truths | bool]
Condition = Truths | bool

_NOWHERE: Number = (0, False)
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_COMBINE: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "min": lambda one, other: _either_int(min, np.minimum, one, other),
    "max": lambda one, other: _either_int(max, np.maximum, one, other),
}


def _either_int(of_ints: Callable[..., int], of_arrays: np.ufunc, one: Any, other: Any) -> Integers | int:
    if isinstance(one, int) and isinstance(other, int):
        return of_ints(one, other)
    found: Integers = of_arrays(one, other)
    return found


class Evaluation:
    """A program's nodes over one batch of rows. Ask for each root as often as `Program.uses` counts, and not again."""

    def __init__(self, program: Program, rows: Rows) -> None:
        self._program = program
        self._rows = rows
        self._left = list(program.uses)
        self._numbers: dict[int, Number] = {}
        self._conditions: dict[int, Condition] = {}
        self._looks: dict[int, Look | None] = {}
        self._turns: dict[tuple[str, int], tuple[Integers, Integers | None]] = {}

    def number(self, place: int) -> Number:
        """Return a node that makes a number."""
        found = self._numbers.get(place)
        if found is None:
            found = self._number(place)
            self._numbers[place] = found
        self._forget(place, self._numbers)
        return found

    def condition(self, place: int) -> Condition:
        """Return a node that makes a condition."""
        found = self._conditions.get(place)
        if found is None:
            found = self._condition(place)
            self._conditions[place] = found
        self._forget(place, self._conditions)
        return found

    def _forget(self, place: int, kept: dict[int, Any]) -> None:
        # What is not needed again makes room in the processor's cache.
        self._left[place] -= 1
        if self._left[place] == 0:
            del kept[place]

    def _number(self, place: int) -> Number:
        node = self._program.nodes[place]
        name = str(node[0])
        if name == "literal":
            return int(node[1]), True
        if name == "signal":
            return self._rows.signal(int(node[1]))
        if name == "lag":
            return self._lag(self.number(int(node[1])), int(node[2]), int(node[3]))
        if name in ("turn", "turned"):
            return self._turn(name, int(node[1]), int(node[2]))
        if name == "held":
            return self._held(self.condition(int(node[1]))), True
        if name == "driven":
            return self._rows.driven_ms(int(node[1])), True
        if name == "unchanged":
            return self._unchanged(self.number(int(node[1]))), True
        numbers, is_valid = self.number(int(node[1]))
        if name in _COMBINE:
            others, others_valid = self.number(int(node[2]))
            is_valid = both(is_valid, others_valid)
            return _NOWHERE if is_valid is False else (_COMBINE[name](numbers, others), is_valid)
        if is_valid is False:
            return _NOWHERE
        if name == "abs":
            return (abs(numbers) if isinstance(numbers, int) else np.abs(numbers)), is_valid
        divisor = int(node[2])
        return (numbers + divisor // 2 if name == "round" else numbers) // divisor, is_valid

    def _condition(self, place: int) -> Condition:
        node = self._program.nodes[place]
        name = str(node[0])
        if name in COMPARISONS:
            numbers, is_valid = self.number(int(node[1]))
            others, others_valid = self.number(int(node[2]))
            is_valid = both(is_valid, others_valid)
            if is_valid is False:
                return False
            found: Condition = _COMPARE[name](numbers, others)
            return both(found, is_valid)
        conditions = [self.condition(int(operand)) for operand in node[1:]]
        if name == "not":
            return negation(conditions[0])
        found = conditions[0]
        for condition in conditions[1:]:
            found = both(found, condition) if name == "and" else either(found, condition)
        return found

    # --- looking back -----------------------------------------------------------------------------------------------

    def _look(self, back_ms: int) -> Look | None:
        if back_ms not in self._looks:
            self._looks[back_ms] = look_back(self._rows, back_ms)
        return self._looks[back_ms]

    def _lag(self, number: Number, back_ms: int, wrap: int) -> Number:
        numbers, is_valid = number
        look = self._look(back_ms)
        if look is None or is_valid is False:
            return _NOWHERE
        is_there = look.is_there if is_valid is True else look.both_valid(is_valid)
        if isinstance(numbers, int):
            return numbers, is_there
        if not wrap:
            return look.between(numbers), is_there
        older = look.at_older(numbers)
        if look.is_exact():
            return older % wrap, is_there
        change = wrapped_change(older, look.at_newer(numbers), wrap)
        return (older + change * look.over_ms // look.step_ms) % wrap, is_there

    def _turn(self, name: str, signal: int, back_ms: int) -> Number:
        look = self._look(back_ms)
        key = (name, signal)
        if key not in self._turns:
            self._turns[key] = self._total_turn(name, signal)
        total, whole_ms = self._turns[key]
        if look is None or not len(total):
            return _NOWHERE
        is_there = look.is_there
        if whole_ms is not None:
            # The window begins at the older sample, from which on nothing may be missing.
            covered_ms = back_ms + look.over_ms
            is_there = is_there & (whole_ms >= covered_ms)
        return total - look.between(total), is_there

    def _total_turn(self, name: str, signal: int) -> tuple[Integers, Integers | None]:
        # The running total of changes, and for how long (ms) none was missing; None: as long as one may look back.
        rows = self._rows
        headings, is_valid = rows.signal(signal)
        if isinstance(headings, int) or is_valid is False:
            return np.zeros(0, np.int64), None
        follows = rows.near.copy()
        if not isinstance(is_valid, bool):
            follows &= is_valid
            follows[1:] &= is_valid[:-1]
        wrap = rows.wrap(signal)
        change = np.zeros(len(rows), np.int64)
        change[1:] = wrapped_change(headings[:-1], headings[1:], wrap)
        if name == "turned":
            np.abs(change, out=change)
        change *= follows
        total: Integers = np.cumsum(change)
        if isinstance(is_valid, bool):
            return total, None
        whole_ms = rows.times_ms - np.maximum.accumulate(np.where(follows, 0, rows.times_ms))
        whole_ms[~is_valid] = -1
        return total, whole_ms

    def _held(self, condition: Condition) -> Integers | int:
        if condition is False:
            return 0
        continues = self._rows.near.copy()
        if not isinstance(condition, bool):
            continues &= condition
            continues[1:] &= condition[:-1]
        return self._since_broken(continues)

    def _unchanged(self, number: Number) -> Integers | int:
        numbers, is_valid = number
        if is_valid is False:
            return 0
        continues = self._rows.near.copy()
        if not isinstance(numbers, int):
            continues[1:] &= numbers[1:] == numbers[:-1]
        if not isinstance(is_valid, bool):
            continues &= is_valid
            continues[1:] &= is_valid[:-1]
        return self._since_broken(continues)

    def _since_broken(self, continues: Truths) -> Integers:
        # For how long it has gone on from each row to the next, as far as a device counts.
        times_ms = self._rows.times_ms
        found = times_ms - np.maximum.accumulate(np.where(continues, 0, times_ms))
        return np.minimum(found, HOLD_MS_MAX, out=found)


def both(one: Condition, other: Condition) -> Condition:
    """Return where both are true."""
    if isinstance(one, bool):
        return other if one else False
    if isinstance(other, bool):
        return one if other else False
    return one & other


def either(one: Condition, other: Condition) -> Condition:
    """Return where one of them is true, or both."""
    if isinstance(one, bool):
        return True if one else other
    if isinstance(other, bool):
        return True if other else one
    return one | other


def negation(condition: Condition) -> Condition:
    """Return where it is false."""
    return not condition if isinstance(condition, bool) else ~condition


def wrapped_change(older: Integers, newer: Integers, wrap: int) -> Integers:
    """Return the changes along the shorter way round a circle of `wrap`; half a circle is negative."""
    return (newer - older + (wrap + wrap // 2)) % wrap - wrap // 2
