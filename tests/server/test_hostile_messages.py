"""Messages that are old, wrong or meant to harm: each is taken, kept or refused with a reason, and costs the others nothing."""

import asyncio
import json
import os
import subprocess
import sys
import tracemalloc

import cbor2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headway_protocol import ack, cbor, codes, record, state
from headway_protocol.fields import TIME_MS_MAX, UINT32_MAX
from headway_server.cohorts.epochs import close_epoch
from headway_server.ingest.arrival import MESSAGE_BYTES_MAX, Arrival, Received, Refusal, read
from headway_server.recounting.verification import verify
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"
MONTH_MS = 30 * 86_400_000
HOSTILE_TEXT = '<script>alert("1")</script>\'; DROP TABLE devices;-- \x00 \u202e =1+1 {{7*7}} é\U0001f600'


async def sound(store):
    return [item async for item in verify(store.database, store.processes)]


async def test_a_seq_at_its_maximum_is_taken_and_the_one_beyond_is_not(store, make):
    last = make.up(make.trip(1, UINT32_MAX))
    assert await store.commit(make.up(make.birth(1)), last) == [(BUS, 1, 1, [])]
    beyond = cbor.encode([1, record.LOSS, 1, UINT32_MAX + 1, 5, None, 0, [1, 2, 3, "x"]])
    assert await store.commit(make.up(beyond)) == []
    assert await store.rows(tables.dead_letters.c.code) == [(codes.IMPLAUSIBLE,)]
    answer = await store.commit(make.up(make.loss(2, 1, 1, 2, UINT32_MAX - 1)))
    assert answer == [(BUS, 1, UINT32_MAX, []), (BUS, 2, 1, [])]
    assert await store.gaps() == []
    assert await sound(store) == []


async def test_boots_that_go_backwards_are_taken_and_describe_nothing_new(store, make):
    """A wiped store, or a message that was under way for long."""
    await store.commit(make.up(make.birth(900, firmware="new")), make.up(make.birth(7, firmware="old")), make.state(7))
    device = await store.device()
    assert (device.boot, device.firmware, device.online) == (900, "new", False)
    assert await store.commit(make.up(make.trip(7, 2))) == [(BUS, 7, 2, [])]
    assert await store.gaps() == []


@pytest.mark.parametrize("boot", [1_000_001, UINT32_MAX])
async def test_a_boot_that_jumps_is_a_lineage_of_its_own(store, make, boot):
    await store.commit(make.up(make.birth(1)), make.up(make.birth(boot)), make.state(boot, ends=[(boot, 1), (1, 1)]))
    assert await store.gaps() == []
    assert (await store.device()).boot == boot
    assert await store.asked(3600) == []
    beyond = cbor.encode([1, record.LOSS, UINT32_MAX + 1, 1, 5, None, 0, [1, 2, 3, "x"]])
    assert await store.commit(make.up(beyond)) == []


async def test_a_gap_that_is_filled_a_month_later_counts_on_its_own_day(store, make):
    first, late = make.trip(1, 2, wall_ms=store.now_ms), make.trip(1, 3, wall_ms=store.now_ms)
    await store.commit(make.up(make.birth(1)), make.up(first), make.up(make.trip(1, 4, wall_ms=store.now_ms)))
    await close_epoch(store.database, store.processes, 10, store.now_ms)
    store.now_ms += MONTH_MS
    assert await store.commit(make.up(late)) == [(BUS, 1, 4, [])]
    d, t = tables.day_totals.c, tables.person_totals.c
    assert await store.rows(d.trips, d.distance_m) == [(3, 30_000)]
    assert await store.rows(t.epoch, t.trips, order=t.epoch) == [(1, 2), (2, 1)], "a closed epoch does not change"
    assert await sound(store) == []


