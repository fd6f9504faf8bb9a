"""The agent's clocks: one that only moves forward, and one that people read and that may be wrong."""

import ctypes
import time
from collections.abc import Callable
from typing import Protocol

from headway_edge.wall_time import WallTime

_TIME_ERROR = 5  # adjtimex(2): the clock is not synchronised
_STA_UNSYNC = 0x0040


class Clock(Protocol):
    """What an agent needs to know about time; passed in, so that a recorded trip replays with its own."""

    def mono_ms(self) -> int:
        """Milliseconds since the agent's start, never backwards, a machine's sleep included."""

    def wall(self) -> tuple[int | None, int]:
        """Unix time in milliseconds, None if unknown, and its quality (`headway_protocol.record.SYNCED`...)."""


class _Timex(ctypes.Structure):
    # The head of Linux's struct timex; what follows is only to be large enough.
    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def kernel_synced() -> bool:
    """Whether the kernel says that a time source keeps its clock (adjtimex, which needs no privilege to be read).

    A machine whose C library does not tell is taken as not synced.
    """
    try:
        timex = _Timex()
        state = ctypes.CDLL(None).ntp_adjtime(ctypes.byref(timex))
    except (OSError, AttributeError):
        return False
    return 0 <= state != _TIME_ERROR and not timex.status & _STA_UNSYNC


class SystemClock:
    """The clocks of the machine.

    floor_ms: the latest time at which this device's clock was synced, as `WallTime` has it. wall_ns, boot_ns, synced: of the
    machine, passed in by tests. `judge` tells of jumps, and why there is no time.
    """

    def __init__(
        self,
        floor_ms: int = 0,
        wall_ns: Callable[[], int] = time.time_ns,
        boot_ns: Callable[[], int] = lambda: time.clock_gettime_ns(time.CLOCK_BOOTTIME),
        synced: Callable[[], bool] = kernel_synced,
    ) -> None:
        self._wall_ns, self._boot_ns, self._synced = wall_ns, boot_ns, synced
        self._start_ns = boot_ns()
        self.judge = WallTime(floor_ms)

    def mono_ms(self) -> int:
        """Milliseconds since this object was made; goes on while the machine sleeps."""
        return (self._boot_ns() - self._start_ns) // 1_000_000

    def wall(self) -> tuple[int | None, int]:
        """Unix time in milliseconds and its quality; (None, UNSYNCED) for a time that cannot be."""
        found: tuple[int | None, int] = self.judge.look(self.mono_ms(), self._wall_ns() // 1_000_000, self._synced())
        return found
