"""Ingest: every way a message can arrive, and what is stored, counted and answered."""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from headway_protocol import ack, cbor, codes, record
from headway_server.ingest.arrival import Received
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"


async def test_a_trip_is_stored_counted_and_acknowledged(store, make):
    answer = await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2, km=10, minutes=20)))
    assert answer == [(BUS, 1, 2, [])]
    assert await store.count(tables.records) == 2
    e = tables.episodes.c
    assert await store.rows(e.device, e.boot, e.seq, e.person, e.epoch, e.distance_m, e.start_ms) == [
        (BUS, 1, 2, BUS, 1, 10_000, 1_700_000_000_000 - 1_200_000)
    ]
    totals = await store.named_totals(make.process)
    assert {name: totals[name] for name in ("trips", "distance_m", "short_trips", "low_speed_shares", "observed",
                                            "idle_time", "stops_total", "hard_brakings", "speed_max_period")} == {
        "trips": 1,
        "distance_m": 10_000,
        "short_trips": 1,
        "low_speed_shares": 50,
        "observed": 12_000,
        "idle_time": 600,
        "stops_total": 4,
        "hard_brakings": 1,
        "speed_max_period": 4500,
    }  # fmt: skip
    assert await store.totals() == {BUS: (1, 10_000)}


async def test_acknowledgements_go_to_the_device_s_own_topic(store, make):
    (answer,) = await store.ingest.commit([make.up(make.trip(3, 1))])
    assert answer.topic == "headway/v1/depot/bus-1/ack"
    assert answer.payload == ack.encode(3, 1, [])


async def test_a_duplicate_is_stored_once_and_acknowledged_again(store, make):
    message = make.up(make.trip(1, 1))
    first = await store.commit(message)
    again = await store.commit(message, message)
    assert first == again == [(BUS, 1, 1, [])]
    assert await store.count(tables.records) == 1
    assert (await store.totals())[BUS][0] == 1
    device = await store.device()
    assert (device.records, device.trips, device.duplicates) == (1, 1, 2)


async def test_a_duplicate_within_one_batch_counts_once(store, make):
    message = make.up(make.trip(1, 1))
    assert await store.commit(message, message, message) == [(BUS, 1, 1, [])]
    assert (await store.totals())[BUS][0] == 1
    assert (await store.device()).duplicates == 2


@pytest.mark.parametrize("together", [True, False])
async def test_other_content_under_the_same_key_is_quarantined(store, make, sha256, together):
    first, second = make.trip(1, 1, km=10), make.trip(1, 1, km=11)
    if together:
        answer = await store.commit(make.up(first), make.up(second))
    else:
        await store.commit(make.up(first))
        answer = await store.commit(make.up(second))
    assert answer == [(BUS, 1, 1, [(1, codes.CONFLICT)])]
    assert await store.rows(tables.records.c.hash) == [(sha256(first),)]
    assert await store.rows(tables.quarantine.c.payload, tables.quarantine.c.code) == [(second, codes.CONFLICT)]
    assert (await store.totals())[BUS][1] == 10_000
    await store.commit(make.up(second))
    assert (await store.device()).conflicts == 1, "the same conflict again is not another one"


async def test_a_malformed_record_with_an_identity_is_refused_and_counts_as_handled(store, make):
    bad = cbor.encode([1, record.EPISODE, 1, 2, -5, None, 0, []])  # mono_ms is negative
    worse = cbor.encode([1, record.EPISODE, 1, 3, 5, None, 0, "no body"])
    answer = await store.commit(make.up(make.birth(1)), make.up(bad), make.up(worse), make.up(make.trip(1, 4)))
    assert answer == [(BUS, 1, 4, [(2, codes.IMPLAUSIBLE), (3, codes.MALFORMED)])]
    assert await store.rows(tables.dead_letters.c.payload, tables.dead_letters.c.code) == [(worse, codes.MALFORMED)]
    assert await store.rows(tables.quarantine.c.payload, tables.quarantine.c.seq) == [(bad, 2)]
    assert await store.commit(make.up(worse)) == [(BUS, 1, 4, [(3, codes.MALFORMED)])], "and is told so again"
    assert (await store.device()).rejected == 2


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", codes.MALFORMED),
        (b"\x00", codes.MALFORMED),
        (b"hello", codes.MALFORMED),
        (b"\x81" * 1000, codes.MALFORMED),  # nested 1000 deep
        (b"\x9f\xff", codes.MALFORMED),  # indefinite length
        (cbor.encode([1, 2, 0, 0, 0, None, 0, []]), codes.IMPLAUSIBLE),  # boot 0, seq 0
        (cbor.encode([2, 2]), codes.NEWER_VERSION),  # newer, but it does not say which record it is
        (bytes(200_000), codes.TOO_LARGE),
    ],
)
async def test_what_shows_no_identity_is_a_dead_letter_that_nobody_is_told_of(store, make, payload, code):
    good = make.up(make.trip(1, 1))
    assert await store.commit(make.up(payload), good, make.up(payload)) == [(BUS, 1, 1, [])]
    d = tables.dead_letters.c
    assert await store.rows(d.topic, d.payload, d.payload_bytes, d.code, d.count) == [
        ("headway/v1/depot/bus-1/up", payload[:4096], len(payload), code, 2)
    ]


