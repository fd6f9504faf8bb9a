"""The local time of a recorded sample: what a clock in the vehicle would have shown, as far as the recording says.

A time with an offset (`2026-03-02T07:10:00+09:00`) is taken as it is written: that is the local time. One without, one in
UTC and Unix seconds are taken as if UTC were local, for where the vehicle was the recording does not say; or they tell no local
time, where somebody else knows it. A recording that has a column of its own for these signals is read there instead.

>>> reading(LOCAL_MINUTE, "2026-03-02T07:10:59.5+09:00"), reading(LOCAL_WEEKDAY, "2026-03-02T07:10:59.5+09:00")
(430, 0)
>>> reading(LOCAL_MINUTE, "1772435400"), reading(LOCAL_WEEKDAY, "noon")
(430, None)
"""

import re
from collections import Counter
from datetime import UTC, date, datetime

from headway_edge.core.program import MISSING

LOCAL_MINUTE = "Vehicle.Headway.LocalMinute"
LOCAL_WEEKDAY = "Vehicle.Headway.LocalWeekday"
CLOCK_SIGNALS = frozenset({LOCAL_MINUTE, LOCAL_WEEKDAY})

_UNIX_SECONDS = re.compile(r"\d{1,11}(\.\d+)?")
_TO_THE_MINUTE = len("2026-03-02T07:10")
_OFFSET = re.compile(r"\d[+-](?!00:?00(:?00)?$)\d\d(:?\d\d){0,2}$")  # of another zone than UTC


def local_reading(name: str, local: datetime) -> int:
    """Return the minute of the day (0..1439) or the weekday (0 Monday..6), whichever `name` is, of a local time."""
    return local.hour * 60 + local.minute if name == LOCAL_MINUTE else date.weekday(local)


def reading(name: str, text: str) -> int | None:
    """Return the same of a recorded time's text; None if it is no time."""
    try:
        if _UNIX_SECONDS.fullmatch(text):
            return local_reading(name, datetime.fromtimestamp(int(float(text)), UTC))
        return local_reading(name, datetime.fromisoformat(text[:_TO_THE_MINUTE]))
    except (ValueError, OverflowError, OSError):
        return None


class ClockReader:
    """Reads a clock signal from the texts of a recording's times.

    quanta_per_reading: of the pack's, for each unit. utc_as_local: whether a time without an offset, or in UTC, is the local
    one; else it tells none.
    """

    def __init__(self, name: str, quanta_per_reading: float, utc_as_local: bool = True) -> None:
        self._name = name
        self._utc_as_local = utc_as_local
        self._quanta_per_reading = quanta_per_reading
        self._minute = ""
        self._number = MISSING

    def cell(self, text: str, problems: Counter[str]) -> int:  # noqa: ARG002 - called as those of other signals
        """Return the quanta; MISSING for what is no time, which is counted where samples are read."""
        text = text.strip()
        if not (self._utc_as_local or _OFFSET.search(text, _TO_THE_MINUTE)):
            return MISSING
        is_unix = "-" not in text
        if is_unix or text[:_TO_THE_MINUTE] != self._minute:
            found = reading(self._name, text)
            self._minute = "" if is_unix else text[:_TO_THE_MINUTE]
            self._number = MISSING if found is None else int(found * self._quanta_per_reading + 0.5)
        return self._number
