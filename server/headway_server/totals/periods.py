"""Days, weeks, months and years: a person's totals of a stretch of the calendar, rolled up from those of single days.

Pure. A day is the number of days since 1 January 1970 in the person's own local time; a roll-up is a merge of days,
so a week is the same whether its trips came in order or not. Weeks are those of ISO 8601.

>>> [str(period_of(19_675, by)) for by in BY]
['2023-11-14', '2023-W46', '2023-11', '2023']
>>> period_of(UNDATED, "week") is None
True
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from headway_edge.core.process import Process
from headway_server.totals.tally import Tally, merge

BY = ("day", "week", "month", "year")
UNDATED = -1  # the day of trips whose start is not known

_FIRST = date(1970, 1, 1)


def day_of(process: Process, start_ms: int | None, utc_offset_min: int | None) -> int:
    """Return the day that an episode belongs to (`Process.day`), by UTC where its offset is not known.

    start_ms: Unix time. UNDATED where it is not known, and for a day before 1970: no clock that was ever set says so.
    """
    return UNDATED if start_ms is None else max(process.day(start_ms, utc_offset_min or 0), UNDATED)


def number_of(day: date) -> int:
    """Return a date as the number of its day."""
    return (day - _FIRST).days


@dataclass(frozen=True, slots=True, order=True)
class Period:
    """A stretch of the calendar, from its first to its last day. label: as it is written, 2023-W46 for a week."""

    first: date
    last: date
    label: str

    def __str__(self) -> str:
        return self.label


def period_of(day: int, by: str) -> Period | None:
    """Return the period that a day lies in, None for UNDATED. by: one of BY; raises KeyError for another word."""
    if day == UNDATED:
        return None
    found = _FIRST + timedelta(days=day)
    return _PERIODS[by](found)


def _day(found: date) -> Period:
    return Period(found, found, found.isoformat())


def _week(found: date) -> Period:
    year, week, weekday = found.isocalendar()
    first = found - timedelta(days=weekday - 1)
    return Period(first, first + timedelta(days=6), f"{year}-W{week:02}")


def _month(found: date) -> Period:
    first = found.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    return Period(first, following - timedelta(days=1), f"{found.year}-{found.month:02}")


def _year(found: date) -> Period:
    return Period(date(found.year, 1, 1), date(found.year, 12, 31), str(found.year))


_PERIODS = {"day": _day, "week": _week, "month": _month, "year": _year}


@dataclass(frozen=True, slots=True)
class Contexts:
    """Which contexts trips must be in. mask: bits that are asked about. bits: how they must be."""

    mask: int = 0
    bits: int = 0

    def fit(self, context: int) -> bool:
        """Tell whether trips of that context are meant."""
        return context & self.mask == self.bits


def read_contexts(process: Process, text: str) -> Contexts:
    """Return the contexts named in `text`: "night,-weekend" is by night and not at the weekend, "" is any.

    Raises ValueError, naming those there are, for an unknown one and for one that is named twice.
    """
    mask = bits = 0
    for word in filter(None, text.split(",")):
        name = word.removeprefix("-")
        if name not in process.contexts:
            known = ", ".join(process.contexts) or "none"
            raise ValueError(f"pack {process.name} has no context {name[:64]!r}; it has {known}")
        bit = 1 << process.contexts.index(name)
        if mask & bit:
            raise ValueError(f"context {name!r} is named twice")
        mask |= bit
        bits |= 0 if word.startswith("-") else bit
    return Contexts(mask, bits)


def roll_up(
    process: Process, days: Iterable[tuple[int, int, Tally]], by: str, contexts: Contexts
) -> dict[Period | None, Tally]:
    """Return the tally of each period, latest first, what has no date (None) last. days: (day, context, tally), ..."""
    found: dict[Period | None, Tally] = {}
    for day, context, tally in days:
        if contexts.fit(context):
            period = period_of(day, by)
            found[period] = merge(process, found.get(period), tally)
    dated = sorted((period for period in found if period is not None), reverse=True)
    return {period: found[period] for period in (*dated, *([None] if None in found else []))}