async def test_a_record_that_is_too_large_is_refused_by_its_code(store, make):
    large = cbor.encode([1, record.EPISODE, 1, 1, 5, None, 0, ["x" * 2000]])
    assert await store.commit(make.up(large)) == [(BUS, 1, 1, [(1, codes.TOO_LARGE)])]


@pytest.mark.parametrize(
    ("items", "parked", "schema", "kind"),
    [
        ([2, record.EPISODE, 1, 1, {"new": "shape"}], "version", 2, record.EPISODE),
        ([9, "kind of text", 1, 1], "version", 9, 0),
        ([1, 4, 1, 1, 5, None, 0, ["feedback"]], "kind", 1, 4),
        ([1, 200, 1, 1, 5, None, 0, []], "kind", 1, 200),
    ],
)
async def test_what_is_newer_than_the_server_is_kept_and_acknowledged(store, make, items, parked, schema, kind):
    payload = cbor.encode(items)
    assert await store.commit(make.up(payload)) == [(BUS, 1, 1, [])]
    r = tables.records.c
    assert await store.rows(r.payload, r.parked, r.schema, r.kind) == [(payload, parked, schema, kind)]
    assert await store.count(tables.dead_letters) == 0


async def test_a_trip_of_another_definition_is_kept_but_not_merged(store, make):
    assert await store.commit(make.up(make.trip(1, 1, pack_id=b"12345678"))) == [(BUS, 1, 1, [])]
    assert await store.rows(tables.records.c.parked) == [("pack",)]
    assert await store.count(tables.episodes) == 0
    assert await store.totals() == {}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"km": 100, "minutes": 2}, "distance of 100000 m in 120.0 s"),
        ({"speed_max": 30_001}, "speed_max of 30001, of a number in 0..30000"),
        ({"speed_bands": [90_000] + 16 * [0]}, "speed_bands of 90000 tenths of a second in 1200.0 s"),
        ({"idle": 13_000}, "idle of 13000 tenths of a second in 1200.0 s"),
        ({"night": 12_000}, "night of 12000 m in 5000 m"),
        ({"stops": 1_000_000}, "1000000 of stops in 1200.0 s"),
        ({"hard_braking": 1_000_000}, "1000000 of hard_braking in 1200.0 s"),
        ({"minutes": 50_000}, "a trip of 3000000.0 s"),
    ],
)
async def test_an_impossible_trip_is_quarantined_and_refused(store, make, change, reason):
    payload = make.trip(1, 1, make.trip_counts(**{"km": 5, **change}))
    assert await store.commit(make.up(payload)) == [(BUS, 1, 1, [(1, codes.IMPLAUSIBLE)])]
    assert await store.rows(tables.quarantine.c.reason, tables.quarantine.c.payload) == [(reason, payload)]
    assert await store.totals() == {}


@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ({"coldest": -601}, "coldest of -601, of a number in -600..800"),
        ({"warmth": 10**15}, "warmth of 1000000000000000, of a number in -600..800"),
        ({"elapsed_ds": 20_000_000, "warmth": 30_000_000_000}, "a total of more than 63 bits"),
    ],
)
async def test_totals_that_no_column_holds_are_refused(store, make, small, numbers, reason):
    await store.processes.add(store.database, small, 1)
    payload = make.trip(1, 1, make.numbers(small.process, **numbers), process=small.process)
    assert await store.commit(make.up(payload)) == [(BUS, 1, 1, [(1, codes.IMPLAUSIBLE)])]
    assert await store.rows(tables.quarantine.c.reason) == [(reason,)]


async def test_a_strange_trip_is_still_a_trip(store, make, small):
    await store.processes.add(store.database, small, 1)
    strange = [
        make.numbers(small.process, elapsed_ds=0, distance_m=0),
        make.numbers(small.process, elapsed_ds=100, distance_m=20, coldest=-600, warmth=-600 * 250, hasty=52_000),
        make.numbers(small.process, elapsed_ds=100, distance_m=800, far=900, standing=150),
        make.numbers(small.process, elapsed_ds=21_000_000, distance_m=100_000_000),
    ]
    for seq, numbers in enumerate(strange, 1):
        assert await store.commit(make.up(make.trip(1, seq, numbers, process=small.process))) == [(BUS, 1, seq, [])]
    assert (await store.totals())[BUS] == (4, 100_000_820)


