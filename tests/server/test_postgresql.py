"""The same code on PostgreSQL: tables, every way a message can arrive, two servers at once, a close under load."""

import asyncio
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import httpx
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from tests.server.made_folds import NOW_MS, day_record
from tests.server.made_offers import SIGNING, offers_of, running_of

from headway_protocol import ack, benchmark, cbor, codes, fold, record
from headway_server.app import create_app
from headway_server.backups.restore import mark
from headway_server.cohorts.benchmark_members import recollect
from headway_server.cohorts.differencing import EARLIER_MAX
from headway_server.cohorts.epochs import close_epoch, person_totals_of
from headway_server.erasure import personal_rows
from headway_server.erasure.erasure_journal import ErasureJournal
from headway_server.erasure.erasures import erase
from headway_server.errors import ServerError
from headway_server.ingest import dead_letters
from headway_server.ingest.crash_counter import CrashCounter
from headway_server.ingest.gap_rows import OPEN_END
from headway_server.ingest.isolating import commit_isolating
from headway_server.ingest.tombstones import Tombstones
from headway_server.packs.processes import Processes
from headway_server.publishing.publications import latest_benchmarks
from headway_server.recounting.verification import DAY, verify, verify_device
from headway_server.settings import ServerSettings
from headway_server.store import audit_log, tables
from headway_server.store.audit_log import OPERATOR
from headway_server.store.database import Database
from headway_server.totals.tally import Tally, merge

pytestmark = [pytest.mark.anyio, pytest.mark.full]
BUS = "depot/bus-1"
_number = itertools.count()
_NEEDS = "this test needs PostgreSQL's programs and asyncpg: apt install postgresql; pip install asyncpg"


@pytest.fixture(scope="module")
def postgresql_server():
    """A server of its own: its URL, and what restarts it. As root it runs as the user postgres: PostgreSQL refuses root."""
    found = shutil.which("initdb") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")))), None
    )
    if found is None:
        pytest.fail(_NEEDS)
    try:
        import asyncpg  # noqa: F401
    except ImportError:
        pytest.fail(_NEEDS)
    programs = Path(found).resolve().parent
    # Not in one of pytest's directories: those are for their owner only.
    home = Path(tempfile.mkdtemp(prefix="headway-postgresql-"))
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(home, user)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = home / "data"

    def run(*command):
        done = subprocess.run(command, user=user, cwd=home, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr + done.stdout

    run(programs / "initdb", "-D", data, "-U", "headway", "-A", "trust", "--no-sync")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1"
    run(programs / "pg_ctl", "-D", data, "-o", options, "-l", home / "log", "-w", "start")
    yield (
        f"postgresql+asyncpg://headway@127.0.0.1:{port}/",
        lambda: (
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"),
            run(programs / "pg_ctl", "-D", data, "-o", options, "-l", home / "log", "-w", "start"),
        ),
    )
    run(programs / "pg_ctl", "-D", data, "-m", "fast", "-w", "stop")
    shutil.rmtree(home)


@pytest.fixture
def postgresql(postgresql_server):
    return postgresql_server[0]


@pytest.fixture
def postgresql_restart(postgresql_server):
    """End the server as a power cut would, and start it again."""
    return postgresql_server[1]


@pytest.fixture
async def store(postgresql, open_store):
    import asyncpg

    name = f"fleet_{next(_number)}"
    connection = await asyncpg.connect(postgresql.replace("+asyncpg", "") + "postgres")
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    one = await open_store(postgresql + name)
    yield one
    await one.database.close()


async def test_migrations_make_exactly_the_tables_of_the_code(store, open_store):
    again = await open_store(store.url)
    await again.database.close()
    async with store.database.read() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), tables.metadata)
        )
    assert difference == []


