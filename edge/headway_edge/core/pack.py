"""A compiled pack: read, checked, and laid out for the device that is to run it.

A pack is the definition of one customer process as data (docs/packs.md). The device trusts nobody: whatever the
compiler and the server checked is checked again here, before anything is generated or allocated. What is refused is
refused with a reason, as ValueError.
"""

import hashlib

from headway_edge.core.pack_parts import Items, read_parts
from headway_edge.core.program import CELLS, PLAIN
from headway_protocol import cbor

FORMAT = 1
PACK_BYTES_MAX = 8192
NUMBER_MAX = (1 << 29) - 1  # of every number of every expression: sums of two stay small integers of 31 bits
TURN_MAX = 1 << 24  # of a change over a window: running totals are kept well above that

SIGNALS_MAX = 12
VALUES_MAX = 48
CELLS_MAX = 96  # accumulators on the wire, bands and events counted
EVENTS_MAX = 16
PARAMETERS_MAX = 32
PERIOD_MAX = 48
CHARACTERISTICS_MAX = 96
CONTEXTS_MAX = 3  # a trip is in one of eight combinations of them
AXES_MAX = 12
SERIES_MAX = 8
CONSUMABLES_MAX = 8
EACH_TRIP, EACH_DAY = range(2)
NO_CHART, EWMA_CHART, CUSUM_CHART = range(3)
NODES_MAX = 1500
DEPTH_MAX = 10
PACK_DEPTH_MAX = DEPTH_MAX + 4  # of the CBOR: an expression lies in lists of its own
WINDOW_MS_MAX = 30000
PERIOD_MS_MAX = 1000  # of sampling: what the first sample, and one after a gap, may count for
TEXT_MAX = 64

# Roles of signals.
OTHER, SPEED, ENGINE_SPEED, IGNITION, CLOCK, REPORT = range(6)

SIGNALS, RULES = 5, 6  # where the parts stand in the compiled array
_VALUES = 8  # from here on they are large
_PARTS = 18