async def test_a_gap_holds_the_acknowledgement_back_until_it_is_filled(store, make):
    assert await store.commit(make.up(make.trip(1, 1)), make.up(make.trip(1, 3))) == [(BUS, 1, 1, [])]
    assert await store.commit(make.up(make.trip(1, 5))) == [(BUS, 1, 1, [])]
    assert await store.commit(make.up(make.trip(1, 2))) == [(BUS, 1, 3, [])]
    assert await store.commit(make.up(make.trip(1, 4))) == [(BUS, 1, 5, [])]
    assert (await store.totals())[BUS][0] == 5


async def test_a_long_run_behind_a_gap_is_crossed_at_once(store, make):
    await store.commit(*(make.up(make.trip(1, seq)) for seq in range(2, 2504)))
    assert await store.commit(make.up(make.trip(1, 1))) == [(BUS, 1, 2503, [])]


async def test_a_loss_closes_the_gap_it_names(store, make):
    await store.commit(make.up(make.trip(1, 1)), make.up(make.trip(1, 8)))
    answer = await store.commit(make.up(make.loss(2, 1, of_boot=1, first_seq=2, last_seq=7)))
    assert answer == [(BUS, 1, 8, []), (BUS, 2, 1, [])]
    x = tables.losses.c
    assert await store.rows(x.boot, x.first_seq, x.last_seq, x.reason) == [(1, 2, 7, "storage full")]
    assert await store.commit(make.up(make.trip(1, 5))) == [(BUS, 1, 8, [])], "what was lost may still turn up"
    assert (await store.totals())[BUS][0] == 3


async def test_a_loss_of_everything_costs_no_memory(store, make):
    answer = await store.commit(make.up(make.loss(2, 1, of_boot=1, first_seq=1, last_seq=2**32 - 1)))
    assert answer == [(BUS, 1, 2**32 - 1, []), (BUS, 2, 1, [])]


async def test_a_birth_describes_the_device_and_an_older_one_does_not_take_that_back(store, make):
    await store.commit(make.up(make.birth(7, vehicle_class="bus", firmware="headway 2.0", backlog=12)))
    await store.commit(make.up(make.birth(6, vehicle_class="car", firmware="headway 1.0")))
    device = await store.device()
    assert (device.vehicle_class, device.firmware, device.boot, device.backlog) == ("bus", "headway 2.0", 7, 12)
    assert (device.clock, device.first_seen_ms) == (record.SYNCED, 1_700_000_000_000)


async def test_texts_with_nul_are_stored_without_it(store, make):
    await store.commit(make.up(make.birth(1, firmware="a\x00b")), Received("headway\x00", b"x"))
    assert (await store.device()).firmware == "a\ufffdb"
    assert await store.rows(tables.dead_letters.c.topic) == [("headway\ufffd",)]


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("headway/v1/depot/bus-1/ack", None),
        ("headway/v1/depot/bus-1/unknown", codes.WRONG_TOPIC),
        ("headway/v1/Depot/bus-1/up", codes.WRONG_TOPIC),
        ("headway/v2/depot/bus-1/up", codes.WRONG_TOPIC),
        ("", codes.WRONG_TOPIC),
        ("headway/v1/depot/../up", codes.WRONG_TOPIC),
    ],
)
async def test_a_record_on_another_topic_is_a_dead_letter(store, make, topic, code):
    assert await store.commit(Received(topic, make.trip(1, 1))) == []
    assert await store.rows(tables.dead_letters.c.topic, tables.dead_letters.c.code) == [(topic, code)]
    assert await store.count(tables.devices) == 0


async def test_a_retained_record_is_not_stored(store, make):
    assert await store.commit(make.up(make.trip(1, 1), retained=True)) == []
    assert await store.rows(tables.dead_letters.c.reason) == [("a retained message on an up topic",)]
    assert await store.count(tables.records) == 0


async def test_a_stale_will_is_ignored(store, make):
    await store.commit(make.state(4))
    await store.commit(make.state(3, online=False))
    assert (await store.device()).online is True
    await store.commit(make.state(4, online=False))
    assert (await store.device()).online is False
    await store.commit(make.up(make.trip(9, 1)), make.state(8))
    assert (await store.device()).online is False, "boot 9 was heard of, boot 8 is over"


async def test_devices_with_the_same_name_in_two_groups_are_two(store, make):
    await store.commit(make.up(make.trip(1, 1), "north/bus-1"), make.up(make.trip(1, 1, km=20), "south/bus-1"))
    totals = await store.totals()
    assert (totals["north/bus-1"][1], totals["south/bus-1"][1]) == (10_000, 20_000)


