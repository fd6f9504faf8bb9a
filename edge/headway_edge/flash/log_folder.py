"""The files that a flash log lives in: what it needs of a file system. Passed in, never reached for.

`LogFolder` is a folder of the machine's own file system, on MicroPython and CPython. A simulation passes one that is cut off in
the middle of a write, fills up, flips bits and fails on demand; the log cannot tell.

A full medium has no room to note what is given up for room. So some is kept in a file of zeros, and given back then.
"""

import os

from headway_protocol import const

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from typing import BinaryIO

# The same numbers on every port and in littlefs; MicroPython's errno module does not have all of them.
NO_SUCH_FILE = 2  # ENOENT
MEDIUM_FULL = 28  # ENOSPC

SPARE_FILE = "log.spare"
_PIECE_BYTES = const(256)


class LogFolder:
    """Files by name in one folder, which must exist. Every method raises OSError when the medium refuses.

    What was written to a file is on the medium once the file is closed: littlefs promises that, and FAT nearly. Linux does
    not (it would take fsync), so there this folder survives a killed process but not every power cut.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def open(self, name: str, mode: str) -> "BinaryIO":
        """Open a file in mode "rb", "wb" or "ab"."""
        return open(self._path + "/" + name, mode)  # type: ignore[return-value]

    def names(self) -> list:
        """Return the names of the folder's files, in any order."""
        return os.listdir(self._path)

    def size_bytes(self, name: str) -> int:
        """Return how long a file is."""
        return os.stat(self._path + "/" + name)[6]

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in the place of the file that had it."""
        os.rename(self._path + "/" + old, self._path + "/" + new)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.remove(self._path + "/" + name)

    def write(self, name: str, mode: str, data: bytes) -> None:
        """Open a file, write `data` and close it: durable when this returns. A power cut may leave any part of it."""
        with self.open(name, mode) as file:
            write_all(file, data)


def write_all(file: "BinaryIO", data: bytes) -> None:
    """Write to an open file; raises OSError where only a part was taken."""
    if file.write(data) != len(data):
        raise OSError(MEDIUM_FULL, "the medium is full")


class SpareRoom:
    """A file of zeros that stands for nothing else. size_bytes: a multiple of 256. Raises nothing where the medium refuses."""

    def __init__(self, medium: LogFolder, size_bytes: int) -> None:
        self._medium = medium
        self.size_bytes = size_bytes
        self._taken = False
        try:
            self._taken = medium.size_bytes(SPARE_FILE) >= size_bytes
        except OSError:
            pass
        self.take()

    def take(self) -> None:
        """Take the room, if it is not taken and there is as much."""
        if self._taken:
            return
        try:
            with self._medium.open(SPARE_FILE, "wb") as file:
                for _ in range(self.size_bytes // _PIECE_BYTES):
                    write_all(file, bytes(_PIECE_BYTES))
            self._taken = True
        except (OSError, MemoryError):
            self.give_back()

    def give_back(self) -> None:
        """Give it back."""
        self._taken = False
        try:
            self._medium.remove(SPARE_FILE)
        except (OSError, MemoryError):
            pass
