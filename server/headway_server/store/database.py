"""The database: opened, brought up to date, and handed out as transactions; SQLite or PostgreSQL.

SQLite runs with WAL and synchronous=FULL, so that a commit is on the disk before anything is acknowledged. One
connection writes; the readers' connections cannot write and never checkpoint, which also keeps this process clear of the
WAL-reset race of SQLite before 3.51.3 (two connections that write or checkpoint at the same moment).
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import structlog
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Executable, Table, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from headway_server.errors import ServerError
from headway_server.store.database_file import held, parse_url, path_of
from headway_server.store.tables import epochs

log = structlog.get_logger(__name__)

Item = TypeVar("Item")

BUSY_TIMEOUT_MS = 5000
_READERS = 4
_KEYS_PER_QUERY = 500
_CUT_OFF_TRIES = 5
_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_UPGRADE_LOCK = 0x48656164776179  # "Headway", for PostgreSQL's advisory lock


Insert = sqlite.Insert | postgresql.Insert


# Each statement is made once: to lay out its `excluded` anew would cost as much as many a statement takes to run.


def insert_into(connection: AsyncConnection, table: Table) -> Insert:
    """Return the dialect's INSERT, the one with ON CONFLICT; both dialects spell it the same way."""
    return _insert(connection.dialect.name, table)


def insert_new_into(connection: AsyncConnection, table: Table, returning: tuple[str, ...] = ()) -> Executable:
    """Return the dialect's INSERT that leaves rows alone that are there; `returning`: columns of those that are new."""
    return _insert_new(connection.dialect.name, table, returning)


def upsert_into(connection: AsyncConnection, table: Table, key: tuple[str, ...], values: tuple[str, ...]) -> Insert:
    """Return the dialect's INSERT that puts the columns `values` in place of those of a row with the same `key`."""
    return _upsert(connection.dialect.name, table, key, values)


@cache
def _insert(dialect: str, table: Table) -> Insert:
    return sqlite.insert(table) if dialect == "sqlite" else postgresql.insert(table)


@cache
def _insert_new(dialect: str, table: Table, returning: tuple[str, ...]) -> Executable:
    insert = _insert(dialect, table).on_conflict_do_nothing()
    return insert.returning(*(table.c[name] for name in returning)) if returning else insert


@cache
def _upsert(dialect: str, table: Table, key: tuple[str, ...], values: tuple[str, ...]) -> Insert:
    insert = _insert(dialect, table)
    return insert.on_conflict_do_update(
        index_elements=[table.c[name] for name in key], set_={name: insert.excluded[name] for name in values}
    )


def slices(items: list[Item]) -> Iterable[list[Item]]:
    """Cut `items` into lists short enough for one IN (...): SQLite takes 32 766 parameters in a statement."""
    return (items[at : at + _KEYS_PER_QUERY] for at in range(0, len(items), _KEYS_PER_QUERY))