async def test_every_kind_of_message(store, make):
    bad = cbor.encode([1, 2, 1, 3, 5, None, 0, "no body"])
    implausible = make.trip(1, 4, make.trip_counts(km=900))
    newer = cbor.encode([2, 2, 1, 5])
    answer = await store.commit(
        make.up(make.birth(1, firmware="nul\x00")),
        make.up(make.trip(1, 2)),
        make.up(make.trip(1, 2)),
        make.up(make.trip(1, 2, km=11)),
        make.up(bad),
        make.up(implausible),
        make.up(newer),
        make.up(make.loss(1, 8, 1, 6, 7)),
        make.up(make.incident(1, 10, 77, closes=(1, 9))),
        make.up(make.incident(1, 9, 77, [1 << 52], wall_ms=None)),
        make.up(make.service(1, 11, 200, odometer_km=9_999_999)),
        make.up(b"junk"),
        make.up(b"junk"),
        make.state(1),
    )
    assert answer == [(BUS, 1, 11, [(2, codes.CONFLICT), (3, codes.MALFORMED), (4, codes.IMPLAUSIBLE)])]
    device = await store.device()
    assert (device.records, device.trips, device.duplicates, device.rejected, device.conflicts) == (7, 1, 1, 2, 1)
    i, s = tables.incidents.c, tables.services.c
    assert await store.rows(i.code_values, i.closed_by_seq, i.opened_ms) == [([1 << 52], 10, NOW_MS)]
    assert await store.rows(s.what, s.odometer_km) == [(200, 9_999_999)]
    assert (device.online, device.firmware, device.distance_m) == (True, "nul\ufffd", 10_000)
    assert (await store.totals())[BUS] == (1, 10_000)
    assert await store.commit(make.up(make.trip(1, 2))) == [(BUS, 1, 11, [])]


async def test_two_servers_and_a_closer_at_once_lose_and_double_nothing(store, open_store, make):
    other = await open_store(store.url)
    fleet = make.fleet(12, trips=20)
    batches = [fleet[n : n + 25] for n in range(0, len(fleet), 25)]

    async def ingest(one, order):
        for batch in order:
            await one.commit(*batch)

    async def close():
        for _ in range(5):
            await asyncio.sleep(0.05)
            await close_epoch(other.database, other.processes, 10, 1, even_if_empty=True)

    await asyncio.gather(ingest(store, batches), ingest(other, batches[::-1]), close())
    t = tables.person_totals.c
    trips = {}
    for device, counted in await store.rows(t.device, t.trips):
        trips[device] = trips.get(device, 0) + counted
    assert trips == {f"depot/car-{i:03}": 20 for i in range(12)}
    e = tables.epochs.c
    assert [row for row in await store.rows(e.number, e.closed_at_ms, order=e.number) if row[1] is None] == [(6, None)]
    await other.database.close()


async def test_two_servers_that_never_pause_keep_no_closer_and_no_new_pack_waiting(store, open_store, make, small):
    other = await open_store(store.url)
    done = asyncio.Event()

    async def ingest(one, device):
        seq = 0
        while not done.is_set():
            seq += 1
            await one.commit(make.up(make.trip(1, seq), device))

    async def close_and_add():
        try:
            await asyncio.sleep(0.3)
            async with asyncio.timeout(30):
                await close_epoch(store.database, store.processes, 10, 1)
                await store.processes.add(store.database, small, 2)
        finally:
            done.set()

    await asyncio.gather(*(ingest(one, f"depot/{i}") for i, one in enumerate((store, other) * 4)), close_and_add())
    await other.database.close()


async def test_corrections_packs_and_offers(store, make, small):
    trips = [
        make.up(
            make.trip(1, seq, make.numbers(small.process, distance_m=metres), revises=revises, process=small.process)
        )
        for seq, metres, revises in ((2, 5000, None), (3, 17_000, None), (4, 6000, (1, 3)), (5, 9000, (1, 4)))
    ]
    await store.commit(make.up(make.birth(1)), *trips[::-1])
    await store.processes.add(store.database, small, 1)
    assert await store.ingest.read_parked() == 4
    d, e = tables.day_totals.c, tables.episodes.c
    assert await store.rows(d.trips, d.distance_m) == [(2, 14_000)]
    assert await store.rows(e.seq, e.superseded, order=e.seq) == [(2, False), (3, True), (4, True), (5, False)]
    assert (await store.totals())[BUS] == (2, 14_000)
    offered = await offers_of(store).offer(BUS, small.process.id)
    assert list(await offers_of(store).messages()) == offered


