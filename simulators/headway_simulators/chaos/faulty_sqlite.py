"""A connection to a database on a simulated disk, in the manners of the standard library's `sqlite3`.

SQLite itself is the one that APSW brings, newer than most machines' own; everything under its VFS is simulated.
"""

import contextlib
import sqlite3
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import apsw

from headway_simulators.chaos.disk import Disk, PowerCut
from headway_simulators.chaos.disk_faults import Moment
from headway_simulators.chaos.disk_vfs import DiskVfs

# As `sqlite3` turns SQLite's codes into exceptions; any other is a DatabaseError.
_KINDS: dict[int, type[sqlite3.Error]] = {
    apsw.SQLITE_INTERNAL: sqlite3.InternalError,
    apsw.SQLITE_NOTFOUND: sqlite3.InternalError,
    apsw.SQLITE_TOOBIG: sqlite3.DataError,
    apsw.SQLITE_CONSTRAINT: sqlite3.IntegrityError,
    apsw.SQLITE_MISMATCH: sqlite3.IntegrityError,
    apsw.SQLITE_MISUSE: sqlite3.InterfaceError,
    apsw.SQLITE_RANGE: sqlite3.InterfaceError,
    **dict.fromkeys(
        (
            apsw.SQLITE_ERROR,
            apsw.SQLITE_PERM,
            apsw.SQLITE_ABORT,
            apsw.SQLITE_BUSY,
            apsw.SQLITE_LOCKED,
            apsw.SQLITE_READONLY,
            apsw.SQLITE_INTERRUPT,
            apsw.SQLITE_IOERR,
            apsw.SQLITE_FULL,
            apsw.SQLITE_CANTOPEN,
            apsw.SQLITE_PROTOCOL,
            apsw.SQLITE_EMPTY,
            apsw.SQLITE_SCHEMA,
        ),
        sqlite3.OperationalError,
    ),
}
# Messages of the failures that the VFS makes; SQLite's own come with its errors.
_MESSAGES = {
    apsw.SQLITE_IOERR: "disk I/O error",
    apsw.SQLITE_FULL: "database or disk is full",
    apsw.SQLITE_CANTOPEN: "unable to open database file",
    apsw.SQLITE_BUSY: "database is locked",
}
CHECKPOINT_PAGES = 1000  # SQLite's own default
_Result = TypeVar("_Result")

# Asked before each statement: when there is no memory, before it or after it is done, None if there is.
MemoryPlan = Callable[[], Moment | None]


def _error(error: apsw.Error) -> Exception:
    """Return the exception that `sqlite3` would have raised."""
    extended = getattr(error, "extendedresult", 0)
    if not extended:
        return sqlite3.ProgrammingError(str(error))
    code = extended & 0xFF
    if code == apsw.SQLITE_NOMEM:
        return MemoryError()
    found = _KINDS.get(code, sqlite3.DatabaseError)(_MESSAGES.get(code, str(error)))
    found.sqlite_errorcode = extended
    found.sqlite_errorname = str(
        apsw.mapping_extended_result_codes.get(extended) or apsw.mapping_result_codes.get(code, "SQLITE_ERROR")
    )
    return found


def _say_nothing(_: object) -> None:
    pass


@contextlib.contextmanager
def _unheard() -> Iterator[None]:
    """Leave unsaid what SQLite itself passes over, and APSW tells the interpreter: while a file closes, for one."""
    hook, sys.unraisablehook = sys.unraisablehook, _say_nothing
    try:
        yield
    finally:
        sys.unraisablehook = hook


class Rows:
    """What a statement returned, as from `sqlite3.Cursor`; `rowcount` is -1 unless it was one that changes rows.

    The rows were all read at once, but an error after the first is raised where reading one by one would have met it.
    """

    def __init__(self, rows: list[Any], error: Exception | None, rowcount: int) -> None:
        self._rows = iter(rows)
        self._error = error
        self.rowcount = rowcount

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        row = next(self._rows, None)
        if row is None and self._error is not None:
            raise self._error
        return row

    def fetchall(self) -> list[Any]:
        """Return the rows left."""
        return list(self)

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row


@cache
def _changes_rows(sql: str) -> bool:
    return sql[:7].strip().upper() in {"INSERT", "UPDATE", "DELETE", "REPLACE"}


