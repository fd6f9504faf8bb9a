"""Which tables and keys a pack's source has, of which types, and which words they take. The reader is `source`."""

import re
from fractions import Fraction

from headway_edge.core import pack_limits as device

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
KINDS = ["trip", "day"]
ROLES = ["none", "speed", "engine_speed", "ignition", "clock", "report"]  # in the order of their numbers
ACCUMULATOR_KINDS = ["bands", "edges", "first", "integral", "last", "max", "metres", "min", "sum", "time"]
EACH = ["trip", "day"]  # in the order of their numbers, as the next
CHARTS = ["none", "ewma", "cusum", "poisson"]
WATCHES = ["errors", "values"]
MODELS = ["choice", "r1", "r2"]
DIRECTIONS = {"lower": -1, "neutral": 0, "higher": 1}
MERGES = ["max", "min", "sum"]
RULES = ["near", "gap", "standing", "limit", "min_distance", "min_elapsed"]
DAY_RULES = ["epoch", "boundary", "min_elapsed"]

# Most entries of each table; what else limits a pack is counted by the device's own check, after compiling.
MOST = {
    "signals": device.SIGNALS_MAX,
    "params": device.PARAMETERS_MAX,
    "values": device.VALUES_MAX,
    "accumulators": device.CELLS_MAX,
    "events": device.EVENTS_MAX,
    "totals": device.PERIOD_MAX,
    "trip": device.CHARACTERISTICS_MAX,
    "period": device.CHARACTERISTICS_MAX,
    "contexts": device.CONTEXTS_MAX,
    "score": device.AXES_MAX,
    "series": device.SERIES_MAX,
    "consumables": device.CONSUMABLES_MAX,
    "factors": device.FACTORS_MAX,
    "advice": device.WARNING_RULES_MAX,
}

_TEXT, _WHOLE, _NUMBER, _TEXTS, _TEXT_MAP, _FLAG, _NUMBER_LISTS = (
    "a text",
    "a whole number",
    "a number such as 12 or 0.01",
    "a list of texts",
    "a table of texts",
    "true or false",
    "a table of lists of numbers",
)
# Keys of each table: the type of its value; a leading ? means that it may be left out.
KEYS: dict[str, dict[str, str]] = {
    "pack": {
        "name": _TEXT,
        "version": _WHOLE,
        "kind": _TEXT,
        "title": _TEXT,
        "about": _TEXT,
        "source": "?" + _TEXT,
        "classes": _TEXTS,
        "like": "?" + _TEXT_MAP,
    },
    "rules": dict.fromkeys(RULES, _TEXT),
    "signals": {
        "vss": _TEXT,
        "unit": _TEXT,
        "quantum": _NUMBER,
        "min": _NUMBER,
        "max": _NUMBER,
        "wrap": "?" + _NUMBER,
        "role": "?" + _TEXT,
        "about": _TEXT,
    },
    "params": {"quantum": "?" + _TEXT, "about": _TEXT, "source": "?" + _TEXT, "classes": _TEXT_MAP},
    "values": {"formula": _TEXT, "about": _TEXT},
    "accumulators": {
        "kind": _TEXT,
        "when": "?" + _TEXT,
        "of": "?" + _TEXT,
        "edges": "?" + _TEXTS,
        "about": _TEXT,
        "source": "?" + _TEXT,
    },
    "events": {
        "when": _TEXT,
        "hold": "?" + _TEXT,
        "quiet": "?" + _TEXT,
        "suppressed_by": "?" + _TEXTS,
        "wait": "?" + _TEXT,
        "about": _TEXT,
        "source": "?" + _TEXT,
    },
    "totals": {"merge": "?" + _TEXT, "formula": _TEXT, "enough": "?" + _TEXT, "about": _TEXT},
    "trip": {},
    "period": {},
    "contexts": {"when": _TEXT, "title": _TEXT, "otherwise": _TEXT, "about": _TEXT, "source": "?" + _TEXT},
    "score": {"title": _TEXT, "of": _TEXTS, "weight": "?" + _WHOLE, "about": _TEXT, "source": "?" + _TEXT},
    "series": {
        "of": _TEXT,
        "each": _TEXT,
        "chart": "?" + _TEXT,
        "watch": "?" + _TEXT,
        "model": "?" + _TEXT,
        "alpha": "?" + _NUMBER,
        "damping": "?" + _NUMBER,
        "share": "?" + _NUMBER,
        "weights": "?" + _NUMBER_LISTS,
        "about": _TEXT,
        "source": "?" + _TEXT,
    },
    "consumables": {
        "id": _WHOLE,
        "title": _TEXT,
        "used": "?" + _TEXTS,
        "worn": "?" + _TEXTS,
        "limit": "?" + _TEXT,
        "days": "?" + _WHOLE,
        "about": _TEXT,
        "source": "?" + _TEXT,
    },
    "factors": {"title": _TEXT, "classes": _TEXTS, "about": _TEXT, "source": "?" + _TEXT},
    "warnings": {"code": _TEXT, "condition": _TEXTS},
    "advice": {
        "title": _TEXT,
        "code": "?" + _TEXT,
        "times": _WHOLE,
        "days": _WHOLE,
        "do": _TEXT,
        "about": _TEXT,
        "source": "?" + _TEXT,
    },
}
KEYS["trip"] = KEYS["period"] = {
    "id": _WHOLE,
    "title": _TEXT,
    "unit": _TEXT,
    "decimals": _WHOLE,
    "direction": _TEXT,
    "numerator": _TEXTS,
    "denominator": "?" + _TEXTS,
    "counted": "?" + _FLAG,
    "headline": "?" + _FLAG,
    "about": _TEXT,
    "source": "?" + _TEXT,
}
SINGLE = ("pack", "rules", "warnings")
OPTIONAL = ("warnings",)  # of these, what may be left out


def keys_of(kind: object) -> dict[str, dict[str, str]]:
    """Return the tables and keys of a pack of `kind`; of anything unknown, those of a trip."""
    return KEYS | {"rules": dict.fromkeys(DAY_RULES, _TEXT)} if kind == "day" else KEYS


def is_a(value: object, wanted: str) -> bool:
    """Return whether `value` is `wanted`, in the words of KEYS without the ?."""
    if wanted == _TEXT:
        return isinstance(value, str)
    if wanted == _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 32
    if wanted == _NUMBER:
        return isinstance(value, (int, Fraction)) and not isinstance(value, bool) and -(1 << 32) < value < 1 << 32
    if wanted == _FLAG:
        return isinstance(value, bool)
    if wanted == _TEXTS:
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    if wanted == _NUMBER_LISTS:
        return isinstance(value, dict) and all(
            isinstance(item, list) and all(is_a(number, _NUMBER) for number in item) for item in value.values()
        )
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def has_control(value: object) -> bool:
    """Return whether a text, or one in a list or table, has control characters, which terminals may obey."""
    if isinstance(value, dict):
        return any(has_control(item) for item in value.values())
    if isinstance(value, list):
        return any(has_control(item) for item in value)
    return isinstance(value, str) and _CONTROL.search(value) is not None