_WELL_FORMED = [1, record.EPISODE, 1, 1, 5, None, 0, []]
_NO_RECORDS = {
    "truncated": cbor2.dumps(_WELL_FORMED)[:-1],
    "something after it": cbor2.dumps(_WELL_FORMED) + b"\x00",
    "nested ten thousand deep": b"\x81" * 10_000 + b"\x00",
    "an array that says it has four thousand million items": b"\x9a\xff\xff\xff\xff" + bytes(20),
    "a text that says it has 2**64 bytes": b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
    "a map that says it is as large": b"\xbb\x00\x00\x00\x01\x00\x00\x00\x00",
    "a key twice": bytes.fromhex("88010201010 5f600a2010101 02".replace(" ", "")),
    "a huge number": b"\xc2\x49" + b"\xff" * 9,
    "text that is no UTF-8": bytes.fromhex("8801020101 05f600 8161ff".replace(" ", "")),
    "not a number": bytes.fromhex("8801020101 f97e00 f600 80".replace(" ", "")),
    "infinity": bytes.fromhex("8801020101 f97c00 f600 80".replace(" ", "")),
    "a tag": bytes.fromhex("8801020101 c105 f600 80".replace(" ", "")),
    "no length given": bytes.fromhex("9f01020101 05f600 80ff".replace(" ", "")),
    "undefined": bytes.fromhex("8801020101 f7f600 80".replace(" ", "")),
    "numbers not in their shortest form": bytes.fromhex("881801020101 05f600 80".replace(" ", "")),
    "JSON": b'{"boot": 1, "seq": 1}',
    "nothing": b"",
    "one byte": b"\xff",
    "one byte that is a value": b"\x01",
    "compressed zeros": b"\x1f\x8b\x08" + bytes(200),
}


@pytest.mark.parametrize("payload", _NO_RECORDS.values(), ids=_NO_RECORDS)
async def test_what_is_no_record_is_refused_beside_good_ones_in_little_memory(store, make, payload):
    good = [make.up(make.birth(1)), make.up(make.trip(1, 2))]
    tracemalloc.start()
    found = read(make.up(payload), store.processes.find)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(found, Refusal)
    assert found.code in (codes.MALFORMED, codes.TOO_LARGE)
    assert peak < 300_000 + 20 * len(payload)
    ((device, boot, upto, _),) = await store.commit(good[0], make.up(payload), good[1])
    assert (device, boot, upto) == (BUS, 1, 2)
    assert await store.rows(tables.dead_letters.c.payload) == [(payload[:4096],)]


@pytest.mark.parametrize("size", [record.RECORD_BYTES_MAX + 1, MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX + 1, 1_000_000])
async def test_a_message_that_is_too_large_is_told_so_where_it_shows_whose_it_is(store, make, size):
    items = [1, record.EPISODE, 1, 2, 5, None, 0, [bytes(size)]]
    items[-1] = [bytes(2 * size - len(cbor2.dumps(items)))]
    payload = cbor2.dumps(items)
    assert len(payload) == size
    answer = await store.commit(make.up(make.birth(1)), make.up(payload), make.up(make.trip(1, 3)))
    if size <= MESSAGE_BYTES_MAX:
        assert answer == [(BUS, 1, 3, [(2, codes.TOO_LARGE)])]
    else:
        assert answer == [(BUS, 1, 1, [])], "it stays missing, and is declared undeliverable by the device"
    ((kept, whole),) = await store.rows(tables.dead_letters.c.payload, tables.dead_letters.c.payload_bytes)
    assert (len(kept), whole) == (min(len(payload), 4096), len(payload))


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3),
    max_leaves=25).map(cbor2.dumps)))  # fmt: skip
