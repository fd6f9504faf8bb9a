"""Whom benchmarks were over is remembered, and the next ones are held against it."""

from random import Random

import pytest
from sqlalchemy import select

from headway_protocol import benchmark
from headway_server.backups.restore import RESTORED
from headway_server.cohorts.benchmark_members import Members, earlier_sets, numbers_of, remember
from headway_server.cohorts.differencing import EARLIER_MAX, are_apart, members
from headway_server.cohorts.epochs import close_epoch
from headway_server.erasure.personal_rows import delete_rows
from headway_server.store import tables

pytestmark = pytest.mark.anyio
NOW_MS = 1_700_000_100_000
MILEAGE = 101


async def close(store, seed=0, k_floor=10, now_ms=NOW_MS):
    chance = Random(seed)  # noqa: S311 - repeatable, not secret
    return await close_epoch(store.database, store.processes, k_floor, now_ms, chance=chance)


async def drive(store, make, seq, numbers, process=None, vehicle_class="car"):
    """A trip of each of these persons, whose devices are born if they were not."""
    messages = []
    for i in numbers:
        device = f"depot/car-{i:03}"
        counts = None if process is None else make.numbers(process, distance_m=1000 * (5 + i))
        trip = make.trip(1, seq + 1, counts, process=process, km=5 + i, minutes=60, idle_s=10 * i)
        birth = make.birth(1, seq, vehicle_class=vehicle_class, process=process)
        messages += [make.up(birth, device), make.up(trip, device)]
    await store.commit(*messages)


async def of_mileage(store):
    """[(epoch, cohort, persons by name), ...] of the tables that are remembered."""
    m, p = tables.benchmark_members.c, tables.benchmark_persons.c
    names = dict(await store.rows(p.number, p.person))
    rows = await store.rows(m.epoch, m.cohort, m.persons, order=(m.epoch, m.cohort), where=m.characteristic == MILEAGE)
    return [
        (epoch, cohort, [names.get(n) for n in members(int.from_bytes(persons, "little"))])
        for epoch, cohort, persons in rows
    ]


async def test_where_one_is_on_holiday_nine_more_are_left_out_of_every_table(store, make):
    await drive(store, make, 1, range(22))
    await close(store)
    await drive(store, make, 3, range(1, 22))
    closed = await close(store)
    found = benchmark.decode(closed.publications[0].payload)
    assert {n for n, _, _ in found.tables.values()} == {12}
    before, now = [{*persons} for _, _, persons in await of_mileage(store)]
    assert len(before) == 22
    assert len(now) == 12
    assert now < before - {"depot/car-000"}
    sets = set(await store.rows(tables.benchmark_members.c.persons))
    assert len(sets) == 2, "all tables of an epoch are over the same persons"


async def test_who_comes_back_is_published_again(store, make):
    for epoch, numbers in enumerate((range(22), range(1, 22), range(22))):
        await drive(store, make, 2 * epoch + 1, numbers)
        await close(store)
    first, second, third = await of_mileage(store)
    assert len(second[2]) == 12
    assert first[2] == third[2]


async def test_a_fleet_too_small_for_it_keeps_the_benchmark_it_has(store, make):
    await drive(store, make, 1, range(12))
    first = await close(store)
    await drive(store, make, 3, range(11))
    second = await close(store)
    assert (second.cohorts, second.publications) == ({}, [])
    reasons = {w.reason for w in second.withheld if w.persons == 11}
    assert reasons == {
        "the 11 persons differ by 1 from those of an earlier benchmark, and too few are left to leave others out: the two, "
        "subtracted, would tell about fewer than 10; there is another when the same persons drive again or 10 differ, or with "
        "a lower k_floor"
    }
    await drive(store, make, 5, range(11))
    lower = await close(store, k_floor=5)
    assert {n for n, _, _ in benchmark.decode(lower.publications[0].payload).tables.values()} == {7}
    await drive(store, make, 7, range(12))
    again = await close(store, k_floor=5)
    assert again.cohorts == first.cohorts


async def test_a_new_pack_begins_no_new_count(store, make, small):
    await store.processes.add(store.database, small, 1)
    await drive(store, make, 1, range(12))
    await close(store)
    await drive(store, make, 3, range(11), process=small.process)
    closed = await close(store)
    told = {number for p in closed.publications for number in benchmark.decode(p.payload).tables}
    assert MILEAGE not in told, "eleven of twelve, under the same number"


async def test_devices_that_tell_another_class_begin_no_new_count(store, make):
    await drive(store, make, 1, range(12))
    await close(store)
    await drive(store, make, 3, range(11), vehicle_class="bus")
    closed = await close(store)
    assert closed.cohorts == {}
    assert {w.cohort for w in closed.withheld} == {"bus"}


