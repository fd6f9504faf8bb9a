"""When a trip began: by its own wall clock, or by a better one of the same boot.

Pure. A device whose clock is not set yet makes records all the same; as soon as it is set, another record of the same boot has
what they lack, for all of them have the monotonic time. So each boot has one record that its trips are dated by: of all its
records with a time that can be, the one with the best clock, of equal ones the lowest seq. That does not depend on the order in
which they arrive.

>>> from headway_protocol.record import SYNCED
>>> told = anchor_of(7, 90_000, 1_700_000_090_000, SYNCED)
>>> told
Anchor(seq=7, clock=2, ahead_ms=1700000000000)
>>> date(30_000, None, UNSYNCED, 10_000, told)  # a trip that closed a minute before, and began 10 s before that
(1700000020000, True)
>>> date(30_000, None, UNSYNCED, 10_000, None)
(None, False)
"""

from dataclasses import dataclass

from headway_protocol.record import UNSYNCED

EARLIEST_MS = 315_964_800_000  # 1980-01-06T00:00:00Z, where GPS time begins: no clock that was ever set says less
LATEST_MS = 4_102_444_800_000  # 2100-01-01T00:00:00Z: past the ends of 32-bit clocks, in 2038 and (unsigned) 2106


@dataclass(frozen=True, slots=True)
class Anchor:
    """The record `seq` that a boot's trips are dated by. ahead_ms: how far its wall clock was ahead of its monotonic one."""

    seq: int
    clock: int
    ahead_ms: int

    def is_better_than(self, other: "Anchor | None") -> bool:
        """Whether the boot is to be dated by this one, and not by `other`."""
        return other is None or (self.clock, -self.seq) > (other.clock, -other.seq)


def possible(wall_ms: int | None) -> int | None:
    """Return `wall_ms`, None for a time that cannot be."""
    return wall_ms if wall_ms is not None and EARLIEST_MS <= wall_ms < LATEST_MS else None


def anchor_of(seq: int, mono_ms: int | None, wall_ms: int | None, clock: int | None) -> Anchor | None:
    """Return what a record has to date others by, None if nothing. mono_ms: None of a record that is not readable yet."""
    wall_ms = possible(wall_ms)
    return None if wall_ms is None or mono_ms is None or not clock else Anchor(seq, clock, wall_ms - mono_ms)


def date(
    mono_ms: int, wall_ms: int | None, clock: int | None, ago_ms: int, anchor: Anchor | None
) -> tuple[int | None, bool]:
    """Return (Unix time at which a trip began or None, whether by `anchor`).

    mono_ms, wall_ms, clock: of its record. ago_ms: how long before that it began. Its own time counts where its clock is as good
    as the anchor's.
    """
    wall_ms = possible(wall_ms)
    quality = UNSYNCED if wall_ms is None or clock is None else clock
    if anchor is not None and quality < anchor.clock:
        return anchor.ahead_ms + mono_ms - ago_ms, True
    return None if wall_ms is None else wall_ms - ago_ms, False
