"""Simulated time: what happens when, in one order, and no clock of the machine.

Things that are due at the same millisecond happen in the order in which they were planned, so a run depends on nothing but
what was put in.
"""

import heapq
from collections.abc import Awaitable, Callable

Action = Callable[[], Awaitable[None] | None]

START_MS = 1_798_761_600_000  # Unix time at the begin of every simulation: 2027-01-01T00:00:00Z
SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


class Timeline:
    """A queue of actions by simulated time. `now_ms`: since the begin of the simulation."""

    def __init__(self) -> None:
        self.now_ms = 0
        self._due: list[tuple[int, int, Action]] = []
        self._planned = 0

    def at(self, when_ms: int, action: Action) -> None:
        """Plan an action; one that is due in the past happens next."""
        self._planned += 1
        heapq.heappush(self._due, (max(when_ms, self.now_ms), self._planned, action))

    def after(self, wait_ms: int, action: Action) -> None:
        """Plan an action `wait_ms` from now."""
        self.at(self.now_ms + wait_ms, action)

    async def run(self, until_ms: int, ended: Callable[[], bool] | None = None) -> None:
        """Do all that is due before `until_ms`, in order; end early once `ended()`, which is asked after each action."""
        due = self._due
        while due and due[0][0] < until_ms:
            self.now_ms, _, action = heapq.heappop(due)
            waiting = action()
            if waiting is not None:
                await waiting
            if ended is not None and ended():
                return
        self.now_ms = max(self.now_ms, until_ms)


def when(now_ms: int) -> str:
    """Return simulated time for people: day and time of day.

    >>> when(3 * DAY_MS + 3_723_004)
    '3d 01:02:03.004'
    """
    days, rest = divmod(now_ms, DAY_MS)
    seconds, ms = divmod(rest, SECOND_MS)
    return f"{days}d {seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{ms:03}"
