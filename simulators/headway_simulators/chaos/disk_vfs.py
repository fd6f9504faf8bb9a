"""SQLite's way to a simulated disk: an APSW VFS that does what SQLite's own for Unix does, on `Disk` instead of a kernel.

As there, overwriting a part of a file leaves the rest of it alone in a power cut (SQLITE_IOCAP_POWERSAFE_OVERWRITE), a new
journal's or WAL's folder is synced with it the first time, and a full disk is SQLITE_FULL, whatever else fails one of the
codes of SQLITE_IOERR. There is no shared memory: a database in WAL mode needs locking_mode EXCLUSIVE.
"""

import errno
import itertools
from collections.abc import Callable
from typing import Any

import apsw

from headway_simulators.chaos.disk import Disk, OpenFile, PowerCut

_numbers = itertools.count(1)
_SYNCED_WITH_FOLDER = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
_OPENED_MS = 212_664_960_000_000 + 1_798_761_600_000  # 2027-01-01 in ms of the Julian day; nothing here asks


def _failed(error: OSError | PowerCut, code: int) -> Exception:
    """Return what tells SQLite of a failure: its code for a full disk, else `code`."""
    full = isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}
    return apsw.exception_for(apsw.SQLITE_FULL if full and code == apsw.SQLITE_IOERR_WRITE else code)


class DiskVfs(apsw.VFS):
    """The VFS of one disk, registered under `name` while this object is there."""

    def __init__(self, disk: Disk) -> None:
        self.name = f"simulated-disk-{next(_numbers)}"
        self._disk = disk
        super().__init__(self.name, "")

    def xOpen(self, name: Any, flags: list[int]) -> Any:  # noqa: N802 - SQLite's name, as all of these
        """Open a file, made if SQLite says so; one without a name is kept in memory."""
        if name is None:
            return VfsFile(Disk(self._disk.random).open("aside"), None)
        path = name if isinstance(name, str) else name.filename()
        try:
            file = self._disk.open(path, create=bool(flags[0] & apsw.SQLITE_OPEN_CREATE))
        except (OSError, PowerCut) as error:
            raise _failed(error, apsw.SQLITE_CANTOPEN) from error
        flags[1] = flags[0]
        with_folder = flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & _SYNCED_WITH_FOLDER
        return VfsFile(file, (lambda: self._disk.sync_folder(path.rpartition("/")[0])) if with_folder else None)

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        """Whether there is such a file; it may be read and written then."""
        try:
            return self._disk.exists(pathname) and (flags != apsw.SQLITE_ACCESS_EXISTS or self._disk.size(pathname) > 0)
        except PowerCut as error:
            raise _failed(error, apsw.SQLITE_IOERR_ACCESS) from error

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Remove a file."""
        try:
            self._disk.remove(filename)
            if syncdir:
                self._disk.sync_folder(filename.rpartition("/")[0])
        except FileNotFoundError as error:
            raise _failed(error, apsw.SQLITE_IOERR_DELETE_NOENT) from error
        except (OSError, PowerCut) as error:
            raise _failed(error, apsw.SQLITE_IOERR_DELETE) from error

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """Return `name`: all paths here are absolute."""
        return name

    def xRandomness(self, numbytes: int) -> bytes:  # noqa: N802
        """Return bytes; SQLite itself asks its default VFS."""
        return bytes(numbytes)

    def xSleep(self, microseconds: int) -> int:  # noqa: N802
        """Do not sleep."""
        return microseconds

    def xCurrentTime(self) -> float:  # noqa: N802
        """Return the same moment always, as a Julian day."""
        return _OPENED_MS / 86_400_000

    def xCurrentTimeInt64(self) -> int:  # noqa: N802
        """Return the same moment always, in ms."""
        return _OPENED_MS

    def xGetLastError(self) -> tuple[int, str]:  # noqa: N802
        """Return nothing: SQLite's codes say it."""
        return 0, ""


class VfsFile:
    """A file as SQLite uses it. sync_folder: what makes its name durable with its first sync, None if nothing does."""

    def __init__(self, file: OpenFile, sync_folder: Callable[[], None] | None) -> None:
        self._file = file
        self._sync_folder = sync_folder

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        """Return up to `amount` bytes; SQLite fills up with zeros what the file lacks."""
        try:
            return self._file.read(amount, offset)
        except (OSError, PowerCut) as error:
            raise _failed(error, apsw.SQLITE_IOERR_READ) from error

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        """Write."""
        try:
            self._file.write(offset, data)
        except (OSError, PowerCut) as error:
            raise _failed(error, apsw.SQLITE_IOERR_WRITE) from error

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut the file."""
        try:
            self._file.truncate(newsize)
        except (OSError, PowerCut) as error:
            raise _failed(error, apsw.SQLITE_IOERR_TRUNCATE) from error

    def xSync(self, flags: int) -> None:  # noqa: ARG002, N802
        """Make the file durable, and a new journal's name."""
        try:
            self._file.sync()
            if self._sync_folder is not None:
                self._sync_folder()
                self._sync_folder = None
        except (OSError, PowerCut) as error:
            raise _failed(error, apsw.SQLITE_IOERR_FSYNC) from error

    def xFileSize(self) -> int:  # noqa: N802
        """Return the size in bytes."""
        try:
            return self._file.size()
        except PowerCut as error:
            raise _failed(error, apsw.SQLITE_IOERR_FSTAT) from error

    def xLock(self, level: int) -> None:  # noqa: N802
        """Take a lock. Raises apsw.BusyError."""
        if not self._file.lock(level):
            raise apsw.exception_for(apsw.SQLITE_BUSY)

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """Give locks back down to a level."""
        self._file.unlock(level)

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        """Whether anybody is about to write."""
        return self._file.is_reserved()

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: ARG002, N802
        """Know no special request."""
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        """Return what SQLite's own VFS says."""
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        """Return what SQLite's own VFS says."""
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:  # noqa: N802
        """Give the locks back."""
        self._file.unlock(0)
