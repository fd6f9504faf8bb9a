"""Expressions as authors write them, compiled to the trees that devices run.

The syntax is a small part of Python's, read with `ast` and never evaluated: what is not on the list here is refused.
A literal takes its unit by multiplication (`29*kmh`), and every number has a dimension and a quantum, so that a pack
whose numbers do not go together is refused at the author's desk and not found out about in a vehicle.

Two scopes: "sample" runs on each sample of a trip (signals, values, parameters; lag, delta, turn, turned, held, unchanged,
driven), "trip" once a trip on what was counted (`x if c else y`, permille, sum of bands). A third, "day", runs on each epoch
of a day: with windows of epochs (lag, delta, mean, sd, count), and ln.

>>> from headway_server.packs.dimension import SPEED
>>> names = {"speed": Name("signal", Number(["s", 0], SPEED, Fraction(1, 360)))}
>>> compiled("speed < 29*kmh", names).tree
['<', ['s', 0], 2900]
>>> compiled("speed < 18*km", names)
Traceback (most recent call last):
...
headway_server.packs.quantity.ExpressionError: 18000 m (distance) does not go with speed in 0.01 km/h
"""

import ast
import re
from collections.abc import Mapping
from fractions import Fraction

from headway_server.packs.arithmetic import (
    added,
    balanced_sum,
    chosen,
    divided,
    extreme,
    floored,
    joined,
    negative,
    permille,
    positive,
    product,
    refuse_direction,
    rounded,
)
from headway_server.packs.dimension import PLAIN, TIME, UNITS
from headway_server.packs.names import Name, UsesWrongNameError, band_cells, band_count, parsed
from headway_server.packs.problems import none_of
from headway_server.packs.quantity import (
    Condition,
    ExpressionError,
    Literal,
    Number,
    Quantity,
    Tree,
    together,
    whole,
)

NESTING_MAX = 40  # of the source; the device's limit on the compiled tree is lower
_DECIMAL = re.compile(r"\d{1,15}(?:\.\d{1,12})?")
_MILLISECOND = Fraction(1, 1000)
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Eq: "==",
    ast.NotEq: "!=",
}
_EVERYWHERE = ("abs", "max", "min", "round")
FUNCTIONS = {
    "sample": (*_EVERYWHERE, "delta", "driven", "held", "lag", "turn", "turned", "unchanged"),
    "day": (*_EVERYWHERE, "count", "delta", "held", "lag", "ln", "mean", "sd"),
    "trip": (*_EVERYWHERE, "permille", "sum"),
}
# What people try, in words; the rest is called what Python calls it.
_REFUSED: dict[type[ast.AST], tuple[str, str]] = {
    ast.Attribute: ("a dot after a name", ""),
    ast.Lambda: ("lambda", ""),
    ast.IfExp: ("... if ... else ...", "; it belongs in totals"),
    ast.Pow: ("a power", ""),
    ast.Mod: ("the operator %", ""),
}
_UNIT_NAMES = ", ".join(sorted(UNITS))


def compiled(text: str, names: Mapping[str, Name], scope: str = "sample", epoch_ms: int = 0) -> Quantity:
    """Return what `text` means.

    names: what it may use. scope: "sample", "day" or "trip". epoch_ms: of scope "day", the length of an epoch. Raises
    ExpressionError, whose text says what is wrong and what is allowed; any text is refused or compiled in bounded time.
    """
    line, tree = parsed(text)
    return _Compiler(line, names, scope, epoch_ms).quantity(tree, 0)


def literal(text: str) -> Literal:
    """Return a constant such as `1.5*s` or `12`. Raises ExpressionError for anything else."""
    found = compiled(text, {})
    if not isinstance(found, Literal):
        raise ExpressionError(f"{text!r} is no constant; write a number and its unit, for example 1.5*s")
    return found


