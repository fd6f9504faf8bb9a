"""Putting a backup in the place of a database, and noting that it was done, so that devices are asked for what came after.

The new database is made ready beside its place (`database_file.restoring_path`), while which no server starts; the old one is
moved aside and kept. A restore that is cut short is run again.

Without the devices, what came after the backup would be lost: they were told that it is committed. But they keep
what was settled as long as they have room, so the server asks each one that speaks again (`gaps`).
"""

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import delete, func, literal, not_, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.erasure import erasures
from headway_server.erasure.erasure_journal import ErasureJournal, journal_path
from headway_server.errors import ServerError
from headway_server.ingest.dating_rows import TO_DATE
from headway_server.store import audit_log
from headway_server.store.database import Database, insert_into
from headway_server.store.database_file import check_backup, held, parse_url, path_of, restoring_path, sync
from headway_server.store.tables import boots, devices, gaps, in_hand, marks, records, refills

RESTORED = "restored"  # in `tables.marks`; its number counts


@dataclass(frozen=True, slots=True)
class Restored:
    """What there is now. made_ms: when the backup was made, None where it does not say. aside: the old database."""

    devices: int
    records: int
    made_ms: int | None
    aside: Path | None


def restore(backup: Path, url: str, now: int, *, force: bool = False, journal: Path | None = None) -> Restored:
    """Put `backup` where the database at `url` is, and erase again whom the journal of erasures says. now: Unix ms.

    journal: where that is, as set; None: beside the database. force: move a database that is there aside; it is kept.
    Raises ServerError where the backup is damaged, of a newer Headway or none at all, where a database is there and `force`
    is not given, where a server uses it, and for PostgreSQL.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        shown = parsed.set(drivername="postgresql").render_as_string(hide_password=True)
        raise ServerError(
            f"{shown} is PostgreSQL, which is restored by its own program",
            f"run: pg_restore --clean --if-exists --dbname={shown} {backup} and then: headway restore --mark",
        )
    path = Path(parsed.database or "")
    ready = restoring_path(path)
    if not ready.exists():
        path_of(parsed)  # of one that was cut short, this would say so
    made_ms = check_backup(backup)
    if path.exists():
        if path.samefile(backup):
            raise ServerError(f"{backup} is the database itself", "name the backup")
        if not force:
            raise ServerError(f"there is a database {path}", "say --force to have it moved aside")
    with held(path, alone=True):
        try:
            counted = _make_ready(backup, ready, now, _there(journal_path(url, journal)))
            aside = _move_aside(path, now)
            ready.replace(path)
            sync(path.parent)
        except OSError as e:
            raise ServerError(
                f"cannot restore to {path}: {e.strerror or e}", "check the space and the permissions"
            ) from e
    return Restored(*counted, made_ms, aside)


def mark(url: str, now: int, journal: Path | None = None) -> Restored:
    """Note that the database at `url` was restored by other means, as PostgreSQL's are; no server may use it.

    journal: as in `restore`.
    """
    return Restored(*asyncio.run(_open_and_note(url, now, _there(journal_path(url, journal)))), None, None)


def _there(journal: Path | None) -> Path | None:
    return journal if journal is not None and journal.exists() else None


def _make_ready(backup: Path, ready: Path, now: int, journal: Path | None) -> tuple[int, int]:
    """Copy the backup, bring its tables up to date, and note the restore in it; leave nothing where that fails."""
    lock = ready.with_name(f"{ready.name}.lock")
    done = False
    try:
        for left in (ready, *_beside(ready)):
            left.unlink(missing_ok=True)
        shutil.copyfile(backup, ready)
        counted = asyncio.run(_open_and_note(f"sqlite+aiosqlite:///{ready}", now, journal))
        sync(ready)
        done = True
    finally:
        for left in (lock,) if done else (lock, ready, *_beside(ready)):
            left.unlink(missing_ok=True)
    return counted


async def _open_and_note(url: str, now: int, journal: Path | None) -> tuple[int, int]:
    database = await Database.open(url, lambda: now)
    try:
        if journal is not None:
            await erasures.replay(database, ErasureJournal(journal), now)
        return await _note(database, now)
    finally:
        await database.close()


async def _note(database: Database, now: int) -> tuple[int, int]:
    """Have devices asked for what came after; return how many devices and records there are."""
    async with database.write() as connection:
        await connection.execute(delete(refills))
        newest = select(boots.c.device, func.max(boots.c.boot), literal(0), literal(now)).group_by(boots.c.device)
        await connection.execute(
            insert_into(connection, refills).from_select(["device", "boot", "asked", "due_ms"], newest)
        )
        # Who is there, and what was asked for, is not known any more.
        await connection.execute(update(devices).values(online=False))
        await connection.execute(update(gaps).values(asked=0, due_ms=now))
        await connection.execute(delete(in_hand))
        kept = or_(marks.c.name.in_([RESTORED, TO_DATE]), marks.c.name.startswith("erasure key/"))
        await connection.execute(delete(marks).where(not_(kept)))
        insert = insert_into(connection, marks)
        await connection.execute(
            insert.on_conflict_do_update(
                index_elements=[marks.c.name],
                set_={"at_ms": insert.excluded.at_ms, "number": marks.c.number + 1},
            ),
            {"name": RESTORED, "at_ms": now, "number": 1},
        )
        await audit_log.note(connection, now, audit_log.COMMAND, audit_log.RESTORED)
        found = [
            (await connection.execute(select(func.count()).select_from(table))).scalar_one()
            for table in (devices, records)
        ]
    return found[0], found[1]


async def restored_ms(connection: AsyncConnection) -> int | None:
    """Return when this database was last restored, in Unix ms; None: never."""
    found: int | None = (
        await connection.execute(select(marks.c.at_ms).where(marks.c.name == RESTORED))
    ).scalar_one_or_none()
    return found


def _beside(path: Path) -> list[Path]:
    """Return the files that belong to a database beside its own."""
    return [path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal")]


def _move_aside(path: Path, now: int) -> Path | None:
    """Rename a database with its log, if there is one; return its new place."""
    if not any(one.exists() for one in (path, *_beside(path))):
        return None
    number = now // 1000
    while (aside := path.with_name(f"{path.name}.before-restore-{number}")).exists():
        number += 1
    # The log first: a database beside the log of another would take it for its own.
    for one, other in (*zip(_beside(path), _beside(aside), strict=True), (path, aside)):
        if one.exists():
            one.rename(other)
    return aside
