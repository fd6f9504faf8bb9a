"""Erasing a person: every row, then every byte, and nothing that comes back by any way."""

import asyncio
import hashlib
import json
import logging

import pytest
from sqlalchemy import LargeBinary, String, insert, select
from tests.server.made_offers import SIGNING

from headway_protocol import codes, record, signed, wipe
from headway_server.backups.backup import back_up
from headway_server.backups.restore import restore
from headway_server.erasure import erasures, personal_rows
from headway_server.erasure.erasure_journal import Erased, ErasureJournal
from headway_server.erasure.erasures import NothingToErase, erase
from headway_server.errors import ServerError
from headway_server.ingest.tombstones import Tombstones
from headway_server.recounting.verification import verify
from headway_server.store import tables
from headway_server.store.audit_log import OPERATOR

pytestmark = pytest.mark.anyio
BUS, CAR = "depot/bus-1", "depot/car-2"


@pytest.fixture
def journal(tmp_path):
    return ErasureJournal(tmp_path / "headway.db.erasures")


@pytest.fixture
def erasing(store, journal):
    """The store with tombstones."""
    store.ingest._tombstones = Tombstones(journal, SIGNING)
    return store


async def fill(store, make, device=BUS):
    """Something in every table that may have it."""
    await store.commit(
        make.up(make.birth(1), device),
        make.up(make.trip(1, 2), device),
        make.up(make.trip(1, 3, revises=(1, 2)), device),
        make.up(make.trip(1, 9), device),
        make.up(make.loss(1, 10, 1, 5, 5), device),
        make.up(make.incident(1, 11, 4, [535, 1]), device),
        make.up(make.incident(1, 12, 4, [535, 1], closes=(1, 11)), device),
        make.up(make.service(1, 13, 6), device),
        make.up(make.trip(2, 1, wall_ms=None), device),
        make.up(b"rubbish", device),
        make.up(make.trip(1, 2, km=77), device),
        make.state(2, device),
    )
    await store.asked(61)


def births(make, boot, wiped, seq=1):
    body = record.birth_body("headway 0.1.0", "car", [(make.process.id, make.process.name, 1)], 0, 0, wiped)
    return record.encode(record.Record(record.BIRTH, boot, seq, 100, None, record.UNSYNCED, body))


def answers_of(found, channel):
    return [(one.topic, one.payload) for one in found if one.topic.endswith("/" + channel)]


async def told(store, make, *messages):
    """The acknowledgements of messages: [(device, boot, upto, rejections), ...]."""
    found = await store.ingest.commit(messages)
    return make.acks([one for one in found if one.topic.endswith("/ack")])


async def everything(store):
    """Every text and every byte string of the database, and the file's own bytes with its log."""
    found = []
    async with store.database.read() as connection:
        for table in tables.metadata.sorted_tables:
            for row in await connection.execute(select(table)):
                found += [repr(tuple(row)).encode(), *(value for value in row if isinstance(value, bytes))]
    return found


async def places_of(store, folder, *secrets):
    """Where any of these byte strings is: rows of the database, and files in the folder."""
    rows = [b"".join(await everything(store))]
    files = {str(one.name): one.read_bytes() for one in folder.rglob("*") if one.is_file()}
    found = [f"row with {secret!r}" for secret in secrets for data in rows if secret in data]
    return found + [f"{name} with {secret!r}" for name, data in files.items() for secret in secrets if secret in data]


def test_every_table_is_personal_or_says_why_not():
    names = {table.name for table in tables.metadata.sorted_tables}
    personal = {table.name for table in personal_rows.personal_tables()}
    assert personal | personal_rows.NOT_PERSONAL.keys() == names
    assert not personal & personal_rows.NOT_PERSONAL.keys()
    for table in personal_rows.personal_tables():
        personal_rows.is_of(table, BUS, [BUS])
    for name, reason in personal_rows.NOT_PERSONAL.items():
        columns = {column.name for column in tables.metadata.tables[name].c}
        assert not columns & {"device", "person", "topic"}, name
        assert len(reason.split()) > 3


