"""Backups of a database that is written meanwhile, and restores: whole, or as if they had never been begun."""

import asyncio
import shutil
import sqlite3
from pathlib import Path

import pytest
from alembic import command as alembic_command
from alembic.config import Config
from sqlalchemy import create_engine

import headway_server
from headway_protocol import command, record
from headway_server.backups import restore as restoring
from headway_server.backups.backup import back_up
from headway_server.backups.restore import mark, restore
from headway_server.errors import ServerError
from headway_server.ingest.gap_rows import OPEN_END
from headway_server.ingest.gaps import REFILL_ASKS_MAX, WAITS_MS
from headway_server.recounting.verification import verify
from headway_server.store import database_file, tables
from headway_server.store.database import Database
from headway_server.store.database_file import check_backup, restoring_path

pytestmark = pytest.mark.anyio
MONDAY, TUESDAY = 1_700_000_000_000, 1_700_090_000_000


@pytest.fixture
def path(tmp_path):
    return tmp_path / "headway.db"


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "backup" / "monday.db"


@pytest.fixture
async def filled(store, make, copy):
    """A server's database with something in it, and where its backup goes."""
    copy.parent.mkdir()
    await store.commit(*make.fleet(5), make.state(1, "depot/car-000"))
    return store


async def test_a_backup_is_one_moment_of_a_database_that_is_written_meanwhile(filled, make, copy):
    stop = asyncio.Event()

    async def write():
        seq = 1
        while not stop.is_set():
            seq += 1
            await filled.commit(*(make.up(make.trip(9, seq), f"depot/other-{n}") for n in range(40)))
        return seq

    writing = asyncio.create_task(write())
    for n in range(5):
        done = await asyncio.to_thread(back_up, filled.url, copy, MONDAY + n)
        assert check_backup(copy) == MONDAY + n
        with sqlite3.connect(f"file:{copy}?mode=ro", uri=True) as db:
            assert db.execute("SELECT count(*) FROM records").fetchone() == (done.records,)
            # A batch is there as a whole, or not at all.
            assert db.execute("SELECT count(*) FROM records WHERE boot = 9").fetchone()[0] % 40 == 0
        db.close()
        opened = await Database.open_to_read(f"sqlite+aiosqlite:///{copy}")
        assert [item async for item in verify(opened, filled.processes)] == []
        await opened.close()
    stop.set()
    assert await writing > 1
    assert [one.name for one in copy.parent.iterdir()] == ["monday.db"]


async def test_a_backup_of_a_server_that_is_stopped(filled, copy, path):
    await filled.database.close()
    done = back_up(filled.url, copy, MONDAY)
    assert (done.devices, done.records) == (5, 15)
    assert not path.with_name("headway.db-wal").exists()


@pytest.mark.parametrize(
    ("url", "target", "message"),
    [
        ("sqlite+aiosqlite:///{0}/headway.db", "{0}", "is a directory; name a file in it"),
        ("sqlite+aiosqlite:///{0}/headway.db", "{0}/no/x.db", "does not exist; create it"),
        ("sqlite+aiosqlite:///{0}/headway.db", "{0}/headway.db", "is the database itself; name another file"),
        ("sqlite+aiosqlite:///{0}/headway.db", "{0}/notes.txt", "is no SQLite database, so it is not overwritten"),
        ("sqlite+aiosqlite:///{0}/headway.db", "{0}/live.db", "is a database and no backup, so it is not overwritten"),
        ("sqlite+aiosqlite:///{0}/absent.db", "{0}/x.db", "there is no database"),
        (
            "postgresql+asyncpg://me:secret@host/fleet",
            "{0}/x.dump",
            r"run: pg_dump --format=custom --file=.*/x.dump --dbname=postgresql://me:\*\*\*@host/fleet$",
        ),
    ],
)
async def test_a_backup_that_cannot_be_is_named_with_a_next_step(filled, tmp_path, url, target, message):
    (tmp_path / "notes.txt").write_text("what I must not forget")
    shutil.copy(tmp_path / "headway.db", tmp_path / "live.db")
    before = {one: one.read_bytes() for one in tmp_path.glob("*.*") if one.suffix in {".txt", ".db"}}
    with pytest.raises(ServerError, match=message):
        back_up(url.format(tmp_path), Path(target.format(tmp_path)), MONDAY)
    assert {one: one.read_bytes() for one in before} == before


