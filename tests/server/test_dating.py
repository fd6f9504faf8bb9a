"""Dates: a trip made before its device knew the time is dated by its boot, whichever way the records come."""

import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_edge.core.boot_dates import BootClock
from headway_protocol import counts, incident, record, service
from headway_server.cohorts.epochs import close_epoch
from headway_server.ingest.dating import EARLIEST_MS, LATEST_MS, anchor_of, date
from headway_server.ingest.dating_rows import TO_DATE
from headway_server.recounting.verification import verify_device
from headway_server.store import tables
from headway_server.totals.periods import UNDATED
from headway_server.totals.tally import Tally, merge

NOW_MS = 1_700_000_000_000
DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
BUS = "depot/bus-1"
UNSYNCED, HOLDOVER, SYNCED = record.UNSYNCED, record.HOLDOVER, record.SYNCED
_number = itertools.count()
_e, _d, _b = (table.c for table in (tables.episodes, tables.day_totals, tables.boot_clocks))
_i, _c, _s = (table.c for table in (tables.incidents, tables.incident_closings, tables.services))


def made(kind, boot, seq, body, mono_ms, wall_ms, clock):
    return record.encode(record.Record(kind, boot, seq, mono_ms, wall_ms, clock, body))


def birth(make, boot, seq, mono_ms, wall_ms, clock):
    process = make.process
    body = record.birth_body("headway 0.1.0", "car", [(process.id, process.name, process.version)], 0, 0)
    return made(record.BIRTH, boot, seq, body, mono_ms, wall_ms, clock)


def trip(make, boot, seq, mono_ms, wall_ms=None, clock=UNSYNCED, *, ago_ms=0, km=10, revises=None):
    packed, gates = counts.pack(make.trip_counts(km=km)), counts.pack([0] * 8)
    body = record.episode_body(make.pack_id, ago_ms, packed, gates, None, revises)
    return made(record.EPISODE, boot, seq, body, mono_ms, wall_ms, clock)


async def differences(store, device=BUS):
    async with store.database.read() as connection:
        return await verify_device(connection, store.processes.find, device)


async def dates(store, device=BUS):
    """{(boot, seq): (start, by its boot)}; a device's rows must be what its records say."""
    assert await differences(store, device) == []
    rows = await store.rows(_e.boot, _e.seq, _e.start_ms, _e.dated_by_boot, where=_e.device == device)
    return {(boot, seq): (start_ms, by_boot) for boot, seq, start_ms, by_boot in rows}


async def days(store, device=BUS):
    """{day: metres}."""
    return dict(await store.rows(_d.day, _d.distance_m, where=_d.device == device))


