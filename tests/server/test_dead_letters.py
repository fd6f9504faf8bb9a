"""Dead letters for an operator: listed, shown, read again once what was wrong is mended, dropped."""

import hashlib

import pytest
from sqlalchemy import update

from headway_protocol import cbor, codes
from headway_server.ingest import arrival, dead_letters
from headway_server.ingest.arrival import Received
from headway_server.recounting.verification import verify
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"
TOKEN = {"Authorization": "Bearer let-me-close"}


def digest(message):
    return hashlib.sha256(message.topic.encode() + b"\x00" + message.payload).hexdigest()


async def replay(client, *messages):
    answer = await client.post(
        "/api/v1/dead-letters/replay", json={"hashes": [digest(m) for m in messages]}, headers=TOKEN
    )
    assert answer.status_code == 200, answer.text
    return [(item["outcome"], item["why"]) for item in answer.json()["letters"]]


async def test_letters_are_listed_in_pages_the_last_first(client, store, make):
    messages = []
    for n in range(7):
        store.now_ms += 1000 * (n % 3)  # some came at the same moment
        messages.append(make.up(b"junk %d" % n))
        await store.commit(messages[-1])
    await store.commit(messages[0])
    seen, cursor = [], ""
    while cursor is not None:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await client.get("/api/v1/dead-letters", params=query, headers=TOKEN)).json()
        assert page["total"] == 7
        seen += page["letters"]
        cursor = page["next"]
    assert len(seen) == 7
    assert seen[0]["count"] == 2 or seen[1]["count"] == 2
    times = [letter["received"] for letter in seen]
    assert times == sorted(times, reverse=True)
    assert {letter["hash"] for letter in seen} == {digest(message) for message in messages}
    assert {(letter["code"], letter["whole"], letter["retained"]) for letter in seen} == {("malformed", True, False)}


async def test_a_letter_is_shown_with_its_bytes_by_the_beginning_of_its_hash(client, store, make):
    message = make.up(cbor.encode([1, "not a kind", 1]))
    await store.commit(message)
    name = digest(message)
    for prefix in (name, name[:4], name[:5], name[:6].upper()):
        found = (await client.get(f"/api/v1/dead-letters/{prefix}", headers=TOKEN)).json()
        assert (found["hash"], found["payload"]) == (name, message.payload.hex())
        assert found["diagnostic"] == '[1, "not a kind", 1]'
    for prefix in (name[:3], "0" * 65, "xyz1", "%00%00%00%00", "0000" if name[:4] != "0000" else "ffff"):
        assert (await client.get(f"/api/v1/dead-letters/{prefix}", headers=TOKEN)).status_code == 404
    async with store.database.write() as connection:
        row = {"topic": "", "payload": b"", "payload_bytes": 0, "reason": "", "received_at_ms": 1, "count": 1}
        await connection.execute(
            tables.dead_letters.insert(),
            [{**row, "hash": bytes.fromhex("abcd").ljust(32, end)} for end in (b"\x01", b"\x02")],
        )
    assert (await client.get("/api/v1/dead-letters/abcd", headers=TOKEN)).status_code == 409


async def test_after_an_upgrade_letters_are_taken_and_refused_no_more(client, store, make, monkeypatch):
    """A server that took a good record for a bad one, and then does not any more."""
    honest = arrival.record.parse_episode

    def broken(body):
        raise arrival.DecodeError(codes.MALFORMED, "a defect of this server")

    trip, junk = make.up(make.trip(1, 2)), make.up(b"junk")
    monkeypatch.setattr(arrival.record, "parse_episode", broken)
    assert await store.commit(make.up(make.birth(1)), trip, junk) == [(BUS, 1, 2, [(2, codes.MALFORMED)])]
    assert (await store.device()).rejected == 1
    refused = "byte 0: a string of 10 bytes does not fit"
    assert await replay(client, trip) == [("refused", "a defect of this server")]
    monkeypatch.setattr(arrival.record, "parse_episode", honest)
    outcomes = await replay(client, trip, junk)
    assert outcomes[0] == ("taken", "")
    assert outcomes[1] == ("refused", refused)
    assert await replay(client, trip) == [("gone", "there is no such letter any more")]
    device = await store.device()
    assert (device.rejected, device.trips, device.records) == (0, 1, 2)
    assert await store.count(tables.rejections) == 0
    assert await store.rows(tables.dead_letters.c.payload) == [(b"junk",)]
    assert await store.commit(trip) == [(BUS, 1, 2, [])]
    assert [item async for item in verify(store.database, store.processes)] == []


