"""A change under control, in a sentence: what changed, which way, since when, by how much, how sure.

The names of things come from the pack's catalogue (`headway_edge.core.process`).

>>> from headway_edge.core.process import Characteristic
>>> item = [6, 0, 1, -1, [3], [6], 1000, 1, 0]
>>> share = Characteristic(item, {"title": "Idling share", "unit": "%"})
>>> sentence(Change(1, 7, 62, 29), share, "trip", CUSUM_ERRORS)
'Idling share: higher than expected on the last 7 trips, by 6.2 (give or take 2.9) percentage points. Less would be better. \
By chance alone this comes about once in 100 trips.'
>>> events_sentence(Change(-1, 12, 0, 0, 3, 117), "Hard braking", "trip")
'Hard braking: less often than usual on the last 12 trips, 3 times where 11.7 would be usual. \
By chance alone this comes about once in 130 trips.'
"""

from headway_edge.core.control_chart import Change
from headway_edge.core.pack_limits import EWMA_CHART, NO_CHART, POISSON_CHART, WATCH_ERRORS
from headway_edge.core.process import HIGHER_IS_BETTER, LOWER_IS_BETTER, Characteristic, decimal_text, text

# After how many numbers half of the charts that should stay silent have given a false alarm, rounded: of forecast errors with
# tails as heavy as Laplace's beside a baseline of twenty, and of the events that are worst in this. A chart that knows what
# is usual does better, but a device does not. tests/control/test_run_lengths.py holds the numbers to what is simulated.
CUSUM_ERRORS = 100
EWMA_ERRORS = 80
CUSUM_VALUES = 60  # beside the median of twenty
EWMA_VALUES = 50
EVENTS = 130


def chance_of(chart: int, watch: int) -> int:
    """Return after how many numbers half of the charts of a series give a false alarm; 0 where that is not known.

    chart, watch: of the pack's series.
    """
    if chart == POISSON_CHART:
        return EVENTS
    if chart == NO_CHART:
        return 0
    if chart == EWMA_CHART:
        return EWMA_ERRORS if watch == WATCH_ERRORS else EWMA_VALUES
    return CUSUM_ERRORS if watch == WATCH_ERRORS else CUSUM_VALUES


def told(change: Change, characteristic: Characteristic, noun: str, chart: int, watch: int) -> str:
    """Return what to tell a person of a change in a series. noun: as of `sentence`. chart, watch: of the pack's series."""
    chance = chance_of(chart, watch)
    if change.seen is not None:
        return events_sentence(change, characteristic.title, noun, chance)
    return sentence(change, characteristic, noun, chance, "expected" if watch == WATCH_ERRORS else "usual")


def over(characteristic: Characteristic) -> str:
    """Return what to tell a person when a change is over."""
    return "%s: as usual again." % characteristic.title


def sentence(change: Change, characteristic: Characteristic, noun: str, chance: int, than: str = "expected") -> str:
    """Return what to tell a person of a change in a characteristic.

    noun: what the numbers were of: "trip", "day", "week". chance: after how many of them half of such charts give a false
    alarm; 0 leaves that out. than: what the numbers lie beside: what was "expected" of them, or what is "usual".
    """
    unit = characteristic.unit
    shown = "" if unit == "1" else " percentage points" if unit == "%" else " " + unit.replace("1/", "per ")
    words = "%s: %s than %s %s, by %s (give or take %s)%s." % (
        characteristic.title,
        "higher" if change.direction > 0 else "lower",
        than,
        _lately(change, noun),
        text(characteristic, change.size),
        text(characteristic, change.error),
        shown,
    )
    if characteristic.direction * change.direction < 0:
        words += " Less would be better." if characteristic.direction == LOWER_IS_BETTER else " More would be better."
    elif characteristic.direction in (LOWER_IS_BETTER, HIGHER_IS_BETTER):
        words += " That is for the better."
    return words + _chance(chance, noun)


def events_sentence(change: Change, title: str, noun: str, chance: int = EVENTS) -> str:
    """Return what to tell a person of events that have become more or less frequent. title: what the catalogue calls them."""
    return "%s: %s often than usual %s, %s time%s where %s would be usual.%s" % (
        title,
        "more" if change.direction > 0 else "less",
        _lately(change, noun),
        change.seen,
        "" if change.seen == 1 else "s",
        decimal_text(change.expected_tenths, 1),
        _chance(chance, noun),
    )


def _lately(change: Change, noun: str) -> str:
    return "on the last %s" % noun if change.since == 1 else "on the last %d %ss" % (change.since, noun)


def _chance(chance: int, noun: str) -> str:
    return " By chance alone this comes about once in %d %ss." % (chance, noun) if chance else ""
