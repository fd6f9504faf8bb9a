"""The file of an SQLite database: where it is, who holds it, and whether it is a database of Headway at all.

A server holds `<file>.lock` shared, a restore alone: nobody can take the file away under a server that writes it. The lock is
a file of its own, because closing any handle on the database itself would drop SQLite's own locks.
"""

import contextlib
import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from headway_server.errors import ServerError

_HEADER = b"SQLite format 3\x00"


def parse_url(url: str) -> URL:
    """Return a database's URL. Raises ServerError for one that is none, or of another kind of database."""
    try:
        parsed = make_url(url)
        supported = parsed.drivername in {"sqlite+aiosqlite", "postgresql+asyncpg"}
    except (ArgumentError, NoSuchModuleError, ValueError):
        raise ServerError("database_url is not a URL", "write sqlite+aiosqlite:///headway.db, for example") from None
    if not supported:
        raise ServerError(
            f"database_url begins with {parsed.drivername!r}",
            "use sqlite+aiosqlite:///<path> or postgresql+asyncpg://...",
        )
    return parsed


def path_of(url: URL, *, exists: bool = False) -> Path:
    """Return where an SQLite database is, or will be; exists: it must be there. Raises ServerError where it cannot be."""
    name = url.database
    if not name or name == ":memory:":
        raise ServerError("database_url names no file", "write sqlite+aiosqlite:///headway.db, for example")
    path = Path(name)
    if path.is_dir():
        raise ServerError(f"the database path {path} is a directory", "name a file in it, such as headway.db")
    if not path.parent.is_dir():
        raise ServerError(f"the database's directory {path.parent} does not exist", "create it, or change database_url")
    if restoring_path(path).exists():
        raise ServerError(
            f"a restore of {path} was cut short", "run `headway restore` again; it moved the old one aside"
        )
    if exists and not path.is_file():
        raise ServerError(f"there is no database {path}", "name the one that the server writes")
    return path


def restoring_path(path: Path) -> Path:
    """Return where a database that is to take the place of `path` is made ready; it is there only meanwhile."""
    return path.with_name(f"{path.name}.restoring")


@contextmanager
def held(path: Path, *, alone: bool = False) -> Iterator[None]:
    """Hold the database file at `path`, with other servers, or alone. Raises ServerError where somebody else has it."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as e:
        raise ServerError(f"cannot hold {lock}: {e.strerror}", "check that its directory can be written") from e
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        if alone:
            raise ServerError(f"a server uses the database {path}", "stop it, then run the command again") from None
        raise ServerError(f"a restore of {path} is under way", "start the server when it is done") from None
    try:
        yield
    finally:
        os.close(handle)


def check_backup(path: Path) -> int | None:
    """Look at every page of a backup; return when it was made, in Unix ms, None where it does not say.

    Raises ServerError for a file that is not there, damaged, or no database of Headway.
    """
    try:
        with path.open("rb") as file:
            header = file.read(len(_HEADER))
    except OSError as e:
        raise ServerError(f"cannot read {path}: {e.strerror}", "name a file that `headway backup` wrote") from e
    if header != _HEADER:
        raise ServerError(f"{path} is no SQLite database", "name a file that `headway backup` wrote")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as db:
            (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            made = None
            if "marks" in tables:
                made = db.execute("SELECT at_ms FROM marks WHERE name = ?", (BACKED_UP,)).fetchone()
    except sqlite3.Error as e:
        raise ServerError(f"{path} is damaged: {e}", "take an older backup") from e
    if found != "ok":
        raise ServerError(f"{path} is damaged: {found.splitlines()[0]}", "take an older backup")
    if not {"alembic_version", "records", "devices"} <= tables:
        raise ServerError(f"{path} is no database of Headway", "name a file that `headway backup` wrote")
    return None if made is None else int(made[0])


BACKED_UP = "backed up"  # in `tables.marks` of a backup


def sync(path: Path) -> None:
    """Have a file, or what a folder lists, on the disk."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