def test_reading_never_raises_whatever_comes(make, payload):
    for channel in ("up", "state"):
        found = read(Received(f"headway/v1/depot/bus-1/{channel}", payload), lambda _pack_id: None)
        if isinstance(found, Refusal):
            assert found.reason
            assert found.seq is None or 1 <= found.seq <= UINT32_MAX


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_good_record_with_a_field_changed_is_taken_refused_or_kept(data, make):
    items = cbor2.loads(data.draw(st.sampled_from([make.trip(1, 2), make.birth(1), make.loss(1, 1, 1, 2, 3)])))
    place = data.draw(st.integers(0, len(items) - 1))
    value = st.none() | st.integers(-(2**64), 2**64 - 1) | st.text(max_size=9) | st.binary(max_size=9) | st.just([])
    if place == 7 and data.draw(st.booleans()):
        items[7][data.draw(st.integers(0, len(items[7]) - 1))] = data.draw(value)
    else:
        items[place] = data.draw(value)
    found = read(make.up(cbor2.dumps(items)), lambda _pack_id: make.process)
    assert isinstance(found, (Arrival, Refusal))
    if isinstance(found, Arrival):
        assert 1 <= found.boot <= UINT32_MAX
        assert 1 <= found.seq <= UINT32_MAX


async def test_a_record_of_a_newer_version_is_kept_whatever_is_in_it(store, make):
    newer = [
        cbor.encode([2, 2, 1, 1, {"a": [1, [2, [3]]]}]),
        cbor.encode([UINT32_MAX, 2, 1, 2]),
        cbor.encode([3, "kind", 1, 3, None]),
    ]
    assert await store.commit(*map(make.up, newer)) == [(BUS, 1, 3, [])]
    r = tables.records.c
    assert await store.rows(r.payload, r.parked, order=r.seq) == [(payload, "version") for payload in newer]
    assert await sound(store) == []


@pytest.mark.parametrize(
    "topic",
    [
        "headway/v1/depot/bus-1/up/more",
        "headway/v1/depot/bus-1",
        "headway/v1/depot//up",
        "headway/v1/de+pot/bus-1/up",
        "headway/v1/#/bus-1/up",
        "headway/v1/depot/bus-1/UP",
        "headway/v1/depot/bus 1/up",
        "headway/v1/depot/büs/up",
        "headway/v1/depot/" + "b" * 33 + "/up",
        "headway/v1/depot/bus-1\x00/up",
        "headway/v1/../../etc/passwd",
        "headway/v1/" + "x" * 60_000,
        "/headway/v1/depot/bus-1/up",
        HOSTILE_TEXT,
    ],
)
async def test_an_unknown_topic_is_nobody_s(store, make, topic):
    assert await store.commit(Received(topic, make.trip(1, 1)), make.up(make.birth(1))) == [(BUS, 1, 1, [])]
    assert await store.rows(tables.devices.c.device) == [(BUS,)]
    ((kept, code),) = await store.rows(tables.dead_letters.c.topic, tables.dead_letters.c.code)
    assert kept == topic.replace("\x00", "\ufffd")[:200]
    assert code == codes.WRONG_TOPIC


@pytest.mark.parametrize("channel", ["ack", "bench", "pack", "cmd"])
async def test_what_only_the_server_says_is_not_taken_from_a_device(store, make, channel):
    assert await store.commit(Received(f"headway/v1/depot/bus-1/{channel}", make.trip(1, 1))) == []
    assert await store.count(tables.devices) == 0


async def test_a_message_that_a_broker_had_kept_is_no_record(store, make):
    """Whoever may publish could leave one to come again at each start; of presence, that is what is meant."""
    answer = await store.commit(make.up(make.trip(1, 1), retained=True), make.state(1), make.up(make.birth(1)))
    assert answer == [(BUS, 1, 1, [])]
    assert await store.count(tables.records) == 1
    assert await store.rows(tables.dead_letters.c.retained) == [(True,)]


@pytest.mark.parametrize(
    "payload",
    [
        state.encode(1, True) + b"\x00",
        cbor.encode([1, 1, True, [[1, 0]]]),
        cbor.encode([1, 1, True, [[1, 1]] * 9]),
        cbor.encode([1, 0, True]),
        cbor.encode([1, 1, 1]),
        bytes(200),
        b"",
    ],
)
async def test_presence_that_is_none_changes_nothing(store, make, payload):
    await store.commit(make.state(3, ends=[(3, 1)]), make.up(make.birth(3)))
    assert await store.commit(Received("headway/v1/depot/bus-1/state", payload, True)) == []
    device = await store.device()
    assert (device.online, device.boot) == (True, 3)
    assert await store.gaps() == []


