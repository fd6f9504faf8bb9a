"""Packs over the API: listed, added and refused with every reason, offered to devices."""

import asyncio
import json

import pytest
from tests.server.made_offers import SIGNING

from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_edge.orders.server_keys import ServerKeys
from headway_protocol import pack_offer, signed
from headway_server.packs.processes import shipped
from headway_server.publishing.offers import offer_body
from headway_server.store import tables

pytestmark = pytest.mark.anyio
TOKEN = {"Authorization": "Bearer let-me-close"}
BUS = "depot/bus-1"


@pytest.fixture
def add(client):
    async def post(source):
        # Escaped, so that what is no UTF-8 can be sent as well.
        headers = {**TOKEN, "Content-Type": "application/json"}
        return await client.post("/api/v1/packs", content=json.dumps({"source": source}), headers=headers)

    return post


async def test_packs_that_ship_are_known_from_the_start(client, store, make):
    await store.commit(make.up(make.birth(1)))
    found = {pack["name"]: pack for pack in (await client.get("/api/v1/packs")).json()}
    assert set(found) == {pack.process.name for pack in shipped()}
    one = found["private-driving"]
    assert (one["id"], one["devices"], one["kind"]) == (make.pack_id.hex(), 1, "trip")
    detail = (await client.get(f"/api/v1/packs/{one['id']}")).json()
    assert detail["on"] == [{"device": BUS, "vehicle_class": "car", "runs": True, "offered": False}]
    assert detail["catalogue"]["characteristics"][0]["title"] == "Distance"
    assert detail["source"].startswith("# Private driving")


@pytest.mark.parametrize("pack_id", ["0" * 16, "x", "%00", "0" * 64, " "])
async def test_a_pack_that_nobody_knows_is_not_found(client, pack_id):
    assert (await client.get(f"/api/v1/packs/{pack_id}")).status_code == 404


async def test_a_pack_that_is_added_reads_what_came_for_it(client, store, make, small, add):
    trips = [make.up(make.trip(1, seq, make.numbers(small.process), process=small.process)) for seq in (2, 3)]
    await store.commit(make.up(make.birth(1, process=small.process)), *trips)
    before = (await client.get(f"/api/v1/devices/{BUS}")).json()
    assert before["pack"] == {"id": small.process.id.hex(), "name": "small", "version": 1}, "as the device says"
    answer = await add(small.source)
    assert answer.status_code == 201
    expected = {"id": small.process.id.hex(), "name": "small", "version": 1, "new": True, "records_read": 2}
    assert answer.json() == expected
    again = await add(small.source)
    assert (again.status_code, again.json()) == (200, {**expected, "new": False, "records_read": 0})
    assert await store.totals() == {BUS: (2, 20_000)}


async def test_a_better_wording_is_the_same_pack(client, store, small, add):
    await add(small.source)
    better = small.source.replace('title = "Haste"', 'title = "Hurry"')
    assert (await add(better)).json() == {
        "id": small.process.id.hex(), "name": "small", "version": 1, "new": False, "records_read": 0
    }  # fmt: skip
    assert store.processes.find(small.process.id).by_id[102].title == "Hurry"
    assert await store.count(tables.packs) == len(shipped()) + 1


async def test_a_source_that_is_no_pack_is_refused_with_every_reason(small, add, store):
    wrong = small.source.replace('when = "speed == 0"', 'when = "sped == 0"').replace(
        'unit = "1/100 km"', 'unit = "kg"'
    )
    answer = await add(wrong)
    assert answer.status_code == 422
    lines = wrong.split("\n")
    problems = answer.json()["detail"]
    assert [problem["field"] for problem in problems] == ["accumulators.standing.when", "period.hasty_per_100km.unit"]
    assert all(problem["field"].split(".")[-1] in lines[problem["line"] - 1] for problem in problems)
    assert "unknown name: 'sped'" in problems[0]["message"]
    assert await store.count(tables.packs) == len(shipped())


_EVENT = '[events.e{}]\nwhen = "speed > 1*kmh"\nsuppressed_by = ["e{}"]\nabout = "x"\n'
_VALUE = '[values.v{}]\nformula = "{}"\nabout = "x"\n'


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("", "missing"),
        ("\x00", "not TOML"),
        ("\ud800", "is not UTF-8"),
        ("a = " + "[" * 900, "nested too deep"),
        ("#" * 200_000, "more than 131072 bytes"),
        ("{small}" + "".join(_VALUE.format(i, "speed") for i in range(2000)), "2000 entries; the limit is 48"),
        ("{small}" + _EVENT.format(1, 2) + _EVENT.format(2, 1), "in a circle"),
        ("{small}" + _VALUE.format(0, "speed * speed"), "overflow"),
        ("{small}" + _VALUE.format(0, "(" * 90 + "speed" + ")" * 90 + "+speed" * 50), "deeper than 40"),
        ("{small}" + _VALUE.format(0, "x" * 2000), "the limit is 1000"),
    ],
)
async def test_a_hostile_source_is_refused_with_a_reason(small, add, source, reason):
    async with asyncio.timeout(20):
        answer = await add(source.replace("{small}", small.source))
    assert answer.status_code == 422
    assert any(reason in problem["message"] for problem in answer.json()["detail"]), answer.json()