async def test_a_disk_that_is_full_leaves_the_backup_of_before(filled, copy, monkeypatch):
    back_up(filled.url, copy, MONDAY)
    kept = copy.read_bytes()

    def full(_path):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("headway_server.backups.backup.sync", full)
    with pytest.raises(ServerError, match="No space left on device; check the space"):
        back_up(filled.url, copy, TUESDAY)
    assert copy.read_bytes() == kept
    assert [one.name for one in copy.parent.iterdir()] == ["monday.db"]


async def test_a_restore_brings_back_the_backup_and_asks_every_device(filled, make, copy, path, open_store):
    back_up(filled.url, copy, MONDAY)
    await filled.commit(make.up(make.trip(1, 4), "depot/car-000"), make.up(make.birth(1), "depot/new"))
    await filled.database.close()
    newer = path.read_bytes()
    done = await asyncio.to_thread(restore, copy, filled.url, TUESDAY, force=True)
    assert (done.devices, done.records, done.made_ms) == (5, 15, MONDAY)
    assert done.aside.read_bytes() == newer
    assert not restoring_path(path).exists()
    again = await open_store(filled.url)
    again.now_ms = TUESDAY
    assert await again.count(tables.records) == 15
    assert await again.rows(tables.marks.c.name, tables.marks.c.at_ms, tables.marks.c.number) == [
        ("restored", TUESDAY, 1)
    ]
    assert not any(online for (online,) in await again.rows(tables.devices.c.online))
    assert await again.asked() == [], "nobody has spoken yet"
    await again.commit(make.state(1, "depot/car-000", ends=[(1, 4)]), make.state(1, "depot/car-001"))
    assert dict(await again.asked()) == {
        "depot/car-000": [(1, 5, OPEN_END)],
        "depot/car-001": [(1, 4, OPEN_END)],
    }
    assert dict(await again.asked(60)) == {
        "depot/car-000": [(1, 4, 4), (1, 5, OPEN_END)],
        "depot/car-001": [(1, 4, OPEN_END)],
    }, "the gap after its grace; what came after, again"
    await again.database.close()


class Keeper:
    """A device that keeps what it made, and answers what it is asked, as the outbox does."""

    def __init__(self, make, name, keeps=1000):
        self.make, self.name, self.boot, self.keeps = make, name, 0, keeps
        self.made = {}
        self.upto = {}

    def start(self):
        self.boot += 1
        self._append(self.make.birth(self.boot))

    def drive(self):
        seq = self._seq() + 1
        self._append(self.make.trip(self.boot, seq, km=5 + seq))

    def _seq(self):
        return max((seq for boot, seq in self.made if boot == self.boot), default=0)

    def _append(self, payload):
        self.made[self.boot, self._seq() + 1] = payload

    def state(self):
        ends = dict(sorted(self.made))
        return self.make.state(self.boot, self.name, ends=sorted(ends.items(), reverse=True)[:8])

    def unsettled(self):
        return [
            self.make.up(payload, self.name)
            for (boot, seq), payload in self.made.items()
            if seq > self.upto.get(boot, 0)
        ]

    def answer(self, ranges):
        kept = sorted(self.made)[-self.keeps :]
        lost = []
        for boot, first, last in ranges:
            for key in sorted(self.made):
                if key[0] == boot and first <= key[1] <= last:
                    if key in kept:
                        self.upto[boot] = min(self.upto.get(boot, 0), key[1] - 1)
                    else:
                        lost.append(key)
        for boot in sorted({boot for boot, _ in lost}):
            seqs = [seq for its_boot, seq in lost if its_boot == boot]
            self._append(self.make.loss(self.boot, self._seq() + 1, boot, min(seqs), max(seqs), "not kept"))


