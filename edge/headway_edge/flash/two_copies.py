"""A small piece of data in two files that are written in turn: whatever happens to one, the other is whole.

Each copy is a CRC-32, a generation and the data; the one with the higher generation counts. The older copy is written over
and closed, so a power cut leaves the old data or the new, never a mixture, and needs no renaming: a file that a file system
leaves empty after a cut (littlefs issue 908) is a copy that does not count.
"""

import binascii
import struct

from headway_edge.flash.log_folder import NO_SUCH_FILE
from headway_protocol import const

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.log_folder import LogFolder

_HEAD_BYTES = const(8)
_FAR = const(0x40000000)  # a generation beyond all that were written: when nobody can tell which was the last


class TwoCopies:
    """The files `name.0` and `name.1`. `damaged` counts copies found unreadable."""

    def __init__(self, medium: "LogFolder", name: str) -> None:
        self._medium = medium
        self._name = name
        self._far = 0
        self._generation = -1  # of the newest whole copy, which is file `generation % 2`; -1: not looked yet
        self.damaged = 0

    def load(self) -> "bytes | None":
        """Return the newest data that is whole; None if there is none.

        Raises OSError if there is none that can be read and one that perhaps could be another time; see `pass_over`.
        """
        newest, unreadable = None, None
        generation, which = 0, 0
        for copy in (0, 1):
            try:
                data = self._read(copy)
            except OSError as error:
                unreadable, which = error, which + copy
                self.damaged += 1
                continue
            if data is not None and _generation(data) > generation:
                generation, newest = _generation(data), data
        if unreadable is not None:
            if newest is None:
                self._generation = -1
                self._far = _FAR + which  # what follows goes into the file that is missing or spoilt
                raise unreadable
            generation += 2  # it may be the newer one, by one: the next goes over it, and counts more
        self._generation = generation
        return None if newest is None else newest[_HEAD_BYTES:]

    def pass_over(self) -> None:
        """After `load` has raised: what could not be read is given up, and what is saved next counts."""
        self._generation = self._far

    def save(self, data: bytes) -> None:
        """Store `data` in the place of the older copy. Raises OSError; then the newer copy is as it was.

        So it does where `load` does: what cannot be read for a while may be the newer one.
        """
        if self._generation < 0:
            self.load()
        generation = self._generation + 1
        rest = struct.pack("<I", generation) + data
        crc = struct.pack("<I", binascii.crc32(rest) & 0xFFFFFFFF)
        self._medium.write(self._file(generation), "wb", crc + rest)
        self._generation = generation

    def _file(self, generation: int) -> str:
        return "%s.%d" % (self._name, generation % 2)

    def _read(self, copy: int) -> "bytes | None":
        data = b""
        for look in (1, 2):  # a second look: a read may fail for once
            try:
                with self._medium.open(self._file(copy), "rb") as file:
                    data = file.read()
                break
            except OSError as error:
                if error.errno == NO_SUCH_FILE:
                    return None
                if look == 2:
                    raise
        # A whole copy in the other's file is none of ours: the next write would go over the newest.
        if len(data) >= _HEAD_BYTES and _generation(data) % 2 == copy:
            if struct.unpack("<I", data[:4])[0] == binascii.crc32(data[4:]) & 0xFFFFFFFF:
                return data
        self.damaged += 1
        return None


def _generation(data: bytes) -> int:
    return struct.unpack("<I", data[4:_HEAD_BYTES])[0]