async def test_texts_that_no_offer_carries_are_refused(small, add):
    answer = await add(
        small.source.replace('about = "Events in 100 km."', 'about = """' + 60 * ("x" * 980 + "\n") + '"""')
    )
    assert answer.status_code == 422
    assert "its texts are too long" in answer.json()["detail"][0]["message"]


async def test_a_body_that_is_too_large_or_too_deep_is_refused(client, store):
    large = await client.post("/api/v1/packs", content=b" " * (1 << 20) + b"{}", headers=TOKEN)
    assert (large.status_code, large.json()) == (413, {"detail": "a body of more than 1048576 bytes"})

    async def endless():
        while True:
            yield b"[" * 65_536

    assert (await client.post("/api/v1/packs", content=endless(), headers=TOKEN)).status_code == 413
    deep = await client.post("/api/v1/packs", content=b"[" * 500_000, headers=TOKEN)
    assert deep.status_code in {400, 422}
    assert (await client.post("/api/v1/packs", json={"source": 5}, headers=TOKEN)).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/v1/packs", {"source": ""}),
        ("PUT", f"/api/v1/devices/{BUS}/pack", {"pack_id": "0" * 16}),
    ],
)
async def test_changes_need_the_token(client, method, path, body):
    answer = await client.request(method, path, json=body)
    assert answer.status_code == 401


async def offer(client, process, device=BUS):
    return await client.put(f"/api/v1/devices/{device}/pack", json={"pack_id": process.id.hex()}, headers=TOKEN)


async def test_an_offer_is_stored_and_kept_for_the_device(client, store, make, small, offers):
    await store.processes.add(store.database, small, 1)
    await store.commit(make.up(make.birth(1)), make.up(make.birth(1), "depot/other"))
    answer = await offer(client, small.process)
    pack = {"id": small.process.id.hex(), "name": "small", "version": 1}
    assert (answer.status_code, answer.json()) == (200, {"device": BUS, "pack": pack, "published": False})
    (message,) = await offers.messages()
    assert message.topic == "headway/v1/depot/bus-1/pack"
    keys = ServerKeys(BUS, [SIGNING.keys[0].public.hex()])
    data, texts = pack_offer.decode(keys.opened(message.payload, pack_offer.OFFER_BYTES_MAX, signed.OFFER)[3])
    process = Process(Pack(data), json.loads(texts))
    assert (process.id, process.title, process.contexts) == (small.process.id, "A small pack", ["long", "cold"])
    assert [c.title for c in process.period if c.headline] == ["Longest trip", "Haste"]
    assert (await client.get(f"/api/v1/devices/{BUS}")).json()["offered_pack_id"] == small.process.id.hex()
    detail = (await client.get(f"/api/v1/packs/{pack['id']}")).json()
    assert detail["on"] == [{"device": BUS, "vehicle_class": "car", "runs": False, "offered": True}]


async def test_a_pack_that_does_not_know_the_device_s_class_is_not_offered(client, store, make, small, offers):
    await store.processes.add(store.database, small, 1)
    await store.commit(make.up(make.birth(1, vehicle_class="bus")), make.up(make.trip(1, 1), "depot/unborn"))
    answer = await offer(client, small.process)
    assert answer.status_code == 409
    assert "pack small version 1 knows the classes car; depot/bus-1 is of class 'bus'" in answer.json()["detail"]
    assert "of a class it has not told yet" in (await offer(client, small.process, "depot/unborn")).json()["detail"]
    assert (await offer(client, small.process, "depot/nobody")).status_code == 404
    assert (await offer(client, small.process, "depot/BUS")).status_code == 404
    assert (await offer(client, make.process, "depot/unborn")).status_code == 409
    assert list(await offers.messages()) == []


@pytest.mark.parametrize("pack_id", ["", "0" * 16, "zz", 5, "0" * 17])
async def test_an_offer_of_no_pack_is_refused(client, store, make, pack_id):
    await store.commit(make.up(make.birth(1)))
    answer = await client.put(f"/api/v1/devices/{BUS}/pack", json={"pack_id": pack_id}, headers=TOKEN)
    assert answer.status_code in {404, 422}


def test_every_pack_that_ships_can_be_offered():
    for pack in shipped():
        assert pack_offer.decode(offer_body(pack))[0] == pack.data
