"""The condition of the vehicle around a warning code: speed, engine speed, temperatures, second by second.

The founding paper's project had vehicles record their condition for seven seconds whenever a warning code was triggered (Lim
et al., customer process management). Where within these the code came is not said there; here it is in the middle: three
seconds before, its own, and three after, for what led to it shows before and what it did shows after. The rows never leave
the device; nothing here makes a record of them.

>>> ring = ConditionRing([1])
>>> for second in range(10):
...     ring.update(1000, [0, 100 + second])
...     if second == 5:
...         ring.mark(17, 20000)
>>> found = ring.kept()[0]
>>> found.code, found.day, found.rows
(17, 20000, [[102], [103], [104], [105], [106], [107], [108]])
"""

from array import array

from headway_edge.core.program import MISSING

SECONDS = 7
BEFORE_S = AFTER_S = 3  # so that the code's own second is the middle one
KEPT = 8  # codes whose seconds are kept, the latest ones
PENDING_MAX = 4  # codes whose seconds overlap
_SECOND_MS = 1000


class Condition:
    """Seven seconds around a code. rows: one a second, the oldest first, each with a number for each signal or MISSING."""

    def __init__(self, code: int, day: int, rows: list) -> None:
        self.code = code
        self.day = day
        self.rows = rows


class ConditionRing:
    """The last seven seconds of some signals, and those around the last KEPT codes.

    places: which of the signals that are handed in. Memory: 4 * 7 * (KEPT + 1) bytes a signal. Call `update` at each sample, then
    `mark` if a code appears at it. Nothing is allocated by either. Of several samples in a second the last counts; a second
    without one is MISSING. lost: codes that came while PENDING_MAX others waited for their last seconds.
    """

    def __init__(self, places: list) -> None:
        self._places = array("B", places)
        width = len(places)
        self._rows = array("i", [MISSING] * (SECONDS * width))
        self._kept_rows = array("i", [MISSING] * (KEPT * SECONDS * width))
        self._kept_codes = array("i", [0] * KEPT)
        self._kept_days = array("i", [0] * KEPT)
        self._next = 0  # slot to be filled next
        self._pending_codes = array("i", [0] * PENDING_MAX)
        self._pending_days = array("i", [0] * PENDING_MAX)
        self._pending_s = array("i", [0] * PENDING_MAX)  # seconds until it is complete; 0: free
        self._at = 0  # row of the present second
        self._passed_ms = 0  # of it
        self.lost = 0

    def update(self, dt_ms: int, signals: list) -> None:
        """Take a sample `dt_ms` after the one before; what is back in time counts for the present second."""
        passed_ms = self._passed_ms + max(dt_ms, 0)
        seconds = passed_ms // _SECOND_MS
        self._passed_ms = passed_ms - seconds * _SECOND_MS
        self._end_seconds(min(seconds, SECONDS))
        at = self._at * len(self._places)
        for place in self._places:
            self._rows[at] = signals[place]
            at += 1

    def mark(self, code: int, day: int) -> None:
        """A code has appeared at the present sample, on a day numbered as anywhere else. code: 1 to 2**29 - 1."""
        for i in range(PENDING_MAX):
            if self._pending_s[i] == 0:
                self._pending_codes[i] = code
                self._pending_days[i] = day
                self._pending_s[i] = AFTER_S + 1
                return
        self.lost += 1

    def finish(self) -> None:
        """The trip has ended: what still waits for seconds gets them as MISSING, and nothing of it is left for the next."""
        self._end_seconds(SECONDS)

    def _end_seconds(self, seconds: int) -> None:
        for _ in range(seconds):
            for i in range(PENDING_MAX):
                if self._pending_s[i]:
                    self._pending_s[i] -= 1
                    if self._pending_s[i] == 0:
                        self._keep(self._pending_codes[i], self._pending_days[i])
            self._at += 1
            if self._at == SECONDS:
                self._at = 0
            width = len(self._places)
            for at in range(self._at * width, (self._at + 1) * width):
                self._rows[at] = MISSING

    def _keep(self, code: int, day: int) -> None:
        slot = self._next
        self._next = slot + 1 if slot + 1 < KEPT else 0
        self._kept_codes[slot] = code
        self._kept_days[slot] = day
        size = len(self._rows)
        source = (self._at + 1) * len(self._places)  # the oldest row comes after the present one
        for target in range(slot * size, (slot + 1) * size):
            if source >= size:
                source = 0
            self._kept_rows[target] = self._rows[source]
            source += 1

    def kept(self) -> list:
        """Return a Condition for each code kept, the oldest first."""
        found = []
        width = len(self._places)
        for i in range(KEPT):
            slot = (self._next + i) % KEPT
            if self._kept_codes[slot]:
                first = slot * SECONDS
                rows = [list(self._kept_rows[(first + j) * width : (first + j + 1) * width]) for j in range(SECONDS)]
                found.append(Condition(self._kept_codes[slot], self._kept_days[slot], rows))
        return found

    def state(self) -> list:
        """What is kept as integers, for a checkpoint; the seconds of the open trip are not in it."""
        return [self._next, self.lost] + list(self._kept_codes) + list(self._kept_days) + list(self._kept_rows)

    def restore(self, state: list) -> bool:
        """Go on from `state`; return False, and change nothing, where it is of other signals."""
        if len(state) != 2 + 2 * KEPT + len(self._kept_rows):
            return False
        self._next, self.lost = state[:2]
        self._kept_codes = array("i", state[2 : 2 + KEPT])
        self._kept_days = array("i", state[2 + KEPT : 2 + 2 * KEPT])
        self._kept_rows = array("i", state[2 + 2 * KEPT :])
        return True
