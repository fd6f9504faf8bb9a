"""Whether a wall clock may be believed: judged against what no clock can honestly say. MicroPython and CPython.

A device starts in 1970 or 2000, its receiver is 1024 weeks behind after a GPS week rollover, somebody sets the year by hand.
Nothing here puts a clock right: a time that cannot be is no time, and a record without one is dated later from another record of
the same boot (docs/protocol.md).

>>> judge = WallTime(0)
>>> judge.look(0, 0, False), judge.cause
((None, 0), 'before the first release: never set')
>>> judge.look(1000, EARLIEST_MS + 5000, False), judge.cause
((1767225605000, 1), '')
"""

from headway_protocol.record import HOLDOVER, SYNCED, UNSYNCED

EARLIEST_MS = 1767225600000  # 2026-01-01T00:00:00Z: no Headway device existed before
LATEST_MS = 4102444800000  # 2100-01-01T00:00:00Z: past the ends of 32-bit clocks (2038, 2106 counts from 1970 unsigned)
SYNCED_MS = "synced_ms"  # under which a store keeps the latest time at which its device's clock was synced, in decimal
JUMP_MS = 2000  # the clock of a machine that is awake does not drift so far between two looks
_BEHIND_MS = 60000  # as far as a synced clock may be stepped back
_ROLLOVER_MS = 1024 * 7 * 86400000


def floor_of(stored: "bytes | None") -> int:
    """Return what a store keeps under SYNCED_MS as `floor_ms`; 0, no floor, for what is not there or is no time.

    >>> floor_of(b"1790000000000"), floor_of(None), floor_of(b"soon"), floor_of(b"-5")
    (1790000000000, 0, 0, 0)
    """
    try:
        floor_ms = int(stored or b"0")
    except ValueError:
        return 0
    return floor_ms if EARLIEST_MS <= floor_ms < LATEST_MS else 0


class WallTime:
    """Judges one device's wall clock; look at it at least once a minute for jumps to be seen.

    floor_ms: the latest Unix time at which this device's clock was synced, in this boot or an earlier one, 0: none. It only grows
    while clocks agree; a synced clock that says less lowers it, since a receiver that was far ahead once must not rule for ever.

    `cause`: why the time last looked at is no time, empty if it is one. `jumps`: how often the clock was set while this ran, the
    last time by `jump_ms`.
    """

    def __init__(self, floor_ms: int) -> None:
        self.floor_ms = floor_ms
        self.cause = ""
        self.jumps = 0
        self.jump_ms = 0
        self._ahead_ms = None  # type: int | None

    def look(self, mono_ms: int, wall_ms: int, synced: bool) -> tuple:
        """Return (Unix time in ms, quality), (None, UNSYNCED) for a time that cannot be.

        mono_ms: milliseconds of a clock that nobody sets. wall_ms: what the wall clock says, since 1970. synced: whether a time
        source (GNSS, a time server) has set it in this boot and still keeps it.
        """
        ahead_ms = wall_ms - mono_ms
        if self._ahead_ms is not None and abs(ahead_ms - self._ahead_ms) > JUMP_MS:
            self.jumps += 1
            self.jump_ms = ahead_ms - self._ahead_ms
        self._ahead_ms = ahead_ms
        self.cause = self._impossible(wall_ms, synced)
        if self.cause:
            return None, UNSYNCED
        if synced:
            self.floor_ms = wall_ms
        return wall_ms, SYNCED if synced else HOLDOVER

    def _impossible(self, wall_ms: int, synced: bool) -> str:
        if wall_ms < EARLIEST_MS:
            behind = wall_ms + _ROLLOVER_MS
            told = synced or self.floor_ms > 0  # else nobody has ever set it, to whatever it shows
            if told and EARLIEST_MS <= behind and self.floor_ms - _BEHIND_MS <= behind < LATEST_MS:
                return "1024 weeks behind: the receiver's week number rolled over"
            return "before the first release: never set"
        if wall_ms >= LATEST_MS:
            return "after 2100: set wrong"
        if wall_ms < self.floor_ms - _BEHIND_MS and not synced:
            return "earlier than a time this device knew"
        return ""