async def test_every_row_of_the_person_is_deleted_and_none_of_others(erasing, make, journal):
    await fill(erasing, make)
    before = {table.name: await erasing.count(table) for table in tables.metadata.sorted_tables}
    await fill(erasing, make, CAR)
    both = {table.name: await erasing.count(table) for table in tables.metadata.sorted_tables}
    done = await erase(erasing.database, journal, CAR, erasing.now_ms, OPERATOR)
    after = {table.name: await erasing.count(table) for table in tables.metadata.sorted_tables}
    for name in (table.name for table in personal_rows.personal_tables()):
        assert after[name] == before[name], name
        assert done.places.get(name, 0) == both[name] - before[name], name
    assert done.places.keys() >= {
        "devices",
        "records",
        "episodes",
        "dead_letters",
        "quarantine",
        "person_totals",
        "gaps",
    }
    assert [item async for item in verify(erasing.database, erasing.processes)] == []
    with pytest.raises(NothingToErase, match="erased with number 1"):
        await erase(erasing.database, journal, CAR, erasing.now_ms, OPERATOR)
    with pytest.raises(NothingToErase, match="nothing is stored of this person; look"):
        await erase(erasing.database, journal, "depot/nobody", erasing.now_ms, OPERATOR)


async def test_a_row_that_every_table_may_have_goes(erasing, make, journal):
    """Rows made by hand in each table that has persons, whatever ingest puts there today."""
    await fill(erasing, make, CAR)
    async with erasing.database.write() as connection:
        for table in personal_rows.personal_tables():
            if table is tables.devices:
                await connection.execute(insert(table).values(_row(table, {})))
            elif table is not tables.dead_letters:
                await connection.execute(insert(table).values(_row(table, {"epoch": 1})))
    done = await erase(erasing.database, journal, "someone", erasing.now_ms, OPERATOR)
    expected = {table.name for table in personal_rows.personal_tables()} - {"dead_letters"}
    assert done.places.keys() == expected
    assert await erasing.count(tables.devices) == 1


def _row(table, fixed):
    values = {"device": "made/by-hand", "person": "someone", **fixed}
    row = {}
    for column in table.c:
        if column.name in values:
            row[column.name] = values[column.name]
        elif column.autoincrement is True or (column.name == "id" and column.primary_key):
            continue
        elif not column.nullable and column.server_default is None:
            row[column.name] = _value(column)
    return row


def _value(column):
    if isinstance(column.type, LargeBinary):
        return bytes(column.type.length or 1)
    if isinstance(column.type, String):
        return "x"
    return [] if column.type.python_type is dict else 1


async def test_records_of_a_device_that_is_somebody_elses_now(erasing, make, journal):
    await erasing.commit(make.up(make.birth(1)), make.up(make.trip(1, 2)))
    async with erasing.database.write() as connection:
        await connection.execute(tables.devices.update().values(person="second"))
    await erasing.commit(make.up(make.trip(1, 3)))
    await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    r = tables.records.c
    assert await erasing.rows(r.device, r.seq, order=r.seq) == [(BUS, 1), (BUS, 3)]
    assert await erasing.commit(make.up(make.trip(1, 4))) == [(BUS, 1, 4, [])], (
        "the device is not the person's any more"
    )


async def test_no_byte_of_it_is_left_in_the_files(erasing, make, journal, tmp_path):
    secret = b"bus-1"
    for seq in range(2, 60):
        await erasing.commit(make.up(make.trip(1, seq, km=seq)), make.up(make.trip(1, seq, km=seq), CAR))
    await fill(erasing, make)
    payload = make.trip(1, 9)
    assert len(await places_of(erasing, tmp_path, secret, payload)) >= 3
    await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    assert await places_of(erasing, tmp_path, secret) == []
    assert hashlib.sha256(payload).digest() not in (tmp_path / "headway.db").read_bytes()


async def test_what_comes_before_the_device_is_wiped_is_refused_and_told_so(
    erasing, make, journal, tmp_path, caplog, capsys
):
    caplog.set_level(logging.INFO)
    await fill(erasing, make)
    done = await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    capsys.readouterr()
    found = await erasing.ingest.commit(
        [
            make.up(make.trip(1, 20)),
            make.up(make.trip(7, 2)),
            make.up(b"rubbish"),
            make.up(make.trip(7, 3), retained=True),
            make.up(make.trip(7, 4)[:-3]),
            make.state(7, ends=[(7, 4), (1, 20)]),
            make.up(make.birth(8)),
            make.up(make.trip(1, 2), CAR),
        ]
    )
    assert make.acks([one for one in found if one.topic.endswith("/ack")]) == [
        (CAR, 1, 0, []),
        (BUS, 1, 0, [(20, codes.ERASED)]),
        (BUS, 7, 0, [(2, codes.ERASED), (4, codes.ERASED)]),
        (BUS, 8, 0, [(1, codes.ERASED)]),
    ]
    ((topic, order),) = answers_of(found, "cmd")
    assert topic == f"headway/v1/{BUS}/cmd"
    version, _, body = signed.opened(order, wipe.WIPE_BYTES_MAX, signed.WIPE, BUS, _verify)
    assert (version, body) == (done.version, b"")
    assert {(one.topic.rpartition("/")[2], one.payload) for one in found if one.retain} == {
        ("bench", b""),
        ("pack", b""),
        ("state", b""),
    }
    assert await erasing.rows(tables.devices.c.device) == [(CAR,)]
    assert await places_of(erasing, tmp_path, b"bus-1") == []
    await erasing.ingest.bury(make.up(b"poison"), "makes the commit fail")
    assert await erasing.count(tables.dead_letters) == 0
    said = capsys.readouterr()
    assert "bus-1" not in said.out + said.err + caplog.text