async def test_many_rejections_are_told_in_several_messages(store, make):
    bad = [make.up(cbor.encode([1, record.EPISODE, 1, seq, 5, None, 0, "no body"])) for seq in range(1, 301)]
    answer = await store.commit(*bad)
    assert [(upto, len(rejections)) for _, _, upto, rejections in answer] == [(300, 256), (300, 44)]


async def test_a_database_error_leaves_nothing_behind_and_a_retry_doubles_nothing(store, make):
    messages = [make.up(make.birth(1)), make.up(make.trip(1, 2)), make.up(b"junk")]
    async with store.database.write() as connection:
        await connection.execute(
            text("CREATE TRIGGER full BEFORE INSERT ON boots BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        )
    with pytest.raises(DBAPIError, match="disk full"):
        await store.ingest.commit(messages)
    for table in (tables.records, tables.episodes, tables.person_totals, tables.devices, tables.dead_letters):
        assert await store.count(table) == 0
    assert store.ingest.last_commit_ms is None
    async with store.database.write() as connection:
        await connection.execute(text("DROP TRIGGER full"))
    assert await store.commit(*messages) == [(BUS, 1, 2, [])]
    assert (await store.totals())[BUS][0] == 1


async def test_two_servers_on_one_database_count_every_trip_once(store, open_store, make):
    other = await open_store(store.url)
    try:
        batches = [[make.up(make.trip(1, seq)) for seq in range(n, n + 10)] for n in range(1, 51, 10)]
        answers = await asyncio.gather(*(one.commit(*batch) for batch in batches for one in (store, other)))
    finally:
        await other.database.close()
    assert max(upto for answer in answers for _, _, upto, _ in answer) == 50
    assert (await store.totals())[BUS][0] == 50
    device = await store.device()
    assert (device.records, device.trips, device.duplicates) == (50, 50, 50)


async def test_what_was_kept_is_read_once_its_pack_is_known(store, make, small):
    trips = [make.up(make.trip(1, seq, make.numbers(small.process), process=small.process)) for seq in (2, 3)]
    newer = cbor.encode([1, 200, 1, 4, 5, None, 0, ["what is this"]])
    await store.commit(make.up(make.birth(1)), *trips, make.up(newer))
    assert await store.totals() == {}
    assert await store.ingest.read_parked() == 0
    await store.processes.add(store.database, small, 1)
    assert await store.ingest.read_parked() == 2
    assert await store.ingest.read_parked() == 0
    assert (await store.totals())[BUS] == (2, 20_000)
    r = tables.records.c
    assert await store.rows(r.seq, r.parked, order=r.seq) == [(1, None), (2, None), (3, None), (4, "kind")]
    assert await store.commit(trips[0]) == [(BUS, 1, 4, [])]
    device = await store.device()
    assert (device.records, device.trips, device.distance_m, device.duplicates) == (4, 2, 20_000, 1)


async def test_a_pack_that_another_server_was_given_is_known_here(store, open_store, make, small):
    other = await open_store(store.url)
    await other.processes.add(other.database, small, 1)
    await other.database.close()
    assert store.processes.find(small.process.id) is None
    await store.commit(make.up(make.trip(1, 1, make.numbers(small.process), process=small.process)))
    assert (await store.totals())[BUS] == (1, 10_000)


async def test_packs_are_kept_over_a_restart(store, open_store, make, small):
    await store.processes.add(store.database, small, 1)
    again = await open_store(store.url)
    assert again.processes.pack(small.process.id).source == small.source
    assert again.processes.find(small.process.id).contexts == ["long", "cold"]
    await again.database.close()


async def test_a_stored_pack_that_is_none_is_passed_over(store, open_store):
    async with store.database.write() as connection:
        row = {"pack_id": bytes(8), "name": "x", "version": 1, "data": b"no pack", "catalogue": {}, "added_at_ms": 1}
        await connection.execute(tables.packs.insert(), row)
    again = await open_store(store.url)
    assert again.processes.find(bytes(8)) is None
    assert again.processes.find(again.processes.all()[0].process.id) is not None
    await again.database.close()


async def test_a_flood_of_garbage_is_counted_but_not_kept(store, make, monkeypatch):
    monkeypatch.setattr("headway_server.ingest.refused.DEAD_LETTERS_MAX", 3)
    d = tables.dead_letters.c
    await store.commit(make.up(b"0"), make.up(b"1"))
    await store.commit(*(make.up(b"%d" % n) for n in range(10)))
    await store.commit(make.up(b"0"), make.up(b"x"), make.up(b"x"))
    assert await store.count(tables.dead_letters) == 4
    assert sum(count for (count,) in await store.rows(d.count)) == 2 + 10 + 3
    assert (await store.rows(d.count, d.reason, order=d.hash))[0] == (9, "not kept: there are 3 dead letters already")


async def test_an_empty_batch_is_nothing(store):
    assert await store.commit() == []
