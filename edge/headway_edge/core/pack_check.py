"""What a device checks of a pack's parts, beside its expressions (`headway_edge.core.pack_trees`).

Loaded to check a pack, and of no use to whoever runs one.
"""

from headway_edge.core.pack_limits import (
    AXES_MAX,
    CELLS_MAX,
    CHARACTERISTICS_MAX,
    CLASSES_MAX,
    CLOCK,
    NUMBER_MAX,
    OTHER,
    PARAMETERS_MAX,
    REPORT,
    SIGNALS_MAX,
    SINGLE_ROLES,
    SPEED,
    TEXT_MAX,
    check,
    items,
    whole,
)
from headway_edge.core.pack_outlook import check_outlook
from headway_edge.core.pack_trees import Checker
from headway_edge.core.program import CELLS, PLAIN

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from headway_edge.core.pack import Pack


def check_pack(pack: "Pack") -> None:
    """Check what was read of a pack, and fill in what follows from it. Raises ValueError for what no device takes."""
    check(isinstance(pack.name, str) and 1 <= len(pack.name) <= TEXT_MAX, "the name")
    whole(pack.version, 0, 0xFFFFFFFF, "the version")
    check(pack.kind in ("trip", "day"), "kind %r; this device knows 'trip' and 'day'" % (pack.kind,))
    roles = _signals(pack)
    pack.speed, pack.engine_speed, pack.ignition, pack.clock = (
        [roles.index(role) if role in roles else -1 for role in SINGLE_ROLES]
    )  # fmt: skip
    if pack.kind == "day":
        from headway_edge.core import day_pack  # noqa: PLC0415 - vehicles have no use for it

        day_pack.check_roles(pack, roles)
        day_pack.check_rules(pack)
        checker = day_pack.DayChecker(pack)  # type: Checker
    else:
        _roles(pack, roles)
        _rules(pack)
        checker = Checker(pack)
    _parameters(pack)
    pack.value_ranges = checker.values()
    pack.cells = checker.cells()
    pack.first_event = len(pack.cells)
    checker.events()
    pack.cells.extend([CELLS[PLAIN]] * len(pack.events))
    check(len(pack.cells) <= CELLS_MAX, "%d accumulators; the limit is %d" % (len(pack.cells), CELLS_MAX))
    checker.period()
    checker.contexts()
    _characteristics(pack)
    _axes(pack)
    _enough(pack)
    check_outlook(pack)


def _signals(pack: "Pack") -> list:
    # Returns the roles, in the order of the signals.
    items(pack.signals, 1, SIGNALS_MAX, "signals")
    roles = []
    for signal in pack.signals:
        items(signal, 8, 8, "a signal")
        name, unit, above, below, low, high, wrap, role = signal
        check(isinstance(name, str) and len(name) <= 2 * TEXT_MAX, "a signal's name")
        check(isinstance(unit, str) and len(unit) <= TEXT_MAX, "a signal's unit")
        whole(above, 1, NUMBER_MAX, "quantum of " + name)
        whole(below, 1, NUMBER_MAX, "quantum of " + name)
        whole(low, -NUMBER_MAX, NUMBER_MAX, "minimum of " + name)
        whole(high, low, NUMBER_MAX, "maximum of " + name)
        whole(wrap, 0, 1 << 20, "wrap of " + name)
        check(wrap == 0 or (low >= 0 and high <= wrap), "%s wraps at %d but goes to %d" % (name, wrap, high))
        whole(role, OTHER, REPORT, "role of " + name)
        roles.append(role)
    for role in SINGLE_ROLES:
        check(roles.count(role) <= 1, "two signals of role %d" % role)
    return roles


def _roles(pack: "Pack", roles: list) -> None:
    check(CLOCK not in roles and REPORT not in roles, "a role of kind 'day' in a pack of kind 'trip'")
    check(SPEED in roles, "no signal has the role of the speed")
    speed = pack.signals[roles.index(SPEED)]
    check(
        speed[2:5] == [1, 100, 0] and speed[5] <= 50000,
        "the speed is counted in 0.01 km/h from 0 to 500 km/h at most",
    )


def _rules(pack: "Pack") -> None:
    items(pack.rules, 6, 6, "rules")
    limits = ((40, 10000), (10000, 3600000), (10000, 86400000), (60000, 432000000), (0, 100000), (0, 3600000))
    for rule, limit in zip(pack.rules, limits):
        whole(rule, limit[0], limit[1], "a rule")


def _parameters(pack: "Pack") -> None:
    items(pack.classes, 1, CLASSES_MAX, "classes")
    for name in pack.classes:
        check(isinstance(name, str) and 1 <= len(name) <= TEXT_MAX, "a class")
    items(pack.parameters, len(pack.classes), len(pack.classes), "parameters: one list for each class")
    for numbers in pack.parameters:
        items(numbers, 0, PARAMETERS_MAX, "parameters of a class")
        check(len(numbers) == len(pack.parameters[0]), "classes have different numbers of parameters")
        for number in numbers:
            whole(number, -NUMBER_MAX, NUMBER_MAX, "a parameter")


def _characteristics(pack: "Pack") -> None:
    items(pack.characteristics, 0, CHARACTERISTICS_MAX, "characteristics")
    seen = []
    for item in pack.characteristics:
        items(item, 9, 9, "a characteristic")
        number, level, decimals, direction, above, below, factor, divisor, counted = item
        whole(number, 1, 0xFFFF, "a characteristic's id")
        check(number not in seen, "characteristic %d twice" % number)
        seen.append(number)
        whole(level, 0, 1, "a level")
        whole(decimals, 0, 6, "decimals")
        whole(direction, -1, 1, "a direction")
        count = len(pack.period) if level else len(pack.cells)
        for indexes in (above, below):
            items(indexes, 0, CELLS_MAX, "indexes of characteristic %d" % number)
            for index in indexes:
                whole(index, 0, count - 1, "an index of characteristic %d" % number)
        whole(factor, 1, 1 << 40, "a factor")
        whole(divisor, 1, 1 << 40, "a divisor")
        whole(counted, 0, 1, "whether a characteristic counts events")


def _axes(pack: "Pack") -> None:
    # Of the score: [weight, [ids of characteristics of a period of which more is better, or less]].
    known = [item[0] for item in pack.characteristics if item[1] and item[3]]
    seen = []  # type: list
    items(pack.axes, 0, AXES_MAX, "axes of the score")
    for axis in pack.axes:
        items(axis, 2, 2, "an axis")
        whole(axis[0], 1, 100, "the weight of an axis")
        items(axis[1], 1, AXES_MAX, "characteristics of an axis")
        for number in axis[1]:
            check(number in known and number not in seen, "an axis of characteristic %r" % (number,))
            seen.append(number)


def _enough(pack: "Pack") -> None:
    # How much a person's totals must be before they are compared: [[total, at least], ...].
    items(pack.enough, 0, len(pack.period), "how much is enough")
    for item in pack.enough:
        items(item, 2, 2, "how much is enough")
        whole(item[0], 0, len(pack.period) - 1, "a total")
        whole(item[1], 0, 1 << 40, "how much is enough")
