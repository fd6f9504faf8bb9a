"""A device's clocks in a simulation: one that only moves forward from each boot, and one that may be wrong.

The wall clock is what GNSS, a battery or nobody set it to: it may be unset after a boot, jump by years, and come back.
"""

from headway_protocol.record import HOLDOVER, SYNCED, UNSYNCED
from headway_simulators.chaos.timeline import START_MS, Timeline

_EARLIEST_MS = 1_767_225_600_000  # as `headway_edge.clock.SystemClock`: before it, a wall clock was never set


class SimClock:
    """The clocks of one device. `error_ms`: how far its wall clock is ahead of true time."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._boot_ms = 0
        self._told_ms = 0
        self._behind_ms = 0
        self.error_ms = 0
        self._quality = SYNCED

    def boot(self, quality: int) -> None:
        """Start again: the monotonic clock from 0, the wall clock as UNSYNCED, HOLDOVER or SYNCED says."""
        self._boot_ms = self._timeline.now_ms
        self._told_ms = 0
        self._quality = quality

    def set_right(self) -> None:
        """A time source was heard."""
        self.error_ms = 0
        self._quality = SYNCED

    def unset(self) -> None:
        """The wall clock says 1970: nobody has set it."""
        self._quality = UNSYNCED

    def jump(self, error_ms: int) -> None:
        """The wall clock is ahead of the true time by so much from now on."""
        self.error_ms = error_ms
        if self._quality == UNSYNCED:
            self._quality = HOLDOVER

    def mono_at(self, when_ms: int) -> int:
        """Return the monotonic time of a simulated time since this boot."""
        return when_ms - self._boot_ms

    def mono_ms(self) -> int:
        """Milliseconds since this boot, never backwards."""
        self._told_ms = max(self._told_ms, self._timeline.now_ms - self._boot_ms)
        return self._told_ms

    def wall(self) -> tuple[int | None, int]:
        """Unix time in milliseconds and its quality; (None, UNSYNCED) while nobody has set it."""
        wall_ms = START_MS + self._timeline.now_ms + self.error_ms
        if self._quality == UNSYNCED or wall_ms < _EARLIEST_MS:
            return None, UNSYNCED
        return wall_ms, self._quality