def _verify(algorithm, key_id, data, signature):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    Ed25519PublicKey.from_public_bytes(SIGNING.keys[0].public).verify(signature, data)
    return algorithm == signed.ED25519


async def test_the_brokers_word_that_it_forgot_is_nobody_speaking(erasing, make, journal):
    await fill(erasing, make)
    await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    message = type(make.state(1))(f"headway/v1/{BUS}/state", b"")
    assert await erasing.ingest.commit([message]) == []
    assert await erasing.rows(tables.erased_devices.c.asked_at_ms) == [(None,)]


async def test_a_device_that_confirms_is_taken_again_from_that_boot_on(erasing, make, journal):
    await fill(erasing, make)
    done = await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    old = births(make, 9, (done.version - 1, 9))
    assert await told(erasing, make, make.up(old)) == [(BUS, 9, 0, [(1, codes.ERASED)])], "an older order"
    assert await told(
        erasing,
        make,
        make.up(make.trip(10, 2)),
        make.up(births(make, 10, (done.version, 10))),
        make.up(make.trip(9, 4)),
    ) == [(BUS, 10, 2, []), (BUS, 9, 0, [(4, codes.ERASED)])]
    assert await told(erasing, make, make.up(make.trip(1, 2)), make.up(make.trip(10, 3))) == [
        (BUS, 10, 3, []),
        (BUS, 1, 0, [(2, codes.ERASED)]),
    ]
    await told(erasing, make, make.state(10, ends=[(10, 3), (9, 50), (1, 60)]))
    assert await erasing.rows(tables.boots.c.boot) == [(10,)]
    assert await erasing.asked(600) == []
    e = tables.erased_devices.c
    assert await erasing.rows(e.number, e.from_boot) == [(1, 10)]
    device = await erasing.device()
    assert (device.records, device.trips) == (3, 2)


async def test_a_later_order_confirms_the_earlier_ones(erasing, make, journal):
    await fill(erasing, make)
    await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    first = (await erasing.rows(tables.erasures.c.version))[0][0]
    await told(erasing, make, make.up(births(make, 10, (first, 10))), make.up(make.trip(10, 2)))
    done = await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    assert (done.number, done.version) == (2, first + 1)
    assert await told(erasing, make, make.up(make.trip(10, 3))) == [(BUS, 10, 0, [(3, codes.ERASED)])]
    assert await told(erasing, make, make.up(births(make, 12, (done.version, 11)))) == [(BUS, 12, 1, [])]
    assert await told(erasing, make, make.up(make.trip(10, 4)), make.up(make.trip(11, 2))) == [
        (BUS, 11, 0, []),
        (BUS, 10, 0, [(4, codes.ERASED)]),
    ]


@pytest.mark.parametrize("confirms", [False, True])
async def test_an_older_backup_forgets_again(erasing, make, journal, tmp_path, open_store, confirms):
    (tmp_path / "copies").mkdir()
    copy = tmp_path / "copies" / "monday.db"
    await fill(erasing, make)
    await fill(erasing, make, CAR)
    await asyncio.to_thread(back_up, erasing.url, copy, erasing.now_ms)
    done = await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    if confirms:
        await told(erasing, make, make.up(births(make, 10, (done.version, 10))))
    await erasing.database.close()
    await asyncio.to_thread(restore, copy, erasing.url, erasing.now_ms, force=True)
    again = await open_store(erasing.url)
    again.ingest._tombstones = Tombstones(journal, SIGNING)
    assert await again.rows(tables.devices.c.device) == [(CAR,)]
    x, e = tables.erasures.c, tables.erased_devices.c
    assert await again.rows(x.number, x.version) == [(1, done.version)]
    assert await again.rows(e.from_boot) == [(10 if confirms else None,)]
    assert (await told(again, make, make.up(make.trip(1, 30))))[0] == (BUS, 1, 0, [(30, codes.ERASED)])
    assert await erasures.replay(again.database, journal, again.now_ms) == 0, "once is enough"
    for one in tmp_path.glob("headway.db*"):
        if "before-restore" not in one.name:
            assert b"bus-1" not in one.read_bytes(), one
    await again.database.close()