async def refill(store, fleet, rounds=12):
    """Let devices connect, send, and answer what they are asked, for some minutes and then for some days."""
    asked_in_all = 0
    await store.commit(*(device.state() for device in fleet))
    for wait_s in [61] * rounds + [WAITS_MS[-1] // 1000] * REFILL_ASKS_MAX:
        for device in fleet:
            for name, boot, upto, _ in await store.commit(*device.unsettled()):
                assert name == device.name
                device.upto[boot] = max(device.upto.get(boot, 0), upto)
        requests = dict(await store.asked(wait_s))
        asked_in_all += len(requests)
        for device in fleet:
            device.answer(requests.get(device.name, []))
    return asked_in_all


def lives(make, keeps):
    return [Keeper(make, f"depot/bus-{n}", keeps) for n in range(6)]


async def live(store, fleet, n, drives):
    for device in fleet:
        for _ in range(1 + n % 2):
            device.start()
            for _ in range(drives):
                device.drive()
        for _, boot, upto, _ in await store.commit(device.state(), *device.unsettled()):
            device.upto[boot] = upto


async def contents(store):
    r = tables.records.c
    stored = await store.rows(r.device, r.boot, r.seq, r.hash, order=(r.device, r.boot, r.seq))
    return stored, await store.totals(), [item async for item in verify(store.database, store.processes)]


@pytest.mark.parametrize("days_after", [1, 4])
async def test_devices_refill_what_a_restore_took_away(store, make, copy, open_store, days_after):
    copy.parent.mkdir()
    fleet = lives(make, keeps=1000)
    for day in range(3):
        await live(store, fleet, day, 4)
    back_up(store.url, copy, MONDAY)
    for day in range(days_after):
        await live(store, fleet, day, 5)
    expected = await contents(store)
    assert expected[2] == []
    await store.database.close()
    await asyncio.to_thread(restore, copy, store.url, TUESDAY, force=True)
    again = await open_store(store.url)
    again.now_ms = TUESDAY
    assert len((await contents(again))[0]) < len(expected[0])
    assert await refill(again, fleet) <= 6 * (REFILL_ASKS_MAX + 2), "each device is asked a few times, not for ever"
    assert await contents(again) == expected
    assert await again.count(tables.gaps) == await again.count(tables.refills) == 0
    await again.database.close()


async def test_what_devices_keep_no_more_is_named(store, make, copy, open_store):
    copy.parent.mkdir()
    fleet = lives(make, keeps=12)
    await live(store, fleet, 0, 4)
    back_up(store.url, copy, MONDAY)
    for day in range(4):
        await live(store, fleet, day, 5)
    made = {(device.name, *key): payload for device in fleet for key, payload in device.made.items()}
    await store.database.close()
    await asyncio.to_thread(restore, copy, store.url, TUESDAY, force=True)
    again = await open_store(store.url)
    again.now_ms = TUESDAY
    await refill(again, fleet)
    (stored, _, differences) = await contents(again)
    assert differences == []
    x = tables.losses.c
    lost = set()
    for device, boot, first, last in await again.rows(x.device, x.boot, x.first_seq, x.last_seq):
        lost |= {(device, boot, seq) for seq in range(first, last + 1)}
    assert lost
    assert {row[:3] for row in stored} | lost >= made.keys(), "stored, or declared lost, with a reason"
    assert await again.gaps("depot/bus-0") == []
    await again.database.close()


def as_first_version(path, target):
    """Make a database as revision 0001 had it, with what a database of today has in the same columns."""
    config = Config()
    config.set_main_option("script_location", str(Path(headway_server.__file__).parent / "migrations"))
    engine = create_engine(f"sqlite:///{target}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic_command.upgrade(config, "0001")
    engine.dispose()
    with sqlite3.connect(target) as db:
        db.execute("ATTACH ? AS today", (str(path),))
        for (table,) in db.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall():
            if table != "alembic_version":
                columns = ", ".join(row[1] for row in db.execute(f"PRAGMA main.table_info({table})"))
                db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table}")  # noqa: S608
    db.close()


async def test_a_backup_of_the_first_version_is_restored_with_its_gaps(filled, make, copy, path, open_store):
    await filled.commit(make.up(make.trip(1, 7), "depot/car-001"), make.up(make.loss(1, 9, 1, 5, 5), "depot/car-001"))
    expected = await filled.gaps("depot/car-001")
    assert expected == [(1, 4, 4), (1, 6, 6), (1, 8, 8)]
    await filled.database.close()
    as_first_version(path, copy)
    assert check_backup(copy) is None
    await asyncio.to_thread(restore, copy, filled.url, TUESDAY, force=True)
    again = await open_store(filled.url)
    assert await again.gaps("depot/car-001") == expected
    assert await again.ingest.date_boots() == len(await again.rows(tables.devices.c.device)), "as a start does"
    assert [item async for item in verify(again.database, again.processes)] == []
    await again.database.close()


async def test_a_restore_that_must_not_be_changes_nothing(filled, copy, path, tmp_path):
    back_up(filled.url, copy, MONDAY)
    await filled.database.close()
    before = path.read_bytes()
    damaged, newer, other, text = (tmp_path / name for name in ("damaged.db", "newer.db", "other.db", "text.db"))
    data = bytearray(copy.read_bytes())
    data[8192:12288] = bytes(4096)
    damaged.write_bytes(data)
    shutil.copy(copy, newer)
    with sqlite3.connect(newer) as db:
        db.execute("UPDATE alembic_version SET version_num = '0999'")
    db.close()
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()
    text.write_text("what I must not forget")
    for backup, force, message in (
        (copy, False, "there is a database .*; say --force to have it moved aside"),
        (damaged, True, "damaged.db is damaged: .*; take an older backup"),
        (newer, True, "has tables of revision 0999, newer than this server's"),
        (other, True, "other.db is no database of Headway"),
        (text, True, "text.db is no SQLite database"),
        (tmp_path / "absent.db", True, "cannot read .*absent.db: No such file"),
        (path, True, "is the database itself; name the backup"),
    ):
        with pytest.raises(ServerError, match=message):
            await asyncio.to_thread(restore, backup, filled.url, TUESDAY, force=force)
        assert path.read_bytes() == before
        assert not restoring_path(path).exists()
    with pytest.raises(ServerError, match=r"run: pg_restore .* and then: headway restore --mark"):
        await asyncio.to_thread(restore, copy, "postgresql+asyncpg://host/fleet", TUESDAY)


async def test_nobody_takes_a_database_from_under_a_server(filled, copy):
    back_up(filled.url, copy, MONDAY)
    with pytest.raises(ServerError, match=r"a server uses the database .*; stop it"):
        await asyncio.to_thread(restore, copy, filled.url, TUESDAY, force=True)
    await filled.database.close()
    under_way = r"a restore of .* is under way; start the server when it is done"
    with database_file.held(copy.parent.parent / "headway.db", alone=True), pytest.raises(ServerError, match=under_way):
        await Database.open(filled.url, lambda: 1)


async def test_a_restore_cut_short_anywhere_is_run_again_and_nothing_of_the_old_one_is_gone(
    filled, make, copy, path, open_store, monkeypatch
):
    """Count-down: the process ends before the n-th change to the folder, for every n."""

    class Cut(BaseException):
        pass

    back_up(filled.url, copy, MONDAY)
    await filled.commit(make.up(make.trip(1, 4), "depot/car-000"))
    await filled.database.close()
    old = path.read_bytes()
    changes = {name: getattr(Path, name) for name in ("rename", "replace", "unlink")}
    before_cut, cut = 0, True
    while cut:
        path.write_bytes(old)
        left = before_cut

        def counting(name, left_=left):
            nonlocal left

            def change(self, *arguments, **more):
                nonlocal left
                if left == 0:
                    raise Cut
                left -= 1
                return changes[name](self, *arguments, **more)

            return change

        with monkeypatch.context() as patched:
            for name in changes:
                patched.setattr(Path, name, counting(name))
            try:
                await asyncio.to_thread(restore, copy, filled.url, TUESDAY, force=True)
                cut = False
            except Cut:
                pass
        if cut:
            if restoring_path(path).exists():
                with pytest.raises(ServerError, match="was cut short"):
                    await Database.open(filled.url, lambda: 1)
            else:
                await (await Database.open(filled.url, lambda: 1)).close()
                assert path.read_bytes() == old, "a server starts only with what was there"
            await asyncio.to_thread(restore, copy, filled.url, TUESDAY, force=True)
        store = await open_store(filled.url)
        assert await store.count(tables.records) == 15
        await store.database.close()
        asides = list(path.parent.glob("headway.db.before-restore-*"))
        assert any(aside.read_bytes() == old for aside in asides)
        for aside in asides:
            aside.unlink()
        before_cut += 1
    assert before_cut > 5
    assert not restoring_path(path).exists()


async def test_a_database_that_was_restored_by_other_means_is_marked(filled, open_store, make):
    await filled.database.close()
    done = await asyncio.to_thread(mark, filled.url, TUESDAY)
    assert (done.devices, done.records) == (5, 15)
    await asyncio.to_thread(mark, filled.url, TUESDAY + 1)
    again = await open_store(filled.url)
    assert await again.rows(tables.marks.c.at_ms, tables.marks.c.number) == [(TUESDAY + 1, 2)]
    await again.commit(make.state(1, "depot/car-000"))
    again.now_ms = TUESDAY + 2
    ((device, ranges),) = await again.asked()
    assert (device, ranges) == ("depot/car-000", [(1, 4, OPEN_END)])
    await again.database.close()


def test_the_words_of_an_end_that_nobody_knows_are_the_protocol_s():
    assert command.decode(command.resend([(1, 4, OPEN_END)])) == (command.RESEND, [(1, 4, 2**32 - 1)])
    assert record.RECORD_BYTES_MAX == 1024
    assert restoring.RESTORED == "restored"