async def test_names_may_be_anything_and_stay_text(client, store, make, outline):
    name = HOSTILE_TEXT[:64]
    await store.commit(
        make.up(make.birth(1, vehicle_class=name, firmware=name)),
        make.up(make.trip(1, 2)),
        make.up(make.loss(1, 3, 1, 4, 4, reason=name)),
    )
    shown = name.replace("\x00", "\ufffd")
    device = (await client.get(f"/api/v1/devices/{BUS}")).json()
    assert (device["vehicle_class"], device["firmware"], device["losses"][0]["reason"]) == (shown, shown, shown)
    answer = await client.get("/")
    page = outline(answer.text)
    assert "script" not in page.tags
    assert f"declared lost: {shown}." in page.text
    assert "49" not in page.text
    assert await store.count(tables.devices) == 1


@pytest.mark.parametrize("wall_ms", [0, 1, 2**31 * 1000, 2**32 * 1000, TIME_MS_MAX])
async def test_a_clock_may_say_anything_and_order_is_not_by_it(client, store, make, wall_ms):
    numbers = make.numbers(make.process, elapsed_ds=0, distance_m=50)
    answer = await store.commit(make.up(make.birth(1)), make.up(make.trip(1, 2, numbers, wall_ms=wall_ms)))
    assert answer == [(BUS, 1, 2, [])]
    assert await store.commit(make.up(make.trip(1, 3))) == [(BUS, 1, 3, [])]
    trips = (await client.get("/api/v1/trips")).json()["trips"]
    assert [trip["seq"] for trip in trips] == [3, 2]
    assert await sound(store) == []
    assert (await client.get("/", params={})).status_code == 200
    assert (await client.get("/person", params={"id": BUS})).status_code == 200


@pytest.mark.parametrize(
    ("place", "value"),
    [(4, -1), (4, TIME_MS_MAX + 1), (5, -1), (5, TIME_MS_MAX + 1), (6, 3), (6, -1), (6, None), (5, None), (7, None)],
)
async def test_an_envelope_out_of_range_is_refused_by_its_field(store, make, place, value):
    items = cbor2.loads(make.trip(1, 1))
    items[place] = value
    ((_, _, upto, rejections),) = await store.commit(make.up(cbor2.dumps(items)))
    assert upto == 1
    assert rejections[0][1] in (codes.IMPLAUSIBLE, codes.MALFORMED)
    reasons = await store.rows(tables.rejections.c.reason)
    assert reasons[0][0]


async def test_a_trip_that_began_after_it_ended_or_went_backwards_cannot_be_said(store, make):
    items = cbor2.loads(make.trip(1, 1))
    items[7][1] = -1  # how long ago it began
    later = cbor2.loads(make.trip(1, 2))
    later[7][1] = 2**63  # before there was time
    back = cbor2.loads(make.trip(1, 3))
    back[7][2] = b"\xff" * 11  # a count that is none
    ((_, _, upto, rejections),) = await store.commit(*(make.up(cbor2.dumps(one)) for one in (items, later, back)))
    assert (upto, [seq for seq, _ in rejections]) == (3, [1, 2, 3])
    assert await store.count(tables.episodes) == 0


async def test_a_loss_that_ends_before_it_begins_or_names_itself_is_refused_or_does_no_harm(store, make):
    backwards = cbor.encode([1, record.LOSS, 1, 2, 5, None, 0, [1, 9, 3, "x"]])
    await store.commit(make.up(make.birth(1)), make.up(backwards), make.up(make.loss(1, 3, 1, 1, 5)))
    assert await store.commit(make.up(make.trip(1, 4))) == [(BUS, 1, 5, [])], "what turns up all the same is stored"
    assert await sound(store) == []


