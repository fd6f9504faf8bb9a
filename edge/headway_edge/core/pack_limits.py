"""What a compiled pack may be: its limits, the numbers that stand for words in it, and the checks that refuse the rest.

The checks of a pack's parts (`headway_edge.core.pack`) and of its expressions (`headway_edge.core.pack_trees`) are made of
these.
"""

from headway_edge.core.pack_parts import Items

FORMAT = 1
PACK_BYTES_MAX = 8192
NUMBER_MAX = (1 << 29) - 1  # of every number of every expression: sums of two stay small integers of 31 bits
TURN_MAX = 1 << 24  # of a change over a window: running totals are kept well above that

CLASSES_MAX = 16
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
FACTORS_MAX = 4
FACTOR_CLASSES_MAX = 16
CONDITION_MAX = 6  # signals that are kept around a warning code
WARNING_RULES_MAX = 32
WARNING_CODE_MAX = (1 << 29) - 1
WARNING_TIMES_MAX = 8  # trips that a rule for a warning code counts up to
WARNING_DAYS_MAX = 366  # that it looks back
EACH_TRIP, EACH_DAY = range(2)
NO_CHART, EWMA_CHART, CUSUM_CHART, POISSON_CHART = range(4)
WATCH_ERRORS, WATCH_VALUES = range(2)  # what the chart of a series is of
R1, R2 = 1, 2  # how customer factors move a forecast (`headway_edge.core.forecast.customer_factor`)
NODES_MAX = 1500
DEPTH_MAX = 10
PACK_DEPTH_MAX = DEPTH_MAX + 4  # of the CBOR: an expression lies in lists of its own
WINDOW_MS_MAX = 30000
PERIOD_MS_MAX = 1000  # of sampling: what the first sample, and one after a gap, may count for
TEXT_MAX = 64

# Roles of signals.
OTHER, SPEED, ENGINE_SPEED, IGNITION, CLOCK, REPORT = range(6)
SINGLE_ROLES = (SPEED, ENGINE_SPEED, IGNITION, CLOCK)  # of one signal at most

# Signals of which a pack may ask for how long they have been the same, and nothing else: no number of it tells a place.
POSITIONS = ("Vehicle.CurrentLocation.Latitude", "Vehicle.CurrentLocation.Longitude")


def check(fits: bool, what: str) -> None:
    """Refuse a pack, by ValueError that says what does not fit, unless it fits."""
    if not fits:
        raise ValueError("pack: " + what)


def whole(value: object, low: int, high: int, what: str) -> None:
    """Refuse what is no whole number from `low` to `high`."""
    if value is True or value is False or not isinstance(value, int) or not low <= value <= high:
        raise ValueError("pack: %s: %r is not in %d..%d" % (what, value, low, high))


def items(value: object, low: int, high: int, what: str) -> None:
    """Refuse what is no list of `low` to `high` items, decoded or in the bytes."""
    if not isinstance(value, (list, Items)) or not low <= len(value) <= high:
        raise ValueError("pack: %s: not a list of %d to %d items" % (what, low, high))
