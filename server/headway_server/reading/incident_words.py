"""What an incident says, in a sentence: a change as the device tells it, and all others by the name of their code.

What cannot be put into words, because the pack is not known here, or the code is newer than this server, or its values are
not those that it should have, is shown by its numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headway_edge.core import change_words, warning_words
from headway_edge.core.control_chart import Change
from headway_edge.core.pack_limits import EACH_DAY, NO_CHART, WATCH_ERRORS
from headway_edge.core.process import Characteristic, Process, decimal_text
from headway_protocol import incident

_DAY_MIN, _HOUR_MIN = 1440, 60


@dataclass(frozen=True, slots=True)
class ToldChange:
    """A change in a characteristic. noun: what its numbers are of. chart, watch: of the pack's series."""

    characteristic: Characteristic
    change: Change
    noun: str
    chart: int
    watch: int

    def sentence(self) -> str:
        """The change as the device tells it to its person (headway_edge.own.own_series)."""
        return str(change_words.told(self.change, self.characteristic, self.noun, self.chart, self.watch))


def change_of(process: Process | None, code: int, values: Sequence[int]) -> ToldChange | None:
    """Return the change that an incident tells of; None for other incidents, and where it is not readable."""
    if code != incident.CHANGE or process is None or len(values) < 5:
        return None
    number, direction, since, size, error = values[:5]
    seen, expected_tenths = values[5:7] if len(values) >= 7 and values[5] >= 0 else (None, None)  # of counts only
    characteristic = process.by_id.get(number)
    if characteristic is None or direction not in {1, -1}:
        return None
    # A characteristic that this pack has no series of is told without chance.
    series = {item[0]: item for item in process.pack.series}
    each, chart, watch = series[number][1:4] if number in series else (None, NO_CHART, WATCH_ERRORS)
    is_daily = each == EACH_DAY or process.pack.kind == "day"
    return ToldChange(
        characteristic,
        Change(direction, since, size, error, seen, expected_tenths),
        "day" if is_daily else "trip",
        chart,
        watch,
    )


def words_of(process: Process | None, code: int, values: Sequence[int]) -> str:
    """Return the incident in words. process: of the pack that the values are of; None: of none, or it is not known.

    >>> words_of(None, incident.STORAGE_FULL, [12]), words_of(None, 77, [3, 4]), words_of(None, incident.PACK_REFUSED, [])
    ('Storage full: 12 records dropped.', 'Incident 77: values 3, 4.', 'Pack refused.')
    >>> words_of(None, incident.CHANGE, [6, 1, 7, 62, 29, -1, -1])
    'Change: values 6, 1, 7, 62, 29, -1, -1.'
    """
    told = change_of(process, code, values)
    if told is not None:
        return told.sentence()
    name = name_of(code).capitalize()
    describe = _DESCRIBE.get(code)
    found = None
    if describe is not None and len(values) >= describe[0]:
        found = describe[1](process, values)
    if found is not None:
        return found if found.endswith(".") else f"{name}: {found}."  # a sentence already
    return f"{name}: values {', '.join(map(str, values))}." if values else f"{name}."


def name_of(code: int) -> str:
    """Return the name of a code, a number where it is newer than this server."""
    return incident.CODE_NAMES.get(code, f"incident {code}")


def lasting(ms: int) -> str:
    """Return how long something took, in its two largest units; whole minutes, rounded down.

    >>> [lasting(minutes * 60_000) for minutes in (0, 59, 61, 1440 * 3 + 130)]
    ['0 min', '59 min', '1 h 1 min', '3 d 2 h']
    """
    minutes = ms // 60_000
    if minutes >= _DAY_MIN:
        return f"{minutes // _DAY_MIN} d {minutes % _DAY_MIN // _HOUR_MIN} h"
    if minutes >= _HOUR_MIN:
        return f"{minutes // _HOUR_MIN} h {minutes % _HOUR_MIN} min"
    return f"{minutes} min"


def _event_change(process: Process | None, values: Sequence[int]) -> str | None:
    number, direction, since, _, _, seen, expected_tenths = values[:7]
    if process is None or not 0 <= number < len(process.events) or direction not in {1, -1}:
        return None
    title = process.events[number].replace("_", " ").capitalize()
    noun = "day" if process.pack.kind == "day" else "trip"
    return str(change_words.events_sentence(Change(direction, since, 0, 0, seen, expected_tenths), title, noun))


def _consumable(process: Process | None, values: Sequence[int]) -> str | None:
    number, days, used_permille = values[:3]
    texts = [] if process is None else process.catalogue.get("consumables", [])
    title = next((item["title"] for item in texts if item["id"] == number), f"consumable {number}")
    return f"{title}, {days} days left, {decimal_text(used_permille, 1)} % used"


def _warning(process: Process | None, values: Sequence[int]) -> str | None:
    code, times, days = values[:3]
    rule = -1 if process is None else warning_words.rule_of(process, code, times, days)
    if process is None or rule < 0:
        return f"{code}, {times} times within {days} days"
    return str(warning_words.advice(process, rule, code, times, rising=False))


def _stuck(process: Process | None, values: Sequence[int]) -> str | None:
    signals = [] if process is None else process.pack.signals
    return f"signal {values[0]}" if not 0 <= values[0] < len(signals) else str(signals[values[0]][0])


_Describe = Callable[[Process | None, Sequence[int]], str | None]
_DESCRIBE: dict[int, tuple[int, _Describe]] = {  # how many values it takes, and its words
    incident.EVENT_CHANGE: (7, _event_change),
    incident.CONSUMABLE_DUE: (3, _consumable),
    incident.WARNING_CODE: (3, _warning),
    incident.SENSOR_STUCK: (1, _stuck),
    incident.CLOCK_JUMP: (1, lambda _, values: f"by {decimal_text(values[0], 3)} s"),
    incident.STORAGE_FULL: (1, lambda _, values: f"{values[0]} records dropped"),
    incident.LOW_COVERAGE: (
        1,
        lambda _, values: f"{decimal_text(values[0], 1)} % of the odometer's distance was observed",
    ),
}