async def test_folds_take_the_place_of_what_they_name(store, make, small):
    await store.processes.add(store.database, small, 1)
    process = small.process
    numbers = make.numbers(process, distance_m=700)
    trips = [make.up(make.trip(1, seq, numbers, process=process)) for seq in (1, 2, 4)]
    day = 19_675
    one = Tally(1, 700, process.totals(numbers))
    both = merge(process, one, one)
    folded = day_record(process, (2, 1), day, fold.DAY_SPAN, process.context(numbers), both, [(1, 1, 2)])
    whole = day_record(process, (2, 2), 19_662, fold.MONTH_SPAN, process.context(numbers), both, [(1, 1, 2), (2, 1, 1)])
    for message in (trips[0], make.up(folded), trips[2], make.up(whole), trips[1], trips[0]):
        await store.commit(message)
    f, d, m = tables.folds.c, tables.day_totals.c, tables.month_totals.c
    assert await store.rows(f.seq, f.superseded, f.counted_trips, order=f.seq) == [(1, True, None), (2, False, 2)]
    assert await store.rows(d.trips) == [(1,)]
    assert await store.rows(m.day, m.trips) == [(19_662, 2)]
    assert (await store.device(BUS)).trips == 3
    async with store.database.read() as connection:
        assert await verify_device(connection, store.processes.find, BUS) == []


async def test_what_is_stored_is_verified_and_only_read(store, make, small):
    await store.processes.add(store.database, small, 1)
    trips = [
        make.up(make.trip(1, seq, make.numbers(small.process, distance_m=m), revises=revises, process=small.process))
        for seq, m, revises in ((2, 5000, None), (3, 17_000, None), (4, 6000, (1, 3)))
    ]
    await store.commit(make.up(make.birth(1)), *trips, make.up(make.loss(1, 7, 1, 5, 6)), *make.fleet(3),
                       make.up(make.incident(1, 10, 1, [6])), make.up(make.incident(1, 9, 1, closes=(1, 10))),
                       make.up(make.incident(1, 11, 1, closes=(1, 10))), make.up(make.service(1, 12, 1)))  # fmt: skip
    await close_epoch(store.database, store.processes, 10, 1)
    await store.commit(make.up(make.trip(1, 8, make.numbers(small.process), revises=(1, 4), process=small.process)))
    database = await Database.open_to_read(store.url)
    assert [item async for item in verify(database, Processes())] == []
    async with store.database.write() as connection:
        await connection.execute(tables.day_totals.update().where(tables.day_totals.c.device == BUS).values(trips=9))
    assert {item.what for item in [item async for item in verify(database, Processes())]} == {DAY}
    await database.close()
    with pytest.raises(ServerError, match="has no tables of this version"):
        await Database.open_to_read(store.url.rsplit("/", 1)[0] + "/postgres")


async def test_gaps_are_noted_asked_for_and_named(store, make):
    await store.commit(make.state(3, ends=[(3, 2), (1, 9)]), make.up(make.trip(1, 4)), make.up(make.birth(6)))
    assert await store.gaps() == [(1, 1, 3), (1, 5, 9), (3, 1, 2), (4, 1, OPEN_END), (5, 1, OPEN_END)]
    ((device, ranges),) = await store.asked(60)
    assert (device, len(ranges)) == (BUS, 5)
    await store.commit(
        make.state(6, ends=[(6, 1), (3, 2)]), make.up(make.trip(1, 6)), make.up(make.loss(6, 2, 3, 1, 2))
    )
    assert await store.gaps() == [(1, 1, 3), (1, 5, 5), (1, 7, 9)]
    assert [item async for item in verify(store.database, store.processes)] == []
    while await store.asked(86_400):
        pass
    running = running_of(store, ServerSettings(), lambda: store.now_ms)
    await store.commit(make.up(make.trip(1, 4, km=11)), make.up(cbor.encode([1, 2, 1, 5, 5, None, 0, "no body"])))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(running)), base_url="http://fleet") as client:
        alarms = (await client.get("/api/v1/alarms")).json()["alarms"]
        assert [alarm["kind"] for alarm in alarms] == ["clone", "unfilled", "lost", "refused"]
        counters = (await client.get("/api/v1/counters")).json()
        assert (counters["gaps"], counters["missing"], counters["unfilled"]) == (2, 6, 2)
        assert (await client.get("/healthz")).json()["restored"] is None
        assert "Devices to look at" in (await client.get("/")).text


