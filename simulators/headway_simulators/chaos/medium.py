"""The medium of an outbox on a simulated disk."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from headway_simulators.chaos.disk import Disk
from headway_simulators.chaos.disk_faults import Moment
from headway_simulators.chaos.disk_vfs import DiskVfs
from headway_simulators.chaos.faulty_sqlite import CHECKPOINT_PAGES, FaultyConnection, MemoryPlan


class SimulatedMedium:
    """A `headway_edge.store.medium.Medium` of one machine.

    memory: asked before each SQL statement, see `MemoryPlan`. checkpoint_pages: length of the WAL at which it is written
    back; a small one makes a short life have checkpoints.

    It does what `SystemMedium` does, by the same steps, on `disk`. Paths are absolute; folders need not be made.
    """

    def __init__(self, disk: Disk, memory: MemoryPlan | None = None, checkpoint_pages: int = CHECKPOINT_PAGES) -> None:
        self.disk = disk
        self.memory = memory
        self._checkpoint_pages = checkpoint_pages
        self._vfs = DiskVfs(disk)
        self._connections: list[FaultyConnection] = []
        self._held: set[Path] = set()

    def connect(self, path: Path) -> FaultyConnection:
        """Open a database, made if missing. Raises sqlite3.Error."""
        connection = FaultyConnection(path, self.disk, self._vfs, self._fails, self._checkpoint_pages)
        self._connections = [*(item for item in self._connections if not item.closed), connection]
        return connection

    def _fails(self) -> Moment | None:
        return None if self.memory is None else self.memory()

    def exists(self, path: Path) -> bool:
        """Whether there is such a file."""
        return self.disk.exists(str(path))

    def read(self, path: Path) -> bytes | None:
        """Return a small file's bytes; None if there is none."""
        try:
            file = self.disk.open(str(path), create=False)
        except FileNotFoundError:
            return None
        return file.read(file.size(), 0)

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """Write at `offset` of a file, made if missing, and sync it."""
        made = not self.exists(path)
        file = self.disk.open(str(path))
        try:
            file.write(offset, data)
            file.sync()
            if made:
                self.disk.sync_folder(str(path.parent))
        except OSError:
            if made:
                self.remove(path)
            raise

    def move(self, source: Path, target: Path) -> None:
        """Rename a file, durably."""
        self.disk.rename(str(source), str(target))
        self.disk.sync_folder(str(target.parent))
        if source.parent != target.parent:
            self.disk.sync_folder(str(source.parent))

    def remove(self, path: Path) -> None:
        """Remove a file; nothing happens if there is none."""
        with contextlib.suppress(FileNotFoundError):
            self.disk.remove(str(path))

    def size(self, path: Path) -> int:
        """Return a file's size in bytes; 0 if there is none."""
        return self.disk.size(str(path)) if self.exists(path) else 0

    def names(self, folder: Path) -> list[str]:
        """Return the names of the files in a folder."""
        parts = [path.rpartition("/") for path in self.disk.names()]
        return [name for parent, _, name in parts if parent == str(folder)]

    def lock(self, path: Path) -> Callable[[], None]:
        """Hold `path` until the machine restarts or what is returned is called. Raises BlockingIOError."""
        if path in self._held:
            raise BlockingIOError("in use by process 1")
        self._held.add(path)
        return lambda: self._held.discard(path)

    def restart(self, kept: float = 0.5) -> None:
        """Begin anew after a power cut or a kill, see `Disk.restart`; without one, the power is cut now."""
        if not self.disk.off:
            self.disk.cut()
        for connection in self._connections:
            connection.close()
        self._connections.clear()
        self._held.clear()
        self.disk.restart(kept)