class Database:
    """An open, upgraded database.

    `read()` and `write()` each give one transaction: committed at the end of the block, rolled back when it raises.
    Writers of this process take turns; writers of other processes wait for BUSY_TIMEOUT_MS, then get a DBAPIError.
    """

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine, holding: ExitStack | None = None) -> None:
        self._writer = writer
        self._reader = reader
        self._holding = holding or ExitStack()
        self._turn = asyncio.Lock()

    @classmethod
    async def open(cls, url: str, now_ms: Callable[[], int]) -> "Database":
        """Open the database at `url`, create or upgrade its tables, and open the first epoch if there is none.

        Raises ServerError: an unusable URL, a path that is a directory or cannot be written, a server that does not
        answer, a database that a newer version of Headway has written, or that is being restored.
        """
        parsed = parse_url(url)
        shown = parsed.render_as_string(hide_password=True)
        holding = ExitStack()
        if parsed.get_backend_name() == "sqlite":
            holding.enter_context(held(path_of(parsed)))
            writer = create_async_engine(parsed, pool_size=1, max_overflow=0)
            reader = create_async_engine(parsed, pool_size=_READERS, max_overflow=0)
            _set_up_sqlite(writer, writes=True)
            _set_up_sqlite(reader, writes=False)
        else:
            writer = create_async_engine(parsed, pool_size=4, pool_pre_ping=True)
            reader = writer
        database = cls(writer, reader, holding)
        try:
            await database._upgrade(shown)
            await database._open_first_epoch(now_ms())
        except (DBAPIError, OSError) as e:
            await database.close()
            raise ServerError(f"cannot use the database {shown}: {_first_line(e)}", _next_step(parsed)) from e
        except BaseException:
            await database.close()
            raise
        log.info("database open", url=shown, engine=await database._version())
        return database

    @classmethod
    async def open_to_read(cls, url: str) -> "Database":
        """Open a database that a server writes, which may be running; nothing is written, not even tables.

        `read()` gives one state of it, `write()` is not to be called. Raises ServerError as `open`, and for a database
        that is not there or has other tables than this version's.
        """
        parsed = parse_url(url)
        shown = parsed.render_as_string(hide_password=True)
        if parsed.get_backend_name() == "sqlite":
            path_of(parsed, exists=True)
            reader = create_async_engine(parsed, pool_size=1, max_overflow=0)
            _set_up_sqlite(reader, writes=False)
        else:
            reader = create_async_engine(parsed, pool_size=1, max_overflow=0, isolation_level="REPEATABLE READ")
        database = cls(reader, reader)
        try:
            async with database.read() as connection:
                await connection.run_sync(_check_tables, shown)
        except (DBAPIError, OSError) as e:
            await database.close()
            raise ServerError(f"cannot read the database {shown}: {_first_line(e)}", _next_step(parsed)) from e
        except BaseException:
            await database.close()
            raise
        return database

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction that may write. SQLite: the only one, from its first statement on."""
        if self._writer is self._reader:
            async with self._writer.begin() as connection:
                yield connection
        else:
            async with self._turn, self._writer.begin() as connection:
                yield connection

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a transaction that reads one state of the database."""
        async with self._reader.begin() as connection:
            yield connection

    async def cut_off_log(self) -> None:
        """After something was erased: have no old bytes in SQLite's write-ahead log; PostgreSQL: let the space be used again.

        Waits for readers a little; what they hold up is overwritten by later writes.
        """
        if self._writer is self._reader:
            async with self._writer.connect() as connection:
                await connection.execution_options(isolation_level="AUTOCOMMIT")
                await connection.execute(text("VACUUM"))
            return
        for _ in range(_CUT_OFF_TRIES):
            async with self._turn, self._writer.connect() as connection:
                raw = (await connection.get_raw_connection()).driver_connection
                assert raw is not None  # noqa: S101 - a connection has one
                cursor = await raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                (busy, _, _) = await cursor.fetchone()
                await cursor.close()
            if not busy:
                return
            await asyncio.sleep(0.2)
        log.warning("readers hold the write-ahead log", next_step="none: it is overwritten by what comes next")

    async def close(self) -> None:
        """Close every connection. SQLite: the writer last, so that it leaves a file without a write-ahead log."""
        await self._reader.dispose()
        await self._writer.dispose()
        self._holding.close()

    async def _version(self) -> str:
        if self._writer.dialect.name == "sqlite":
            return f"SQLite {sqlite3.sqlite_version}"
        async with self.read() as connection:
            return f"PostgreSQL {(await connection.execute(text('SHOW server_version'))).scalar_one()}"

    async def _upgrade(self, shown: str) -> None:
        async with self.write() as connection:
            if connection.dialect.name == "postgresql":
                # Two processes that start together: the second waits, then finds nothing left to do.
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
            await connection.run_sync(_upgrade_tables, shown)

    async def _open_first_epoch(self, now: int) -> None:
        async with self.write() as connection:
            first = {"number": 1, "opened_at_ms": now, "closed_at_ms": None}
            await connection.execute(insert_into(connection, epochs).on_conflict_do_nothing(), first)


def _upgrade_tables(connection: Connection, shown: str) -> None:
    config = _migrations(connection)
    _revision(connection, config, shown)
    command.upgrade(config, "head")


def _check_tables(connection: Connection, shown: str) -> None:
    config = _migrations(connection)
    if _revision(connection, config, shown) != ScriptDirectory.from_config(config).get_current_head():
        raise ServerError(
            f"the database {shown} has no tables of this version of Headway",
            "name the one that the server writes; starting the server of this version brings its tables up to date",
        )


def _migrations(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _revision(connection: Connection, config: Config, shown: str) -> str | None:
    script = ScriptDirectory.from_config(config)
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None:
        try:
            script.get_revision(found)
        except CommandError:
            raise ServerError(
                f"the database {shown} has tables of revision {found}, newer than this server's "
                f"{script.get_current_head()}",
                "upgrade Headway to the version that wrote it, or restore a backup from before",
            ) from None
    return found


def _set_up_sqlite(engine: AsyncEngine, *, writes: bool) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def connect(dbapi_connection: Any, _record: object) -> None:
        # The driver's own BEGIN comes too late (at the first write) and not at all before DDL.
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        pragmas = [f"busy_timeout={BUSY_TIMEOUT_MS}", "foreign_keys=ON"]
        if writes:
            # Overwritten, because what is erased is not to be found in free pages.
            pragmas += ["journal_mode=WAL", "synchronous=FULL", "secure_delete=ON"]
        else:
            pragmas += ["query_only=ON", "wal_autocheckpoint=0"]
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        # IMMEDIATE: a transaction that read first and is then refused the write lock could only be run again.
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _first_line(error: Exception) -> str:
    original = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    return (str(original) or type(original).__name__).splitlines()[0]


def _next_step(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return "check that the file and its directory can be written and that the file is an SQLite database"
    return "check that the server runs, and the host, user, password and name in database_url"
