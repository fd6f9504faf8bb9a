"""The number of the present boot, which is never used twice, and how far earlier boots came.

Two copies, both written at every start before the number is used. Where neither can be read, the number is taken from what is
left: the log and its ledger say which boots have been; where nothing is left, from the caller, who passes something that grows
(minutes since 2026, if the clock is set) or 31 random bits.
"""

import struct

from headway_edge.flash.two_copies import TwoCopies

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.log_folder import LogFolder

ENDS_MAX = 16
FIRST_BOOT_MAX = 0x7FFFFFFF


class BootCounter:
    """The files `boot.0` and `boot.1`.

    boot: of this start once `begin` has returned. ends: [(boot, last seq), ...] of the newest ENDS_MAX earlier boots that
    made a record, the newest first. since: from this boot on, those that are not among them made none. guessed: whether no
    copy could be read although there had been boots.
    """

    def __init__(self, medium: "LogFolder") -> None:
        self._copies = TwoCopies(medium, "boot")
        self.boot = 0
        self.ends = []  # type: list
        self.since = 0
        self.guessed = False

    @property
    def damaged(self) -> int:
        """Copies found unreadable."""
        return self._copies.damaged

    def load(self) -> None:
        """Read the number of the boot before, 0 if there is none, and the ends of boots."""
        try:
            data = self._copies.load() or b""
        except OSError:
            self._copies.pass_over()
            return
        if len(data) >= 8:
            self.boot, self.since = struct.unpack("<II", data[:8])
            self.ends = [struct.unpack("<II", data[at : at + 8]) for at in range(8, len(data) - 7, 8)]

    def begin(self, ends: list, first_boot: int) -> None:
        """Begin the next boot: higher than every one there has been. Raises OSError; then no boot has begun.

        ends: [(boot, last seq), ...] of all boots that are known to have made a record, the newest first. first_boot:
        1..FIRST_BOOT_MAX, the number to begin with if none can be read.
        """
        if not 1 <= first_boot <= FIRST_BOOT_MAX:
            raise ValueError("first_boot %d is not in 1..%d" % (first_boot, FIRST_BOOT_MAX))
        seen = ends[0][0] if ends else 0
        boot = max(self.boot, seen) + 1
        if self.boot == 0:
            self.guessed = seen > 0 or self.damaged > 0
            boot = max(boot, first_boot)
            self.since = boot
        self.ends = ends[:ENDS_MAX]
        if len(ends) > ENDS_MAX:
            self.since = max(self.since, ends[ENDS_MAX - 1][0])
        data = bytearray(struct.pack("<II", boot, self.since))
        for end in self.ends:
            data.extend(struct.pack("<II", end[0], end[1]))
        self._copies.save(bytes(data))
        self._copies.save(bytes(data))
        self.boot = boot
