"""The local time of day and the day of the week as signals: what no vehicle tells, and the device's clock does.

They never leave the device as such. What a pack counts with them (metres by night) does.
"""

from collections.abc import Callable, Sequence

from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING

# The last part of their VSS names, whatever the branch.
MINUTE = "LocalMinute"  # since midnight, 0..1439
WEEKDAY = "LocalWeekday"  # 0 Monday .. 6 Sunday
_MINUTE_MS = 60_000
_DAY_MINUTES = 1440
_THURSDAY = 3  # 1 January 1970


class LocalTime:
    """Puts local time into the samples of one pack, where it asks for it and the source has none.

    utc_offset_min: how far local time is ahead of UTC at a Unix time in ms.
    """

    def __init__(self, pack: Pack, utc_offset_min: Callable[[int], int]) -> None:
        names = [signal[0].rpartition(".")[2] for signal in pack.signals]
        self._minute, self._weekday = (names.index(wanted) if wanted in names else None for wanted in (MINUTE, WEEKDAY))
        self._utc_offset_min = utc_offset_min

    def filled(self, signals: Sequence[int], wall_ms: int | None) -> Sequence[int]:
        """Return the sample with the local time of `wall_ms`; as it is where nothing is asked for or no clock is set."""
        if wall_ms is None or (self._minute is None and self._weekday is None):
            return signals
        minutes = wall_ms // _MINUTE_MS + self._utc_offset_min(wall_ms)
        found = list(signals)
        if self._minute is not None and found[self._minute] == MISSING:
            found[self._minute] = minutes % _DAY_MINUTES
        if self._weekday is not None and found[self._weekday] == MISSING:
            found[self._weekday] = (minutes // _DAY_MINUTES + _THURSDAY) % 7
        return found
