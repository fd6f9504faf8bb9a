"""A small file that is given up when the disk is full, so that there is room to delete by.

Deleting in a database writes first. On a disk that something else has filled, an outbox full of records that nobody needs
any more could otherwise not let go of a single one.
"""

import contextlib
from pathlib import Path

from headway_edge.store.medium import Medium

BALLAST_BYTES = 128 * 1024  # some 30 pages of a WAL; deleting a hundred records takes about ten


class Ballast:
    """The ballast of one outbox, in the file `path`."""

    def __init__(self, path: Path, medium: Medium) -> None:
        self._path = path
        self._medium = medium

    def give(self) -> bool:
        """Give the room back to the disk; return whether there was any to give."""
        try:
            there = self._medium.exists(self._path)
            self._medium.remove(self._path)
        except OSError:
            return False
        return there

    def take(self) -> bool:
        """Take the room again; return whether the ballast is there now. A disk that has none to spare is left as it is."""
        try:
            if self._medium.size(self._path) == BALLAST_BYTES:
                return True
            self._medium.write(self._path, 0, bytes(BALLAST_BYTES))
        except (OSError, MemoryError):
            with contextlib.suppress(OSError):
                self._medium.remove(self._path)
            return False
        return True
