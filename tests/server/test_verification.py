"""Verification: a store that was written in order agrees with its records; whatever is changed by hand is found."""

import pytest
from sqlalchemy import delete, update

from headway_protocol import cbor, incident, service
from headway_server.cohorts.epochs import close_epoch
from headway_server.errors import ServerError
from headway_server.packs.processes import Processes
from headway_server.recounting.verification import Progress, verify
from headway_server.store import tables
from headway_server.store.database import Database

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"


@pytest.fixture
async def filled(store, make, small):
    """Everything that a store can hold: trips, corrections over epochs, losses, refusals, gaps, what is not read yet."""
    await store.processes.add(store.database, small, 1)

    def trip(seq, km, revises=None, boot=1, **more):
        numbers = make.numbers(small.process, distance_m=km * 1000)
        return make.up(make.trip(boot, seq, numbers, revises=revises, process=small.process, **more))

    await store.commit(make.up(make.birth(1)), *make.fleet(3), trip(2, 5), trip(4, 7, revises=(1, 2)), trip(8, 1))
    await close_epoch(store.database, store.processes, 10, 1)
    await store.commit(
        trip(9, 6, revises=(1, 4)),
        trip(10, 3, revises=(1, 7), wall_ms=None),
        make.up(make.loss(1, 11, 1, 3, 3)),
        make.up(cbor.encode([1, 2, 1, 5, 5, None, 0, "no body"])),
        make.up(make.trip(1, 12, pack_id=b"unknown!")),
        make.up(cbor.encode([2, 2, 1, 13])),
        make.up(make.incident(1, 14, incident.CLOCK_JUMP, [9000])),
        make.up(make.incident(1, 18, incident.CLOCK_JUMP, closes=(1, 14))),
        make.up(make.incident(1, 16, incident.CLOCK_JUMP, closes=(1, 14), wall_ms=None)),
        make.up(make.incident(1, 17, incident.CLOCK_JUMP, closes=(1, 99))),
        make.up(make.incident(1, 15, incident.STORAGE_FULL, [2])),
        make.up(make.service(1, 19, service.REFUELLED, millilitres=41_500)),
        make.up(b"junk"),
        make.state(3),
    )
    return store


async def differences(store, progress=None):
    async def each():
        seen = []
        found = [item async for item in verify(store.database, store.processes, seen.append)]
        return found, seen

    found, seen = await each()
    if progress is not None and seen:
        progress.append(seen[-1])
    return [(item.device, item.what, item.key, item.stored, item.computed) for item in found]


async def test_a_store_agrees_with_its_records(filled):
    progress = []
    assert await differences(filled, progress) == []
    assert progress == [Progress(devices_total=4, devices=4, records=24, trips=11)]


async def test_an_empty_store_agrees(store):
    assert await differences(store) == []


async def test_a_gap_that_was_told_in_two_pieces_is_one(store, make):
    await store.commit(make.state(1, ends=[(1, 2)]))
    await store.commit(make.state(2, ends=[(1, 454)]))
    assert await differences(store) == []


async def change(store, statement):
    async with store.database.write() as connection:
        assert (await connection.execute(statement)).rowcount


_clock = tables.boot_clocks
_d, _p, _e, _v = tables.day_totals, tables.person_totals, tables.episodes, tables.devices
_i, _c, _s = tables.incidents, tables.incident_closings, tables.services


