"""The expressions of a pack, checked: shape, references, depth, and by interval arithmetic that no number can outgrow 2**29.

Whatever the samples are: so the functions made from a pack (`headway_edge.core.pack_code`) need no check of their own.
"""

from headway_edge.core.pack_limits import (
    CELLS_MAX,
    CONTEXTS_MAX,
    DEPTH_MAX,
    EVENTS_MAX,
    NODES_MAX,
    NUMBER_MAX,
    PERIOD_MAX,
    PERIOD_MS_MAX,
    POSITIONS,
    TURN_MAX,
    VALUES_MAX,
    WINDOW_MS_MAX,
    check,
    items,
    whole,
)
from headway_edge.core.program import CELLS, DRIVEN_MS_MAX, HOLD_MS_MAX, INTEGRAL, PLAIN, SIGNED, TIME, WIDE

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from headway_edge.core.pack import Pack

_ARITHMETIC = ("+", "-", "*", "min", "max")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Checker:
    """Walks every tree of a pack once. Each method raises ValueError for what it refuses."""

    def __init__(self, pack: "Pack") -> None:
        self._pack = pack
        self._ranges = []  # type: list
        self._nodes = 0
        self._in_period = False

    def values(self) -> list:
        """Return the range of each value, (lowest, highest)."""
        items(self._pack.values, 0, VALUES_MAX, "values")
        for tree in self._pack.values:
            self._ranges.append(self.number(tree, 0))
        return self._ranges

    def cells(self) -> list:
        """Return the wire cells of elapsed time, distance and the accumulators; events are not among them."""
        kinds = [TIME, PLAIN]
        items(self._pack.accumulators, 0, CELLS_MAX, "accumulators")
        for item in self._pack.accumulators:
            items(item, 2, 3, "an accumulator")
            kind = item[0]
            if kind == "time":
                self.condition(item[1], 0)
                kinds.append(TIME)
            elif kind in ("metres", "edges"):
                self.condition(item[1], 0)
                kinds.append(PLAIN)
            elif kind in ("max", "min", "first", "last"):
                low, _ = self.number(item[1], 0)
                kinds.append(SIGNED if low < 0 else PLAIN)
            elif kind in ("sum", "integral"):
                low, high = self.number(item[1], 0)
                if len(item) == 3:
                    self.condition(item[2], 0)
                if kind == "integral":
                    longest_ms = max(self._pack.rules[0], PERIOD_MS_MAX)
                    most = max(-low, high) * longest_ms
                    check(most <= NUMBER_MAX, "an integral may grow by %d at once: overflow" % most)
                kinds.append(WIDE if kind == "sum" else INTEGRAL)
            elif kind == "bands":
                self.number(item[1], 0)
                items(item[2] if len(item) == 3 else None, 1, 40, "edges of bands")
                before = -NUMBER_MAX - 1
                for edge in item[2]:
                    whole(edge, before + 1, NUMBER_MAX, "an edge of a band")
                    before = edge
                kinds.extend([TIME] * (len(item[2]) + 1))
            else:
                raise ValueError("pack: accumulator kind %r is unknown" % (kind,))
        return [CELLS[kind] for kind in kinds]

    def events(self) -> None:
        """Check the events, and that none suppresses itself by way of others."""
        events = self._pack.events
        items(events, 0, EVENTS_MAX, "events")
        for event in events:
            items(event, 5, 5, "an event")
            self.condition(event[0], 0)
            for i in (1, 2, 4):
                low, high = self.time_range(event[i])
                check(0 <= low and high <= HOLD_MS_MAX, "a time of an event: %d..%d ms" % (low, high))
            items(event[3], 0, EVENTS_MAX, "suppressors of an event")
            for index in event[3]:
                whole(index, 0, len(events) - 1, "a suppressor")
        for i in range(len(events)):
            self._check_no_way_back(i, i, 0)

    def time_range(self, tree: object) -> tuple:
        """Return (lowest, highest) of a time of an event, or a rest: a literal or a parameter of the class."""
        check(not isinstance(tree, list) or tree[:1] == ["p"], "a time of an event is a number or a parameter")
        return self.number(tree, 0)

    def _check_no_way_back(self, start: int, at: int, steps: int) -> None:
        for suppressor in self._pack.events[at][3]:
            check(suppressor != start and steps <= EVENTS_MAX, "events suppress each other in a circle")
            self._check_no_way_back(start, suppressor, steps + 1)

    def period(self) -> None:
        """Check the totals of a period. After values, cells and events."""
        self._in_period = True
        items(self._pack.period, 0, PERIOD_MAX, "period totals")
        for item in self._pack.period:
            items(item, 2, 2, "a period total")
            check(item[0] in ("sum", "max", "min"), "a period total is merged by %r" % (item[0],))
            self.number(item[1], 0)

    def contexts(self) -> None:
        """Check the contexts. After the period."""
        items(self._pack.contexts, 0, CONTEXTS_MAX, "contexts")
        for tree in self._pack.contexts:
            self.condition(tree, 0)

    def _count(self, tree: object, depth: int) -> None:
        self._nodes += 1
        check(self._nodes <= NODES_MAX, "more than %d operators" % NODES_MAX)
        check(depth <= DEPTH_MAX, "expressions deeper than %d" % DEPTH_MAX)
        if isinstance(tree, list):
            check(len(tree) >= 2 and isinstance(tree[0], str), "an expression is an operator and its operands")

    def number(self, tree: object, depth: int) -> tuple:
        """Return (lowest, highest) of a number's tree."""
        self._count(tree, depth)
        if not isinstance(tree, list):
            whole(tree, -NUMBER_MAX, NUMBER_MAX, "a literal")
            return tree, tree
        operator = tree[0]
        if self._in_period:
            found = self._period_number(tree, depth)
        else:
            found = self._sample_number(tree, depth)
        if found is None:
            if operator in _ARITHMETIC or operator in ("//", "abs", "round"):
                found = self._arithmetic(tree, depth)
            else:
                raise ValueError("pack: operator %r is unknown, or makes no number here" % (operator,))
        low, high = found
        # What a period sums may be large; what runs on every sample may not.
        if not self._in_period:
            check(-NUMBER_MAX <= low and high <= NUMBER_MAX, "%r may reach %d..%d: overflow" % (operator, low, high))
        return found

    def _period_number(self, tree: list, depth: int) -> "tuple | None":
        operator = tree[0]
        if operator == "a":
            operands(tree, 1)
            whole(tree[1], 0, len(self._pack.cells) - 1, "an accumulator")
            return -(1 << 62), 1 << 62
        if operator == "if":
            operands(tree, 3)
            self.condition(tree[1], depth + 1)
            one, other = self.number(tree[2], depth + 1), self.number(tree[3], depth + 1)
            return min(one[0], other[0]), max(one[1], other[1])
        if operator == "permille":
            operands(tree, 2)
            self.number(tree[1], depth + 1)
            self.number(tree[2], depth + 1)
            return -(1 << 62), 1 << 62
        return None

    def _sample_number(self, tree: list, depth: int) -> "tuple | None":
        operator = tree[0]
        if operator == "s":
            signal = self._signal(tree)
            _check_no_place(signal)
            return signal[4], signal[5]
        if operator == "v":
            operands(tree, 1)
            whole(tree[1], 0, len(self._ranges) - 1, "a value (only earlier ones)")
            return self._ranges[tree[1]]
        if operator == "p":
            operands(tree, 1)
            whole(tree[1], 0, len(self._pack.parameters[0]) - 1, "a parameter")
            numbers = [numbers[tree[1]] for numbers in self._pack.parameters]
            return min(numbers), max(numbers)
        if operator == "lag":
            operands(tree, 2)
            check(isinstance(tree[1], list) and tree[1][:1] in (["s"], ["v"]), "lag is of a signal or a value")
            whole(tree[2], 1, WINDOW_MS_MAX, "a lag")
            low, high = self.number(tree[1], depth + 1)
            # Between two samples the line is scaled by the step of up to near_ms.
            check((high - low) * self._pack.rules[0] <= NUMBER_MAX, "lag of a number with so wide a range: overflow")
            return low, high
        if operator in ("turn", "turned"):
            operands(tree, 2)
            whole(tree[1], 0, len(self._pack.signals) - 1, "a signal")
            _check_no_place(self._pack.signals[tree[1]])
            wrap = self._pack.signals[tree[1]][6]
            check(wrap > 0, "%s is of a signal that wraps" % operator)
            whole(tree[2], 1, WINDOW_MS_MAX, "a window")
            most = wrap * (tree[2] // 40 + 2) // 2
            check(most <= TURN_MAX, "%s of so wide a circle over so long: overflow" % operator)
            return (-most if operator == "turn" else 0), most
        if operator == "held":
            operands(tree, 1)
            self.condition(tree[1], depth + 1)
            return 0, HOLD_MS_MAX
        if operator == "unchanged":
            operands(tree, 1)
            check(isinstance(tree[1], list) and tree[1][:1] in (["s"], ["v"]), "unchanged is of a signal or a value")
            if tree[1][0] == "s":
                self._count(tree[1], depth + 1)
                self._signal(tree[1])
            else:
                self.number(tree[1], depth + 1)
            return 0, HOLD_MS_MAX
        if operator == "driven":
            operands(tree, 1)
            check(self._pack.speed >= 0, "driven needs a speed")
            low, high = self.time_range(tree[1])
            check(1 <= low and high <= DRIVEN_MS_MAX, "a rest of %d..%d ms" % (low, high))
            return 0, DRIVEN_MS_MAX
        return None

    def _signal(self, tree: list) -> list:
        operands(tree, 1)
        whole(tree[1], 0, len(self._pack.signals) - 1, "a signal")
        return self._pack.signals[tree[1]]

    def _arithmetic(self, tree: list, depth: int) -> tuple:
        operator = tree[0]
        if operator == "abs":
            operands(tree, 1)
            low, high = self.number(tree[1], depth + 1)
            return (0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
        operands(tree, 2)
        a, b = self.number(tree[1], depth + 1)
        c, d = self.number(tree[2], depth + 1)
        if operator == "+":
            return a + c, b + d
        if operator == "-":
            return a - d, b - c
        if operator == "*":
            corners = (a * c, a * d, b * c, b * d)
            return min(corners), max(corners)
        if operator == "min":
            return min(a, c), min(b, d)
        if operator == "max":
            return max(a, c), max(b, d)
        check(not isinstance(tree[2], list) and c > 0, "%s is by a positive literal" % operator)
        if operator == "round":
            return (a + c // 2) // c, (b + c // 2) // c
        return a // c, b // c

    def condition(self, tree: object, depth: int) -> None:
        """Check a condition's tree."""
        self._count(tree, depth)
        check(isinstance(tree, list), "%r is no condition" % (tree,))
        operator = tree[0]  # type: ignore[index]
        if operator in _COMPARISONS:
            operands(tree, 2)  # type: ignore[arg-type]
            self.number(tree[1], depth + 1)  # type: ignore[index]
            self.number(tree[2], depth + 1)  # type: ignore[index]
        elif operator in ("and", "or"):
            for operand in tree[1:]:  # type: ignore[index]
                self.condition(operand, depth + 1)
        elif operator == "not":
            operands(tree, 1)  # type: ignore[arg-type]
            self.condition(tree[1], depth + 1)  # type: ignore[index]
        else:
            raise ValueError("pack: operator %r is unknown, or makes no condition" % (operator,))


def operands(tree: list, count: int) -> None:
    """Refuse an operator that has not `count` operands."""
    check(len(tree) == count + 1, "%r takes %d operands, not %d" % (tree[0], count, len(tree) - 1))


def _check_no_place(signal: list) -> None:
    check(signal[0] not in POSITIONS, "a pack may read a position only as unchanged(...): " + signal[0])
