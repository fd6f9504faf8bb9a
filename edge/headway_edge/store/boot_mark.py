"""How far a device's records go, kept outside the database: what shows that its newest ones are missing.

SQLite recovers from a damaged WAL by cutting it off at the first bad frame: a clean prefix of what was committed, and no
word of what was lost. So the outbox writes here, after each commit and before it tells anybody, the last seq of its newest
boots, and how far the server had settled each. What the mark knows and the database does not is a loss that can be named.

The file has two slots in different blocks, written in turn, each with a CRC: a write that is torn leaves the other. Being
behind the database is harmless (a power cut between the commit and the mark); being ahead of it is the alarm.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from headway_edge.store.medium import Medium

BOOTS_MAX = 8
_MAGIC = b"HWM1"
_COUNT = "<4sI"
_END = "<III"
_CRC = "<I"
_SLOT_BYTES = struct.calcsize(_COUNT) + BOOTS_MAX * struct.calcsize(_END) + struct.calcsize(_CRC)
_SLOT_OFFSETS = (0, 4096)  # apart by a block, so that no torn block takes both


class End(NamedTuple):
    """How far a boot went: its last seq, and up to which seq the server had settled it when this was written."""

    boot: int
    last_seq: int
    settled: int


class BootMark:
    """The mark of one outbox, in the file `path`.

    `ends`: of at most BOOTS_MAX boots, newest first, as they were found. `found`: whether a whole slot was read.
    """

    def __init__(self, path: Path, medium: Medium) -> None:
        self._path = path
        self._medium = medium
        self._exists = False
        self._next = 0  # the slot that is written next: the one that is not the newest
        self.ends: list[End] = []
        self.found = False
        self._read()

    def _read(self) -> None:
        data = self._medium.read(self._path)
        self._exists = data is not None
        for slot, offset in enumerate(_SLOT_OFFSETS):
            ends = _decode((data or b"")[offset : offset + _SLOT_BYTES])
            if ends is not None and (not self.found or ends > self.ends):
                self.found = True
                self.ends = ends
                self._next = 1 - slot

    def write(self, ends: Sequence[End]) -> None:
        """Write the ends of the newest boots, newest first, durably. Raises OSError; then the older slot is still whole.

        The first time both slots are written, so that later writes need no further room on the disk.
        """
        slot = _encode(ends[:BOOTS_MAX])
        if self._exists:
            self._medium.write(self._path, _SLOT_OFFSETS[self._next], slot)
            self._next = 1 - self._next
            return
        self._medium.write(self._path, 0, slot.ljust(_SLOT_OFFSETS[1], b"\0") + slot)
        self._exists = True


def _encode(ends: Sequence[End]) -> bytes:
    body = struct.pack(_COUNT, _MAGIC, len(ends)) + b"".join(struct.pack(_END, *end) for end in ends)
    body = body.ljust(_SLOT_BYTES - struct.calcsize(_CRC), b"\0")
    return body + struct.pack(_CRC, zlib.crc32(body))


def _decode(slot: bytes) -> list[End] | None:
    if len(slot) != _SLOT_BYTES:
        return None
    body, (crc,) = slot[: -struct.calcsize(_CRC)], struct.unpack(_CRC, slot[-struct.calcsize(_CRC) :])
    magic, count = struct.unpack_from(_COUNT, body)
    if magic != _MAGIC or count > BOOTS_MAX or zlib.crc32(body) != crc:
        return None
    start, size = struct.calcsize(_COUNT), struct.calcsize(_END)
    return [End(*struct.unpack_from(_END, body, start + i * size)) for i in range(count)]
