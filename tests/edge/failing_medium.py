"""A machine's own disk that fails when a test says so; under it is the real one, with the real SQLite."""

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

from headway_edge.store.medium import Connection, SystemMedium

FULL, IOERR, IOERR_FSYNC, CORRUPT = 13, 10, 1034, 11


def sqlite_error(code: int) -> sqlite3.Error:
    error = (sqlite3.DatabaseError if code == CORRUPT else sqlite3.OperationalError)(f"failure {code} on demand")
    error.sqlite_errorcode = code
    return error


class FailingMedium(SystemMedium):
    """fail: asked before each SQL statement, with its text, and (`"write <name>"`) before each write of a small file.

    It returns None, or the result code (for a write an errno) to fail with. `after`: the same, asked after a COMMIT is done.
    """

    def __init__(self) -> None:
        self.fail: Callable[[str], int | None] = lambda _sql: None
        self.after: Callable[[], int | None] = lambda: None
        self.connections = 0

    def connect(self, path: Path) -> "Connection":
        self.connections += 1
        return FailingConnection(self, super().connect(path))  # type: ignore[return-value]

    def write(self, path: Path, offset: int, data: bytes) -> None:
        number = self.fail(f"write {path.name}")
        if number is not None:
            raise OSError(number, os.strerror(number))
        super().write(path, offset, data)


class UnsyncedMedium(FailingMedium):
    """A disk that syncs nothing, for tests that write much and are not about what survives."""

    def connect(self, path: Path) -> "Connection":
        db = SystemMedium.connect(self, path)
        return UnsyncedConnection(self, db)  # type: ignore[return-value]

    def write(self, path: Path, offset: int, data: bytes) -> None:
        with path.open("r+b" if path.exists() else "w+b") as file:
            file.seek(offset)
            file.write(data)


class FailingConnection:
    def __init__(self, medium: FailingMedium, db: sqlite3.Connection) -> None:
        self._medium = medium
        self._db = db

    @property
    def in_transaction(self) -> bool:
        return self._db.in_transaction

    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        self._ask(sql)
        found = self._db.execute(sql, parameters)
        if sql == "COMMIT" and (code := self._medium.after()) is not None:
            raise sqlite_error(code)
        return found

    def executemany(self, sql: str, parameters: list[tuple[object, ...]]) -> sqlite3.Cursor:
        self._ask(sql)
        return self._db.executemany(sql, parameters)

    def close(self) -> None:
        self._db.close()

    def _ask(self, sql: str) -> None:
        code = self._medium.fail(sql)
        if code is not None:
            raise sqlite_error(code)


class UnsyncedConnection(FailingConnection):
    def execute(self, sql: str, parameters: tuple[object, ...] = ()) -> sqlite3.Cursor:
        return super().execute("PRAGMA synchronous = OFF" if sql.startswith("PRAGMA synchronous") else sql, parameters)


def once(code: int, beginning: str) -> Callable[[str], int | None]:
    """Fail the first statement that begins so."""
    left = [code]
    return lambda sql: left.pop() if left and sql.startswith(beginning) else None


def always(code: int, beginning: str = "") -> Callable[[str], int | None]:
    """Fail every statement that begins so; the disk has gone bad."""
    return lambda sql: code if sql.startswith(beginning) else None


NO_SPACE = errno.ENOSPC