async def test_two_servers_ask_once_and_a_batch_waits_for_neither(store, open_store, make):
    names = [f"depot/bus-{n}" for n in range(40)]
    await store.commit(*(make.state(1, name) for name in names), *(make.up(make.trip(1, 3), name) for name in names))
    store.now_ms += 60_000
    other = await open_store(store.url)
    other.now_ms = store.now_ms
    first, second, _ = await asyncio.gather(
        store.asked(), other.asked(), other.commit(*(make.up(make.trip(1, 2), name) for name in names[::-1]))
    )
    asked = [name for name, _ in first + second]
    assert len(asked) == len(set(asked))
    await other.database.close()


async def test_a_restore_by_other_means_and_what_a_crash_leaves(store, open_store, make):
    await store.commit(make.up(make.birth(2)), make.up(b"junk"))
    crashes = CrashCounter(store.database, "one")
    await crashes.start(1)
    again = CrashCounter(store.database, "one")
    await again.start(2)
    assert again.watching
    await commit_isolating(store.ingest, again, [make.up(make.trip(2, 2)), make.up(b"junk")])
    (digest,) = [row[0] for row in await store.rows(tables.dead_letters.c.hash)]
    done = await dead_letters.replay(store.database, store.ingest, [digest])
    assert [outcome for outcome, _ in done.outcomes.values()] == ["refused"]
    assert await dead_letters.drop(store.database, [digest], store.now_ms) == 1
    await store.database.close()
    assert (await asyncio.to_thread(mark, store.url, store.now_ms)).records == 2
    restored = await open_store(store.url)
    await restored.commit(make.state(2))
    assert await restored.asked() == [(BUS, [(2, 3, OPEN_END)])]
    await restored.database.close()


async def test_a_server_that_is_killed_in_the_middle_is_waited_for(store, make, postgresql_restart):
    """Batches go on being tried while the database is gone; in the end every record is there, and counted, once."""
    fleet = make.fleet(8, trips=30)
    batches = [fleet[at : at + 31] for at in range(0, len(fleet), 31)]
    killed = asyncio.create_task(asyncio.to_thread(postgresql_restart))
    failures = 0
    for batch in batches * 3:
        while True:
            try:
                await store.commit(*batch)
            except (SQLAlchemyError, OSError):
                failures += 1
                await asyncio.sleep(0.05)
            else:
                break
        await asyncio.sleep(0.1)
    await killed
    assert failures
    assert await store.count(tables.records) == len(fleet)
    assert {totals[0] for totals in (await store.totals()).values()} == {30}
    assert [item async for item in verify(store.database, store.processes)] == []


async def test_the_page_and_the_api_read_it(store, make):
    await store.commit(*make.fleet(22))
    closed = await close_epoch(store.database, store.processes, 10, 1)
    assert await latest_benchmarks(store.database, store.processes) == closed.publications
    running = running_of(store, ServerSettings(), lambda: 1)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(running)), base_url="http://fleet") as client:
        for path in ("", "chart.svg", "healthz", "person?id=depot/car-000", "incidents",
                     "incidents?state=all&cursor=9", *(f"api/v1/{name}" for name in
                     ("devices", "devices/depot/car-000", "trips",
                      "incidents?open=true&device=depot/car-000", "services", "cohorts", "benchmarks", "counters", "packs",
                      f"packs/{make.pack_id.hex()}", "persons/depot/car-000/periods",
                      "persons/depot/car-000/score"))):  # fmt: skip
            answer = await client.get("/" + path)
            assert answer.status_code == 200, (path, answer.text)
        assert (await client.get("/api/v1/counters")).json()["records"] == 66


