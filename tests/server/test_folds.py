"""Folds: totals stay exact, whatever was folded into what, and in whatever order it comes or comes again."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.server.made_folds import HOUR_MS, NOW_MS, Device, day_record, ranges_of

from headway_protocol import fold
from headway_server.cohorts.epochs import close_epoch
from headway_server.recounting.verification import verify_device
from headway_server.store import tables
from headway_server.totals.periods import period_of
from headway_server.totals.tally import Tally, merge

BUS = "depot/bus-1"
_number = itertools.count()
_d, _m, _p, _e, _f = (
    table.c for table in (tables.day_totals, tables.month_totals, tables.person_totals, tables.episodes, tables.folds)
)
_HOURS = st.one_of(st.integers(0, 4 * 24), st.integers(0, 90 * 24))
_TRIPS = st.one_of(  # with dates or without: one that has a date gives one to the others of its boot
    st.lists(st.tuples(hours, st.integers(100, 30_000), st.integers(-50, 50)), min_size=1, max_size=9)
    for hours in (_HOURS, st.none())
)


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as one:
        yield one


@pytest.fixture
def shared_store(runner, open_store, database_url, small):
    """One database for all examples, each of which has devices of its own."""
    one = runner.run(open_store(database_url))
    runner.run(one.processes.add(one.database, small, 1))
    yield one
    runner.run(one.database.close())


@pytest.fixture
async def small_store(store, small):
    await store.processes.add(store.database, small, 1)
    return store


async def of_device(store, table, device):
    return await store.rows(
        *(table.c[name] for name in ("day", "context", "trips", "distance_m", "totals")), where=table.c.device == device
    )


async def stored(store, process, device, by):
    """{(period, context): tally} as the store has it, of days and of months."""
    found = {}
    for table in (tables.day_totals, tables.month_totals) if by != "day" else (tables.day_totals,):
        for day, context, *tally in await of_device(store, table, device):
            key = (str(period_of(day, by)), context)
            found[key] = merge(process, found.get(key), Tally(*tally))
    return found


async def verified(store, device):
    async with store.database.read() as connection:
        return await verify_device(connection, store.processes.find, device)


def draw_folds(data, device):
    """Fold parts of it some times over; return what was made by the end, which a device may still have or not."""
    for months in data.draw(st.lists(st.booleans(), max_size=3)):
        parts = sorted(device.now)
        device.fold_up(data.draw(st.lists(st.sampled_from(parts), unique=True, max_size=len(parts))), months)


@given(data=st.data(), drawn=_TRIPS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_folds_in_any_order_give_the_totals_of_the_trips(data, drawn, runner, shared_store, make, small):
    device = Device(make, small.process, drawn)
    draw_folds(data, device)
    name = f"group/f-{next(_number)}"
    # What was folded may have been sent before, and come late or never; what counts at the end comes for certain.
    certain = [make.up(device.payloads[place], name) for place in device.now]
    others = [make.up(payload, name) for place, payload in device.payloads.items() if place not in device.now]
    sent = certain + (data.draw(st.lists(st.sampled_from(others), max_size=9)) if others else [])
    sent += data.draw(st.lists(st.sampled_from(sent), max_size=4))
    arriving = data.draw(st.permutations(sent))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    for first, last in itertools.pairwise([0, *cuts, len(arriving)]):
        runner.run(shared_store.commit(*arriving[first:last]))

    process = small.process
    for by in ("month", "year"):
        assert runner.run(stored(shared_store, process, name, by)) == device.totals(by)
    if not any(part[2] == fold.MONTH_SPAN for part in device.now.values()):
        assert runner.run(stored(shared_store, process, name, "day")) == device.totals("day")
    people = runner.run(shared_store.rows(_p.trips, _p.distance_m, _p.totals, where=_p.device == name))
    assert [Tally(*row) for row in people] == [device.all()]
    row = runner.run(shared_store.device(name))
    assert (row.trips, row.distance_m) == (len(device.trips), device.all().distance_m)
    boots = tables.boots.c
    upto = dict(runner.run(shared_store.rows(boots.boot, boots.upto, where=boots.device == name)))
    assert upto[1] == len(device.trips), "what is named is handled"
    assert runner.run(verified(shared_store, name)) == []


@given(data=st.data(), drawn=_TRIPS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_trip_is_in_two_epochs_when_a_fold_comes_after_the_close(data, drawn, runner, shared_store, make, small):
    device = Device(make, small.process, drawn)
    draw_folds(data, device)
    name = f"group/f-{next(_number)}"
    for payload in data.draw(st.permutations(list(device.payloads.values()))):
        runner.run(shared_store.commit(make.up(payload, name)))
        if data.draw(st.booleans()):
            runner.run(close_epoch(shared_store.database, shared_store.processes, 10, 1, even_if_empty=True))
    assert runner.run(stored(shared_store, small.process, name, "year")) == device.totals("year")
    people = runner.run(shared_store.rows(_p.trips, _p.distance_m, _p.totals, where=_p.device == name))
    assert sum(row[0] for row in people) == len(device.trips)
    assert sum(row[1] for row in people) == device.all().distance_m
    sums = [i for i, (how, _) in enumerate(small.process.pack.period) if how == "sum"]
    assert [sum(row[2][i] for row in people) for i in sums] == [device.all().totals[i] for i in sums]
    assert runner.run(verified(shared_store, name)) == []


_NAMES = st.lists(st.tuples(st.integers(1, 2), st.integers(1, 8)), min_size=1, max_size=5, unique=True)


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_folds_that_contradict_each_other_and_corrections_leave_what_can_be_worked_out_again(
    data, runner, shared_store, make, small
):
    process, other = small.process, make.other_process
    name = f"group/f-{next(_number)}"
    payloads = []
    for seq, (kind, hour, revises, names, span) in enumerate(
        data.draw(
            st.lists(
                st.tuples(
                    st.sampled_from(["trip", "fold", "other"]),
                    st.integers(0, 60 * 24),
                    st.one_of(st.none(), st.tuples(st.integers(1, 2), st.integers(1, 8))),
                    _NAMES,
                    st.sampled_from([fold.DAY_SPAN, fold.MONTH_SPAN]),
                ),
                min_size=1,
                max_size=8,
            )
        )
    ):
        place = (1 + seq // 5, 1 + seq % 5)
        earlier = [at for at in names if at < place]
        if kind == "fold" and earlier:
            day = 19_662 if span == fold.MONTH_SPAN else 19_675  # 1 November 2023
            tally = Tally(1, 1000, process.totals(make.numbers(process, distance_m=1000)))
            payloads.append(day_record(process, place, day, span, 0, tally, ranges_of(earlier)))
        else:
            its = other if kind == "other" else process
            wall_ms = NOW_MS + hour * HOUR_MS
            payloads.append(
                make.trip(*place, make.numbers(its, distance_m=500), revises=revises, wall_ms=wall_ms, process=its)
            )
    for payload in data.draw(st.permutations(payloads)):
        runner.run(shared_store.commit(make.up(payload, name)))
        if data.draw(st.booleans()):
            runner.run(close_epoch(shared_store.database, shared_store.processes, 10, 1, even_if_empty=True))
    assert runner.run(verified(shared_store, name)) == []


def one_fold(make, process, place, places, day=19_675, span=fold.DAY_SPAN, context=0, metres=1000, trips=1):
    numbers = make.numbers(process, distance_m=metres)
    return make.up(
        day_record(process, place, day, span, context, Tally(trips, metres, process.totals(numbers)), ranges_of(places))
    )


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("reason", "of"),
    [
        ("which is not before it", {"places": [(1, 7)]}),
        ("contexts 0b100000", {"context": 32}),
        ("a month that begins on day 19675", {"span": fold.MONTH_SPAN}),
        ("distance of 99999999999 m", {"metres": 99_999_999_999}),
    ],
)
async def test_what_no_fold_can_say_is_refused(small_store, make, small, reason, of):
    message = one_fold(make, small.process, (1, 7), **{"places": [(1, 2)], **of})
    acks = await small_store.commit(message)
    assert acks[0][3] == [(7, 4)]
    x = tables.rejections.c
    assert reason in (await small_store.rows(x.reason))[0][0]
    assert await small_store.rows(_f.seq) == []


@pytest.mark.anyio
async def test_a_fold_of_a_pack_that_is_not_known_waits_for_it(store, make, small):
    trip = make.up(make.trip(1, 1, make.numbers(small.process, distance_m=700), process=small.process))
    await store.commit(one_fold(make, small.process, (1, 3), [(1, 1), (1, 2)], trips=2), trip)
    assert await store.rows(_f.seq) == []
    await store.processes.add(store.database, small, 1)
    await store.ingest.read_parked()
    assert await store.rows(_f.seq, _f.trips) == [(3, 2)]
    assert await store.rows(_e.superseded) == [(True,)]
    assert (await store.device(BUS)).trips == 2
    async with store.database.read() as connection:
        assert await verify_device(connection, store.processes.find, BUS) == []


@pytest.mark.anyio
async def test_a_month_is_in_no_day_and_no_week_and_the_person_is_told(small_store, make, small, client):
    first = 19_662
    await small_store.commit(
        one_fold(make, small.process, (1, 9), [(1, 1), (1, 2)], day=first, span=fold.MONTH_SPAN, trips=2),
        make.up(make.trip(1, 3, make.numbers(small.process, distance_m=900), process=small.process)),
    )
    assert await small_store.rows(_m.day, _m.trips) == [(first, 2)]
    assert await small_store.rows(_d.day, _d.trips) == [(19_675, 1)]
    for by, trips in (("day", 1), ("week", 1), ("month", 3), ("year", 3)):
        answer = (await client.get(f"/api/v1/persons/{BUS}/periods?by={by}")).json()
        assert sum(period["trips"] for period in answer["periods"]) == trips, by
        assert answer["folded_months"] == (["2023-11"] if by in {"day", "week"} else [])
    assert (await client.get("/api/v1/counters")).json()["folded"] == 2
    page = (await client.get(f"/person?id={BUS}")).text
    assert "Of 2023-11 some trips are in no week" in page
