"""Closing an epoch: benchmarks over persons, once, and published again until devices have them."""

import asyncio

import pytest

from headway_edge.core.characteristics import PERIOD
from headway_protocol import benchmark, topics
from headway_server import tables
from headway_server.epochs import close_epoch, latest_messages, open_number
from headway_server.errors import EpochNotClosed

pytestmark = pytest.mark.anyio
NOW_MS = 1_700_000_100_000


async def close(store, k_floor=10, **more):
    return await close_epoch(store.database, k_floor, NOW_MS, **more)


async def test_a_cohort_over_the_floor_gets_a_benchmark_on_every_device(store, make):
    await store.commit(*make.fleet(22))
    closed = await close(store)
    assert (closed.number, closed.persons, closed.cohorts, closed.withheld) == (1, 22, {"car": 22}, [])
    assert [p.topic for p in closed.publications] == [topics.topic("depot", f"car-{i:03}", "bench") for i in range(22)]
    found = benchmark.decode(closed.publications[0].payload)
    assert (found.epoch, found.cohort, found.pack_id) == (1, "car", make.pack_id)
    assert sorted(found.tables) == [c.id for c in PERIOD]
    # mileage: person i drives 2 * (i + 5) km, in tenths; groups of 6, 5, 5, 6
    assert found.tables[101] == (22, [136, 386, 614, 864], [150, 260, 360, 470])
    assert await open_number(store.database) == (2, NOW_MS)


async def test_a_cohort_under_the_floor_is_held_back_and_its_old_benchmark_stays(store, make):
    await store.commit(*make.fleet(10), *make.fleet(9, vehicle_class="bus", prefix="bus"))
    first = await close(store)
    assert first.cohorts == {"car": 10}
    assert [(w.cohort, w.characteristic, w.persons, w.reason) for w in first.withheld] == [
        ("bus", 0, 9, "9 of at least 10 persons")
    ]
    assert len(first.publications) == 10
    await store.commit(make.up(make.trip(1, 9), "depot/car-000"))
    second = await close(store)
    assert second.publications == [], "no empty message: devices keep the one of epoch 1"
    assert await latest_messages(store.database) == first.publications
    w = tables.withheld.c
    assert await store.rows(w.epoch, w.cohort, w.persons, order=w.epoch) == [(1, "bus", 9), (2, "car", 1)]


async def test_persons_are_counted_not_devices(store, make):
    await store.commit(*make.fleet(12))
    async with store.database.write() as connection:
        d = tables.devices
        await connection.execute(
            d.update().where(d.c.device.in_(["depot/car-001", "depot/car-002"])).values(person="p")
        )
    # From now on two units count for one person; what was committed before keeps its person.
    await close(store)
    await store.commit(*(make.up(make.trip(1, 20), f"depot/car-{i:03}") for i in range(12)))
    closed = await close(store)
    assert closed.cohorts == {"car": 11}


async def test_a_trip_before_its_device_s_birth_counts_in_the_right_cohort(store, make):
    fleet = make.fleet(10)
    births = [m for n, m in enumerate(fleet) if n % 3 == 0]
    await store.commit(*(m for n, m in enumerate(fleet) if n % 3))
    await store.commit(*births)
    assert (await close(store)).cohorts == {"car": 10}


async def test_devices_without_a_birth_get_no_benchmark(store, make):
    await store.commit(*(make.up(make.trip(1, 1), f"depot/car-{i:03}") for i in range(20)))
    closed = await close(store)
    assert (closed.cohorts, closed.publications) == ({}, [])
    assert [w.reason for w in closed.withheld] == ["the vehicle class is not known: no birth record has come"]


async def test_a_characteristic_that_too_few_persons_have_is_held_back_alone(store, make):
    messages = make.fleet(9)
    still = make.trip_counts(km=0)
    messages += [make.up(make.birth(1), "depot/car-900"), make.up(make.trip(1, 2, still), "depot/car-900")]
    await store.commit(*messages)
    closed = await close(store)
    assert {w.characteristic for w in closed.withheld} == {106, 107, 108}, "quotients by a distance of zero"
    assert closed.cohorts == {"car": 10}


async def test_a_late_trip_counts_in_the_epoch_that_is_open(store, make):
    await store.commit(*make.fleet(10))
    before = await close(store)
    await store.commit(make.up(make.trip(1, 50, wall_ms=1_000), "depot/car-000"))
    t = tables.person_totals.c
    assert (await store.rows(t.epoch, t.device, order=t.epoch.desc()))[0] == (2, "depot/car-000")
    assert await latest_messages(store.database) == before.publications


async def test_of_two_closers_one_closes(store, make):
    await store.commit(*make.fleet(10))
    results = await asyncio.gather(close(store, expected=1), close(store, expected=1), return_exceptions=True)
    assert sorted(type(r).__name__ for r in results) == ["ClosedEpoch", "EpochNotClosed"]
    e = tables.epochs.c
    assert await store.rows(e.number, e.closed_at_ms, order=e.number) == [(1, NOW_MS), (2, None)]


async def test_an_empty_epoch_is_closed_only_by_the_timer(store):
    with pytest.raises(EpochNotClosed, match="epoch 1 has no trips yet; wait for devices to send some"):
        await close(store)
    assert (await close(store, even_if_empty=True)).number == 1
    assert (await open_number(store.database))[0] == 2


async def test_the_newest_benchmark_can_be_asked_for_by_device(store, make):
    await store.commit(*make.fleet(10))
    await close(store)
    assert len(store.ingest.take_births()) == 10
    await store.commit(make.up(make.birth(1), "depot/new"), make.up(make.birth(1, vehicle_class="bus"), "depot/bus"))
    assert store.ingest.take_births() == ["depot/bus", "depot/new"]
    assert store.ingest.take_births() == []
    found = await latest_messages(store.database, ["depot/new", "depot/bus"])
    assert [p.topic for p in found] == ["headway/v1/depot/new/bench"], "there is no benchmark of buses"
