"""A compiled pack: read, checked, and laid out for the device that is to run it.

A pack is the definition of one customer process as data (docs/packs.md). The device trusts nobody: whatever the
compiler and the server checked is checked again here, before anything is generated or allocated. What is refused is
refused with a reason, as ValueError.
"""

import hashlib

from headway_protocol import cbor

FORMAT = 1
PACK_BYTES_MAX = 8192
NUMBER_MAX = (1 << 29) - 1  # of every number of every expression: sums of two stay small integers of 31 bits
TURN_MAX = 1 << 24  # of a change over a window: running totals are kept well above that
MISSING = -(1 << 29)  # a signal or value that is not there

SIGNALS_MAX = 12
VALUES_MAX = 48
CELLS_MAX = 96  # accumulators on the wire, bands and events counted
EVENTS_MAX = 16
PARAMETERS_MAX = 32
PERIOD_MAX = 48
CHARACTERISTICS_MAX = 96
NODES_MAX = 1500
DEPTH_MAX = 10
PACK_DEPTH_MAX = DEPTH_MAX + 4  # of the CBOR: an expression lies in lists of its own
WINDOW_MS_MAX = 30000
HOLD_MS_MAX = 600000
TEXT_MAX = 64

# Roles of signals.
OTHER, SPEED, ENGINE_SPEED, IGNITION = range(4)

# Kinds of wire cells: how a number in the core becomes a number in the record.
PLAIN, TIME, SIGNED, WIDE = range(4)
SIGNALS, RULES = 5, 6  # where the parts stand in the compiled array
_PARTS = 13

_ARITHMETIC = ("+", "-", "*", "min", "max")
_COMPARISONS = ("<", "<=", ">", ">=", "==", "!=")


