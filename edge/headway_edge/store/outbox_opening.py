"""Opens the outbox's database, whatever state it is in: new, of an older version, damaged, or half replaced.

A file that cannot be used goes into quarantine, and a new one with what could be read of it takes its place; see `salvage`
and `quarantine`. It is not touched if it is merely not ours to use: of a newer agent, of another program, not writable, busy.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import structlog

from headway_edge.store import outbox_schema, quarantine, sqlite_faults
from headway_edge.store.boot_mark import End
from headway_edge.store.damaged_file import DamagedFile
from headway_edge.store.first_page import replace_first_page
from headway_edge.store.medium import Connection, Medium
from headway_edge.store.salvage import Salvaged, salvage

log = structlog.get_logger("headway.agent")

_WRITE_FORMAT = 18  # place of a byte of the header: https://www.sqlite.org/fileformat2.html, section 1.3.3


def open_outbox(path: Path, medium: Medium, marked: list[End], number: int) -> Connection:
    """Return a connection to a sound database of today's schema, with all that was committed in the main file.

    marked: what the mark knows, newest first. number: of the last boot, after which a file in quarantine is named.
    Raises AgentError for a file that is not ours, sqlite3.Error and OSError when the disk refuses; nothing is lost then, and the
    next opening goes on.
    """
    quarantine.discard_unfinished(path, medium)
    if quarantine.finish(path, medium, number):
        log.warning("agent.store_replaced", store=str(path), quarantine=str(quarantine.folder(path)))
    cause = ""
    for _ in range(2):  # a read may fail for once
        try:
            return _connect(path, medium)
        except sqlite3.Error as error:
            if not _is_unusable(error):
                raise
            cause = str(error)
    log.error("agent.store_damaged", store=str(path), cause=cause, next_step="none: what can be read is taken over")
    found = _replace(path, medium, marked, number)
    log.error(
        "agent.store_salvaged",
        store=str(path),
        records=found.records,
        lost=found.lost,
        state_lost=found.state_lost,
        damaged_file=str(quarantine.folder(path) / f"{path.name}-{number}"),
        next_step="check the disk, a worn SD card for example; the damaged file may be removed",
    )
    return _connect(path, medium)


def _connect(path: Path, medium: Medium) -> Connection:
    db = medium.connect(path)
    try:
        # One process has the file, so no shared memory is needed; SQLite's WAL-reset race needs two connections as well.
        db.execute("PRAGMA locking_mode = EXCLUSIVE")
        outbox_schema.refuse_foreign(db, str(path))
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        outbox_schema.check(db)
        _try_to_write(db, path, medium)
        outbox_schema.migrate(db)
        outbox_schema.probe(db)
        # From here on the WAL holds only what this opening writes: if it goes, no earlier boot's records go with it. And what
        # a failed fsync left in the page cache alone is written once more.
        with _a_full_disk_aside():
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            db.close()
        raise
    return db


def _try_to_write(db: Connection, path: Path, medium: Medium) -> None:
    try:
        db.execute("BEGIN IMMEDIATE")
        db.execute("PRAGMA user_version = 0")  # SQLite begins to write where it may not, and notices here
        db.execute("ROLLBACK")
    except sqlite3.Error as error:
        # SQLite writes no file whose header names a format newer than it knows: one bit of it, and the agent would not start.
        if sqlite_faults.is_read_only(error) and (medium.read(path) or b"")[_WRITE_FORMAT : _WRITE_FORMAT + 1] > b"\2":
            raise outbox_schema.damage("its header names a format for writing that there is not") from error
        raise


@contextlib.contextmanager
def _a_full_disk_aside() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if not sqlite_faults.is_full(error):
            raise


def _is_unusable(error: sqlite3.Error) -> bool:
    return sqlite_faults.is_unreadable(error) or sqlite_faults.code_of(error) == sqlite3.SQLITE_ERROR  # no such table


def _replace(path: Path, medium: Medium, marked: list[End], number: int) -> Salvaged:
    new = quarantine.salvaging(path)
    with contextlib.closing(_connect_to_new(new, medium)) as target:
        outbox_schema.migrate(target)
    if not _has_schema(path, medium):
        replace_first_page(path, new, medium)
    with (
        contextlib.closing(_connect_to_new(new, medium)) as target,
        contextlib.closing(_connect_to_read(path, medium)) as source,
    ):
        target.execute("BEGIN IMMEDIATE")
        found = salvage(DamagedFile(source), lambda: medium.read(path) or b"", target, marked)
        target.execute("COMMIT")
    quarantine.complete(path, medium)
    quarantine.finish(path, medium, number)
    return found


def _connect_to_new(path: Path, medium: Medium) -> Connection:
    # Without a journal, because an unfinished file is thrown away; synced at its commits.
    db = medium.connect(path)
    db.execute("PRAGMA journal_mode = OFF")
    db.execute("PRAGMA synchronous = FULL")
    return db


def _connect_to_read(path: Path, medium: Medium) -> Connection:
    db = medium.connect(path)
    db.execute("PRAGMA locking_mode = EXCLUSIVE")  # as in `_connect`: without shared memory
    return db


def _has_schema(path: Path, medium: Medium) -> bool:
    for _ in range(2):  # a read may fail for once
        with contextlib.closing(_connect_to_read(path, medium)) as db:
            try:
                names = db.execute("SELECT name FROM sqlite_master WHERE name IN ('record', 'state')").fetchall()
            except sqlite3.Error as error:
                if not _is_unusable(error):
                    raise
            else:
                return len(names) == 2
    return False