@pytest.mark.parametrize(
    ("statement", "what", "key"),
    [
        (update(_d).where(_d.c.device == BUS, _d.c.day == 19675).values(distance_m=6001), "day totals", "day 19675"),
        (delete(_d).where(_d.c.device == BUS, _d.c.day == 19676), "day totals", "day 19676"),
        (update(_p).where(_p.c.device == BUS, _p.c.epoch == 1).values(trips=9), "epoch totals", "epoch 1"),
        (delete(_p).where(_p.c.device == BUS, _p.c.epoch == 2), "epoch totals", "epoch 2"),
        (update(_v).where(_v.c.device == BUS).values(trips=2), "device counter", "trips"),
        (update(_v).where(_v.c.device == BUS).values(distance_m=2), "device counter", "distance_m"),
        (update(_v).where(_v.c.device == BUS).values(records=2), "device counter", "records"),
        (update(_e).where(_e.c.device == BUS, _e.c.seq == 2).values(superseded=False), "trip", "boot 1 seq 2"),
        (update(_e).where(_e.c.device == BUS, _e.c.seq == 9).values(counted_epoch=2), "trip", "boot 1 seq 9"),
        (update(_e).where(_e.c.device == BUS, _e.c.seq == 10).values(trip_seq=2), "trip", "boot 1 seq 10"),
        (update(_e).where(_e.c.device == BUS, _e.c.seq == 8).values(day=5), "trip", "boot 1 seq 8"),
        (update(_e).where(_e.c.device == BUS, _e.c.seq == 10).values(dated_by_boot=False), "trip", "boot 1 seq 10"),
        (update(_clock).where(_clock.c.device == BUS).values(ahead_ms=1), "clock of a boot", "boot 1 seq 1"),
        (delete(_e).where(_e.c.device == BUS, _e.c.seq == 8), "trip", "boot 1 seq 8"),
        (delete(tables.losses), "record", "boot 1 seq 11"),
        (update(_i).where(_i.c.seq == 14).values(closed_by_seq=18), "incident", "boot 1 seq 14"),
        (update(_i).where(_i.c.seq == 14).values(closed_ms=5), "incident", "boot 1 seq 14"),
        (update(_i).where(_i.c.seq == 15).values(closed_by_boot=1, closed_by_seq=17), "incident", "boot 1 seq 15"),
        (update(_i).where(_i.c.seq == 15).values(code_values=[3]), "incident", "boot 1 seq 15"),
        (delete(_i).where(_i.c.seq == 15), "incident", "boot 1 seq 15"),
        (update(_c).where(_c.c.seq == 17).values(closes_seq=15), "closing of an incident", "boot 1 seq 17"),
        (delete(_c).where(_c.c.seq == 16), "closing of an incident", "boot 1 seq 16"),
        (update(_s).values(millilitres=None), "service", "boot 1 seq 19"),
        (update(_s).values(seq=20), "service", "boot 1 seq 19"),
        (update(_s).values(seq=20), "service", "boot 1 seq 20"),
        (delete(tables.rejections), "boot", "boot 1"),
        (update(tables.boots).where(tables.boots.c.device == BUS).values(upto=6), "boot", "boot 1"),
        (
            update(tables.records)
            .where(tables.records.c.device == BUS, tables.records.c.seq == 8)
            .values(payload=b"x"),
            "record",
            "boot 1 seq 8",
        ),
        (
            update(tables.records)
            .where(tables.records.c.device == BUS, tables.records.c.seq == 12)
            .values(parked=None),
            "record",
            "boot 1 seq 12",
        ),
        (
            update(tables.records)
            .where(tables.records.c.device == BUS, tables.records.c.seq == 8)
            .values(parked="pack"),
            "record",
            "boot 1 seq 8",
        ),
    ],
)
async def test_what_is_changed_by_hand_is_found(filled, statement, what, key):
    await change(filled, statement)
    found = await differences(filled)
    assert {item[0] for item in found} == {BUS}
    assert any(item[1] == what and key in item[2] and item[3] != item[4] for item in found), found


async def test_a_row_of_a_trip_without_its_record_is_found(filled):
    await change(filled, delete(tables.records).where(tables.records.c.seq == 8, tables.records.c.device == BUS))
    assert (BUS, "trip", "boot 1 seq 8", "a trip", "no record of it") in await differences(filled)


async def test_a_pack_that_is_added_while_it_runs_is_known(filled, make, small):
    known = Processes()  # as of a process that has not looked yet
    found = [item async for item in verify(filled.database, known)]
    assert found == []
    assert known.find(small.process.id) is not None


async def test_a_database_is_only_read(filled):
    database = await Database.open_to_read(filled.url)
    known = Processes()
    assert [item async for item in verify(database, known)] == []
    with pytest.raises(Exception, match="readonly"):
        async with database.read() as connection:
            await connection.execute(delete(tables.losses))
    await database.close()


async def test_a_database_that_is_not_there_is_not_made(new_url, tmp_path):
    with pytest.raises(ServerError, match=r"there is no database .*name the one that the server writes"):
        await Database.open_to_read(new_url)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "headway.db").write_bytes(b"")
    with pytest.raises(ServerError, match="has no tables of this version"):
        await Database.open_to_read(new_url)
    (tmp_path / "headway.db").write_text("no database" * 100)
    with pytest.raises(ServerError, match="cannot read the database"):
        await Database.open_to_read(new_url)