async def test_benchmarks_are_held_against_those_before_and_few_are_kept(store, make):
    await store.commit(*make.fleet(22))
    await close_epoch(store.database, store.processes, 10, 1)
    for epoch in range(EARLIER_MAX):
        await store.commit(*(make.up(make.trip(1, 20 + epoch), f"depot/car-{i:03}") for i in range(1, 22)))
        closed = await close_epoch(store.database, store.processes, 10, 2 + epoch)
        told = benchmark.decode(closed.publications[0].payload).tables
        assert {persons for persons, _, _ in told.values()} == {12}
    m, p = tables.benchmark_members.c, tables.benchmark_persons.c
    kept = await store.rows(m.epoch, order=m.epoch, where=m.characteristic == 101)
    assert [epoch for (epoch,) in kept] == list(range(2, EARLIER_MAX + 2))
    async with store.database.write() as connection:
        await connection.execute(tables.benchmark_members.delete())
        again = await recollect(
            connection, store.processes, lambda epoch: person_totals_of(connection, store.processes, epoch)
        )
    assert again == EARLIER_MAX * len(told)
    assert len(await store.rows(p.number)) == 22


async def test_a_person_is_erased_while_two_servers_take_what_the_device_sends(store, open_store, make, tmp_path):
    journal = ErasureJournal(tmp_path / "fleet.erasures")
    other = await open_store(store.url)
    for one in (store, other):
        one.ingest._tombstones = Tombstones(journal, SIGNING)
    await store.commit(make.up(make.birth(1)), make.up(make.birth(1), "depot/other"), make.up(b"junk"))

    sent = {"depot/other": 1}

    async def send(one, first):
        """Until it was told three times that the device is erased."""
        refused, seq = 0, first
        while refused < 3:
            messages = [make.up(make.trip(1, seq)), make.up(make.trip(1, seq), "depot/other")]
            found = await one.ingest.commit(messages)
            acks = [message for message in found if message.topic == f"headway/v1/{BUS}/ack"]
            refused += any(code == codes.ERASED for message in acks for _, code in ack.decode(message.payload)[2])
            seq += 1
            sent["depot/other"] += 1
            assert seq < first + 4000

    async def erase_meanwhile():
        await asyncio.sleep(0.2)
        return await erase(store.database, journal, BUS, store.now_ms, OPERATOR)

    _, _, done = await asyncio.gather(send(store, 2), send(other, 5000), erase_meanwhile())
    assert done.places["records"] > 1
    for table in personal_rows.personal_tables():
        async with store.database.read() as connection:
            rows = (await connection.execute(select(table).where(personal_rows.is_of(table, BUS, [BUS])))).all()
        assert rows == [], table.name
    assert (await store.device("depot/other")).records == sent["depot/other"]
    assert (await audit_log.verify(store.database)).problems == []
    body = record.birth_body("headway 0.1.0", "car", [], 0, 0, (done.version, 2))
    birth = record.encode(record.Record(record.BIRTH, 2, 1, 100, None, record.UNSYNCED, body))
    await asyncio.gather(store.ingest.commit([make.up(birth)]), other.ingest.commit([make.up(birth)]))
    assert (await store.device()).records == 1
    async with store.database.write() as connection:
        await connection.execute(delete(tables.erased_devices))
        await connection.execute(delete(tables.erasures))
    await other.database.close()
    await asyncio.to_thread(mark, store.url, store.now_ms, journal.path)
    assert await store.rows(tables.erased_devices.c.from_boot) == [(2,)], "the journal has the confirmation, too"
    assert (await store.rows(tables.devices.c.device)) == [("depot/other",)]
