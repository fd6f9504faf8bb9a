"""A database that fails at any statement of a commit, or at COMMIT itself: nothing half done, and a retry that adds nothing.

Count-down: the n-th statement fails, for n = 1, 2, ... until a commit comes through; in three manners. A statement fails;
COMMIT fails; COMMIT is done, and its answer is lost.
"""

import contextlib
import sqlite3

import pytest
from sqlalchemy import event, select
from sqlalchemy.exc import DBAPIError, OperationalError

from headway_protocol import cbor
from headway_server.ingest.arrival import Received
from headway_server.ingest.gap_rows import GRACE_MS
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"
_OMITTED = {"alembic_version"}


class Faulty:
    """The writer's connection, whose statements can be counted and made to fail."""

    def __init__(self, store):
        self._engine = store.database._writer.sync_engine
        self.count = 0
        self.fail_at = None
        event.listen(self._engine, "before_cursor_execute", self._execute)

    def _execute(self, _connection, _cursor, statement, *_):
        self.count += 1
        if self.count == self.fail_at:
            raise OperationalError(statement, {}, sqlite3.OperationalError("disk I/O error"))

    @contextlib.contextmanager
    def failing(self, at):
        self.count, self.fail_at = 0, at
        try:
            yield self
        finally:
            self.fail_at = None

    @contextlib.contextmanager
    def commit_failing(self, *, done):
        """COMMIT raises, as when the connection is lost: before it was done, or after."""
        honest = self._engine.dialect.do_commit

        def fail(dbapi_connection):
            if done:
                honest(dbapi_connection)
            raise OperationalError("COMMIT", {}, sqlite3.OperationalError("connection lost"))

        self._engine.dialect.do_commit = fail
        try:
            yield
        finally:
            del self._engine.dialect.do_commit


async def everything(store):
    """The whole content of the database."""
    async with store.database.read() as connection:
        return {
            table.name: sorted(map(repr, await connection.execute(select(table))))
            for table in tables.metadata.sorted_tables
        }


def batches(make, small):
    """What touches every table: in order, late, repeated, contradicting, refused, lost, parked, corrected, present."""

    def trip(seq, km, revises=None):
        numbers = make.numbers(small.process, distance_m=km * 1000)
        return make.up(make.trip(1, seq, numbers, revises=revises, process=small.process))

    return [
        [make.state(1), make.up(make.birth(1)), trip(2, 5), trip(5, 7), make.up(b"junk"), *make.fleet(2)],
        [
            trip(3, 6, revises=(1, 2)),
            trip(3, 9),
            trip(2, 5),
            make.up(cbor.encode([1, 2, 1, 6, 5, None, 0, "no body"])),
            make.up(cbor.encode([1, 2, 1, 7, -5, None, 0, []])),
            make.up(make.loss(1, 10, 1, 8, 8)),
            make.up(cbor.encode([2, 2, 1, 11])),
            make.up(make.trip(1, 12, pack_id=b"unknown!")),
            make.up(make.incident(1, 13, 77, [1])),
            make.up(make.incident(1, 15, 77, closes=(1, 13))),
            make.up(make.service(1, 14, 1)),
            make.up(make.birth(4)),
            make.state(4, ends=[(4, 3), (2, 1), (1, 16)]),
            Received("headway/v1/depot/bus-1/ack", b"x"),
        ],
    ]


@pytest.fixture
async def undisturbed(store, open_store, make, small, upgraded, tmp_path):
    """[(answers, content), ...] after each batch, of a server whose database never fails."""
    import shutil

    shutil.copy(upgraded, tmp_path / "undisturbed.db")
    one = await open_store(f"sqlite+aiosqlite:///{tmp_path / 'undisturbed.db'}")
    await one.processes.add(one.database, small, 1)
    found = []
    for batch in batches(make, small):
        answers = await one.commit(*batch)
        found.append((answers, await everything(one)))
    await one.database.close()
    return found


@pytest.fixture
async def ready(store, small):
    await store.processes.add(store.database, small, 1)
    return store


async def test_whichever_statement_fails_nothing_is_half_done_and_the_retry_is_the_same(
    ready, make, small, undisturbed
):
    faulty = Faulty(ready)
    failures = 0
    for batch, (answers, expected) in zip(batches(make, small), undisturbed, strict=True):
        before = await everything(ready)
        at = 1
        while True:
            with faulty.failing(at):
                try:
                    given = await ready.commit(*batch)
                except DBAPIError:
                    failures += 1
                else:
                    break
            assert await everything(ready) == before, f"statement {at} failed, and something is left of it"
            at += 1
        assert given == answers
        assert await everything(ready) == expected
    assert failures > 40


