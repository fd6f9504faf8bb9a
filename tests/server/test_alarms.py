"""What of devices somebody should look at: in words, the gravest first, and no longer than it matters."""

import pytest

from headway_protocol import cbor
from headway_server.ingest.gap_rows import OPEN_END

pytestmark = pytest.mark.anyio
DAY_S = 86_400


async def alarms(client, **query):
    return (await client.get("/api/v1/alarms", params=query)).json()


async def told(client):
    return [(one["device"], one["kind"], one["words"]) for one in (await alarms(client))["alarms"]]


async def test_a_sound_fleet_has_none(client, store, make):
    await store.commit(*make.fleet(3), make.up(make.trip(1, 9), "depot/car-001"))
    assert await told(client) == [], "a gap that has just opened is in the ordinary way of things"


async def test_kinds_come_by_their_gravity_and_then_the_latest(client, store, make):
    for n, name in enumerate(("depot/a", "depot/b")):
        store.now_ms += 1000 * n
        await store.commit(
            make.state(1, name),
            make.up(make.birth(1), name),
            make.up(make.birth(1, firmware="other"), name),
            make.up(make.loss(1, 2, 1, 3, 3, "worn flash"), name),
            make.up(make.loss(1, 4, 1, 3, 6, "worn flash"), name),
            make.up(cbor.encode([1, 2, 1, 7, 5, None, 0, "no body"]), name),
            make.up(make.trip(1, 20), name),
        )
    store.now_ms += 3_700_000
    clone, lost, refused, missing = (
        "1 record came with other content than what is stored under the same boot and seq: two units seem to use this "
        "identity.",
        "4 records declared lost: worn flash.",
        "1 record refused as malformed: the bytes are not a canonical CBOR record of this protocol.",
        "12 records missing, and asked for when it is online.",
    )
    assert await told(client) == [
        (device, kind, words)
        for kind, words in (("clone", clone), ("lost", lost), ("refused", refused), ("missing", missing))
        for device in ("depot/b", "depot/a")
    ]
    first = await alarms(client, limit=3)
    assert (len(first["alarms"]), first["others"]) == (3, 5)


async def test_what_does_not_come_turns_from_missing_to_unfilled_and_back(client, store, make):
    await store.commit(make.state(4), make.up(make.birth(1)), make.up(make.trip(1, 3)), make.up(make.birth(4)))
    while await store.asked(DAY_S):
        assert await told(client) == [
            ("depot/bus-1", "missing", "1 record and 2 boots missing, and asked for when it is online.")
        ]
    (one,) = (await alarms(client))["alarms"]
    assert (one["kind"], one["words"]) == ("unfilled", "1 record and 2 boots did not come, asked for 8 times.")
    assert one["next_step"].startswith("Run `headway doctor` on the device")
    detail = (await client.get("/api/v1/devices/depot/bus-1")).json()["gaps"]
    assert [(gap["boot"], gap["first_seq"], gap["last_seq"], gap["state"]) for gap in detail] == [
        (3, 1, None, "unfilled"),
        (2, 1, None, "unfilled"),
        (1, 2, 2, "unfilled"),
    ]
    counters = (await client.get("/api/v1/counters")).json()
    assert (counters["gaps"], counters["missing"], counters["unfilled"]) == (3, 1, 3)
    await store.commit(make.up(make.trip(1, 2)), make.up(make.loss(4, 2, 2, 1, OPEN_END)), make.up(make.birth(3)))
    assert await told(client) == [("depot/bus-1", "lost", "the end of 1 boot declared lost: storage full.")]


async def test_after_thirty_days_it_is_in_the_counters_only(client, store, make):
    await store.commit(
        make.up(make.birth(1)),
        make.up(make.birth(1, firmware="other")),
        make.up(make.loss(1, 2, 1, 3, 3)),
        make.up(cbor.encode([1, 2, 1, 4, 5, None, 0, "no body"])),
    )
    assert len(await told(client)) == 3
    store.now_ms += 31 * DAY_S * 1000
    assert await told(client) == []
    counters = (await client.get("/api/v1/counters")).json()
    assert (counters["conflicts"], counters["lost"], counters["rejected"]) == (1, 1, 1)


async def test_an_offered_pack_that_is_not_taken_is_an_alarm_until_it_runs(client, store, make, offers):
    await store.commit(make.up(make.birth(1)))
    await offers.offer("depot/bus-1", make.other_process.id)
    store.now_ms += (DAY_S - 60) * 1000
    await store.commit(make.up(make.trip(1, 2)))
    assert await told(client) == [], "it may be on the road"
    store.now_ms += 120_000
    assert await told(client) == [], "nobody knows what it runs now"
    await store.commit(make.up(make.trip(1, 3)))
    (one,) = (await alarms(client))["alarms"]
    version = make.process.version
    assert (one["kind"], one["words"]) == (
        "untaken",
        f"It was offered another pack, was heard a day later and longer, and runs private-driving version {version}.",
    )
    assert "pack_keys" in one["next_step"]
    await store.commit(make.up(make.birth(2, process=make.other_process)))
    assert await told(client) == []
