"""Small packs that use every operator, accumulator and event option: written by hand, and drawn by Hypothesis."""

from typing import Any

from hypothesis import note
from hypothesis import strategies as st

from headway_edge.core.pack import Pack
from headway_edge.core.pack_limits import PACK_DEPTH_MAX
from headway_protocol import cbor

Tree = Any

# Small enough rules that short streams reach all of them.
QUICK_RULES = [1500, 10000, 12000, 60000, 0, 0]
USUAL_RULES = [1500, 300000, 1800000, 432000000, 20, 10000]
SIGNALS = [
    ["Vehicle.Speed", "km/h", 1, 100, 0, 25000, 0, 1],
    ["Vehicle.Powertrain.CombustionEngine.Speed", "rpm", 1, 1, 0, 9000, 0, 2],
    ["Vehicle.LowVoltageSystemState", "", 1, 1, 0, 1, 0, 3],
    ["Vehicle.CurrentLocation.Heading", "degrees", 1, 10, 0, 3600, 3600, 0],
    ["Vehicle.Acceleration.Longitudinal", "m/s^2", 1, 100, -1000, 1000, 0, 0],
    ["Odd", "", 1, 1, 0, 7, 7, 0],
]
CLASSES = ["one", "other"]
PARAMETERS = [[1200, 90, 2000, 0, 600000], [-300, 700, 0, 3500, 11000]]
TIME_PARAMETERS = (2, 3)
REST_PARAMETER = 4


def made_pack(
    values: list[Tree], accumulators: list[Tree], events: list[Tree], rules: list[int] | None = None, signals: int = 6
) -> Pack:
    """Return a pack of these parts. Raises ValueError if it is none."""
    return Pack(_encoded(values, accumulators, events, rules or QUICK_RULES, signals))


def _encoded(values: list[Tree], accumulators: list[Tree], events: list[Tree], rules: list[int], signals: int) -> bytes:
    parts = [1, "made", 1, "trip", CLASSES, SIGNALS[:signals], rules, PARAMETERS, values, accumulators, events]
    return cbor.encode([*parts, *[[]] * 9], PACK_DEPTH_MAX)


def everything() -> Pack:
    """Every operator, accumulator and event option at least once."""
    return Pack(everything_compiled())


def everything_compiled() -> bytes:
    """The same, compiled."""
    speed, rpm, heading, acceleration, odd = (["s", i] for i in (0, 1, 3, 4, 5))
    values: list[Tree] = [
        ["round", ["lag", speed, 1000], 100],
        ["-", ["round", speed, 100], ["v", 0]],
        ["turn", 3, 3000],
        ["turned", 3, 2500],
        ["abs", ["v", 2]],
        ["held", [">", speed, 1000]],
        ["min", ["*", acceleration, 3], ["max", ["+", rpm, 1], ["//", acceleration, 7]]],
        ["lag", acceleration, 1700],
        ["lag", ["v", 1], 2000],
        ["lag", heading, 1500],
        ["turned", 5, 5000],
        ["lag", odd, 700],
        ["held", ["or", ["not", ["==", heading, 0]], ["!=", rpm, 800]]],
        42,
        ["lag", ["v", 13], 900],
        ["unchanged", odd],
        ["driven", 9000],
        ["driven", ["p", 4]],
        ["min", ["unchanged", heading], ["unchanged", ["v", 0]]],
        ["//", ["-", speed, 9000], 40],
    ]
    accumulators: list[Tree] = [
        ["time", ["<", speed, 2900]],
        ["time", ["and", ["==", speed, 0], ["not", ["==", rpm, 0]]]],
        ["metres", [">=", ["v", 4], 100]],
        ["metres", ["<", 1, 2]],
        ["time", ["<", 2, 1]],
        ["edges", ["==", speed, 0]],
        ["edges", ["<=", acceleration, ["p", 0]]],
        ["edges", ["<", 1, 2]],
        ["sum", ["v", 1]],
        ["sum", acceleration],
        ["sum", 3],
        ["sum", ["v", 1], [">", acceleration, 0]],
        ["sum", 1, ["==", rpm, 800]],
        ["max", speed],
        ["max", acceleration],
        ["min", acceleration],
        ["min", ["v", 7]],
        ["min", 5],
        ["last", rpm],
        ["last", ["v", 2]],
        ["last", ["v", 13]],
        ["bands", speed, [1, 805, 1609, 5000]],
        ["bands", acceleration, [-200, 0, 200]],
        ["bands", ["v", 9], [900]],
        ["bands", ["*", ["+", speed, 1], 1000], [-100000000, 3000000, 9000000]],
        ["sum", ["v", 10]],
        ["max", ["v", 3]],
        ["last", ["v", 11]],
        ["sum", ["v", 8]],
        ["max", ["v", 12]],
        ["max", ["v", 5]],
        ["sum", ["v", 6]],
        ["last", ["v", 14]],
        ["integral", ["v", 19]],
        ["integral", acceleration, [">", ["v", 18], 0]],
        ["integral", 7, ["==", speed, 0]],
        ["first", acceleration],
        ["first", ["v", 1]],
        ["first", 5],
        ["first", ["v", 16]],
        ["max", ["v", 15]],
        ["sum", ["v", 15]],
        ["max", ["v", 16]],
        ["last", ["v", 16]],
        ["sum", ["v", 17]],
        ["first", ["v", 17]],
        ["time", [">", ["unchanged", ["v", 13]], 2000]],
        ["time", [">", ["unchanged", ["v", 7]], ["unchanged", rpm]]],
        ["time", [">", ["driven", 1], 3000]],
        ["max", ["unchanged", speed]],
    ]
    events: list[Tree] = [
        [[">=", ["v", 1], 8], 0, 0, [], 0],
        [[">", speed, 2000], 3000, 0, [], 0],
        [["<", acceleration, 0], 0, 5000, [], 0],
        [[">=", ["v", 1], 3], 0, 0, [0, 1], 0],
        [["!=", rpm, 800], 0, 0, [2], 2500],
        [[">=", ["v", 4], 300], 1000, 2000, [0, 4], 4000],
        [[">=", ["v", 5], 0], 0, ["p", 3], [5], ["p", 2]],
        [[">", ["v", 17], 20000], 0, 0, [], 0],
    ]
    return _encoded(values, accumulators, events, QUICK_RULES, len(SIGNALS))


