"""A copy of a database that a server goes on writing: one moment of it, in one file, checked before it takes its name.

SQLite's online backup, in one step: it reads one state of the database, and the server writes on meanwhile into the
write-ahead log. The copy is written beside its place and renamed, so that a backup of yesterday is there until today's is whole.
"""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from headway_server.errors import ServerError
from headway_server.store.database_file import BACKED_UP, check_backup, parse_url, path_of, sync

_BUSY_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Backup:
    """What was copied."""

    path: Path
    size_bytes: int
    devices: int
    records: int


def back_up(url: str, target: Path, now: int) -> Backup:
    """Copy the database at `url` to `target`, in the place of an earlier backup if there is one. now: Unix ms.

    Raises ServerError: a database of PostgreSQL, which has a program for this; one that is not there; a target that is no
    backup, or cannot be written.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() != "sqlite":
        shown = parsed.set(drivername="postgresql").render_as_string(hide_password=True)
        raise ServerError(
            f"{shown} is PostgreSQL, which is backed up by its own program",
            f"run: pg_dump --format=custom --file={target} --dbname={shown}",
        )
    source = path_of(parsed, exists=True)
    _check_target(source, target)
    part = target.with_name(f"{target.name}.part")
    try:
        part.unlink(missing_ok=True)
        devices, records = _copy(source, part, now)
        check_backup(part)
        sync(part)
        part.replace(target)
        sync(target.parent)
    except (sqlite3.Error, OSError) as e:
        raise ServerError(
            f"cannot back up {source} to {target}: {e}", "check the space and the permissions there"
        ) from e
    finally:
        for left in (part, part.with_name(f"{part.name}-journal")):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
    return Backup(target, target.stat().st_size, devices, records)


def _check_target(source: Path, target: Path) -> None:
    if target.is_dir():
        raise ServerError(f"{target} is a directory", "name a file in it, such as headway-backup.db")
    if not target.parent.is_dir():
        raise ServerError(f"the directory {target.parent} does not exist", "create it, or name another")
    if target.exists():
        if target.samefile(source):
            raise ServerError(f"{target} is the database itself", "name another file for the backup")
        try:
            made = check_backup(target)
        except ServerError as e:
            raise ServerError(f"{e.cause}, so it is not overwritten", "name another file, or remove it") from None
        if made is None:
            raise ServerError(f"{target} is a database and no backup, so it is not overwritten", "name another file")


def _copy(source: Path, part: Path, now: int) -> tuple[int, int]:
    with (
        contextlib.closing(sqlite3.connect(source, timeout=_BUSY_TIMEOUT_S)) as reader,
        contextlib.closing(sqlite3.connect(part, isolation_level=None)) as writer,
    ):
        # Nothing is written there, and nothing checkpointed: that is the server's alone to do (`database`).
        reader.execute("PRAGMA wal_autocheckpoint = 0")
        reader.execute("PRAGMA query_only = ON")
        reader.backup(writer)
        writer.execute("PRAGMA journal_mode = DELETE")
        if writer.execute("SELECT 1 FROM sqlite_master WHERE name = 'marks'").fetchone():
            writer.execute(
                "INSERT INTO marks (name, at_ms) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET at_ms = excluded.at_ms",
                (BACKED_UP, now),
            )
        counts = writer.execute("SELECT (SELECT count(*) FROM devices), (SELECT count(*) FROM records)").fetchone()
        return int(counts[0]), int(counts[1])