@pytest.mark.anyio
async def test_a_trip_before_the_clock_was_set_is_dated_when_it_is(store, make):
    await store.commit(make.up(trip(make, 1, 1, mono_ms=3_600_000, ago_ms=600_000, km=7)))
    assert await dates(store) == {(1, 1): (None, False)}
    assert await days(store) == {UNDATED: 7000}
    await store.commit(make.up(birth(make, 1, 2, 2 * DAY_MS, NOW_MS, SYNCED)))
    start_ms = NOW_MS - 2 * DAY_MS + 3_000_000
    assert await dates(store) == {(1, 1): (start_ms, True)}
    assert await days(store) == {start_ms // DAY_MS: 7000}
    # What comes later is dated at once; a trip by a synced clock goes by that.
    await store.commit(
        make.up(trip(make, 1, 3, mono_ms=7_200_000)), make.up(trip(make, 1, 4, 3 * DAY_MS, NOW_MS + 5, SYNCED))
    )
    found = await dates(store)
    assert found[1, 3] == (NOW_MS - 2 * DAY_MS + 7_200_000, True)
    assert found[1, 4] == (NOW_MS + 5, False)


@pytest.mark.anyio
async def test_a_clock_that_was_a_year_off_is_put_right_by_one_that_was_set(store, make):
    wrong_ms = NOW_MS - YEAR_MS
    await store.commit(make.up(trip(make, 1, 1, 60_000, wrong_ms, HOLDOVER)))
    assert await dates(store) == {(1, 1): (wrong_ms, False)}
    await store.commit(make.up(birth(make, 1, 2, 120_000, NOW_MS, SYNCED)))
    assert await dates(store) == {(1, 1): (NOW_MS - 60_000, True)}
    assert await days(store) == {(NOW_MS - 60_000) // DAY_MS: 10_000}


@pytest.mark.anyio
async def test_incidents_and_services_are_dated_by_their_boot_too(store, make, client):
    hour_ms = 3_600_000
    body = incident.incident_body(17, 1, 600_000, None, [])
    await store.commit(
        make.up(made(record.INCIDENT, 1, 1, body, hour_ms, None, UNSYNCED)),
        make.up(
            made(
                record.INCIDENT,
                1,
                2,
                incident.incident_body(17, 1, 0, None, [], (1, 1)),
                2 * hour_ms,
                NOW_MS - YEAR_MS,
                HOLDOVER,
            )
        ),
        make.up(
            made(record.SERVICE, 1, 3, service.service_body(service.REPAIRED, DAY_MS, None, None), hour_ms, 0, SYNCED)
        ),
    )
    (found,) = (await client.get("/api/v1/incidents")).json()["incidents"]
    assert found["time_to_restore_s"] == 3600 + 600
    await store.commit(make.up(birth(make, 1, 4, DAY_MS, NOW_MS, SYNCED)))
    zero_ms = NOW_MS - DAY_MS
    assert await store.rows(_i.opened_ms, _i.closed_ms) == [(zero_ms + hour_ms - 600_000, zero_ms + 2 * hour_ms)]
    assert await store.rows(_c.closed_ms) == [(zero_ms + 2 * hour_ms,)]
    assert await store.rows(_s.done_ms) == [(zero_ms + hour_ms - DAY_MS,)]
    assert await differences(store) == []


_TIMES = st.tuples(st.integers(0, 10**10), st.none() | st.integers(EARLIEST_MS, LATEST_MS - 1), st.integers(1, 2))


@given(st.lists(_TIMES, min_size=1, max_size=8), st.integers(0, 10**9))
def test_the_device_dates_by_the_same_rule(times, ago_ms):
    clock, best = BootClock(), None
    for seq, (mono_ms, wall_ms, known) in enumerate(times, 1):
        quality = UNSYNCED if wall_ms is None else known
        clock.learn(mono_ms, wall_ms, quality)
        anchor = anchor_of(seq, mono_ms, wall_ms, quality)
        if anchor is not None and anchor.is_better_than(best):
            best = anchor
        assert clock.began_ms(mono_ms, wall_ms, quality, ago_ms) == date(mono_ms, wall_ms, quality, ago_ms, best)[0]
    for mono_ms, wall_ms, known in times:
        quality = UNSYNCED if wall_ms is None else known
        assert clock.began_ms(mono_ms, wall_ms, quality, ago_ms) == date(mono_ms, wall_ms, quality, ago_ms, best)[0]


@pytest.mark.anyio
async def test_a_boot_says_nothing_of_another(store, make):
    await store.commit(
        make.up(trip(make, 1, 1, 60_000)),
        make.up(birth(make, 2, 1, 100, NOW_MS, SYNCED)),
        make.up(trip(make, 2, 2, 60_100)),
        make.up(birth(make, 1, 1, 100, NOW_MS - 5 * DAY_MS, SYNCED), "depot/bus-2"),
    )
    assert await dates(store) == {(1, 1): (None, False), (2, 2): (NOW_MS + 60_000, True)}


@pytest.mark.anyio
@pytest.mark.parametrize("wall_ms", [0, EARLIEST_MS - 1, LATEST_MS, 4_294_967_296_000])
async def test_a_time_that_cannot_be_is_none(store, make, wall_ms):
    await store.commit(make.up(trip(make, 1, 1, 60_000, wall_ms, SYNCED)), make.up(trip(make, 1, 2, 90_000)))
    assert await dates(store) == {(1, 1): (None, False), (1, 2): (None, False)}
    assert await days(store) == {UNDATED: 20_000}
    await store.commit(make.up(birth(make, 1, 3, 100_000, NOW_MS, HOLDOVER)))
    assert await dates(store) == {(1, 1): (NOW_MS - 40_000, True), (1, 2): (NOW_MS - 10_000, True)}


@pytest.mark.anyio
async def test_of_equal_clocks_the_first_of_the_boot_counts_whichever_comes_first(store, make):
    early, late = birth(make, 1, 1, 100, NOW_MS, SYNCED), birth(make, 1, 9, 100_000, NOW_MS + YEAR_MS, SYNCED)
    await store.commit(make.up(trip(make, 1, 5, 50_000)), make.up(late))
    assert await dates(store) == {(1, 5): (NOW_MS + YEAR_MS - 50_000, True)}
    await store.commit(make.up(early))
    assert await dates(store) == {(1, 5): (NOW_MS + 49_900, True)}
    assert await store.rows(_b.boot, _b.seq, _b.clock) == [(1, 1, SYNCED)]


@pytest.mark.anyio
async def test_a_superseded_trip_gets_its_date_and_counts_no_more_than_before(store, make):
    await store.commit(
        make.up(trip(make, 1, 1, 60_000, km=5)), make.up(trip(make, 1, 2, 60_000 + DAY_MS, km=6, revises=(1, 1)))
    )
    await store.commit(make.up(birth(make, 1, 3, 2 * DAY_MS, NOW_MS, SYNCED)))
    first_ms = NOW_MS - 2 * DAY_MS + 60_000
    assert await dates(store) == {(1, 1): (first_ms, True), (1, 2): (first_ms + DAY_MS, True)}
    assert await days(store) == {(first_ms + DAY_MS) // DAY_MS: 6000}


@pytest.mark.anyio
async def test_a_date_that_comes_after_the_close_changes_no_epoch(store, make):
    await store.commit(make.up(trip(make, 1, 1, 60_000)))
    await close_epoch(store.database, store.processes, 10, 1)
    p = tables.person_totals.c
    before = await store.rows(p.epoch, p.trips, p.distance_m, p.totals)
    await store.commit(make.up(birth(make, 1, 2, 120_000, NOW_MS, SYNCED)))
    assert await store.rows(p.epoch, p.trips, p.distance_m, p.totals) == before
    assert await days(store) == {(NOW_MS - 60_000) // DAY_MS: 10_000}
    assert await dates(store) == {(1, 1): (NOW_MS - 60_000, True)}


@pytest.mark.anyio
async def test_a_trip_that_is_understood_later_is_dated_then(store, make, small):
    numbers = make.numbers(small.process)
    await store.commit(
        make.up(birth(make, 1, 1, 100, NOW_MS, SYNCED)),
        make.up(make.trip(1, 2, numbers, wall_ms=None, process=small.process)),  # made after 4000 s, and 1200 s long
    )
    await store.processes.add(store.database, small, 1)
    assert await store.ingest.read_parked() == 1
    assert await dates(store) == {(1, 2): (NOW_MS - 100 + 4_000_000 - 1_200_000, True)}


@pytest.mark.anyio
async def test_the_api_says_whose_time_it_is(store, make, client):
    await store.commit(
        make.up(trip(make, 1, 1, 60_000)),
        make.up(birth(make, 1, 2, 120_000, NOW_MS, SYNCED)),
        make.up(trip(make, 1, 3, 180_000, NOW_MS, SYNCED)),
        make.up(trip(make, 2, 1, 60_000)),
    )
    trips = (await client.get("/api/v1/trips")).json()["trips"]
    found = {(row["boot"], row["seq"]): (row["clock"], row["dated"], row["start"] is not None) for row in trips}
    assert found == {
        (1, 1): ("unsynced", "boot", True),
        (1, 3): ("synced", "own", True),
        (2, 1): ("unsynced", None, False),
    }


@pytest.mark.anyio
async def test_a_database_of_before_is_dated_once_at_the_start(store, make):
    await store.commit(
        make.up(trip(make, 1, 1, 60_000)),
        make.up(birth(make, 1, 2, 120_000, NOW_MS, SYNCED)),
        make.up(trip(make, 2, 1, 60_000, 0, SYNCED), "depot/bus-2"),
        make.up(birth(make, 2, 2, 60_000, NOW_MS, HOLDOVER), "depot/bus-2"),
        make.up(trip(make, 3, 1, 60_000, 0, HOLDOVER), "depot/bus-2"),
        make.up(made(record.SERVICE, 1, 3, service.service_body(1, 0, None, None), 60_000, None, UNSYNCED)),
    )
    assert await store.ingest.date_boots() == 0, "nothing of before"
    assert await store.rows(_s.done_ms) == [(NOW_MS - 60_000,)]
    expected = (
        await dates(store),
        await dates(store, "depot/bus-2"),
        await days(store),
        await days(store, "depot/bus-2"),
    )
    async with store.database.write() as connection:
        # As it was: each trip by its own clock, whatever that said.
        await connection.execute(tables.boot_clocks.delete())
        await connection.execute(tables.services.update().values(done_ms=None))
        await connection.execute(_d.day.table.update().where(_d.device == BUS).values(day=UNDATED))
        await connection.execute(_e.id.table.update().values(start_ms=None, day=UNDATED, dated_by_boot=False))
        ago = _e.id.table.update().where(_e.device == "depot/bus-2")
        await connection.execute(ago.values(start_ms=0, day=0))
        await connection.execute(tables.day_totals.delete().where(_d.device == "depot/bus-2", _d.day == UNDATED))
        await connection.execute(tables.day_totals.update().where(_d.device == "depot/bus-2").values(day=0, trips=2))
        await connection.execute(tables.marks.insert().values(name=TO_DATE, at_ms=0))
    assert await differences(store)
    assert await store.ingest.date_boots() == 2
    assert await store.ingest.date_boots() == 0
    found = await dates(store), await dates(store, "depot/bus-2"), await days(store), await days(store, "depot/bus-2")
    assert found == expected


_CLOCKS = st.one_of(
    st.tuples(st.none(), st.just(UNSYNCED)),
    st.tuples(st.integers(-3, 3).map(lambda n: NOW_MS + n * DAY_MS), st.sampled_from([HOLDOVER, SYNCED])),
    st.tuples(st.sampled_from([0, EARLIEST_MS, LATEST_MS - 1, LATEST_MS]), st.sampled_from([HOLDOVER, SYNCED])),
)
TRIP, BIRTH, INCIDENT, CLOSING, SERVICE = range(5)
_RECORDS = st.lists(
    st.tuples(
        st.integers(1, 2),  # boot
        st.sampled_from([TRIP, TRIP, BIRTH, INCIDENT, CLOSING, SERVICE]),
        _CLOCKS,
        st.integers(0, 2 * DAY_MS),  # monotonic
        st.integers(0, 2 * DAY_MS),  # ago
        st.booleans(),  # a trip corrects the one before; a closing names the incident before
    ),
    min_size=1,
    max_size=8,
)


def expected_start(records, place):
    """When something was: by its record's own clock, or by the best of its boot."""

    def rank(item):
        (_, seq), (_, _, (wall_ms, clock), _, _, _) = item
        return (0 if wall_ms is None or not EARLIEST_MS <= wall_ms < LATEST_MS else -clock, seq)

    boot, kind, (wall_ms, _), mono_ms, ago_ms, _ = records[place]
    ago_ms = 0 if kind == CLOSING else ago_ms
    best = min(((at, its) for at, its in records.items() if at[0] == boot), key=rank)
    own, other = rank((place, records[place]))[0], rank(best)[0]
    if other == 0:
        return None
    if own == other:
        return wall_ms - ago_ms
    return best[1][2][0] - best[1][3] + mono_ms - ago_ms


@given(data=st.data(), drawn=_RECORDS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_gives_the_same_dates_and_totals(data, drawn, runner, shared_store, make):
    device = f"group/t-{next(_number)}"
    records, payloads, revised, closed, seqs = {}, [], set(), {}, {1: 0, 2: 0}
    for item in drawn:
        boot, kind, (wall_ms, clock), mono_ms, ago_ms, corrects = item
        seqs[boot] += 1
        place = (boot, seqs[boot])
        named = INCIDENT if kind == CLOSING else TRIP
        before = next((at for at in reversed(records) if records[at][1] == named and at[0] == boot), None)
        records[place] = item
        if kind == BIRTH:
            payloads.append(birth(make, *place, mono_ms, wall_ms, clock))
            continue
        if kind in {INCIDENT, CLOSING}:
            closes = None if kind == INCIDENT else before if corrects and before else (9, 9)
            body = incident.incident_body(17, 1, ago_ms, None, [], closes)
            payloads.append(made(record.INCIDENT, *place, body, mono_ms, wall_ms, clock))
            if closes is not None and closes == before and before not in closed:
                closed[before] = place
            continue
        if kind == SERVICE:
            body = service.service_body(service.OIL_CHANGED, ago_ms, None, None)
            payloads.append(made(record.SERVICE, *place, body, mono_ms, wall_ms, clock))
            continue
        revises = before if corrects else None
        revised |= {revises}
        km = 1 + place[1]
        payloads.append(trip(make, *place, mono_ms, wall_ms, clock, ago_ms=ago_ms, km=km, revises=revises))
    sent = [make.up(payload, device) for payload in payloads]
    sent += data.draw(st.lists(st.sampled_from(sent), max_size=4))
    arriving = data.draw(st.permutations(sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    for first, last in itertools.pairwise([0, *cuts, len(arriving)]):
        runner.run(shared_store.commit(*arriving[first:last]))

    when = {place: expected_start(records, place) for place in records}
    starts = {place: when[place] for place in records if records[place][1] == TRIP}
    found = runner.run(dates(shared_store, device))
    assert {place: start_ms for place, (start_ms, _) in found.items()} == starts
    for kind, table, name in ((INCIDENT, _i, "opened_ms"), (CLOSING, _c, "closed_ms"), (SERVICE, _s, "done_ms")):
        rows = runner.run(shared_store.rows(table.boot, table.seq, table[name], where=table.device == device))
        told = {(boot, seq): then_ms for boot, seq, then_ms in rows}
        assert told == {place: when[place] for place in records if records[place][1] == kind}
    rows = runner.run(shared_store.rows(_i.boot, _i.seq, _i.closed_ms, where=_i.device == device))
    assert {(boot, seq): closed_ms for boot, seq, closed_ms in rows} == {
        place: when[closed[place]] if place in closed else None for place in records if records[place][1] == INCIDENT
    }
    totals = {}
    for place in starts.keys() - revised:
        day = UNDATED if starts[place] is None else starts[place] // DAY_MS
        numbers = make.trip_counts(km=1 + place[1])
        key = (day, make.process.context(numbers))
        totals[key] = merge(make.process, totals.get(key), Tally(1, numbers[1], make.process.totals(numbers)))
    rows = runner.run(
        shared_store.rows(_d.day, _d.context, _d.trips, _d.distance_m, _d.totals, where=_d.device == device)
    )
    assert {(day, context): Tally(*its) for day, context, *its in rows} == totals
