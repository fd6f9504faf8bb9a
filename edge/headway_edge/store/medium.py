"""What an outbox needs of the machine that keeps it: a database, small files, a lock. Passed in, never reached for.

`SystemMedium` is the machine's own disk. A simulation passes one that forgets what was not synced, tears writes, fills up and
fails on demand; the outbox cannot tell.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol


class Rows(Protocol):
    """What is used of `sqlite3.Cursor`."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed; -1 if it is none that does."""

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""

    def fetchall(self) -> list[Any]:
        """Return the rows left."""

    def __iter__(self) -> Iterator[Any]:
        """Go over the rows left."""


class Connection(Protocol):
    """What is used of `sqlite3.Connection`, opened in autocommit mode; errors are `sqlite3.Error`."""

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""

    def execute(self, sql: str, parameters: tuple[object, ...] = ..., /) -> Rows:
        """Run one statement."""

    def executemany(self, sql: str, parameters: list[tuple[object, ...]], /) -> Rows:
        """Run one statement for each row of parameters."""

    def close(self) -> None:
        """Close the database file."""


class Medium(Protocol):
    """Where an outbox lives. Everything but `connect` raises OSError."""

    def connect(self, path: Path) -> Connection:
        """Open a database, made if missing. Raises sqlite3.Error."""

    def exists(self, path: Path) -> bool:
        """Whether there is such a file."""

    def read(self, path: Path) -> bytes | None:
        """Return a small file's bytes; None if there is none."""

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """Write `data` at `offset` of a file, made if missing, and sync it: durable when this returns.

        A power cut in between leaves old bytes, new ones, or a mixture. If it raises, a file that was made for it is gone.
        """

    def move(self, source: Path, target: Path) -> None:
        """Rename a file, durably; `target` is replaced, its folder made if missing."""

    def remove(self, path: Path) -> None:
        """Remove a file; nothing happens if there is none."""

    def size(self, path: Path) -> int:
        """Return a file's size in bytes; 0 if there is none."""

    def names(self, folder: Path) -> list[str]:
        """Return the names of the files in a folder, in no order; none if there is no such folder."""

    def lock(self, path: Path) -> Callable[[], None]:
        """Hold `path` for this process; return what gives it back. Raises BlockingIOError, its text naming the holder."""


class _SystemConnection(sqlite3.Connection):
    # Where a bit of a name in the schema has flipped, SQLite's message is no UTF-8, and what Python raises no sqlite3.Error.

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        try:
            return super().execute(sql, parameters)
        except UnicodeDecodeError as error:
            raise _damage(error) from error

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        try:
            return super().executemany(sql, parameters)
        except UnicodeDecodeError as error:
            raise _damage(error) from error


def _damage(error: UnicodeDecodeError) -> sqlite3.DatabaseError:
    found = sqlite3.DatabaseError(error.object.decode(errors="replace"))
    found.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return found


def _text(data: bytes) -> str:
    # A text that has changed is a key of nothing; it must not keep what is beside it from being read.
    return data.decode(errors="replace")


class SystemMedium:
    """The disk of this machine."""

    def connect(self, path: Path) -> sqlite3.Connection:
        """Open with the machine's SQLite; the agent's own thread is the one writer, a test or a face may look from another."""
        db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, factory=_SystemConnection)
        db.text_factory = _text
        return db

    def exists(self, path: Path) -> bool:
        """Whether there is such a file."""
        return path.exists()

    def read(self, path: Path) -> bytes | None:
        """Return a small file's bytes; None if there is none."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def write(self, path: Path, offset: int, data: bytes) -> None:
        """Write and sync; a file that was made is also made durable in its folder."""
        made = not path.exists()
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while data:
                written = os.pwrite(file, data, offset)
                data, offset = data[written:], offset + written
            os.fdatasync(file)  # with the size, where that changed; without the times, which would be a second write
            if made:
                _sync_folder(path.parent)
        except OSError:
            if made:
                path.unlink(missing_ok=True)  # or the next one would take its name for durable
            raise
        finally:
            os.close(file)

    def move(self, source: Path, target: Path) -> None:
        """Rename and sync both folders."""
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)
        _sync_folder(target.parent)
        if source.parent != target.parent:
            _sync_folder(source.parent)

    def remove(self, path: Path) -> None:
        """Remove a file; nothing happens if there is none."""
        path.unlink(missing_ok=True)

    def size(self, path: Path) -> int:
        """Return a file's size in bytes; 0 if there is none."""
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0

    def names(self, folder: Path) -> list[str]:
        """Return the names of the files in a folder, in no order; none if there is no such folder."""
        try:
            return os.listdir(folder)
        except FileNotFoundError:
            return []

    def lock(self, path: Path) -> Callable[[], None]:
        """Hold `path` with flock, which the kernel gives back when the process dies; the folder is made if missing."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise BlockingIOError(f"in use by process {holder}") from None
        except BaseException:
            os.close(file)
            raise
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same, nobody is named
            os.truncate(file, 0)
            os.pwrite(file, str(os.getpid()).encode(), 0)
        return lambda: os.close(file)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