@pytest.mark.parametrize("done", [False, True])
async def test_a_commit_of_which_nobody_knows_is_tried_again_and_has_one_effect(ready, make, small, undisturbed, done):
    faulty = Faulty(ready)
    for batch, (answers, expected) in zip(batches(make, small), undisturbed, strict=True):
        before = await everything(ready)
        with faulty.commit_failing(done=done), pytest.raises(DBAPIError, match="connection lost"):
            await ready.commit(*batch)
        if not done:
            assert await everything(ready) == before
        given = await ready.commit(*batch)
        assert [(device, boot, upto) for device, boot, upto, _ in given] == [row[:3] for row in answers]
        found = await everything(ready)
        for name in expected.keys() - (_COUNTED if done else set()):
            assert found[name] == expected[name], name
        if done:
            break  # repeats are counted as that, so that from here on the counters are others


# What says how often something came: of a commit that was done, the retry is a repeat, and counted as one.
_COUNTED = {"devices", "dead_letters"}


async def test_of_a_commit_that_was_done_only_the_counters_of_repeats_differ(ready, make, small, undisturbed):
    (batch, *_), ((_, expected), *_) = batches(make, small), undisturbed
    with Faulty(ready).commit_failing(done=True), pytest.raises(DBAPIError):
        await ready.commit(*batch)
    assert await everything(ready) == expected
    await ready.commit(*batch)
    d = tables.devices.c
    rows = await ready.rows(d.device, d.records, d.trips, d.duplicates, d.rejected, d.conflicts, order=d.device)
    assert rows == [("depot/bus-1", 3, 2, 3, 0, 0), ("depot/car-000", 3, 2, 3, 0, 0), ("depot/car-001", 3, 2, 3, 0, 0)]


@pytest.mark.parametrize("operation", ["asking", "reading what was kept", "putting aside"])
async def test_the_other_writers_leave_nothing_half_done_either(store, make, small, operation):
    kept = make.up(make.trip(1, 6, make.numbers(small.process), process=small.process))
    await store.commit(make.state(1), make.up(make.birth(1)), make.up(make.trip(1, 4)), kept)
    await store.processes.add(store.database, small, 1)
    async with store.database.write() as connection:
        await connection.execute(tables.refills.insert(), {"device": BUS, "boot": 1, "asked": 0, "due_ms": 0})
    store.now_ms += GRACE_MS

    async def act():
        if operation == "asking":
            return await store.ingest.resend_requests()
        if operation == "putting aside":
            return await store.ingest.bury(make.up(b"poison"), "makes the commit fail")
        return await store.ingest.read_parked()

    faulty, before, at, seen = Faulty(store), await everything(store), 1, []
    while True:
        with faulty.failing(at):
            try:
                await act()
            except DBAPIError:
                seen.append(await everything(store))
                at += 1
            else:
                break
    after = await everything(store)
    assert before != after
    assert at > 3
    # What was kept is read in several transactions, of which the last finds nothing more.
    assert all(state in (before, after) for state in seen)
    assert seen[0] == before


async def test_a_database_that_is_busy_is_waited_for_and_then_told(ready, make, monkeypatch):
    other = sqlite3.connect(ready.url.partition("///")[2], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    async with ready.database._writer.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        await driver.execute("PRAGMA busy_timeout = 50")
        await driver.commit()
    with pytest.raises(DBAPIError, match="database is locked"):
        await ready.commit(make.up(make.trip(1, 1)))
    other.execute("ROLLBACK")
    other.close()
    assert await ready.commit(make.up(make.trip(1, 1))) == [(BUS, 1, 1, [])]


async def test_a_database_that_is_full_takes_nothing_and_all_of_it_later(ready, make):
    async def pages(statement):
        async with ready.database._writer.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            cursor = await driver.execute(statement)
            (found,) = await cursor.fetchone()
            await cursor.close()
            await driver.commit()
            return found

    used = await pages("PRAGMA page_count")
    await pages(f"PRAGMA max_page_count = {used}")
    batch = [make.up(make.trip(1, seq)) for seq in range(1, 400)]
    before = await everything(ready)
    with pytest.raises(DBAPIError, match="database or disk is full"):
        await ready.commit(*batch)
    assert await everything(ready) == before
    await pages("PRAGMA max_page_count = 1000000")
    assert await ready.commit(*batch) == [(BUS, 1, 399, [])]
    assert (await ready.totals())[BUS] == (399, 3_990_000)
