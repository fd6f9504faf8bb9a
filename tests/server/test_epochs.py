"""Closing an epoch: benchmarks over persons, once, and published again until devices have them."""

import asyncio

import pytest

from headway_protocol import benchmark, topics
from headway_server.cohorts.epochs import close_epoch, open_number
from headway_server.errors import EpochNotClosed
from headway_server.publishing.publications import benchmark_payload, latest_benchmarks
from headway_server.store import tables

pytestmark = pytest.mark.anyio
NOW_MS = 1_700_000_100_000


async def close(store, k_floor=10, **more):
    return await close_epoch(store.database, store.processes, k_floor, NOW_MS, **more)


async def test_a_cohort_over_the_floor_gets_a_benchmark_on_every_device(store, make):
    await store.commit(*make.fleet(22))
    closed = await close(store)
    assert (closed.number, closed.persons, closed.cohorts) == (1, 22, {("car", make.pack_id): 22})
    assert [p.topic for p in closed.publications] == [topics.topic("depot", f"car-{i:03}", "bench") for i in range(22)]
    found = benchmark.decode(closed.publications[0].payload)
    assert (found.epoch, found.cohort, found.pack_id) == (1, "car", make.pack_id)
    held_back = {w.characteristic for w in closed.withheld}
    assert held_back.isdisjoint(range(100, 111)), "what these trips have no numbers for, such as a road's heading"
    assert sorted(held_back | found.tables.keys()) == [c.id for c in make.process.period]
    # mileage: person i drives 2 * (i + 5) km, in tenths; groups of 6, 5, 5, 6
    assert found.tables[101] == (22, [136, 386, 614, 864], [150, 260, 360, 470])
    assert await open_number(store.database) == (2, NOW_MS)


async def test_a_cohort_under_the_floor_is_held_back_and_its_old_benchmark_stays(store, make):
    await store.commit(*make.fleet(10), *make.fleet(9, vehicle_class="bus", prefix="bus"))
    first = await close(store)
    assert first.cohorts == {("car", make.pack_id): 10}
    assert [(w.characteristic, w.persons, w.reason) for w in first.withheld if w.cohort == "bus"] == [
        (0, 9, "9 of at least 10 persons")
    ]
    assert len(first.publications) == 10
    await store.commit(make.up(make.trip(1, 9), "depot/car-000"))
    second = await close(store)
    assert second.publications == [], "no empty message: devices keep the one of epoch 1"
    assert await latest_benchmarks(store.database, store.processes) == first.publications
    w = tables.withheld.c
    whole = [row[:3] for row in await store.rows(w.epoch, w.cohort, w.persons, w.characteristic) if row[3] == 0]
    assert sorted(whole) == [(1, "bus", 9), (2, "car", 1)]


async def test_persons_are_counted_not_devices(store, make):
    await store.commit(*make.fleet(12))
    async with store.database.write() as connection:
        d = tables.devices
        await connection.execute(
            d.update().where(d.c.device.in_(["depot/car-001", "depot/car-002"])).values(person="p")
        )
    # From now on two units count for one person; what was committed before keeps its person.
    assert (await close(store, k_floor=13)).cohorts == {}
    await store.commit(*(make.up(make.trip(1, 20), f"depot/car-{i:03}") for i in range(12)))
    closed = await close(store)
    assert closed.cohorts == {("car", make.pack_id): 11}


async def test_a_trip_before_its_device_s_birth_counts_in_the_right_cohort(store, make):
    fleet = make.fleet(10)
    births = [m for n, m in enumerate(fleet) if n % 3 == 0]
    await store.commit(*(m for n, m in enumerate(fleet) if n % 3))
    await store.commit(*births)
    assert (await close(store)).cohorts == {("car", make.pack_id): 10}


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
    held_back = {w.characteristic: w.persons for w in closed.withheld}
    assert {held_back.get(number) for number in (106, 107, 108)} == {9}, "quotients by a distance of zero"
    assert held_back.keys().isdisjoint({100, 101, 103, 105}), "others are told"
    assert closed.cohorts == {("car", make.pack_id): 10}


async def test_a_late_trip_counts_in_the_epoch_that_is_open(store, make):
    await store.commit(*make.fleet(10))
    before = await close(store)
    await store.commit(make.up(make.trip(1, 50, wall_ms=1_000), "depot/car-000"))
    t = tables.person_totals.c
    assert (await store.rows(t.epoch, t.device, order=t.epoch.desc()))[0] == (2, "depot/car-000")
    assert await latest_benchmarks(store.database, store.processes) == before.publications


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
    found = await latest_benchmarks(store.database, store.processes, ["depot/new", "depot/bus"])
    assert [p.topic for p in found] == ["headway/v1/depot/new/bench"], "there is no benchmark of buses"


async def test_people_are_compared_with_those_of_the_same_pack_only(store, make, small):
    await store.processes.add(store.database, small, 1)
    await store.commit(*make.fleet(10))
    other = [f"depot/other-{i}" for i in range(11)]
    for i, device in enumerate(other):
        numbers = make.numbers(small.process, distance_m=1000 * (i + 1))
        trip = make.trip(1, 2, numbers, process=small.process)
        await store.commit(make.up(make.birth(1, process=small.process), device), make.up(trip, device))
    closed = await close(store)
    assert closed.cohorts == {("car", make.pack_id): 10, ("car", small.process.id): 11}
    told = {p.topic.split("/")[3]: benchmark.decode(p.payload) for p in closed.publications}
    assert told["car-000"].pack_id == make.pack_id
    assert (told["other-0"].pack_id, sorted(told["other-0"].tables)) == (small.process.id, [100, 101, 102])
    assert told["other-0"].tables[100][2] == [35, 90], "means of 1 to 6 and of 7 to 11 km, in tenths"
    # Who takes the other pack gets its benchmark, the newest of it, from the next birth on.
    await store.commit(make.up(make.birth(2, process=small.process), "depot/car-000"))
    (message,) = await latest_benchmarks(store.database, store.processes, ["depot/car-000"])
    assert benchmark.decode(message.payload).pack_id == small.process.id


async def test_values_that_no_message_carries_are_held_back(store, make, small):
    await store.processes.add(store.database, small, 1)
    for i in range(10):
        device = f"depot/car-{i:03}"
        await store.commit(make.up(make.birth(1, process=small.process), device))
        numbers = make.numbers(small.process, distance_m=10_000)
        await store.commit(make.up(make.trip(1, 2, numbers, process=small.process), device))
    t = tables.person_totals
    async with store.database.write() as connection:
        await connection.execute(t.update().values(totals=[1, 1 << 80, 5, 0, 0, 0]))
    closed = await close(store)
    assert [(w.characteristic, w.reason) for w in closed.withheld] == [(100, "a value of more than 63 bits")]
    assert sorted(benchmark.decode(closed.publications[0].payload).tables) == [101, 102]


def test_a_benchmark_is_cut_to_what_a_message_takes_what_is_scored_first(make):
    shares, values = list(range(0, 1000, 48)), list(range(1 << 40, (1 << 40) + 21))
    tables_ = [(c.id, 200, shares[:21], values) for c in make.process.period] + [
        (number, 200, shares[:21], values) for number in range(1000, 1060)
    ]
    found = benchmark.decode(benchmark_payload(make.process, 1, "car", make.pack_id, tables_)).tables
    scored = {number for _, numbers in make.process.pack.axes for number in numbers}
    headline = {c.id for c in make.process.period if c.headline}
    assert scored | headline <= found.keys()
    assert len(scored | headline) <= len(found) < len(tables_)
    assert 1059 not in found
