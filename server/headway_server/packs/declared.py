"""What a pack declares before anything is computed: episode rules, signals, and the parameters of each class.

Literals become counts of a quantum here, exactly; signals and parameters become names that expressions may use.
"""

from fractions import Fraction
from typing import Any

from headway_edge.core.pack_limits import NUMBER_MAX
from headway_server.packs.desk import METRE, MILLISECOND, MINUTE, Desk
from headway_server.packs.dimension import DISTANCE, TIME, unit_names, unit_of_text
from headway_server.packs.expression import literal
from headway_server.packs.names import Name
from headway_server.packs.problems import none_of
from headway_server.packs.quantity import ExpressionError, Number
from headway_server.packs.schema import DAY_RULES, ROLES, RULES
from headway_server.packs.source import Entry


def signals(desk: Desk) -> list[Any]:
    """Return the signals, compiled; of a trip, exactly one must be the speed."""
    found = [_signal(desk, index, item) for index, item in enumerate(desk.source.tables["signals"])]
    _check_roles(desk)
    return found


def rules(desk: Desk) -> list[int]:
    """Return the episode rules in the order of the compiled pack: in ms, a distance in m, a day's boundary in minutes."""
    if desk.is_day:
        rule = desk.source.rules.text
        return [
            desk.count(("rules", key), rule(key), TIME, MINUTE if key == "boundary" else MILLISECOND)
            for key in DAY_RULES
        ]
    found = []
    for key in RULES:
        dimension, quantum = (DISTANCE, METRE) if key == "min_distance" else (TIME, MILLISECOND)
        found.append(desk.count(("rules", key), desk.source.rules.text(key), dimension, quantum))
    return found


def _signal(desk: Desk, index: int, item: Entry) -> list[Any]:
    unit = unit_of_text(item.text("unit"))
    quantum = Fraction(item.fields["quantum"])
    desk.names[item.name] = Name("signal", None)
    if unit is None:
        desk.wrong((*item.path, "unit"), none_of(item.text("unit"), unit_names()) + "; also quotients such as l/h")
    if quantum <= 0:
        desk.wrong((*item.path, "quantum"), "must be more than 0")
    if unit is None or quantum <= 0:
        return []
    limits = []
    for key in ("min", "max", "wrap"):
        count = Fraction(item.fields.get(key, 0)) / quantum
        if count.denominator != 1:
            desk.wrong((*item.path, key), f"{key} is not a whole number of quanta")
        if abs(count) > NUMBER_MAX:
            desk.wrong((*item.path, key), f"{int(count)} quanta; the device's numbers end at {NUMBER_MAX}")
        limits.append(int(count))
    low, high, wrap = limits
    if low > high:
        desk.wrong((*item.path, "max"), "less than min")
    if wrap < 0 or (wrap and (low < 0 or high > wrap)):
        desk.wrong((*item.path, "wrap"), "a signal that wraps lies between 0 and its wrap")
    number = Number(["s", index], unit[0], quantum * unit[1], wraps=wrap > 0)
    desk.names[item.name] = Name("signal", number)
    desk.units[item.path] = number.described
    role = ROLES.index(item.text("role", "none"))
    return [item.text("vss"), item.text("unit"), quantum.numerator, quantum.denominator, low, high, wrap, role]


def _check_roles(desk: Desk) -> None:
    by_role: dict[str, list[Entry]] = {}
    for item in desk.source.tables["signals"]:
        by_role.setdefault(item.text("role", "none"), []).append(item)
    if desk.is_day:
        for role in ("speed", "engine_speed", "ignition"):
            for item in by_role.get(role, []):
                desk.wrong((*item.path, "role"), f'{role} is a role of kind = "trip"')
    elif len(by_role.get("speed", [])) != 1:
        desk.wrong(("signals",), 'exactly one signal has role = "speed"')
    else:
        for item in by_role.get("clock", []) + by_role.get("report", []):
            desk.wrong((*item.path, "role"), f'{item.text("role")} is a role of kind = "day"')
    for role in ("engine_speed", "ignition", "clock"):
        for item in by_role.get(role, [])[1:]:
            desk.wrong((*item.path, "role"), f"a second signal of role {role}")


def parameters(desk: Desk) -> list[list[int]]:
    """Return the parameters of each class, in the order of classes; a class that is like another has that one's."""
    classes = desk.source.pack.texts("classes")
    like: dict[str, str] = desk.source.pack.fields.get("like", {})
    found: list[list[int]] = [[] for _ in classes]
    for index, item in enumerate(desk.source.tables["params"]):
        desk.names[item.name] = Name("parameter", None)
        given: dict[str, str] = item.fields["classes"]
        for name in given:
            if name not in classes or name in like:
                what = none_of(name, [c for c in classes if c not in like])
                desk.wrong((*item.path, "classes"), what + (f"; {name} is like {like[name]}" if name in like else ""))
        try:
            quantum = literal(item.text("quantum", "1"))
        except ExpressionError as error:
            desk.wrong((*item.path, "quantum"), error)
            continue
        if quantum.value <= 0:
            desk.wrong((*item.path, "quantum"), "must be more than 0")
            continue
        number = Number(["p", index], quantum.dimension, quantum.value)
        desk.names[item.name] = Name("parameter", number)
        desk.units[item.path] = number.described
        for place, name in enumerate(classes):
            if name in like:
                continue
            if name not in given:
                desk.wrong((*item.path, "classes"), f"missing: a value for class {name!r}")
                continue
            path = (*item.path, "classes", name)
            found[place].append(desk.count(path, given[name], number.dimension, number.quantum))
    for place, name in enumerate(classes):
        if name in like:
            found[place] = list(found[classes.index(like[name])])
    return found