async def test_a_journal_that_was_changed_or_lacks_its_key_is_refused(erasing, make, journal, tmp_path):
    await fill(erasing, make)
    await fill(erasing, make, CAR)
    await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    await erase(erasing.database, journal, CAR, erasing.now_ms, OPERATOR)
    whole = journal.path.read_bytes()
    assert b"bus-1" not in whole
    assert b"car-2" not in whole
    first, second, _ = whole.split(b"\n")
    journal.path.write_bytes(whole + second[:40])
    assert [one.number for one in journal.entries()] == [1, 2], "a power cut left half a line"
    journal.append(Erased(3, 9, 9, "00", []))
    assert [one.number for one in journal.entries()] == [1, 2, 3]
    for damaged in (second + b"\n", first.replace(b'"number":1', b'"number":7') + b"\n", b"x\n" + whole):
        journal.path.write_bytes(damaged)
        with pytest.raises(ServerError, match=r"line 1 of .* is damaged, or what was before it is gone"):
            journal.entries()
    journal.path.write_bytes(whole)
    key = journal.key_path.read_text()
    assert journal.key_path.stat().st_mode & 0o777 == 0o600
    journal.key_path.unlink()
    with pytest.raises(ServerError, match=r"is gone, and .* has erasures made with it; put the file back"):
        ErasureJournal(journal.path)
    journal.key_path.write_text("00" * 32)
    with pytest.raises(ServerError, match="is not the key that"):
        ErasureJournal(journal.path)
    other = ErasureJournal(tmp_path / "other")
    with pytest.raises(ServerError, match="is not the key that this database's erasures are made with"):
        await erasures.replay(erasing.database, other, 0)
    journal.key_path.write_text(key)
    assert ErasureJournal(journal.path).key.device(BUS) == journal.key.device(BUS)


async def test_servers_of_one_database_have_one_key_and_their_journals_the_same(erasing, make, journal, tmp_path):
    await fill(erasing, make)
    await fill(erasing, make, CAR)
    await erasures.replay(erasing.database, journal, 1)
    stranger = ErasureJournal(tmp_path / "stranger")
    await erasures.replay(erasing.database, stranger, 2)
    with pytest.raises(ServerError, match="is not the key"):
        await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    await erasures.replay(erasing.database, journal, 3)
    done = await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    with pytest.raises(ServerError, match="is not the key"):
        await erasures.replay(erasing.database, stranger, 4)
    (tmp_path / "second.key").write_text(journal.key_path.read_text())
    second = ErasureJournal(tmp_path / "second")
    assert await erasures.replay(erasing.database, second, 5) == 0
    assert second.entries() == journal.entries()
    assert (await erase(erasing.database, second, CAR, erasing.now_ms, OPERATOR)).version == done.version + 1


async def test_an_erasure_that_fails_leaves_everything(erasing, make, journal, monkeypatch):
    await fill(erasing, make)
    before = await everything(erasing)

    def fails(_entry):
        raise ServerError("no space", "make some")

    with monkeypatch.context() as broken:
        broken.setattr(type(journal), "append", lambda _self, entry: fails(entry))
        with pytest.raises(ServerError, match="no space"):
            await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    assert await everything(erasing) == before
    assert json.dumps(journal.entries()) == "[]"


async def test_one_whose_commit_failed_is_done_under_its_number_by_the_next_attempt_and_never_again(
    erasing, make, journal, monkeypatch
):
    await fill(erasing, make)
    append = ErasureJournal.append

    def writes_and_fails(self, entry):
        append(self, entry)
        raise OSError("the disk went away before the commit")

    with monkeypatch.context() as broken:
        broken.setattr(ErasureJournal, "append", writes_and_fails)
        with pytest.raises(OSError, match="before the commit"):
            await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    assert await erasing.rows(tables.erasures.c.number) == []
    done = await erase(erasing.database, journal, BUS, erasing.now_ms, OPERATOR)
    assert (done.number, done.devices, done.places["devices"]) == (1, [BUS], 1)
    assert [one.number for one in journal.entries()] == [1]
    await told(erasing, make, make.up(births(make, 10, (done.version, 10))), make.up(make.trip(10, 2)))
    assert await erasures.replay(erasing.database, journal, erasing.now_ms) == 0
    assert (await erasing.device()).trips == 1, "what came after the wipe stays"