class Pack:
    """A checked pack.

    id: first 8 bytes of the SHA-256 of its bytes. cells: [(kind, width in the core), ...] in wire order, elapsed time
    and distance first, event counts last. first_event: the cell of event 0. Other attributes as in the compiled array.
    """

    def __init__(self, data: bytes) -> None:
        if len(data) > PACK_BYTES_MAX:
            raise ValueError("a pack of %d bytes; the limit is %d" % (len(data), PACK_BYTES_MAX))
        parts = cbor.decode(data, PACK_DEPTH_MAX)
        if not isinstance(parts, list) or len(parts) != _PARTS or parts[0] != FORMAT:
            raise ValueError("not a compiled pack of format %d" % FORMAT)
        self.id = hashlib.sha256(data).digest()[:8]
        (
            _,
            self.name,
            self.version,
            self.kind,
            self.classes,
            self.signals,
            self.rules,
            self.parameters,
            self.values,
            self.accumulators,
            self.events,
            self.period,
            self.characteristics,
        ) = parts
        _check(isinstance(self.name, str) and 1 <= len(self.name) <= TEXT_MAX, "the name")
        _whole(self.version, 0, 0xFFFFFFFF, "the version")
        _check(self.kind == "trip", "kind %r; this device knows 'trip'" % (self.kind,))
        self._check_signals()
        self._check_rules()
        self._check_parameters()
        checker = _Checker(self)
        self.value_ranges = checker.values()
        self.cells = checker.cells()
        self.first_event = len(self.cells)
        checker.events()
        self.cells.extend([(PLAIN, 1)] * len(self.events))
        _check(len(self.cells) <= CELLS_MAX, "%d accumulators; the limit is %d" % (len(self.cells), CELLS_MAX))
        checker.period()
        self._check_characteristics()

    def _check_signals(self) -> None:
        _items(self.signals, 1, SIGNALS_MAX, "signals")
        roles = []
        for signal in self.signals:
            _items(signal, 8, 8, "a signal")
            name, unit, above, below, low, high, wrap, role = signal
            _check(isinstance(name, str) and len(name) <= 2 * TEXT_MAX, "a signal's name")
            _check(isinstance(unit, str) and len(unit) <= TEXT_MAX, "a signal's unit")
            _whole(above, 1, NUMBER_MAX, "quantum of " + name)
            _whole(below, 1, NUMBER_MAX, "quantum of " + name)
            _whole(low, -NUMBER_MAX, NUMBER_MAX, "minimum of " + name)
            _whole(high, low, NUMBER_MAX, "maximum of " + name)
            _whole(wrap, 0, 1 << 20, "wrap of " + name)
            _check(wrap == 0 or (low >= 0 and high <= wrap), "%s wraps at %d but goes to %d" % (name, wrap, high))
            _whole(role, OTHER, IGNITION, "role of " + name)
            roles.append(role)
        for role in (SPEED, ENGINE_SPEED, IGNITION):
            _check(roles.count(role) <= 1, "two signals of role %d" % role)
        _check(SPEED in roles, "no signal has the role of the speed")
        speed = self.signals[roles.index(SPEED)]
        _check(
            speed[2:5] == [1, 100, 0] and speed[5] <= 50000,
            "the speed is counted in 0.01 km/h from 0 to 500 km/h at most",
        )
        self.speed, self.engine_speed, self.ignition = (
            [roles.index(role) if role in roles else -1 for role in (SPEED, ENGINE_SPEED, IGNITION)]
        )  # fmt: skip

    def _check_rules(self) -> None:
        _items(self.rules, 6, 6, "rules")
        limits = ((40, 10000), (10000, 3600000), (10000, 86400000), (60000, 432000000), (0, 100000), (0, 3600000))
        for rule, limit in zip(self.rules, limits):
            _whole(rule, limit[0], limit[1], "a rule")

    def _check_parameters(self) -> None:
        _items(self.classes, 1, 16, "classes")
        for name in self.classes:
            _check(isinstance(name, str) and 1 <= len(name) <= TEXT_MAX, "a class")
        _items(self.parameters, len(self.classes), len(self.classes), "parameters: one list for each class")
        for numbers in self.parameters:
            _items(numbers, 0, PARAMETERS_MAX, "parameters of a class")
            _check(len(numbers) == len(self.parameters[0]), "classes have different numbers of parameters")
            for number in numbers:
                _whole(number, -NUMBER_MAX, NUMBER_MAX, "a parameter")

    def _check_characteristics(self) -> None:
        _items(self.characteristics, 0, CHARACTERISTICS_MAX, "characteristics")
        seen = []
        for item in self.characteristics:
            _items(item, 8, 8, "a characteristic")
            number, level, decimals, direction, above, below, factor, divisor = item
            _whole(number, 1, 0xFFFF, "a characteristic's id")
            _check(number not in seen, "characteristic %d twice" % number)
            seen.append(number)
            _whole(level, 0, 1, "a level")
            _whole(decimals, 0, 6, "decimals")
            _whole(direction, -1, 1, "a direction")
            count = len(self.period) if level else len(self.cells)
            for indexes in (above, below):
                _items(indexes, 0, CELLS_MAX, "indexes of characteristic %d" % number)
                for index in indexes:
                    _whole(index, 0, count - 1, "an index of characteristic %d" % number)
            _whole(factor, 1, 1 << 40, "a factor")
            _whole(divisor, 1, 1 << 40, "a divisor")

    def class_index(self, vehicle_class: str) -> int:
        """Return the place of a vehicle class; raises ValueError naming those there are."""
        if vehicle_class not in self.classes:
            raise ValueError(
                "pack %s knows the classes %s, not %r" % (self.name, ", ".join(self.classes), vehicle_class)
            )
        return self.classes.index(vehicle_class)


def _check(fits: bool, what: str) -> None:
    if not fits:
        raise ValueError("pack: " + what)


def _whole(value: object, low: int, high: int, what: str) -> None:
    if value is True or value is False or not isinstance(value, int) or not low <= value <= high:
        raise ValueError("pack: %s: %r is not in %d..%d" % (what, value, low, high))


def _items(value: object, low: int, high: int, what: str) -> None:
    if not isinstance(value, list) or not low <= len(value) <= high:
        raise ValueError("pack: %s: not a list of %d to %d items" % (what, low, high))


