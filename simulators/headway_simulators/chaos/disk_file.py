"""The bytes of one file on a simulated disk: what a read sees, what a power cut leaves, and what lies between."""

from random import Random

SECTOR_BYTES = 512  # what a disk writes as one; a write may be torn elsewhere too, as flash controllers do


class DiskFile:
    """A file without its name. `locks`: by who holds them, SQLite's five levels."""

    def __init__(self) -> None:
        self.visible = bytearray()
        self.locks: dict[object, int] = {}
        self._durable = bytearray()
        self._pending: list[tuple[int, bytes | None]] = []  # (offset, bytes written), (size, None) of a truncation

    def write(self, offset: int, data: bytes) -> None:
        """Write at `offset`; a gap before it is zeros."""
        _write(self.visible, offset, data, b"")
        self._pending.append((offset, data))

    def truncate(self, size: int) -> None:
        """Cut to `size`, or fill up to it with zeros."""
        _resize(self.visible, size)
        self._pending.append((size, None))

    def sync(self) -> None:
        """Make everything durable."""
        for offset, data in self._pending:
            self._persist(offset, data, b"")
        self._pending.clear()

    def fail_to_sync(self, random: Random, reverts: bool) -> None:
        """Make some of it durable and never any of the rest; it is still read, unless the cache `reverts`."""
        for offset, data in self._pending:
            if random.random() < 0.5:
                self._persist(offset, data, b"")
        self._pending.clear()
        if reverts:
            self.visible[:] = self._durable

    def lose_power(self, random: Random, kept: float) -> None:
        """Forget what a power cut takes.

        kept: the chance of each write and truncation that was not synced to have survived. Of those that did, a third is
        torn, unless `kept` is 1; what is then left out of a file grown longer is zeros or rubbish.
        """
        for offset, data in self._pending:
            if random.random() >= kept:
                continue
            rubbish = random.randbytes(64) if kept < 1 and random.random() < 0.5 else b""
            if data is None or kept >= 1 or random.random() < 2 / 3:
                self._persist(offset, data, rubbish)
            else:
                for start, piece in _torn(data, random):
                    self._persist(offset + start, piece, rubbish)
        self._pending.clear()
        self.visible[:] = self._durable

    def replace(self, data: bytes) -> None:
        """Be these bytes, durably."""
        self.visible[:] = data
        self._durable[:] = data
        self._pending.clear()

    def _persist(self, offset: int, data: bytes | None, filler: bytes) -> None:
        if data is None:
            _resize(self._durable, offset)
        else:
            _write(self._durable, offset, data, filler)


def _resize(content: bytearray, size: int) -> None:
    if size < len(content):
        del content[size:]
    else:
        content.extend(bytes(size - len(content)))


def _write(content: bytearray, offset: int, data: bytes, filler: bytes) -> None:
    gap = offset - len(content)
    if gap > 0:
        content.extend((filler * (gap // len(filler) + 1))[:gap] if filler else bytes(gap))
    content[offset : offset + len(data)] = data


def _torn(data: bytes, random: Random) -> list[tuple[int, bytes]]:
    """Return the pieces of a write that a power cut let through: its begin, its end, or any of its sectors."""
    at = random.randrange(len(data) + 1)
    way = random.randrange(3)
    if way == 0:
        return [(0, data[:at])]
    if way == 1:
        return [(at, data[at:])]
    sectors = range(0, len(data), SECTOR_BYTES)
    return [(start, data[start : start + SECTOR_BYTES]) for start in sectors if random.random() < 0.5]
