"""The database: created, upgraded, refused."""

import sqlite3
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine

from headway_server.errors import ServerError
from headway_server.store.database import Database
from headway_server.store.tables import metadata

pytestmark = pytest.mark.anyio


async def open_and_close(url):
    database = await Database.open(url, lambda: 1_700_000_000_000)
    await database.close()


async def test_migrations_make_exactly_the_tables_of_the_code(new_url):
    await open_and_close(new_url)
    engine = create_engine(new_url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


async def test_opening_again_changes_nothing(new_url, tmp_path):
    await open_and_close(new_url)
    await open_and_close(new_url)
    connection = sqlite3.connect(tmp_path / "headway.db")
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0008",)]
    assert connection.execute("SELECT number, opened_at_ms FROM epochs").fetchall() == [(1, 1_700_000_000_000)]
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


async def test_a_database_of_a_newer_version_is_refused_untouched(new_url, tmp_path):
    await open_and_close(new_url)
    connection = sqlite3.connect(tmp_path / "headway.db")
    with connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(ServerError, match="of revision 0999, newer than this server's 0008; upgrade Headway"):
        await open_and_close(new_url)
    assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0999",)]
    connection.close()


async def test_commits_are_on_the_disk_and_readers_cannot_write(store):
    async with store.database.write() as connection:
        assert (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one() == 2  # FULL
        assert (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar_one() == 1
    async with store.database.read() as connection:
        assert (await connection.exec_driver_sql("PRAGMA query_only")).scalar_one() == 1


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sqlite+aiosqlite:///{}", "is a directory; name a file in it, such as headway.db"),
        ("sqlite+aiosqlite:///{}/no/headway.db", "does not exist; create it, or change database_url"),
        ("sqlite+aiosqlite://", "database_url names no file"),
        ("sqlite:///{}/headway.db", "database_url begins with 'sqlite'; use sqlite"),
        ("mysql://nowhere", "database_url begins with 'mysql'"),
        ("headway.db", "database_url is not a URL"),
        ("sqlite+aiosqlite:///{}/text.db", "file is not a database; check that the file"),
    ],
)
async def test_a_database_that_cannot_be_used_is_named_with_a_next_step(tmp_path: Path, name, message):
    (tmp_path / "text.db").write_text("not a database, but long enough to look like one " * 20)
    with pytest.raises(ServerError, match=message):
        await open_and_close(name.format(tmp_path))


async def test_a_password_is_not_shown():
    with pytest.raises(ServerError) as caught:
        await open_and_close("postgresql+asyncpg://headway:secret@127.0.0.1:1/headway")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)
