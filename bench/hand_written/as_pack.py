"""What the hand-written core counts, as a compiled pack: the two are held to the same numbers, and timed side by side."""

from bench.hand_written import definition as d
from headway_edge.core.pack_limits import ENGINE_SPEED, FORMAT, IGNITION, SPEED
from headway_protocol import cbor

_SIGNALS = [
    ["Vehicle.Speed", "km/h", 1, 100, 0, d.SPEED_LIMIT_CKMH, 0, SPEED],
    ["Vehicle.Powertrain.CombustionEngine.Speed", "rpm", 1, 1, 0, 20000, 0, ENGINE_SPEED],
    ["Vehicle.LowVoltageSystemState", "", 1, 1, 0, 1, 0, IGNITION],
]
_SPEED, _RPM = ["s", 0], ["s", 1]
_BEFORE, _NOW, _GAIN = ["v", 0], ["v", 1], ["v", 2]
_LOSS = ["-", 0, _GAIN]
_CBOR_DEPTH = 14

CLASSES = tuple(sorted(d.CLASS_RULES))
# The place in the hand-written core of each of the pack's cells: a pack has its events last.
CELLS = [d.ELAPSED, d.DISTANCE, d.LOW_SPEED, d.IDLE, d.STOPS, d.SPEED_MAX]
CELLS += [*range(d.BAND_0, d.COUNTS), d.HARD_ACCELERATION, d.HARD_BRAKING]


def compiled() -> bytes:
    """Return the pack, in the order of CELLS; its classes are CLASSES, its events acceleration and braking."""
    rules = [d.NEAR_MS, d.TRIP_GAP_MS, d.STANDING_MS, d.TRIP_LIMIT_MS, d.MIN_DISTANCE_M, d.MIN_ELAPSED_MS]
    values = [["round", ["lag", _SPEED, 1000], 100], ["round", _SPEED, 100], ["-", _NOW, _BEFORE]]
    accumulators = [
        ["time", ["<", _SPEED, d.LOW_SPEED_CKMH]],
        ["time", ["and", ["==", _SPEED, 0], ["not", ["==", _RPM, 0]]]],
        ["edges", ["==", _SPEED, 0]],
        ["max", _SPEED],
        ["bands", _SPEED, [1] + list(d.BAND_EDGES_CKMH)],
    ]
    events = [[condition, 0, 0, [], 0] for condition in (_hard_acceleration(), _hard_braking())]
    parameters = [list(d.HARD_CHANGE[d.CLASS_RULES[name]]) for name in CLASSES]
    parts = [FORMAT, "hand-written", 1, "trip", list(CLASSES), _SIGNALS, rules, parameters]
    return cbor.encode(parts + [values, accumulators, events] + [[]] * 9, _CBOR_DEPTH)


def _hard_acceleration() -> list[object]:
    return ["and", [">", _GAIN, 0], ["or",
        ["and", ["<=", _BEFORE, 5], [">=", _GAIN, ["p", 3]]],
        ["and", [">", _BEFORE, 5], ["<=", _BEFORE, 10], [">=", _GAIN, ["p", 0]]],
        ["and", [">", _BEFORE, 10], ["<=", _BEFORE, 20], [">=", _GAIN, ["p", 1]]],
        ["and", [">", _BEFORE, 20], [">=", _GAIN, ["p", 2]]],
    ]]  # fmt: skip


def _hard_braking() -> list[object]:
    return ["and", ["<=", _GAIN, 0], ["or",
        ["and", ["<=", _NOW, 5], [">=", _LOSS, ["p", 7]]],
        ["and", [">", _NOW, 5], ["<=", _BEFORE, 30], [">=", _LOSS, ["p", 4]]],
        ["and", [">", _NOW, 5], [">", _BEFORE, 30], ["<=", _BEFORE, 50], [">=", _LOSS, ["p", 5]]],
        ["and", [">", _NOW, 5], [">", _BEFORE, 50], [">=", _LOSS, ["p", 6]]],
    ]]  # fmt: skip
