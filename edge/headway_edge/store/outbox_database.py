"""The outbox's database in use: transactions, a full disk, and a connection that has to be made anew.

After a failure that leaves doubt about the file (I/O, damage) nothing more is believed: the connection is closed, the file
opened and checked like at a start, and only then used again; at most once in LOOK_AGAIN_MS, so that a dying disk is not
kept busy. In between every use raises sqlite3.Error.
"""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog

from headway_edge.errors import AgentError
from headway_edge.store import quarantine, sqlite_faults
from headway_edge.store.ballast import Ballast
from headway_edge.store.boot_mark import End
from headway_edge.store.medium import Connection, Medium
from headway_edge.store.outbox_opening import open_outbox

log = structlog.get_logger("headway.agent")

LOOK_AGAIN_MS = 60_000


class OutboxDatabase:
    """One process's hold on the database file. mono_ms: a monotonic clock.

    `suspect`: the connection is not to be believed any more; `open` makes a new one. `full`: the disk had no room when it was
    last written; the next transaction begins with what `on_full` does. `in_transaction`: between `begin` and `end`.
    """

    def __init__(self, path: Path, medium: Medium, mono_ms: Callable[[], int]) -> None:
        self._path = path
        self._medium = medium
        self._mono_ms = mono_ms
        self._db: Connection | None = None
        self._looked_ms: int | None = None
        self._cause = ""
        self._took_ms: int | None = None
        self.ballast = Ballast(quarantine.beside(path, ".ballast"), medium)
        self.suspect = False
        self.full = False
        self.in_transaction = False

    @property
    def db(self) -> Connection:
        """The connection. Raises sqlite3.Error while there is none to be believed."""
        if self.suspect or self._db is None:
            raise sqlite3.OperationalError(f"the store has failed ({self._cause}) and was not opened again yet")
        return self._db

    def open(self, marked: list[End], number: int) -> None:
        """Open the file, or open it again, with the arguments of `open_outbox`.

        Raises AgentError, sqlite3.Error and OSError; of a full disk only after the ballast was given up.
        """
        self.close()
        try:
            self._db = open_outbox(self._path, self._medium, marked, number)
        except sqlite3.Error as error:
            if not sqlite_faults.is_full(error) or not self.ballast.give():
                raise
            self._db = open_outbox(self._path, self._medium, marked, number)
        self.suspect = self.full = False

    def reopen(self, marked: list[End], number: int) -> None:
        """Open the file again unless that was tried a moment ago. Raises sqlite3.Error; then it stays suspect."""
        now_ms = self._mono_ms()
        if self.in_transaction or (self._looked_ms is not None and now_ms - self._looked_ms < LOOK_AGAIN_MS):
            raise sqlite3.OperationalError(
                f"the store has failed ({self._cause}); it is looked at again within a minute"
            )
        self._looked_ms = now_ms
        try:
            self.open(marked, number)
        except (sqlite3.Error, OSError, AgentError) as error:
            self._cause = str(error)
            log.error("agent.store_not_opened", cause=str(error), next_step="check the disk; it is tried again")
            raise sqlite3.OperationalError(str(error)) from error
        log.warning("agent.store_opened_again", store=str(self._path))

    def close(self) -> None:
        """Close the connection, whatever it says to that."""
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()

    def note(self, error: BaseException) -> None:
        """Take note of what an error says about the file."""
        if sqlite_faults.is_full(error):
            self.full = True
        elif sqlite_faults.is_suspect(error) and not self.suspect:
            self.suspect = True
            self._cause = str(error)
            log.error("agent.store_failed", error=str(error), next_step="none yet: it is opened again and looked at")

    def read(self, sql: str, parameters: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query. Raises sqlite3.Error."""
        try:
            rows: list[tuple[Any, ...]] = self.db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            self.note(error)
            raise
        return rows

    def begin(self) -> None:
        """Begin a transaction. Raises sqlite3.Error."""
        if self.in_transaction:
            raise sqlite3.OperationalError("a transaction within a transaction")
        try:
            self.db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self.note(error)
            raise
        self.in_transaction = True

    def end(self, error: BaseException | None) -> None:
        """Commit, or roll back after an error. Raises sqlite3.Error if it cannot be committed; it may have been all the same."""
        self.in_transaction = False
        if error is not None:
            self.note(error)
            self._roll_back()
            return
        try:
            self.db.execute("COMMIT")
        except BaseException as failure:
            self.note(failure)
            self._roll_back()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """`begin` and `end` around a block."""
        self.begin()
        try:
            yield self.db
        except BaseException as error:
            self.end(error)
            raise
        self.end(None)

    def _roll_back(self) -> None:
        if self._db is None:
            return
        try:
            if self._db.in_transaction:  # a full disk, for one, has rolled it back already
                self._db.execute("ROLLBACK")
        except (sqlite3.Error, MemoryError) as error:
            self._cause = str(error)
            self.suspect = True

    def take_ballast(self) -> None:
        """See that there is a ballast, at most once a minute."""
        now_ms = self._mono_ms()
        if self._took_ms is None or now_ms - self._took_ms >= LOOK_AGAIN_MS:
            self._took_ms = now_ms
            self.ballast.take()