_WINDOWS_MS = st.sampled_from([1, 40, 500, 1000, 1300, 2000, 3333, 5000, 9000])
_LEAVES = (
    "literal", "s", "s", "p", "lag", "turn", "turned", "unchanged", "driven", "v", "v", "lag v", "unchanged v",
)  # fmt: skip


def _number(draw: st.DrawFn, values: int, depth: int) -> Tree:
    # A tree that makes a number and may read so many values; whether its range fits is the loader's to judge.
    branches = ("+", "-", "*", "min", "max", "//", "round", "abs", "held") if depth else ()
    kind = draw(st.sampled_from([name for name in _LEAVES + branches if values or "v" not in name or name == "held"]))
    if kind == "literal":
        return draw(st.integers(-3000, 3000))
    if kind == "s":
        return ["s", draw(st.integers(0, 5))]
    if kind == "p":
        return ["p", draw(st.integers(0, 4))]
    if kind == "v":
        return ["v", draw(st.integers(0, values - 1))]
    if kind == "lag":
        return ["lag", ["s", draw(st.sampled_from([0, 1, 3, 4, 5]))], draw(_WINDOWS_MS)]
    if kind == "lag v":
        return ["lag", ["v", draw(st.integers(0, values - 1))], draw(_WINDOWS_MS)]
    if kind == "unchanged":
        return ["unchanged", ["s", draw(st.integers(0, 5))]]
    if kind == "unchanged v":
        return ["unchanged", ["v", draw(st.integers(0, values - 1))]]
    if kind == "driven":
        return ["driven", draw(st.sampled_from([1, 1000, 7000, 40000, 400000, ["p", REST_PARAMETER]]))]
    if kind in {"turn", "turned"}:
        return [kind, draw(st.sampled_from([3, 5])), draw(_WINDOWS_MS)]
    if kind == "held":
        return ["held", _condition(draw, values, depth - 1)]
    number = _number(draw, values, depth - 1)
    if kind == "abs":
        return ["abs", number]
    if kind in {"//", "round"}:
        return [kind, number, draw(st.integers(1, 300))]
    if kind == "*" and draw(st.booleans()):  # two numbers, small enough to fit
        small = [["min", ["max", one, -9000], 9000] for one in (number, _number(draw, values, 0))]
        return ["*", small[0], ["round", small[1], draw(st.integers(1, 30))]]
    if kind == "*":
        return ["*", *draw(st.permutations([number, draw(st.integers(-5, 5))]))]
    return [kind, number, _number(draw, values, depth - 1)]


def _condition(draw: st.DrawFn, values: int, depth: int) -> Tree:
    kind = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="] + (["and", "or", "not"] if depth > 0 else [])))
    if kind == "not":
        return ["not", _condition(draw, values, depth - 1)]
    if kind in {"and", "or"}:
        return [kind, _condition(draw, values, depth - 1), _condition(draw, values, depth - 1)]
    return [kind, _number(draw, values, depth), _number(draw, values, 0)]


def _accumulator(draw: st.DrawFn, values: int) -> Tree:
    kinds = ["time", "metres", "edges", "sum", "integral", "max", "min", "first", "last", "bands"]
    kind = draw(st.sampled_from(kinds))
    if kind in {"time", "metres", "edges"}:
        return [kind, _condition(draw, values, 2)]
    number = _number(draw, values, 2)
    if kind == "integral":  # large numbers would be refused
        number = ["min", ["max", number, -300000], 357913]
    if kind in {"sum", "integral"} and draw(st.booleans()):
        return [kind, number, _condition(draw, values, 2)]
    if kind != "bands":
        return [kind, number]
    return ["bands", number, sorted(draw(st.lists(st.integers(-4000, 9000), min_size=1, max_size=4, unique=True)))]


@st.composite
def drawn_packs(draw: st.DrawFn) -> bytes:
    """A compiled pack of drawn trees; the loader may still refuse it."""
    values: list[Tree] = []
    for i in range(draw(st.integers(0, 4))):
        values.append(_number(draw, i, 2))  # noqa: PERF401 - each may read those before
    accumulators = [_accumulator(draw, len(values)) for _ in range(draw(st.integers(0, 5)))]
    times = st.one_of(
        st.sampled_from([0, 0, 1000, 1500, 3000, 7000]), st.sampled_from([["p", i] for i in TIME_PARAMETERS])
    )
    events: list[Tree] = []
    for i in range(draw(st.integers(0, 4))):
        suppressors = draw(st.lists(st.integers(0, i - 1), unique=True, max_size=2)) if i else []
        events.append([_condition(draw, len(values), 2), draw(times), draw(times), suppressors, draw(times)])
    if draw(st.booleans()):  # suppressors may come later, too
        last = len(events) - 1
        events = [[c, hold, quiet, [last - i for i in by], wait] for c, hold, quiet, by, wait in reversed(events)]
    rules = draw(st.sampled_from([QUICK_RULES, USUAL_RULES, [400, 20000, 10000, 60000, 30, 5000]]))
    note(f"{values=}\n{accumulators=}\n{events=}\n{rules=}")
    return _encoded(values, accumulators, events, rules, len(SIGNALS))
