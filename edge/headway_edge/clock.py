"""The agent's clocks: one that only moves forward, and one that people read and that may be wrong."""

import time
from typing import Protocol

from headway_protocol.record import HOLDOVER, UNSYNCED

# No Headway agent existed before this; a wall clock that says so has never been set (1970, 2000, a GPS week rollover).
_EARLIEST_WALL_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z


class Clock(Protocol):
    """What an agent needs to know about time; passed in, so that a recorded trip replays with its own."""

    def mono_ms(self) -> int:
        """Milliseconds since the agent's start, never backwards."""

    def wall(self) -> tuple[int | None, int]:
        """Unix time in milliseconds, None if unknown, and its quality (`headway_protocol.record.SYNCED`...)."""


class SystemClock:
    """The clocks of the machine. Without a word from a time source the wall clock counts as HOLDOVER at best."""

    def __init__(self) -> None:
        self._start_ns = time.monotonic_ns()

    def mono_ms(self) -> int:
        """Milliseconds since this object was made."""
        return (time.monotonic_ns() - self._start_ns) // 1_000_000

    def wall(self) -> tuple[int | None, int]:
        """Unix time in milliseconds; (None, UNSYNCED) when it lies before the first release."""
        wall_ms = time.time_ns() // 1_000_000
        return (wall_ms, HOLDOVER) if wall_ms >= _EARLIEST_WALL_MS else (None, UNSYNCED)