class Pack:
    """A checked pack.

    data: its bytes. lean: leave the values and what comes after them in the bytes, and decode an item each time that it is
    looked at; for a device that checks a pack and writes its program in little memory, and nothing more. Either way the
    same packs are refused, with the same words: ValueError, or DecodeError for what is not the CBOR of this protocol.

    id: first 8 bytes of the SHA-256 of its bytes. cells: [(kind, width in the core), ...] in wire order, elapsed time
    and distance first, event counts last. first_event: the cell of event 0. speed, engine_speed, ignition, clock: the signal
    of that role, -1 if there is none. value_reads: of kind "day", what each value reads (`headway_edge.core.day_pack.reads`).
    Other attributes as in the compiled array.
    """

    def __init__(self, data: bytes, lean: bool = False) -> None:
        if len(data) > PACK_BYTES_MAX:
            raise ValueError("a pack of %d bytes; the limit is %d" % (len(data), PACK_BYTES_MAX))
        parts = read_parts(data, PACK_DEPTH_MAX, _PARTS, _VALUES) if lean else cbor.decode(data, PACK_DEPTH_MAX)
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
            self.contexts,
            self.axes,
            self.enough,
            self.series,
            self.consumables,
        ) = parts
        _check(isinstance(self.name, str) and 1 <= len(self.name) <= TEXT_MAX, "the name")
        _whole(self.version, 0, 0xFFFFFFFF, "the version")
        _check(self.kind in ("trip", "day"), "kind %r; this device knows 'trip' and 'day'" % (self.kind,))
        roles = self._check_signals()
        self.speed, self.engine_speed, self.ignition, self.clock = (
            [roles.index(role) if role in roles else -1 for role in (SPEED, ENGINE_SPEED, IGNITION, CLOCK)]
        )  # fmt: skip
        self.value_reads = []  # type: list
        from headway_edge.core.pack_trees import Checker  # noqa: PLC0415 - it has its limits from here

        if self.kind == "day":
            from headway_edge.core import day_pack  # noqa: PLC0415 - vehicles have no use for it

            day_pack.check_roles(self, roles)
            day_pack.check_rules(self)
            checker = day_pack.DayChecker(self)  # type: Checker
        else:
            self._check_roles(roles)
            self._check_rules()
            checker = Checker(self)
        self._check_parameters()
        self.value_ranges = checker.values()
        self.cells = checker.cells()
        self.first_event = len(self.cells)
        checker.events()
        self.cells.extend([CELLS[PLAIN]] * len(self.events))
        _check(len(self.cells) <= CELLS_MAX, "%d accumulators; the limit is %d" % (len(self.cells), CELLS_MAX))
        checker.period()
        checker.contexts()
        self._check_characteristics()
        self._check_axes()
        self._check_enough()
        self._check_series()
        self._check_consumables()

    def _check_signals(self) -> list:
        # Returns the roles, in the order of the signals.
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
            _whole(role, OTHER, REPORT, "role of " + name)
            roles.append(role)
        for role in (SPEED, ENGINE_SPEED, IGNITION, CLOCK):
            _check(roles.count(role) <= 1, "two signals of role %d" % role)
        return roles

    def _check_roles(self, roles: list) -> None:
        _check(CLOCK not in roles and REPORT not in roles, "a role of kind 'day' in a pack of kind 'trip'")
        _check(SPEED in roles, "no signal has the role of the speed")
        speed = self.signals[roles.index(SPEED)]
        _check(
            speed[2:5] == [1, 100, 0] and speed[5] <= 50000,
            "the speed is counted in 0.01 km/h from 0 to 500 km/h at most",
        )

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
            _items(item, 9, 9, "a characteristic")
            number, level, decimals, direction, above, below, factor, divisor, counted = item
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
            _whole(counted, 0, 1, "whether a characteristic counts events")

    def _check_axes(self) -> None:
        # Of the score: [weight, [ids of characteristics of a period of which more is better, or less]].
        known = [item[0] for item in self.characteristics if item[1] and item[3]]
        seen = []  # type: list
        _items(self.axes, 0, AXES_MAX, "axes of the score")
        for axis in self.axes:
            _items(axis, 2, 2, "an axis")
            _whole(axis[0], 1, 100, "the weight of an axis")
            _items(axis[1], 1, AXES_MAX, "characteristics of an axis")
            for number in axis[1]:
                _check(number in known and number not in seen, "an axis of characteristic %r" % (number,))
                seen.append(number)

    def _check_enough(self) -> None:
        # How much a person's totals must be before they are compared: [[total, at least], ...].
        _items(self.enough, 0, len(self.period), "how much is enough")
        for item in self.enough:
            _items(item, 2, 2, "how much is enough")
            _whole(item[0], 0, len(self.period) - 1, "a total")
            _whole(item[1], 0, 1 << 40, "how much is enough")

    def _check_series(self) -> None:
        # What is forecast and watched: [[characteristic of a period, EACH_TRIP or EACH_DAY, chart], ...].
        known = [item[0] for item in self.characteristics if item[1]]
        seen = []  # type: list
        _items(self.series, 0, SERIES_MAX, "series")
        for item in self.series:
            _items(item, 3, 3, "a series")
            _check(item[0] in known and item[0] not in seen, "a series of characteristic %r" % (item[0],))
            seen.append(item[0])
            _whole(item[1], EACH_TRIP, EACH_DAY, "what a series has a number of")
            _whole(item[2], NO_CHART, CUSUM_CHART, "the chart of a series")

    def _check_consumables(self) -> None:
        # What wears: [[id, [totals as they are], [totals as the wear is felt], limit, days], ...].
        seen = []  # type: list
        _items(self.consumables, 0, CONSUMABLES_MAX, "consumables")
        for item in self.consumables:
            _items(item, 5, 5, "a consumable")
            _whole(item[0], 1, 255, "a consumable's id")
            _check(item[0] not in seen, "consumable %d twice" % item[0])
            seen.append(item[0])
            _whole(item[3], 0, 1 << 32, "a consumable's limit")
            _whole(item[4], 0, 36600, "a consumable's days")
            _check(item[3] + item[4] > 0, "consumable %d has no limit" % item[0])
            for indexes in item[1:3]:
                _items(indexes, 1 if item[3] else 0, CELLS_MAX, "totals of a consumable")
                for index in indexes:
                    _whole(index, 0, len(self.period) - 1, "a total of a consumable")

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
    if not isinstance(value, (list, Items)) or not low <= len(value) <= high:
        raise ValueError("pack: %s: not a list of %d to %d items" % (what, low, high))