class _Checker:
    # Walks every tree once: shape, references, depth, and by interval arithmetic that no number can outgrow 2**29.

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._ranges = []  # type: list
        self._nodes = 0
        self._in_period = False

    def values(self) -> list:
        _items(self._pack.values, 0, VALUES_MAX, "values")
        for tree in self._pack.values:
            self._ranges.append(self.number(tree, 0))
        return self._ranges

    def cells(self) -> list:
        cells = [(TIME, 1), (PLAIN, 1)]
        _items(self._pack.accumulators, 0, CELLS_MAX, "accumulators")
        for item in self._pack.accumulators:
            _items(item, 2, 3, "an accumulator")
            kind = item[0]
            if kind == "time":
                self.condition(item[1], 0)
                cells.append((TIME, 1))
            elif kind in ("metres", "edges"):
                self.condition(item[1], 0)
                cells.append((PLAIN, 1))
            elif kind in ("max", "min", "last"):
                low, _ = self.number(item[1], 0)
                cells.append((SIGNED if low < 0 else PLAIN, 1))
            elif kind == "sum":
                self.number(item[1], 0)
                if len(item) == 3:
                    self.condition(item[2], 0)
                cells.append((WIDE, 2))
            elif kind == "bands":
                self.number(item[1], 0)
                _items(item[2] if len(item) == 3 else None, 1, 40, "edges of bands")
                before = -NUMBER_MAX - 1
                for edge in item[2]:
                    _whole(edge, before + 1, NUMBER_MAX, "an edge of a band")
                    before = edge
                cells.extend([(TIME, 1)] * (len(item[2]) + 1))
            else:
                raise ValueError("pack: accumulator kind %r is unknown" % (kind,))
        return cells

    def events(self) -> None:
        events = self._pack.events
        _items(events, 0, EVENTS_MAX, "events")
        for event in events:
            _items(event, 5, 5, "an event")
            self.condition(event[0], 0)
            for i in (1, 2, 4):
                low, high = self.time_range(event[i])
                _check(0 <= low and high <= HOLD_MS_MAX, "a time of an event: %d..%d ms" % (low, high))
            _items(event[3], 0, EVENTS_MAX, "suppressors of an event")
            for index in event[3]:
                _whole(index, 0, len(events) - 1, "a suppressor")
        for i in range(len(events)):
            self._check_no_way_back(i, i, 0)

    def time_range(self, tree: object) -> tuple:
        # A time of an event is a literal or a parameter of the class.
        _check(not isinstance(tree, list) or tree[:1] == ["p"], "a time of an event is a number or a parameter")
        return self.number(tree, 0)

    def _check_no_way_back(self, start: int, at: int, steps: int) -> None:
        for suppressor in self._pack.events[at][3]:
            _check(suppressor != start and steps <= EVENTS_MAX, "events suppress each other in a circle")
            self._check_no_way_back(start, suppressor, steps + 1)

    def period(self) -> None:
        self._in_period = True
        _items(self._pack.period, 0, PERIOD_MAX, "period totals")
        for item in self._pack.period:
            _items(item, 2, 2, "a period total")
            _check(item[0] in ("sum", "max", "min"), "a period total is merged by %r" % (item[0],))
            self.number(item[1], 0)

    def _count(self, tree: object, depth: int) -> None:
        self._nodes += 1
        _check(self._nodes <= NODES_MAX, "more than %d operators" % NODES_MAX)
        _check(depth <= DEPTH_MAX, "expressions deeper than %d" % DEPTH_MAX)
        if isinstance(tree, list):
            _check(len(tree) >= 2 and isinstance(tree[0], str), "an expression is an operator and its operands")

    def number(self, tree: object, depth: int) -> tuple:
        """Return (lowest, highest) of a number's tree."""
        self._count(tree, depth)
        if not isinstance(tree, list):
            _whole(tree, -NUMBER_MAX, NUMBER_MAX, "a literal")
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
            _check(-NUMBER_MAX <= low and high <= NUMBER_MAX, "%r may reach %d..%d: overflow" % (operator, low, high))
        return found

    def _period_number(self, tree: list, depth: int) -> "tuple | None":
        operator = tree[0]
        if operator == "a":
            _operands(tree, 1)
            _whole(tree[1], 0, len(self._pack.cells) - 1, "an accumulator")
            return -(1 << 62), 1 << 62
        if operator == "if":
            _operands(tree, 3)
            self.condition(tree[1], depth + 1)
            one, other = self.number(tree[2], depth + 1), self.number(tree[3], depth + 1)
            return min(one[0], other[0]), max(one[1], other[1])
        if operator == "permille":
            _operands(tree, 2)
            self.number(tree[1], depth + 1)
            self.number(tree[2], depth + 1)
            return -(1 << 62), 1 << 62
        return None

    def _sample_number(self, tree: list, depth: int) -> "tuple | None":
        operator = tree[0]
        if operator == "s":
            _operands(tree, 1)
            _whole(tree[1], 0, len(self._pack.signals) - 1, "a signal")
            return self._pack.signals[tree[1]][4], self._pack.signals[tree[1]][5]
        if operator == "v":
            _operands(tree, 1)
            _whole(tree[1], 0, len(self._ranges) - 1, "a value (only earlier ones)")
            return self._ranges[tree[1]]
        if operator == "p":
            _operands(tree, 1)
            _whole(tree[1], 0, len(self._pack.parameters[0]) - 1, "a parameter")
            numbers = [numbers[tree[1]] for numbers in self._pack.parameters]
            return min(numbers), max(numbers)
        if operator == "lag":
            _operands(tree, 2)
            _check(isinstance(tree[1], list) and tree[1][:1] in (["s"], ["v"]), "lag is of a signal or a value")
            _whole(tree[2], 1, WINDOW_MS_MAX, "a lag")
            low, high = self.number(tree[1], depth + 1)
            # Between two samples the line is scaled by the step of up to near_ms.
            _check((high - low) * self._pack.rules[0] <= NUMBER_MAX, "lag of a number with so wide a range: overflow")
            return low, high
        if operator in ("turn", "turned"):
            _operands(tree, 2)
            _whole(tree[1], 0, len(self._pack.signals) - 1, "a signal")
            wrap = self._pack.signals[tree[1]][6]
            _check(wrap > 0, "%s is of a signal that wraps" % operator)
            _whole(tree[2], 1, WINDOW_MS_MAX, "a window")
            most = wrap * (tree[2] // 40 + 2) // 2
            _check(most <= TURN_MAX, "%s of so wide a circle over so long: overflow" % operator)
            return (-most if operator == "turn" else 0), most
        if operator == "held":
            _operands(tree, 1)
            self.condition(tree[1], depth + 1)
            return 0, HOLD_MS_MAX
        return None

    def _arithmetic(self, tree: list, depth: int) -> tuple:
        operator = tree[0]
        if operator == "abs":
            _operands(tree, 1)
            low, high = self.number(tree[1], depth + 1)
            return (0 if low <= 0 <= high else min(abs(low), abs(high))), max(abs(low), abs(high))
        _operands(tree, 2)
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
        _check(not isinstance(tree[2], list) and c > 0, "%s is by a positive literal" % operator)
        if operator == "round":
            return (a + c // 2) // c, (b + c // 2) // c
        return a // c, b // c

    def condition(self, tree: object, depth: int) -> None:
        """Check a condition's tree."""
        self._count(tree, depth)
        _check(isinstance(tree, list), "%r is no condition" % (tree,))
        operator = tree[0]  # type: ignore[index]
        if operator in _COMPARISONS:
            _operands(tree, 2)  # type: ignore[arg-type]
            self.number(tree[1], depth + 1)  # type: ignore[index]
            self.number(tree[2], depth + 1)  # type: ignore[index]
        elif operator in ("and", "or"):
            for operand in tree[1:]:  # type: ignore[index]
                self.condition(operand, depth + 1)
        elif operator == "not":
            _operands(tree, 1)  # type: ignore[arg-type]
            self.condition(tree[1], depth + 1)  # type: ignore[index]
        else:
            raise ValueError("pack: operator %r is unknown, or makes no condition" % (operator,))


def _operands(tree: list, count: int) -> None:
    _check(len(tree) == count + 1, "%r takes %d operands, not %d" % (tree[0], count, len(tree) - 1))