class FaultyConnection:
    """A connection in autocommit mode. Its errors are those of `sqlite3`, MemoryError where `memory` says so, and PowerCut.

    checkpoint_pages: length of the WAL at which it is written back after a commit. That is done here, not in SQLite: its
    failure is none of the commit's, and APSW raises whatever the VFS raised. `closed`: whether `close` was called.
    """

    def __init__(
        self,
        path: Path,
        disk: Disk,
        vfs: DiskVfs,
        memory: MemoryPlan | None = None,
        checkpoint_pages: int = CHECKPOINT_PAGES,
    ) -> None:
        self._disk = disk
        self._life = disk.life
        self._memory = memory
        self._checkpoint_pages = checkpoint_pages
        self._wal_pages = 0
        self.closed = True
        self._db: apsw.Connection = self._run(lambda: apsw.Connection(str(path), vfs=vfs.name))
        self.closed = False
        self._db.set_wal_hook(self._committed)
        # The VFS has no shared memory; one process owns an outbox anyway.
        self._run(self._read, "PRAGMA locking_mode = EXCLUSIVE", (), False)

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open."""
        return self._run(lambda: self._db.in_transaction)

    def execute(self, sql: str, parameters: tuple[object, ...] = (), /) -> Rows:
        """Run one statement."""
        if sql.startswith("PRAGMA wal_autocheckpoint"):
            self._checkpoint_pages = int(sql.partition("=")[2])
            sql, parameters = "SELECT ?", (self._checkpoint_pages,)
        return self._do(sql, parameters, many=False)

    def executemany(self, sql: str, parameters: Iterable[tuple[object, ...]], /) -> Rows:
        """Run one statement for each row of parameters."""
        return self._do(sql, parameters, many=True)

    def close(self) -> None:
        """Close the database file. As in SQLite, a failure of the last checkpoint is none of closing."""
        self.closed = True
        alive = not self._disk.off and self._life == self._disk.life
        with _unheard(), contextlib.suppress(apsw.Error):
            self._db.close()
        if alive and self._disk.off:
            raise PowerCut("the power was cut while closing")

    def __del__(self) -> None:
        # As the standard library's: one that nobody closed is closed when it is collected, and nobody hears of a failure.
        if not self.closed:
            with contextlib.suppress(Exception, PowerCut):
                self.close()

    def _run(self, what: Callable[..., _Result], *arguments: Any) -> _Result:
        # As `_unheard`, which would cost more than most statements.
        hook, sys.unraisablehook = sys.unraisablehook, _say_nothing
        try:
            return what(*arguments)
        except apsw.Error as error:
            raise _error(error) from error
        except UnicodeDecodeError as error:
            raise sqlite3.OperationalError(f"Could not decode to UTF-8: {error}") from error
        finally:
            sys.unraisablehook = hook
            self._disk.check(self._life)

    def _do(self, sql: str, parameters: Any, *, many: bool) -> Rows:
        fails = None if self._memory is None else self._memory()
        if fails == "before":
            raise MemoryError
        rows, error, count = self._run(self._read, sql, parameters, many)
        if self._checkpoint_pages and self._wal_pages >= self._checkpoint_pages:
            self._wal_pages = 0
            with contextlib.suppress(sqlite3.Error):
                self._run(self._db.wal_checkpoint)
        if fails is not None:
            raise MemoryError
        return Rows(rows, error, count)

    def _read(self, sql: str, parameters: Any, many: bool) -> tuple[list[Any], Exception | None, int]:
        # The rows, what was raised after the first of them, and how many were changed. The cursor is closed here and not whenever
        # it is collected: SQLite may go to the disk then.
        counts = _changes_rows(sql)
        before = self._db.total_changes() if counts else 0
        cursor = self._db.cursor()
        rows: list[Any] = []
        late = None
        try:
            (cursor.executemany if many else cursor.execute)(sql, parameters)
            rows.extend(cursor)
        except apsw.Error as error:
            if not rows:
                raise
            late = _error(error)
        finally:
            try:  # noqa: SIM105 - this runs after each statement, and suppress would double what it costs
                cursor.close(True)
            except apsw.Error:
                pass
        return rows, late, self._db.total_changes() - before if counts else -1

    def _committed(self, _db: apsw.Connection, _name: str, pages: int) -> int:
        self._wal_pages = pages
        return apsw.SQLITE_OK
