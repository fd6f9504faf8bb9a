"""What a device checks of the parts of a pack that look ahead: what is forecast and watched, what wears out, what warns.

Loaded to check a pack, and of no use to whoever runs one.
"""

from headway_edge.core.pack_limits import (
    CELLS_MAX,
    CONDITION_MAX,
    CONSUMABLES_MAX,
    EACH_DAY,
    EACH_TRIP,
    FACTOR_CLASSES_MAX,
    FACTORS_MAX,
    NO_CHART,
    POISSON_CHART,
    POSITIONS,
    R1,
    R2,
    SERIES_MAX,
    TEXT_MAX,
    WARNING_CODE_MAX,
    WARNING_DAYS_MAX,
    WARNING_RULES_MAX,
    WARNING_TIMES_MAX,
    WATCH_ERRORS,
    WATCH_VALUES,
    check,
    items,
    whole,
)

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from headway_edge.core.pack import Pack

_ONE = 1 << 15  # of weights and gains


def check_outlook(pack: "Pack") -> None:
    """Check the factors, series, consumables and warnings of a pack whose other parts are right. Raises ValueError."""
    _factors(pack)
    _series(pack)
    _consumables(pack)
    _warnings(pack)


def _factors(pack: "Pack") -> None:
    # What may be known of a person: [[name, [class, ...]], ...].
    seen = []  # type: list
    items(pack.factors, 0, FACTORS_MAX, "customer factors")
    for factor in pack.factors:
        items(factor, 2, 2, "a customer factor")
        _name(factor[0], seen, "a customer factor")
        classes = []  # type: list
        items(factor[1], 1, FACTOR_CLASSES_MAX, "classes of a customer factor")
        for name in factor[1]:
            _name(name, classes, "a class of a customer factor")


def _name(name: object, seen: list, what: str) -> None:
    check(isinstance(name, str) and 1 <= len(name) <= TEXT_MAX and name not in seen, "%s: %r" % (what, name))
    seen.append(name)


def _series(pack: "Pack") -> None:
    # What is forecast and watched: [[characteristic of a period, EACH_TRIP or EACH_DAY, chart, what it is of, model], ...].
    known = [item[0] for item in pack.characteristics if item[1]]
    counted = [item[0] for item in pack.characteristics if item[8]]
    sizes = [len(factor[1]) for factor in pack.factors]
    seen = []  # type: list
    items(pack.series, 0, SERIES_MAX, "series")
    for item in pack.series:
        items(item, 5, 5, "a series")
        check(item[0] in known and item[0] not in seen, "a series of characteristic %r" % (item[0],))
        seen.append(item[0])
        whole(item[1], EACH_TRIP, EACH_DAY, "what a series has a number of")
        whole(item[2], NO_CHART, POISSON_CHART, "the chart of a series")
        check(item[2] != POISSON_CHART or item[0] in counted, "a Poisson chart of what is not counted")
        whole(item[3], WATCH_ERRORS, WATCH_VALUES, "what the chart of a series is of")
        items(item[4], 0, 5, "the model of a series")
        if item[4]:
            _model(item[4], sizes)


def _model(model: list, sizes: list) -> None:
    # A forecast that customer factors move: [R1 or R2, alpha, b, rho, [weights of the classes of each factor of the pack]].
    items(model, 5, 5, "the model of a series")
    whole(model[0], R1, R2, "how customer factors move a forecast")
    whole(model[1], 1, _ONE, "alpha of a forecast")
    for gain in model[2:4]:
        whole(gain, 0, _ONE, "a gain of a forecast")
    items(model[4], len(sizes), len(sizes), "weights: one list for each customer factor")
    for i in range(len(sizes)):
        items(model[4][i], 0, sizes[i], "weights of a customer factor")
        check(len(model[4][i]) in (0, sizes[i]), "a customer factor with a weight for some of its classes")
        for weight in model[4][i]:
            whole(weight, -_ONE, _ONE, "a customer-factor weight")
    if model[0] == R2:
        from headway_edge.core.forecast.growth import grows  # noqa: PLC0415 - few packs have such a model

        check(not grows(model[1], model[2], model[3]), "a forecast that feeds itself and grows for ever")


def _consumables(pack: "Pack") -> None:
    # What wears: [[id, [totals as they are], [totals as the wear is felt], limit, days], ...].
    seen = []  # type: list
    items(pack.consumables, 0, CONSUMABLES_MAX, "consumables")
    for item in pack.consumables:
        items(item, 5, 5, "a consumable")
        whole(item[0], 1, 255, "a consumable's id")
        check(item[0] not in seen, "consumable %d twice" % item[0])
        seen.append(item[0])
        whole(item[3], 0, 1 << 32, "a consumable's limit")
        whole(item[4], 0, 36600, "a consumable's days")
        check(item[3] + item[4] > 0, "consumable %d has no limit" % item[0])
        for indexes in item[1:3]:
            items(indexes, 1 if item[3] else 0, CELLS_MAX, "totals of a consumable")
            for index in indexes:
                whole(index, 0, len(pack.period) - 1, "a total of a consumable")


def _warnings(pack: "Pack") -> None:
    # What warns: [signal of the codes, [signals kept around one], [[code or 0 for any, times, days], ...]]; [] for nothing.
    items(pack.warnings, 0, 3, "warnings")
    if len(pack.warnings) == 0:
        return
    items(pack.warnings, 3, 3, "warnings")
    check(pack.kind == "trip", "warnings in a pack of kind %r" % (pack.kind,))
    place, condition, rules = [pack.warnings[i] for i in range(3)]
    whole(place, 0, len(pack.signals) - 1, "the signal of warning codes")
    signal = pack.signals[place]
    check(signal[4] >= 0 and signal[6] == 0, "the signal of warning codes is a number from 0 on")
    check(signal[0] not in POSITIONS, "warning codes that are positions: " + signal[0])
    items(condition, 0, CONDITION_MAX, "signals kept around a warning code")
    for i in range(len(condition)):
        whole(condition[i], 0, len(pack.signals) - 1, "a signal kept around a warning code")
        check(condition[i] not in condition[:i], "a signal kept around a warning code twice")
    items(rules, 0, WARNING_RULES_MAX, "rules for warning codes")
    for rule in rules:
        items(rule, 3, 3, "a rule for a warning code")
        for number, least, most in zip(rule, (0, 1, 1), (WARNING_CODE_MAX, WARNING_TIMES_MAX, WARNING_DAYS_MAX)):
            whole(number, least, most, "a rule for a warning code")