async def test_what_was_stored_meanwhile_is_not_stored_twice(client, store, make):
    trip = make.up(make.trip(1, 1))
    await store.ingest.bury(trip, "makes the commit fail: KeyError")
    await store.commit(trip)
    assert await replay(client, trip) == [("taken", "")]
    assert (await store.totals())[BUS][0] == 1


async def test_what_another_record_has_taken_the_place_of_goes_to_quarantine(client, store, make):
    trip = make.up(make.trip(1, 1, km=10))
    await store.ingest.bury(trip, "makes the commit fail: KeyError")
    await store.commit(make.up(make.trip(1, 1, km=11)))
    assert await replay(client, trip) == [("taken", "put in quarantine as conflict")]
    assert await store.count(tables.quarantine) == 1


async def test_what_still_makes_the_commit_fail_stays(client, store, make, monkeypatch):
    trip = make.up(make.trip(1, 1))
    await store.ingest.bury(trip, "makes the commit fail: KeyError")

    async def fail(messages):
        raise KeyError("still")

    monkeypatch.setattr(store.ingest, "commit", fail)
    assert await replay(client, trip) == [("refused", "makes the commit fail: KeyError")]
    assert await store.count(tables.dead_letters) == 1


async def test_what_was_not_kept_whole_and_what_the_broker_had_kept_is_not_read_again(client, store, make, monkeypatch):
    large = make.up(bytes(5000))
    cut = Received("headway/v1/depot/bus-1/up", bytes(4096), False, 1_000_000)
    retained = make.up(make.trip(1, 1), retained=True)
    monkeypatch.setattr("headway_server.ingest.refused.DEAD_LETTERS_MAX", 3)
    await store.commit(large, cut, retained, make.up(b"one more"))
    assert [outcome for outcome, _ in await replay(client, large, retained)] == ["cut", "refused"]
    hashes = [row[0].hex() for row in await store.rows(tables.dead_letters.c.hash)]
    done = await client.post("/api/v1/dead-letters/replay", json={"hashes": hashes}, headers=TOKEN)
    assert all(item["outcome"] in {"cut", "refused"} for item in done.json()["letters"])
    assert await store.count(tables.records) == 0


async def test_letters_are_dropped(client, store, make):
    messages = [make.up(b"junk %d" % n) for n in range(3)]
    await store.commit(*messages)
    body = {"hashes": [digest(messages[0]), digest(messages[2]), "00" * 32]}
    assert (await client.post("/api/v1/dead-letters/drop", json=body, headers=TOKEN)).json() == {"dropped": 2}
    assert await store.rows(tables.dead_letters.c.payload) == [(b"junk 1",)]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "dead-letters", None),
        ("GET", "dead-letters/abcd", None),
        ("POST", "dead-letters/replay", {"hashes": ["00" * 32]}),
        ("POST", "dead-letters/drop", {"hashes": ["00" * 32]}),
    ],
)
async def test_only_the_operator_sees_what_anybody_may_have_sent(client, method, path, body):
    assert (await client.request(method, f"/api/v1/{path}", json=body)).status_code == 401


@pytest.mark.parametrize(
    "body", [{"hashes": []}, {"hashes": ["zz" * 32]}, {"hashes": ["00"]}, {"hashes": ["00" * 32] * 501}, {}]
)
async def test_what_names_no_letter_is_refused(client, body):
    for path in ("replay", "drop"):
        assert (await client.post(f"/api/v1/dead-letters/{path}", json=body, headers=TOKEN)).status_code == 422


@pytest.mark.parametrize("cursor", ["x", "1-", "-", f"{1 << 70}-{'00' * 32}", f"1-{'00' * 31}", "1-" + "g" * 64])
async def test_a_cursor_that_no_page_gave_is_refused(client, cursor):
    answer = await client.get("/api/v1/dead-letters", params={"cursor": cursor}, headers=TOKEN)
    assert answer.status_code == 422


async def test_a_letter_that_was_changed_by_hand_is_not_read_again(store, make):
    trip = make.up(make.trip(1, 1))
    await store.ingest.bury(trip, "x")
    async with store.database.write() as connection:
        await connection.execute(update(tables.dead_letters).values(topic="headway/v1/depot/other/up"))
    hashes = [row[0] for row in await store.rows(tables.dead_letters.c.hash)]
    done = await dead_letters.replay(store.database, store.ingest, hashes)
    assert [outcome for outcome, _ in done.outcomes.values()] == ["cut"]