async def test_one_who_moves_from_one_cohort_to_another_is_told_by_neither(store, make):
    await drive(store, make, 1, range(25))
    await drive(store, make, 1, range(100, 125), vehicle_class="bus")
    await close(store)
    await drive(store, make, 3, range(24))
    await drive(store, make, 3, range(100, 125), vehicle_class="bus")
    await drive(store, make, 3, [24], vehicle_class="bus")
    await close(store)
    cars, buses = [
        [{*persons} for _, cohort, persons in await of_mileage(store) if cohort == name] for name in ("car", "bus")
    ]
    for before, after in (cars, buses):
        assert len(before ^ after) == 0 or len(before ^ after) >= 10
    assert len(cars[0] ^ cars[1]) == 10
    assert buses[0] == buses[1], "the same as before, without the newcomer"


async def test_benchmarks_of_before_are_worked_out_from_their_totals_once(store, make):
    await drive(store, make, 1, range(22))
    await close(store)
    remembered = await of_mileage(store)
    async with store.database.write() as connection:
        await connection.execute(tables.benchmark_members.delete())
        await connection.execute(tables.benchmark_persons.delete())
    await drive(store, make, 3, range(1, 22))
    await close(store)
    first, second = await of_mileage(store)
    assert first == remembered[0]
    assert len(second[2]) == 12


async def test_after_a_restore_one_close_publishes_nothing(store, make):
    await drive(store, make, 1, range(22))
    await close(store)
    async with store.database.write() as connection:
        await connection.execute(tables.marks.insert(), {"name": RESTORED, "at_ms": NOW_MS + 1, "number": 1})
    await drive(store, make, 3, range(22))
    restored = await close(store, now_ms=NOW_MS + 2)
    assert (restored.cohorts, restored.publications) == ({}, [])
    assert [w.reason.split(",")[0] for w in restored.withheld] == [
        "the database was restored from a backup in this epoch"
    ]
    await drive(store, make, 5, range(22))
    assert (await close(store, now_ms=NOW_MS + 3)).cohorts == {("car", make.pack_id): 22}


async def test_who_is_erased_still_counts_and_nobody_gets_the_number(store, make):
    await drive(store, make, 1, range(22))
    await close(store)
    newest = max(await store.rows(tables.benchmark_persons.c.number, tables.benchmark_persons.c.person))
    async with store.database.write() as connection:
        await delete_rows(connection, newest[1], [newest[1]])
    ((_, _, persons),) = await of_mileage(store)
    assert len(persons) == 22
    assert persons.count(None) == 1
    # Who is erased is a stranger when they come back: one gone and one new.
    async with store.database.write() as connection:
        assert (await numbers_of(connection, [newest[1]]))[newest[1]] > newest[0]
    await drive(store, make, 3, range(22))
    await close(store)
    before, now = [{*persons} for _, _, persons in await of_mileage(store)]
    assert len(before ^ now) >= 10


async def test_no_more_sets_are_kept_than_are_looked_at(store):
    n = 2 * EARLIER_MAX
    async with store.database.write() as connection:
        await connection.execute(
            tables.epochs.insert(), [{"number": i, "opened_at_ms": 0, "closed_at_ms": 1} for i in range(2, n + 2)]
        )
        for epoch in range(1, n + 1):
            often = Members("car", bytes(8), MILEAGE, 1 << epoch)
            seldom = [Members("bus", bytes(8), MILEAGE, 1)] if epoch % 12 == 1 else []
            await remember(connection, epoch, [often, *seldom])
        m = tables.benchmark_members.c
        kept = list(await connection.execute(select(m.epoch, m.cohort).order_by(m.cohort, m.epoch)))
        assert [tuple(row) for row in kept] == [(1, "bus"), (13, "bus"), *((i, "car") for i in range(n - 11, n + 1))]
        sets = (await earlier_sets(connection))[MILEAGE]
    assert len(sets) == len(kept)
    assert all(are_apart(one, one, 10) for one in sets)


async def test_the_page_says_over_how_many_of_the_persons(store, make, client):
    await drive(store, make, 1, range(22))
    await close(store)
    await drive(store, make, 3, range(1, 22))
    await close(store)
    page = await client.get(f"/?epoch=2&characteristic={MILEAGE}")
    assert "epoch 2, over 12 of 21 persons: the others are left out so that" in page.text
    page = await client.get(f"/?epoch=1&characteristic={MILEAGE}")
    assert "Published to the devices of this cohort at the close of epoch 1." in page.text
