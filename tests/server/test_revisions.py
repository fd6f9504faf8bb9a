"""Corrections and days: whatever way trips and their corrections come in, the totals are those of the trips that count."""

import asyncio
import itertools

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_protocol.record import decode
from headway_server.cohorts.epochs import close_epoch
from headway_server.recounting.verification import verify_device
from headway_server.store import tables
from headway_server.totals.tally import Tally, merge

NOW_MS = 1_700_000_000_000
HOUR_MS = 3_600_000
BUS = "depot/bus-1"
_number = itertools.count()
_e, _d, _p = tables.episodes.c, tables.day_totals.c, tables.person_totals.c

# Of a record: pack, what it revises (an index into the records, the birth, or nobody), start, offset, metres, coldest.
_trip = st.tuples(
    st.sampled_from([0, 0, 0, 1]),
    st.one_of(st.none(), st.integers(0, 7), st.just("birth"), st.just("nobody")),
    st.one_of(st.none(), st.integers(0, 3 * 24)),
    st.sampled_from([None, -660, 0, 540]),
    st.integers(100, 30_000),
    st.integers(-50, 50),
)


def _trip_mono_ms(seq):
    return seq * 2_000_000  # as `make.trip` has it


def _ahead_ms(payload):
    found = decode(payload)
    return found.wall_ms - found.mono_ms


class Trips:
    """Records of one device: a birth, then trips. What they add up to is worked out from the definition, all at once."""

    def __init__(self, make, small, drawn):
        self.process = small.process
        self.other = make.other_process
        self.payloads = [make.birth(1)]
        self.trips = {}
        clocks = {1: _ahead_ms(self.payloads[0])}  # of each boot: the first of its records that has a time
        for i, (_, _, hour, _, _, _) in enumerate(drawn):
            boot, seq = self.place(i)
            if hour is not None:
                clocks.setdefault(boot, NOW_MS + hour * HOUR_MS - _trip_mono_ms(seq))
        for i, (pack, revises, hour, offset_min, metres, coldest) in enumerate(drawn):
            process = self.other if pack else self.process
            named = {} if pack else {"coldest": coldest, "hasty": metres % 7}
            numbers = make.numbers(process, distance_m=metres, **named)
            wall_ms = None if hour is None else NOW_MS + hour * HOUR_MS
            place = {None: None, "birth": (1, 1), "nobody": (1, 900)}.get(revises, (0, 0))
            place = self.place(revises) if place == (0, 0) else place
            record = make.trip(*self.place(i), numbers, wall_ms=wall_ms, offset_min=offset_min, revises=place,
                               process=process)  # fmt: skip
            self.payloads.append(record)
            boot, seq = self.place(i)
            now_ms = clocks[boot] + _trip_mono_ms(seq) if wall_ms is None and boot in clocks else wall_ms
            start_ms = None if now_ms is None else now_ms - 1_200_000
            day = -1 if start_ms is None else (start_ms + (offset_min or 0) * 60_000) // 86_400_000
            self.trips[self.place(i)] = (process, place, day, numbers)

    @staticmethod
    def place(index):
        """Two boots, so that the order is not that of seq alone."""
        return (1, 2 + index) if index < 4 else (2, index - 3)

    def counting(self):
        """The trips that count: of those that follow from one another in one pack, the latest."""
        first = {place: place for place in self.trips}
        pending = {}
        changed = True
        while changed:
            changed = False
            for place, (process, revises, _, _) in self.trips.items():
                if revises is None or revises >= place:
                    continue
                target = self.trips.get(revises)
                if target is None or target[0] is not process:
                    root = pending.setdefault((process.id, revises), ("pending", revises))
                else:
                    root = first[revises]
                if first[place] != root:
                    first[place], changed = root, True
        groups = {}
        for place, root in first.items():
            groups.setdefault((self.trips[place][0].id, root), []).append(place)
        return {max(places) for places in groups.values()}

    def days(self):
        """{(pack, day, context): tally} of the trips that count."""
        found = {}
        for place in sorted(self.counting()):
            process, _, day, numbers = self.trips[place]
            key = (process.id, day, process.context(numbers))
            found[key] = merge(process, found.get(key), Tally(1, numbers[1], process.totals(numbers)))
        return found


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


