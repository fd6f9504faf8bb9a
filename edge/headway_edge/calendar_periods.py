"""Days, weeks, months and years as numbers: what a person's totals are kept and rolled up by.

A day is the number of days since 1 January 1970 in the person's own local time. A week begins on Monday (ISO 8601).
"""

from datetime import date, timedelta

KINDS = ("day", "week", "month", "year")
_EPOCH = date(1970, 1, 1)


def as_date(day: int) -> date:
    """Return a day as a date of the calendar."""
    return _EPOCH + timedelta(days=day)


def bounds(kind: str, day: int) -> tuple[int, int]:
    """Return (first, last) day of the day, week, month or year that `day` lies in.

    >>> as_date(bounds("week", 20_000)[0]).isoformat(), bounds("day", 7)
    ('2024-09-30', (7, 7))
    >>> [as_date(d).isoformat() for d in bounds("month", 19_782)], bounds("year", 0)
    (['2024-02-01', '2024-02-29'], (0, 364))
    """
    if kind == "day":
        return day, day
    found = as_date(day)
    if kind == "week":
        first = day - found.weekday()
        return first, first + 6
    if kind == "month":
        after = date(found.year + found.month // 12, found.month % 12 + 1, 1)
        return (found.replace(day=1) - _EPOCH).days, (after - _EPOCH).days - 1
    return (date(found.year, 1, 1) - _EPOCH).days, (date(found.year, 12, 31) - _EPOCH).days
