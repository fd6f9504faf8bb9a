"""A compiled pack: read, checked, and laid out for the device that is to run it.

A pack is the definition of one customer process as data (docs/packs.md). The device trusts nobody: whatever the
compiler and the server checked is checked again here, before anything is generated or allocated. What is refused is
refused with a reason, as ValueError.
"""

import hashlib

from headway_edge.core import pack_limits as limits  # by one name: each costs a microcontroller a place
from headway_edge.core.pack_limits import check, items, whole
from headway_edge.core.pack_parts import read_parts
from headway_edge.core.pack_trees import Checker
from headway_edge.core.program import CELLS, PLAIN
from headway_protocol import cbor

_VALUES = 8  # of the compiled array; from here on the parts are large
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
        if len(data) > limits.PACK_BYTES_MAX:
            raise ValueError("a pack of %d bytes; the limit is %d" % (len(data), limits.PACK_BYTES_MAX))
        depth = limits.PACK_DEPTH_MAX
        parts = read_parts(data, depth, _PARTS, _VALUES) if lean else cbor.decode(data, depth)
        if not isinstance(parts, list) or len(parts) != _PARTS or parts[0] != limits.FORMAT:
            raise ValueError("not a compiled pack of format %d" % limits.FORMAT)
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
        check(isinstance(self.name, str) and 1 <= len(self.name) <= limits.TEXT_MAX, "the name")
        whole(self.version, 0, 0xFFFFFFFF, "the version")
        check(self.kind in ("trip", "day"), "kind %r; this device knows 'trip' and 'day'" % (self.kind,))
        roles = self._check_signals()
        self.speed, self.engine_speed, self.ignition, self.clock = (
            [roles.index(role) if role in roles else -1 for role in limits.SINGLE_ROLES]
        )  # fmt: skip
        self.value_reads = []  # type: list
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
        most = limits.CELLS_MAX
        check(len(self.cells) <= most, "%d accumulators; the limit is %d" % (len(self.cells), most))
        checker.period()
        checker.contexts()
        self._check_characteristics()
        self._check_axes()
        self._check_enough()
        self._check_series()
        self._check_consumables()

    def _check_signals(self) -> list:
        # Returns the roles, in the order of the signals.
        items(self.signals, 1, limits.SIGNALS_MAX, "signals")
        roles = []
        for signal in self.signals:
            items(signal, 8, 8, "a signal")
            name, unit, above, below, low, high, wrap, role = signal
            check(isinstance(name, str) and len(name) <= 2 * limits.TEXT_MAX, "a signal's name")
            check(isinstance(unit, str) and len(unit) <= limits.TEXT_MAX, "a signal's unit")
            whole(above, 1, limits.NUMBER_MAX, "quantum of " + name)
            whole(below, 1, limits.NUMBER_MAX, "quantum of " + name)
            whole(low, -limits.NUMBER_MAX, limits.NUMBER_MAX, "minimum of " + name)
            whole(high, low, limits.NUMBER_MAX, "maximum of " + name)
            whole(wrap, 0, 1 << 20, "wrap of " + name)
            check(wrap == 0 or (low >= 0 and high <= wrap), "%s wraps at %d but goes to %d" % (name, wrap, high))
            whole(role, limits.OTHER, limits.REPORT, "role of " + name)
            roles.append(role)
        for role in limits.SINGLE_ROLES:
            check(roles.count(role) <= 1, "two signals of role %d" % role)
        return roles

    def _check_roles(self, roles: list) -> None:
        check(limits.CLOCK not in roles and limits.REPORT not in roles, "a role of kind 'day' in a pack of kind 'trip'")
        check(limits.SPEED in roles, "no signal has the role of the speed")
        speed = self.signals[roles.index(limits.SPEED)]
        check(
            speed[2:5] == [1, 100, 0] and speed[5] <= 50000,
            "the speed is counted in 0.01 km/h from 0 to 500 km/h at most",
        )

    def _check_rules(self) -> None:
        items(self.rules, 6, 6, "rules")
        limits = ((40, 10000), (10000, 3600000), (10000, 86400000), (60000, 432000000), (0, 100000), (0, 3600000))
        for rule, limit in zip(self.rules, limits):
            whole(rule, limit[0], limit[1], "a rule")

    def _check_parameters(self) -> None:
        items(self.classes, 1, 16, "classes")
        for name in self.classes:
            check(isinstance(name, str) and 1 <= len(name) <= limits.TEXT_MAX, "a class")
        items(self.parameters, len(self.classes), len(self.classes), "parameters: one list for each class")
        for numbers in self.parameters:
            items(numbers, 0, limits.PARAMETERS_MAX, "parameters of a class")
            check(len(numbers) == len(self.parameters[0]), "classes have different numbers of parameters")
            for number in numbers:
                whole(number, -limits.NUMBER_MAX, limits.NUMBER_MAX, "a parameter")

    def _check_characteristics(self) -> None:
        items(self.characteristics, 0, limits.CHARACTERISTICS_MAX, "characteristics")
        seen = []
        for item in self.characteristics:
            items(item, 9, 9, "a characteristic")
            number, level, decimals, direction, above, below, factor, divisor, counted = item
            whole(number, 1, 0xFFFF, "a characteristic's id")
            check(number not in seen, "characteristic %d twice" % number)
            seen.append(number)
            whole(level, 0, 1, "a level")
            whole(decimals, 0, 6, "decimals")
            whole(direction, -1, 1, "a direction")
            count = len(self.period) if level else len(self.cells)
            for indexes in (above, below):
                items(indexes, 0, limits.CELLS_MAX, "indexes of characteristic %d" % number)
                for index in indexes:
                    whole(index, 0, count - 1, "an index of characteristic %d" % number)
            whole(factor, 1, 1 << 40, "a factor")
            whole(divisor, 1, 1 << 40, "a divisor")
            whole(counted, 0, 1, "whether a characteristic counts events")

    def _check_axes(self) -> None:
        # Of the score: [weight, [ids of characteristics of a period of which more is better, or less]].
        known = [item[0] for item in self.characteristics if item[1] and item[3]]
        seen = []  # type: list
        items(self.axes, 0, limits.AXES_MAX, "axes of the score")
        for axis in self.axes:
            items(axis, 2, 2, "an axis")
            whole(axis[0], 1, 100, "the weight of an axis")
            items(axis[1], 1, limits.AXES_MAX, "characteristics of an axis")
            for number in axis[1]:
                check(number in known and number not in seen, "an axis of characteristic %r" % (number,))
                seen.append(number)

    def _check_enough(self) -> None:
        # How much a person's totals must be before they are compared: [[total, at least], ...].
        items(self.enough, 0, len(self.period), "how much is enough")
        for item in self.enough:
            items(item, 2, 2, "how much is enough")
            whole(item[0], 0, len(self.period) - 1, "a total")
            whole(item[1], 0, 1 << 40, "how much is enough")

    def _check_series(self) -> None:
        # What is forecast and watched: [[characteristic of a period, EACH_TRIP or EACH_DAY, chart], ...].
        known = [item[0] for item in self.characteristics if item[1]]
        counted = [item[0] for item in self.characteristics if item[8]]
        seen = []  # type: list
        items(self.series, 0, limits.SERIES_MAX, "series")
        for item in self.series:
            items(item, 3, 3, "a series")
            check(item[0] in known and item[0] not in seen, "a series of characteristic %r" % (item[0],))
            seen.append(item[0])
            whole(item[1], limits.EACH_TRIP, limits.EACH_DAY, "what a series has a number of")
            whole(item[2], limits.NO_CHART, limits.POISSON_CHART, "the chart of a series")
            check(item[2] != limits.POISSON_CHART or item[0] in counted, "a Poisson chart of what is not counted")

    def _check_consumables(self) -> None:
        # What wears: [[id, [totals as they are], [totals as the wear is felt], limit, days], ...].
        seen = []  # type: list
        items(self.consumables, 0, limits.CONSUMABLES_MAX, "consumables")
        for item in self.consumables:
            items(item, 5, 5, "a consumable")
            whole(item[0], 1, 255, "a consumable's id")
            check(item[0] not in seen, "consumable %d twice" % item[0])
            seen.append(item[0])
            whole(item[3], 0, 1 << 32, "a consumable's limit")
            whole(item[4], 0, 36600, "a consumable's days")
            check(item[3] + item[4] > 0, "consumable %d has no limit" % item[0])
            for indexes in item[1:3]:
                items(indexes, 1 if item[3] else 0, limits.CELLS_MAX, "totals of a consumable")
                for index in indexes:
                    whole(index, 0, len(self.period) - 1, "a total of a consumable")

    def class_index(self, vehicle_class: str) -> int:
        """Return the place of a vehicle class; raises ValueError naming those there are."""
        if vehicle_class not in self.classes:
            raise ValueError(
                "pack %s knows the classes %s, not %r" % (self.name, ", ".join(self.classes), vehicle_class)
            )
        return self.classes.index(vehicle_class)
