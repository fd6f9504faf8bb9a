"""Pieces of a device's state, by key: some with the record they belong to, some on their own, the newest of both counts.

What is saved with a record is in its frame, so that a power cut takes both or neither. What is saved on its own is in two
copies, `state.KEY.0` and `.1`, with the (boot, seq) of the newest record at that time: so it is known which of the two is
newer. Before a segment goes, the states that only it has are saved on their own.
"""

import struct

from headway_edge.flash.log_segment import read_frame, segment_name, unpack_state
from headway_edge.flash.two_copies import TwoCopies
from headway_protocol import const

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.log_folder import LogFolder

_STAMP_BYTES = const(9)


class KeptState:
    """The pieces of one log. A handful: RAM holds a few numbers for each key, a value only while it is read or written."""

    def __init__(self, medium: "LogFolder") -> None:
        self._medium = medium
        self._copies = {}  # type: dict
        self.newest = {}  # type: dict  # key: (boot, seq, segment's number, offset) where the newest is in the log

    def note(self, key: str, boot: int, seq: int, number: int, offset: int) -> None:
        """The record (boot, seq) at this offset of this segment has a newer value of `key`."""
        self.newest[key] = (boot, seq, number, offset)

    def save(self, key: str, value: "bytes | None", boot: int, seq: int) -> None:
        """Save a value on its own when (boot, seq) is the newest record; None: the key is removed. Raises OSError."""
        stamp = struct.pack("<IIB", boot, seq, value is not None)
        self.pair(key).save(stamp + (value or b""))
        self.newest.pop(key, None)

    def load(self, key: str) -> "bytes | None":
        """Return a value; None if there is none. Raises OSError."""
        found = self.newest.get(key)
        if found is not None:
            boot, seq, number, offset = found
            with self._medium.open(segment_name(number), "rb") as file:
                frame = read_frame(file, offset)
            if frame is not None and frame[:2] == (boot, seq):
                return dict(unpack_state(frame[3]))[key]
            del self.newest[key]  # it cannot be read any more: the one before is better than none
        alone = self.alone(key)
        return None if alone is None else alone[2]

    def leave(self, number: int, from_offset: int) -> None:
        """What this segment has from an offset on cannot be read any more."""
        for key in list(self.newest):
            if self.newest[key][2] == number and self.newest[key][3] >= from_offset:
                del self.newest[key]

    def pair(self, key: str) -> TwoCopies:
        """Return the two copies of what was saved on its own."""
        if key not in self._copies:
            self._copies[key] = TwoCopies(self._medium, "state." + key)
        return self._copies[key]

    def alone(self, key: str) -> "tuple | None":
        """Return (boot, seq, value) of what was saved on its own; None if nothing was. Raises OSError."""
        data = self.pair(key).load()
        if data is None or len(data) < _STAMP_BYTES:
            return None
        boot, seq, there = struct.unpack("<IIB", data[:_STAMP_BYTES])
        return boot, seq, data[_STAMP_BYTES:] if there else None