async def stored(store, device):
    """What the store says of a device: days, the epoch's totals, which records count, the device's own sums."""
    days = await store.rows(_d.device, _d.pack_id, _d.day, _d.context, _d.trips, _d.distance_m, _d.totals)
    people = await store.rows(_p.device, _p.pack_id, _p.trips, _p.distance_m, _p.totals)
    records = await store.rows(_e.device, _e.boot, _e.seq, _e.superseded)
    row = await store.device(device)
    return (
        {tuple(row[1:4]): Tally(*row[4:]) for row in days if row[0] == device},
        {row[1]: Tally(*row[2:]) for row in people if row[0] == device},
        {row[1:3] for row in records if row[0] == device and not row[3]},
        (row.trips, row.distance_m),
    )


async def verified(store, device):
    async with store.database.read() as connection:
        return await verify_device(connection, store.processes.find, device)


@given(data=st.data())
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_late_repeated_and_revised_trips_in_any_order_give_the_same_totals(data, runner, shared_store, make, small):
    trips = Trips(make, small, data.draw(st.lists(_trip, min_size=1, max_size=8)))
    device = f"group/d-{next(_number)}"
    everything = [make.up(payload, device) for payload in trips.payloads]
    repeats = data.draw(st.lists(st.sampled_from(everything), max_size=6))
    arriving = data.draw(st.permutations(everything + repeats))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(arriving)), max_size=4)))
    for first, last in itertools.pairwise([0, *cuts, len(arriving)]):
        runner.run(shared_store.commit(*arriving[first:last]))

    days, people, counting, sums = runner.run(stored(shared_store, device))
    assert counting == trips.counting()
    assert days == trips.days()
    by_pack = {}
    for (pack_id, _, _), tally in trips.days().items():
        process = shared_store.processes.find(pack_id)
        by_pack[pack_id] = merge(process, by_pack.get(pack_id), tally)
    assert people == by_pack
    assert sums == (len(trips.counting()), sum(trips.trips[place][3][1] for place in trips.counting()))
    assert runner.run(verified(shared_store, device)) == []


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_epochs_that_close_in_between_have_what_was_known_at_their_close(runner, shared_store, make, small, data):
    trips = Trips(make, small, data.draw(st.lists(_trip, min_size=1, max_size=8)))
    device = f"group/d-{next(_number)}"
    arriving = data.draw(st.permutations([make.up(payload, device) for payload in trips.payloads]))
    for message in arriving:
        runner.run(shared_store.commit(message))
        if data.draw(st.booleans()):
            runner.run(close_epoch(shared_store.database, shared_store.processes, 10, 1, even_if_empty=True))
    assert runner.run(stored(shared_store, device))[0] == trips.days(), "days do not ask about epochs"
    assert runner.run(verified(shared_store, device)) == []


@pytest.fixture
async def small_store(store, small):
    await store.processes.add(store.database, small, 1)
    return store


@pytest.fixture
def trip(make, small):
    def one(seq, km, revises=None, boot=1, **more):
        numbers = make.numbers(small.process, distance_m=km * 1000)
        return make.up(make.trip(boot, seq, numbers, revises=revises, process=small.process, **more))

    return one


async def longest(store, process):
    rows = await store.rows(_d.totals)
    return sorted(process.total("longest", totals) for (totals,) in rows)


@pytest.mark.anyio
async def test_a_correction_takes_a_maximum_back(small_store, small, trip):
    await small_store.commit(trip(1, 5), trip(2, 17))
    assert await longest(small_store, small.process) == [17_000]
    await small_store.commit(trip(3, 6, revises=(1, 2)))
    assert await longest(small_store, small.process) == [6000]
    assert await small_store.totals() == {BUS: (2, 11_000)}
    assert await small_store.rows(_e.seq, _e.superseded, order=_e.seq) == [(1, False), (2, True), (3, False)]


