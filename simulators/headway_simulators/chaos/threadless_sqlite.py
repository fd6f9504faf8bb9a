"""aiosqlite without its threads: each statement runs where it is awaited.

The server's database code is the real one, on a real file, through SQLAlchemy and the standard library's sqlite3. Only the
hand-overs between them, to another thread and to other greenlets and back, are left out: they would cost a simulation most of its
time and could put nothing but chance into its order.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import aiosqlite.core
import sqlalchemy.ext.asyncio.engine
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_connection
from sqlalchemy.util.concurrency import greenlet_spawn

_WAIT_FOR_NOTHING = frozenset({"execute", "begin", "commit", "rollback"})


class _AtOnce:
    """In place of the queue to a connection's thread: what is put into it is done by whoever puts it."""

    def put_nowait(self, item: tuple[Any, Callable[[], Any]]) -> None:
        future, function = item
        try:
            result = function()
        except BaseException as error:  # noqa: BLE001 - as in the thread: whoever waits for the future gets it
            future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    """In place of a connection's thread."""

    def __init__(self, **_options: Any) -> None:
        self.daemon = True

    def start(self) -> None:
        """Nothing has to run."""


class _Cursor(sqlite3.Cursor):
    """What SQLAlchemy's cursor for aiosqlite is to it, without the five hand-overs that each statement takes there."""

    def execute(self, sql: str, parameters: Any = (), /) -> "_Cursor":
        """Run a statement to its end, as SQLAlchemy's does: nothing is left open."""
        super().execute(sql, parameters)
        self._rows = super().fetchall() if self.description else []
        return self

    def fetchone(self) -> Any:
        """Return the next row, None after the last."""
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return the next rows."""
        count = self.arraysize if size is None else size
        rows, self._rows = self._rows[:count], self._rows[count:]
        return rows

    def fetchall(self) -> list[Any]:
        """Return the rows left."""
        rows, self._rows = self._rows, []
        return rows

    async def _async_soft_close(self) -> None:
        """There is nothing to close: every row was read."""


def _cursor(self: Any, server_side: bool = False) -> Any:  # noqa: ARG001 - all rows are read in any case
    return self._connection._conn.cursor(_Cursor)


def _commit(self: Any) -> None:
    self._connection._conn.commit()


def _rollback(self: Any) -> None:
    if self._connection._connection:
        self._connection._conn.rollback()


async def _spawn(function: Callable[..., Any], *args: Any, _require_await: bool = False, **options: Any) -> Any:
    # SQLAlchemy's runs everything in a greenlet that can wait, and takes a statement that waited for nothing for a mistake.
    if function.__name__ in _WAIT_FOR_NOTHING:
        return function(*args, **options)
    return await greenlet_spawn(function, *args, **options)


@contextmanager
def threadless_sqlite() -> Iterator[None]:
    """Let connections that are opened meanwhile do without threads; they must be closed before the end."""
    core: Any = aiosqlite.core
    replaced: list[tuple[Any, str, Any]] = [
        (core, "SimpleQueue", _AtOnce),
        (core, "Thread", _NoThread),
        (AsyncAdapt_aiosqlite_connection, "cursor", _cursor),
        (AsyncAdapt_aiosqlite_connection, "commit", _commit),
        (AsyncAdapt_aiosqlite_connection, "rollback", _rollback),
        (sqlalchemy.ext.asyncio.engine, "greenlet_spawn", _spawn),
    ]
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    for owner, name, new in replaced:
        setattr(owner, name, new)
    try:
        yield
    finally:
        for owner, name, old in before:
            setattr(owner, name, old)
