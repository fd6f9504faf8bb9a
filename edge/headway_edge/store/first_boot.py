"""The number of the first boot of a device that remembers none: its store is new, or was wiped.

A wiped device must not use a (boot, seq) again under which the server has other records. It counts boots from the minutes
since the first release, which is further than it can have come by starting once a minute; without a clock, from a random
number, and then nobody can say that its boots come in order of time.

>>> first_boot(1_767_225_600_000 + 3 * 60_000, lambda low, high: high)
4
>>> first_boot(None, lambda low, high: high) == FIRST_BOOT_MAX
True
"""

from collections.abc import Callable

_EPOCH_MS = 1_767_225_600_000  # 2026-01-01T00:00:00Z
FIRST_BOOT_MAX = 2**31 - 1  # leaves as many boots again


def first_boot(wall_ms: int | None, uniform: Callable[[int, int], int]) -> int:
    """Return 1..FIRST_BOOT_MAX. wall_ms: Unix time, None if no clock is to be believed. uniform: random integer between two."""
    minutes = -1 if wall_ms is None else (wall_ms - _EPOCH_MS) // 60_000
    return minutes + 1 if 0 <= minutes < FIRST_BOOT_MAX else uniform(1, FIRST_BOOT_MAX)