@pytest.mark.anyio
async def test_a_correction_can_move_a_trip_to_another_day_and_context(small_store, trip):
    await small_store.commit(trip(1, 5))
    await small_store.commit(trip(2, 20, revises=(1, 1), wall_ms=NOW_MS + 48 * HOUR_MS))
    assert await small_store.rows(_d.day, _d.context, _d.trips, _d.distance_m) == [(19_677, 1, 1, 20_000)]


@pytest.mark.anyio
async def test_a_closed_epoch_keeps_what_it_counted_and_the_days_have_the_correction(small_store, trip):
    await small_store.commit(trip(1, 5), trip(2, 7))
    await close_epoch(small_store.database, small_store.processes, 10, 1)
    await small_store.commit(trip(3, 6, revises=(1, 1)), trip(4, 8))
    assert await small_store.rows(_p.epoch, _p.trips, _p.distance_m, order=_p.epoch) == [(1, 2, 12_000), (2, 1, 8000)]
    assert await small_store.rows(_d.trips, _d.distance_m) == [(3, 21_000)]
    # Another correction of it, again in an epoch of its own.
    await close_epoch(small_store.database, small_store.processes, 10, 2, even_if_empty=True)
    await small_store.commit(trip(5, 9, revises=(1, 3)))
    assert await small_store.rows(_p.epoch, _p.distance_m, order=_p.epoch) == [(1, 12_000), (2, 8000)]
    assert await small_store.rows(_d.trips, _d.distance_m) == [(3, 24_000)]


@pytest.mark.anyio
async def test_an_original_that_comes_after_its_correction_s_epoch_counts_nowhere(small_store, trip):
    await small_store.commit(trip(2, 6, revises=(1, 1)))
    await close_epoch(small_store.database, small_store.processes, 10, 1)
    await small_store.commit(trip(1, 5))
    assert await small_store.rows(_p.epoch, _p.distance_m) == [(1, 6000)]
    assert await small_store.rows(_d.distance_m) == [(6000,)]
    device = await small_store.device()
    assert (device.records, device.trips, device.distance_m) == (2, 1, 6000)


@pytest.mark.anyio
async def test_corrections_are_counted_and_those_of_nothing_apart(small_store, make, trip, client):
    await small_store.commit(
        make.up(make.birth(1)),
        trip(2, 5),
        trip(3, 6, revises=(1, 2)),
        trip(4, 7, revises=(1, 1)),  # a birth
        trip(5, 8, revises=(1, 5)),  # itself
        trip(6, 9, revises=(2, 1)),  # what comes later
        trip(7, 10, revises=(1, 99)),  # nobody, and later
        make.up(make.trip(1, 8, make.numbers(make.other_process), revises=(1, 2), process=make.other_process)),
    )
    found = (await client.get("/api/v1/counters")).json()
    assert (found["superseded"], found["unplaced"]) == (1, 5)
    assert (await small_store.totals())[BUS][0] in {5, 1}, "by pack: five of one, one of the other"
    assert (await small_store.device()).trips == 6
    (trip_,) = [t for t in (await client.get("/api/v1/trips")).json()["trips"] if t["seq"] == 3]
    assert (trip_["revises"], trip_["superseded"]) == ({"boot": 1, "seq": 2}, False)


@pytest.mark.anyio
async def test_what_was_parked_can_be_revised_and_revises(store, small, trip):
    await store.commit(trip(1, 5), trip(2, 17), trip(3, 6, revises=(1, 2)))
    assert await store.count(tables.episodes) == 0
    await store.processes.add(store.database, small, 1)
    assert await store.ingest.read_parked() == 3
    assert await store.rows(_d.trips, _d.distance_m) == [(2, 11_000)]
