"""What a flash log knows of its records beside the records: how far they go, which are settled, which are lost.

Written with every record and every acknowledgement, in two copies in turn. Its mark, how far the records of the present boot
go, stands outside the segments: so it is seen when the last ones are missing, which no gap would tell.
"""

import struct

from headway_edge.flash.loss_list import LossList
from headway_edge.flash.settled_ranges import SettledRanges
from headway_edge.flash.two_copies import TwoCopies

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.log_folder import LogFolder

VERSION = 1
HEAD = "<BIIIBB"


class Ledger:
    """The ledger of one log, in `ledger.0` and `ledger.1`.

    mark: (boot, seq) of the newest record; with `sync_every` the newest that may have been made. dropped: records given up
    for want of room, ever. unsaved: whether there is something that is not on the medium.
    """

    def __init__(self, medium: "LogFolder", losses_max: int) -> None:
        self.copies = TwoCopies(medium, "ledger")
        self.mark = (0, 0)
        self.dropped = 0
        self.settled = SettledRanges()
        self.losses = LossList(losses_max)
        self.unsaved = False

    @property
    def damaged(self) -> int:
        """Copies found unreadable."""
        return self.copies.damaged

    def save(self) -> None:
        """Write it to the medium. Raises OSError; then it stays `unsaved`."""
        self.unsaved = True
        ranges, losses = self.settled.ranges, self.losses.entries
        data = bytearray(struct.pack(HEAD, VERSION, self.mark[0], self.mark[1], self.dropped, len(ranges), len(losses)))
        for item in ranges:
            data.extend(struct.pack("<IIII", *item))
        for entry in losses:
            data.extend(struct.pack("<IIIBII", *entry))
        self.copies.save(bytes(data))
        self.unsaved = False

    def save_twice(self) -> None:
        """Write both copies: before something is removed that the older copy does not know to be needless."""
        self.save()
        self.save()

    def open_ranges(self, boot: int, first: int, last: int) -> list:
        """Return what of first..last of a boot is neither settled nor lost, as [(first, last), ...]."""
        found = []
        while first <= last:
            done, end = self.settled.step(boot, first, last)
            if not done:
                done, end = self.losses.step(boot, first, end)
                if not done:
                    found.append((first, end))
            first = end + 1
        return found

    def lose(self, boot: int, first: int, last: int, reason: int) -> int:
        """Note what of first..last of a boot is open as lost; return how many records that is."""
        count = 0
        for start, end in self.open_ranges(boot, first, last):
            self.losses.add(boot, start, end, reason)
            count += end - start + 1
            self.unsaved = True
        return count

    def settle(self, boot: int, first: int, last: int, open_between: object) -> None:
        """Note first..last of a boot as settled by the server, with what records in it declared lost."""
        if first > last or self.settled.step(boot, first, last) == (True, last):
            return
        for its_boot, start, end in self.losses.settle(boot, first, last):
            self.settled.add(its_boot, start, end, open_between)
        self.settled.add(boot, first, last, open_between)
        self.unsaved = True
