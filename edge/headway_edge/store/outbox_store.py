"""The store under the outbox: its file, the boots of the device, and pieces of the agent's state.

It knows how far this boot went, here and in the mark beside the file, and after each failure that leaves doubt it opens the file
again, compares, and names what is gone.
"""

import contextlib
import errno
import sqlite3
import time
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar

import structlog

from headway_edge.errors import AgentError
from headway_edge.store import boot_table, outbox_schema, pending_loss, quarantine, retention, sqlite_faults, wiping
from headway_edge.store.boot_mark import BOOTS_MAX, BootMark, End
from headway_edge.store.medium import Connection, Medium, SystemMedium
from headway_edge.store.outbox_database import OutboxDatabase
from headway_edge.store.outbox_schema import ASIDE, TO_SEND
from headway_edge.store.retention import BUDGET_BYTES
from headway_edge.store.state_table import StateTable
from headway_protocol import codes

log = structlog.get_logger("headway.agent")

_SETTLED_PER_RELIEF = 100  # settled records that are let go when the disk is full

_Result = TypeVar("_Result")


class OutboxStore:
    """What `Outbox` stands on; its arguments and attributes are described there."""

    def __init__(
        self,
        path: Path,
        medium: Medium | None = None,
        first_boot: int = 1,
        budget_bytes: int = BUDGET_BYTES,
        mono_ms: Callable[[], int] | None = None,
    ) -> None:
        self.path = path
        self.budget_bytes = budget_bytes
        self.boot = self.produced = self.refused = 0
        self._seq = 0
        self._backlog = 0
        self._state = StateTable()
        self._ends: list[End] = []  # of the newest boots, this one first
        self.may_have_losses = True  # that `undeclared` tells
        self._in_doubt = False  # the last attempt to use up a seq failed, and may have succeeded all the same
        self._doubted = 0  # of how many of the caller's records that was
        self._uncompared = False  # the file was opened again, and not yet compared with what is known here
        self._mark_failed = False
        self.is_scrubbed = False  # whether no byte of before the last wipe is left
        self._medium = medium = medium or SystemMedium()
        try:
            self._unlock = medium.lock(quarantine.beside(path, ".lock"))
        except BlockingIOError as error:
            raise AgentError(f"{path} is {error}. Stop that agent, or give this one another store.") from None
        except OSError as error:
            raise _cannot_keep(path, error) from error
        self._file = OutboxDatabase(path, medium, mono_ms or _monotonic_ms)
        try:
            self._mark = BootMark(quarantine.beside(path, ".mark"), medium)
            self._file.open(self._mark.ends, self._mark.ends[0].boot if self._mark.found else 0)
            self._begin_boot(first_boot)
        except (sqlite3.Error, OSError) as error:
            self._close()
            raise _cannot_keep(path, error) from error
        except BaseException:
            self._close()
            raise
        self._write_mark()
        self._file.take_ballast()
        self.scrub()  # should a wipe have been cut short

    def _close(self) -> None:
        self._file.close()
        self._unlock()

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._file.close()
        self._file.ballast.take()  # from the room that the WAL had
        self._unlock()

    def _begin_boot(self, first_boot: int) -> None:
        marked, found = self._mark.ends, self._mark.found

        def begin(db: Connection) -> tuple[int, int, list[End]]:
            newest = int(db.execute("SELECT coalesce(max(boot), 0) FROM boot").fetchone()[0])
            newest = max(newest, outbox_schema.number(db, outbox_schema.WIPED))
            # Without a mark: what nobody remembers must not be counted again.
            boot = max(newest, marked[0].boot) + 1 if found else max(newest + 1, first_boot)
            if not newest and not found:
                outbox_schema.put_number(db, outbox_schema.KNOWN_FROM, boot)
            elif len(marked) == BOOTS_MAX and marked[-1].boot > newest:
                outbox_schema.put_number(db, outbox_schema.KNOWN_FROM, marked[-1].boot)
            boot_table.mend(db, marked)
            lost = boot_table.lose_beyond(db, marked)
            boot_table.begin(db, boot)
            outbox_schema.retry_undeliverable(db)
            return boot, lost, boot_table.newest(db, BOOTS_MAX)

        self.boot, lost, ends = self._write(begin)
        _tell_lost(lost)
        self._ends = [End(self.boot, 0, 0), *ends]
        self._recount()
        self._state.read(self._file.read(StateTable.SELECT))

    def _recount(self) -> None:
        (made,), (refused,), (waiting,), (aside,) = (
            self._file.read(sql)[0]
            for sql in (
                "SELECT coalesce(sum(last_seq), 0) FROM boot",
                f"SELECT count(*) FROM record WHERE code > 0 AND code <> {codes.UNDELIVERABLE}",  # noqa: S608
                f"SELECT count(*) FROM record WHERE done = {TO_SEND}",  # noqa: S608
                f"SELECT count(*) FROM record WHERE code > 0 AND done = {ASIDE}",  # noqa: S608
            )
        )
        self.produced = outbox_schema.number(self._file.db, outbox_schema.PRODUCED) + made
        self.refused = refused
        self._backlog = waiting + aside

    # --- a disk that fails --------------------------------------------------------------------------------------

    def _ready(self) -> None:
        # After a failure that leaves doubt: open the file again, and compare what is there with what was.
        if self._file.suspect:
            self._file.reopen(self._ends, self.boot)
            self._uncompared = True
        if self._uncompared and outbox_schema.number(self._file.db, outbox_schema.WIPED) > self.boot:
            self._adopt_wipe()  # it was committed after all
        if self._uncompared:
            if self._file.full:
                self._relieve()
            with self._file.transaction() as db:
                lost = boot_table.lose_beyond(db, self._ends)
                self._state.put_back(db)
                # Written to also when nothing is lost: its sync makes it durable that the old WAL is gone. That one may lack
                # its end, which a failed sync dropped; if a power cut brought it back, it would turn the file back.
                again = outbox_schema.number(db, outbox_schema.REOPENED) + 1
                outbox_schema.put_number(db, outbox_schema.REOPENED, again)
            self._recount()
            self._state.read(self._file.read(StateTable.SELECT))
            self._uncompared = False
            self.may_have_losses = True
            _tell_lost(lost)

    def _relieve(self) -> None:
        # The disk was full: the WAL begins anew in the room that it has, the ballast goes, and the oldest settled records.
        self._file.full = False
        self._file.ballast.give()
        with contextlib.suppress(sqlite3.Error):
            self._file.db.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        with self._file.transaction() as db:
            count = retention.forget_settled(db, _SETTLED_PER_RELIEF)
        log.warning("agent.disk_full", settled_records_forgotten=count, next_step="free space on the device's disk")

    def _read(self, sql: str, parameters: tuple[object, ...] = ()) -> list[Any]:
        self._ready()
        try:
            return self._file.read(sql, parameters)
        except sqlite3.Error:
            if not self._file.suspect or self._file.in_transaction:
                raise
        self._ready()
        return self._file.read(sql, parameters)

    def _write(self, work: Callable[[Connection], _Result]) -> _Result:
        # In a transaction of its own; once more if the disk was full, which then begins by making room.
        try:
            with self:
                return work(self._file.db)
        except sqlite3.Error as error:
            if not sqlite_faults.is_full(error):
                raise
        with self:
            return work(self._file.db)

    def __enter__(self) -> Self:
        """Begin a transaction. Raises sqlite3.Error."""
        self._ready()
        if self._file.full:
            self._relieve()
        self._file.begin()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Commit, or roll back if anything was raised. Raises sqlite3.Error."""
        committed = False
        try:
            self._file.end(error)
            committed = error is None
        finally:
            self._state.end(committed=committed)

    # --- seqs ---------------------------------------------------------------------------------------------------

    def _use_up(self, store: Callable[[Connection], None], count: int, kept: int) -> None:
        # Run `store`, which uses up `count` seqs and keeps `kept` records. Until it is known to be committed, it is in doubt.
        self._in_doubt, self._doubted = True, count
        self._write(store)
        self._came_to(self._seq + count, self.produced + count, self._backlog + kept)
        self._in_doubt = False
        self._write_mark()
        self._file.take_ballast()

    def _came_to(self, seq: int, produced: int, backlog: int) -> None:
        # The seq last: whatever fails before leaves the doubt, and the record is found when it is tried again.
        self._ends[0] = End(self.boot, seq, self._ends[0].settled)
        self.produced, self._backlog, self._seq = produced, backlog, seq

    def _note_settled(self, boot: int, upto: int) -> None:
        # For the mark, which is written with the next record.
        self._ends = [
            end._replace(settled=max(end.settled, min(upto, end.last_seq))) if end.boot == boot else end
            for end in self._ends
        ]

    def _adopt(self) -> int:
        # Look what an attempt that failed has left behind; only then may a seq be used. Returns how many of the caller's
        # records are stored after all.
        rows = self._read("SELECT last_seq FROM boot WHERE boot = ?", (self.boot,))
        last_seq = rows[0][0] if rows else 0
        stored = 0
        if last_seq > self._seq:
            stored = self._doubted
            self._recount()
            self._state.read(self._read(StateTable.SELECT))
            self._came_to(last_seq, self.produced, self._backlog)
            self._write_mark()
        self._in_doubt = False
        return stored

    def _write_mark(self) -> None:
        # The record is committed whatever becomes of the mark: an older one guards a little less, until the next is written.
        try:
            self._mark.write(self._ends)
        except (OSError, MemoryError) as error:
            if not self._mark_failed:
                log.error("agent.mark_not_written", error=str(error), next_step="check the device's disk")
            self._mark_failed = True
        else:
            self._mark_failed = False

    # --- erasing ------------------------------------------------------------------------------------------------

    def wipe(self, keep: Container[str], state: Mapping[str, bytes]) -> None:
        """Erase everything of the person: records, how far boots went, state; and begin a new boot.

        keep: keys of state that stay. state: put in with that. All of it in one transaction. Raises sqlite3.Error; then
        nobody knows whether it is done, and it is to be called again before anything else: if it was committed, that
        changes nothing more.
        """
        before = self.boot
        self._ready()
        if self.boot == before:
            with self:
                wiping.forget(self._file.db, before + 1, keep, state)
            self._adopt_wipe()
        self._write_mark()

    def _adopt_wipe(self) -> None:
        self.is_scrubbed = False
        self.boot = outbox_schema.number(self._file.db, outbox_schema.WIPED)
        rows = self._file.read("SELECT last_seq FROM boot WHERE boot = ?", (self.boot,))
        self._seq = rows[0][0] if rows else 0
        self._ends = [End(self.boot, self._seq, 0)]
        self._in_doubt = self._uncompared = self.may_have_losses = False
        self._state.unsaved.clear()
        self._state.read(self._file.read(StateTable.SELECT))
        self._recount()

    def scrub(self) -> bool:
        """Take what a wipe has left of old bytes out of the files; return whether there is none. Never raises."""
        try:
            self._ready()
            if wiping.is_unclean(self._file.db):
                wiping.scrub(self._file.db, self.path, self._medium)
        except (sqlite3.Error, OSError, MemoryError) as error:
            self._file.note(error)
            self.is_scrubbed = False
            log.error("agent.not_scrubbed", error=str(error), next_step="none yet: it is tried again; check the disk")
        else:
            self.is_scrubbed = True
        return self.is_scrubbed

    # --- state --------------------------------------------------------------------------------------------------

    def save(self, key: str, value: bytes) -> None:
        """Store a piece of the agent's state, durably."""
        self._write(lambda _: self.put(key, value))

    def save_all(self, values: Mapping[str, bytes | None]) -> None:
        """Store pieces of the agent's state, and remove those that are None, in one transaction."""

        def store(_: Connection) -> None:
            self.remove(key for key, value in values.items() if value is None)
            for key, value in values.items():
                if value is not None:
                    self.put(key, value)

        self._write(store)

    def load(self, key: str) -> bytes | None:
        """Return a piece of state, the newest, also if the disk has refused it so far; None if there is none. Never raises."""
        return self._state.get(key)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of state that begin with `prefix`, in order. Never raises."""
        return self._state.keys(prefix)

    def put(self, key: str, value: bytes) -> None:
        """Store a piece of state within the caller's own transaction (`with outbox:`)."""
        self._state.put(self._file.db, key, value)

    def remove(self, keys: Iterable[str]) -> None:
        """Remove pieces of state within the caller's own transaction."""
        for key in keys:
            self._state.remove(self._file.db, key)

    @property
    def unsaved_state(self) -> dict[str, bytes | None]:
        """State of records that wait for the disk, kept by `RecordKeeper`: what `load` tells meanwhile."""
        return self._state.unsaved


def _cannot_keep(path: Path, error: Exception) -> AgentError:
    reason = getattr(error, "strerror", None) or str(error)
    if sqlite_faults.is_full(error) or getattr(error, "errno", None) == errno.ENOSPC:
        return AgentError(f"cannot keep records in {path}: the disk is full. Free some space on it.")
    return AgentError(
        f"cannot keep records in {path}: {reason}. Name a file in a folder this user may write to, on a sound disk."
    )


def _monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _tell_lost(count: int) -> None:
    if count:
        log.error(
            "agent.records_lost", count=count, reason=pending_loss.CUT_OFF, next_step="none: they are declared lost"
        )