class _Compiler:
    def __init__(self, text: str, names: Mapping[str, Name], scope: str, epoch_ms: int) -> None:
        self._text = text
        self._names = names
        self._scope = scope
        self._epoch_ms = epoch_ms

    def quantity(self, node: ast.expr, depth: int) -> Quantity:
        if depth > NESTING_MAX:
            raise ExpressionError(f"nested deeper than {NESTING_MAX}; give a part of it a name under [values]")
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.BinOp):
            return self._arithmetic(node, depth)
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, depth)
        if isinstance(node, ast.Compare):
            return self._comparison(node, depth)
        if isinstance(node, ast.BoolOp):
            word = "and" if isinstance(node.op, ast.And) else "or"
            return joined(word, [self._condition(value, depth) for value in node.values])
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        if isinstance(node, ast.IfExp) and self._scope == "trip":
            condition = self._condition(node.test, depth)
            return chosen(condition, self._number(node.body, depth), self._number(node.orelse, depth))
        if isinstance(node, ast.Subscript) and self._scope == "trip":
            cells = band_cells(node, self._names)
            if len(cells) == 1:
                return band_count(cells[0])
            raise ExpressionError("several bands are no number; write sum(...) around them")
        raise _no_part(node)

    def _constant(self, node: ast.Constant) -> Literal:
        written = ast.get_source_segment(self._text, node) or ""
        if not _DECIMAL.fullmatch(written):
            raise ExpressionError(f"{written[:40]!r} is no literal; write a decimal number such as 12 or 0.5")
        return Literal(Fraction(written), PLAIN)

    def _name(self, name: str) -> Literal | Number:
        if name in self._names:
            known = self._names[name]
            if known.kind == "bands":
                raise ExpressionError(f"{name!r} are several numbers; write {name}[0], or sum({name})")
            if known.quantity is None:
                raise UsesWrongNameError(name)
            return known.quantity
        if name in UNITS:
            dimension, size = UNITS[name]
            return Literal(size, dimension)
        if not self._names:
            raise ExpressionError(f"{name!r} is not known here, where only constants stand; units are {_UNIT_NAMES}")
        what = none_of(name, sorted(self._names))
        raise ExpressionError(
            f"unknown name: {what}" + ("" if "did you mean" in what else f"; units are {_UNIT_NAMES}")
        )

    def _number(self, node: ast.expr, depth: int) -> Literal | Number:
        found = self.quantity(node, depth + 1)
        if isinstance(found, Condition):
            raise ExpressionError(f"{self._segment(node)} is a condition where a number is needed")
        return found

    def _condition(self, node: ast.expr, depth: int) -> Condition:
        found = self.quantity(node, depth + 1)
        if not isinstance(found, Condition):
            raise ExpressionError(f"{self._segment(node)} is {found.described}, where a condition is needed")
        return found

    def _computed(self, node: ast.expr, depth: int) -> Number:
        found = self._number(node, depth)
        if isinstance(found, Literal):
            raise ExpressionError(f"{self._segment(node)} is a constant where something that changes is needed")
        return found

    def _segment(self, node: ast.expr) -> str:
        return repr((ast.get_source_segment(self._text, node) or "")[:60])

    def _arithmetic(self, node: ast.BinOp, depth: int) -> Literal | Number:
        first, second = self._number(node.left, depth), self._number(node.right, depth)
        if isinstance(node.op, ast.Mult):
            return product(first, second)
        if isinstance(node.op, ast.Div):
            return divided(first, second)
        if isinstance(node.op, ast.FloorDiv):
            return floored(first, second)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return added(first, second, 1 if isinstance(node.op, ast.Add) else -1)
        raise _no_part(node.op)

    def _unary(self, node: ast.UnaryOp, depth: int) -> Quantity:
        if isinstance(node.op, ast.Not):
            return Condition(["not", self._condition(node.operand, depth).tree])
        if not isinstance(node.op, ast.USub):
            raise ExpressionError(f"{self._segment(node)}: only - and not may stand before something")
        return negative(self._number(node.operand, depth))

    def _comparison(self, node: ast.Compare, depth: int) -> Condition:
        numbers = [self._number(one, depth) for one in (node.left, *node.comparators)]
        found = []
        for operator, first, second in zip(node.ops, numbers, numbers[1:], strict=False):
            if type(operator) not in _COMPARISONS:
                raise ExpressionError(f"{self._segment(node)}: comparisons are {' '.join(_COMPARISONS.values())}")
            left, right, _, _ = together(first, second)
            found.append(Condition([_COMPARISONS[type(operator)], left, right]))
        return found[0] if len(found) == 1 else joined("and", found)

    def _call(self, node: ast.Call, depth: int) -> Quantity:
        allowed = FUNCTIONS[self._scope]
        name = node.func.id if isinstance(node.func, ast.Name) else self._segment(node.func)
        if not isinstance(node.func, ast.Name) or name not in allowed:
            raise ExpressionError(f"unknown function: {none_of(name, sorted(allowed))}")
        if node.keywords or any(isinstance(one, ast.Starred) for one in node.args):
            raise ExpressionError(f"{name}(...) takes plain operands only")
        count = len(node.args)
        wanted = 1 if name in {"abs", "driven", "held", "ln", "sum", "unchanged"} else 2
        if count != wanted and not (name in {"min", "max"} and count > wanted):
            raise ExpressionError(f"{name}(...) takes {wanted} operands, not {count}")
        method = getattr(self, "_call_" + name)
        found: Quantity = method(node.args, depth)
        return found

    def _call_abs(self, operands: list[ast.expr], depth: int) -> Number:
        number = self._computed(operands[0], depth)
        return Number(["abs", number.tree], number.dimension, number.quantum)

    def _call_min(self, operands: list[ast.expr], depth: int) -> Number:
        return extreme("min", [self._number(operand, depth) for operand in operands])

    def _call_max(self, operands: list[ast.expr], depth: int) -> Number:
        return extreme("max", [self._number(operand, depth) for operand in operands])

    def _call_round(self, operands: list[ast.expr], depth: int) -> Number:
        return rounded(self._computed(operands[0], depth), self._number(operands[1], depth))

    def _call_lag(self, operands: list[ast.expr], depth: int) -> Number:
        number = self._computed(operands[0], depth)
        self._check_named("lag", operands[0])
        tree = ["lag", number.tree, self._window_ms(operands[1], depth)]
        return Number(tree, number.dimension, number.quantum, number.wraps)

    def _check_named(self, word: str, node: ast.expr) -> None:
        if not isinstance(node, ast.Name) or self._names[node.id].kind not in {"signal", "value"}:
            raise ExpressionError(f"{word} is of a signal or a value; give {self._segment(node)} a name under [values]")

    def _call_delta(self, operands: list[ast.expr], depth: int) -> Number:
        before = self._call_lag(operands, depth)
        refuse_direction(before)
        now = self._computed(operands[0], depth)
        return Number(["-", now.tree, before.tree], now.dimension, now.quantum)

    def _call_turn(self, operands: list[ast.expr], depth: int) -> Number:
        return self._turning("turn", operands, depth)

    def _call_turned(self, operands: list[ast.expr], depth: int) -> Number:
        return self._turning("turned", operands, depth)

    def _turning(self, word: str, operands: list[ast.expr], depth: int) -> Number:
        number = self._computed(operands[0], depth)
        if not number.wraps or not isinstance(number.tree, list) or number.tree[0] != "s":
            raise ExpressionError(f"{word}(...) is of a signal that wraps, such as a heading")
        tree: Tree = [word, number.tree[1], self._window_ms(operands[1], depth)]
        return Number(tree, number.dimension, number.quantum)

    def _call_held(self, operands: list[ast.expr], depth: int) -> Number:
        return Number(["held", self._condition(operands[0], depth).tree], TIME, _MILLISECOND)

    def _call_unchanged(self, operands: list[ast.expr], depth: int) -> Number:
        number = self._computed(operands[0], depth)
        self._check_named("unchanged", operands[0])
        return Number(["unchanged", number.tree], TIME, _MILLISECOND)

    def _call_driven(self, operands: list[ast.expr], depth: int) -> Number:
        rest = self._number(operands[0], depth)
        if isinstance(rest, Literal):
            return Number(["driven", self._window_ms(operands[0], depth)], TIME, _MILLISECOND)
        is_parameter = isinstance(operands[0], ast.Name) and self._names[operands[0].id].kind == "parameter"
        if not is_parameter or (rest.dimension, rest.quantum) != (TIME, _MILLISECOND):
            raise ExpressionError(
                f"driven is by a rest: a literal such as 15*min, or a parameter in steps of 1*ms; {self._segment(operands[0])} "
                "is neither"
            )
        return Number(["driven", rest.tree], TIME, _MILLISECOND)

    def _call_ln(self, operands: list[ast.expr], depth: int) -> Number:
        number = self._computed(operands[0], depth)
        if number.dimension != PLAIN or number.quantum != 1:
            raise ExpressionError(
                f"ln is of a plain number counted in ones; {self._segment(operands[0])} is {number.described}"
            )
        return Number(["ln", number.tree], PLAIN, Fraction(1, 1000))

    def _call_mean(self, operands: list[ast.expr], depth: int) -> Number:
        # The total, counted in steps of one over the number of epochs: nothing is rounded.
        tree, number, epochs = self._epochs_of("mean", "total", operands, depth)
        return Number(tree, number.dimension, number.quantum / epochs)

    def _call_sd(self, operands: list[ast.expr], depth: int) -> Number:
        tree, number, epochs = self._epochs_of("sd", "deviation", operands, depth)
        if epochs < 2:
            raise ExpressionError("sd is over two epochs at least")
        return Number(tree, number.dimension, number.quantum / 1000)

    def _call_count(self, operands: list[ast.expr], depth: int) -> Number:
        condition = self._condition(operands[0], depth)
        return Number(["count", condition.tree, self._window_ms(operands[1], depth)], PLAIN, Fraction(1))

    def _epochs_of(self, word: str, operator: str, operands: list[ast.expr], depth: int) -> tuple[Tree, Number, int]:
        number = self._computed(operands[0], depth)
        self._check_named(word, operands[0])
        refuse_direction(number)
        window_ms = self._window_ms(operands[1], depth)
        if self._epoch_ms <= 0:
            raise UsesWrongNameError("epoch")
        return [operator, number.tree, window_ms], number, window_ms // self._epoch_ms

    def _call_permille(self, operands: list[ast.expr], depth: int) -> Number:
        return permille(self._number(operands[0], depth), self._number(operands[1], depth))

    def _call_sum(self, operands: list[ast.expr], depth: int) -> Number:  # noqa: ARG002 - called like the others
        return balanced_sum([band_count(cell) for cell in band_cells(operands[0], self._names)])

    def _window_ms(self, node: ast.expr, depth: int) -> int:
        window = self._number(node, depth)
        if not isinstance(window, Literal) or window.dimension != TIME:
            raise ExpressionError(f"{self._segment(node)} is no length of time; write a literal such as 1*s")
        window_ms = positive(whole(window, _MILLISECOND), "a window")
        if self._epoch_ms and window_ms % self._epoch_ms:
            raise ExpressionError(f"{window.text} is no whole number of epochs of {self._epoch_ms // 1000} s")
        return window_ms


def _no_part(node: ast.AST) -> ExpressionError:
    what, hint = _REFUSED.get(type(node), (type(node).__name__, ""))
    return ExpressionError(f"{what} is not part of an expression{hint}")
