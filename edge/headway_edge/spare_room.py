"""Room on the medium that is given back when it is full: to give up a segment takes a few bytes to note what is lost with it."""

from headway_edge.log_folder import LogFolder, write_all

SPARE_FILE = "log.spare"
_PIECE_BYTES = 256


class SpareRoom:
    """A file of zeros that stands for nothing else. size_bytes: a multiple of 256. Nothing here raises for a medium that refuses."""

    def __init__(self, medium: LogFolder, size_bytes: int) -> None:
        self._medium = medium
        self._size_bytes = size_bytes
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
                for _ in range(self._size_bytes // _PIECE_BYTES):
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