async def test_a_storm_of_conflicts_is_counted_and_kept_in_bounds(store, make, monkeypatch):
    monkeypatch.setattr("headway_server.ingest.refused.QUARANTINE_MAX", 5)
    await store.commit(make.up(make.trip(1, 1)))
    for first in range(11, 71, 20):
        await store.commit(*(make.up(make.trip(1, 1, km=km)) for km in range(first, first + 20)))
    assert await store.count(tables.quarantine) == 5
    assert (await store.device()).conflicts == 60
    await store.commit(make.up(make.trip(1, 1), "depot/other"), make.up(make.trip(1, 1, km=99), "depot/other"))
    assert await store.count(tables.quarantine) == 6, "of another device as well"


async def test_two_units_with_one_identity_are_an_alarm_with_a_next_step(client, store, make, outline):
    """A copied SD card: both go on from the same boot and seq, each with trips of its own."""
    await store.commit(make.up(make.birth(4)), make.up(make.trip(4, 2, km=10)))
    for seq in range(3, 9):
        await store.commit(make.up(make.trip(4, seq, km=10)), make.up(make.trip(4, seq, km=30)))
    (alarm,) = (await client.get("/api/v1/alarms")).json()["alarms"]
    assert (alarm["device"], alarm["kind"], alarm["last"]) == (BUS, "clone", "2023-11-14T22:13:20Z")
    assert alarm["words"].startswith("6 records came with other content than what is stored")
    assert alarm["next_step"].startswith("Look for a second unit with this identity, for example a copied SD card")
    assert (await store.totals())[BUS] == (7, 70_000), "what came first counts, and nothing is merged"
    page = outline((await client.get("/")).text)
    assert "Devices to look at" in page.text
    assert "two units seem to use this identity" in page.text
    store.now_ms += 31 * 86_400_000
    assert (await client.get("/api/v1/alarms")).json() == {"alarms": [], "others": 0}


_SAME_BYTES = """
import asyncio, hashlib, json, locale, sys
from headway_server.ingest.arrival import Received
from headway_server.store.database import Database
from headway_server.cohorts.epochs import close_epoch
from headway_server.ingest.ingest import Ingest
from headway_server.packs.processes import Processes

async def main():
    database = await Database.open(sys.argv[1], lambda: 1)
    ingest = Ingest(database, lambda: 1_700_000_000_000, await Processes.open(database, 1))
    messages = [Received(topic, bytes.fromhex(payload)) for topic, payload in json.load(sys.stdin)]
    answers = await ingest.commit(messages)
    closed = await close_epoch(database, ingest.processes, 10, 1)
    digest = hashlib.sha256()
    for one in [*answers, *closed.publications]:
        digest.update(one.topic.encode() + one.payload)
    print(digest.hexdigest(), len(answers), len(closed.publications))
    await database.close()

asyncio.run(main())
"""


async def test_the_same_messages_give_the_same_bytes_wherever_the_server_runs(make, tmp_path):
    messages = json.dumps([(m.topic, m.payload.hex()) for m in make.fleet(24, trips=3)])
    found = set()
    for n, environment in enumerate(
        [
            {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "0"},
            {"TZ": "Asia/Kathmandu", "LC_ALL": "tr_TR.UTF-8", "PYTHONHASHSEED": "1"},
            {"TZ": "America/St_Johns", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4294967295", "PYTHONOPTIMIZE": "1"},
        ]
    ):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _SAME_BYTES, f"sqlite+aiosqlite:///{tmp_path / f'{n}.db'}"],
            input=messages,
            capture_output=True,
            text=True,
            check=True,
            timeout=120,
            env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(path for path in sys.path if path), **environment},
        )
        found.add(done.stdout.splitlines()[-1])
    ((digest, answers, publications),) = [line.split() for line in found]
    assert (len(digest), answers, publications) == (64, "24", "24")


async def test_an_answer_takes_no_more_rejections_than_a_message_holds(store, make):
    bad = [make.up(cbor.encode([1, record.EPISODE, 1, seq, 5, None, 0, "no body"])) for seq in range(1, 1001)]
    answers = await store.ingest.commit(bad)
    assert all(len(answer.payload) <= ack.ACK_BYTES_MAX for answer in answers)
    told = [seq for answer in answers for seq, _ in ack.decode(answer.payload)[2]]
    assert told == list(range(1, 1001))
