"""Offers of packs, as the server signs and keeps them: the same bytes while they are fresh, a higher version when they change."""

import json

import pytest
from sqlalchemy import update
from tests.server.made_offers import SIGNING, offers_of

from headway_edge.band.hmac_sha256 import mac
from headway_edge.core.pack import Pack
from headway_edge.orders.server_keys import ServerKeys
from headway_protocol import pack_offer, signed
from headway_server.packs.processes import known_pack
from headway_server.signing import Signing, SigningKey, key_id
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"
DAY_MS = 86_400_000
LIMIT = pack_offer.OFFER_BYTES_MAX


@pytest.fixture
async def offered(store, make, offers):
    """A device that was offered a pack; the offer's message."""
    await store.commit(make.up(make.birth(1)), make.up(make.birth(1), "depot/other"))
    (message,) = await offers.offer(BUS, make.other_process.id)
    return message


async def payload_of(offers):
    (message,) = await offers.messages()
    return message.payload


def opened(payload, signing=SIGNING, address=BUS):
    """(version, not_after_s, body), by a device that holds the server's keys."""
    keys = ServerKeys(address, [key.public.hex() for key in signing.keys])
    return keys.opened(payload, LIMIT, signed.OFFER)[1:]


async def test_an_offer_says_for_whom_which_and_until_when(offered, store, make):
    assert offered.topic == "headway/v1/depot/bus-1/pack"
    version, not_after_s, body = opened(offered.payload)
    assert (version, not_after_s) == (store.now_ms // 1000, store.now_ms // 1000 + 90 * 86_400)
    data, texts = pack_offer.decode(body)
    assert Pack(data).id == make.other_process.id
    assert json.loads(texts)["pack_id"] == make.other_process.id.hex()


async def test_the_same_bytes_are_published_by_every_server_while_they_are_fresh(offered, store, offers):
    store.now_ms += 44 * DAY_MS
    assert await offers.renew() == []
    assert await payload_of(offers) == offered.payload
    assert await payload_of(offers_of(store)) == offered.payload


async def test_at_half_of_its_time_it_is_signed_anew(offered, store, offers):
    store.now_ms += 46 * DAY_MS
    assert await offers.renew() == [BUS]
    assert await offers.renew() == []
    version, not_after_s, body = opened(await payload_of(offers))
    assert (version, not_after_s) == (store.now_ms // 1000, store.now_ms // 1000 + 90 * 86_400)
    assert body == opened(offered.payload)[2]


async def test_offering_the_same_again_is_a_new_offer(offered, store, make, offers):
    before = opened(offered.payload)
    (message,) = await offers.offer(BUS, make.other_process.id)
    assert opened(message.payload)[0] == before[0] + 1, "within the same second"


async def test_a_clock_that_went_back_signs_no_lower_version(offered, store, make, offers):
    version = opened(offered.payload)[0]
    store.now_ms -= 400 * DAY_MS
    assert await offers.renew() == [BUS], "what lasts longer than any that is made now was made by a wrong clock"
    after = opened(await payload_of(offers))
    assert after[:2] == (version + 1, store.now_ms // 1000 + 90 * 86_400)


async def test_after_a_restore_of_an_older_backup_the_version_is_above_all_before(offered, store, make, offers):
    for _ in range(5):
        (message,) = await offers.offer(BUS, make.other_process.id)
    lost = opened(message.payload)[0]
    store.now_ms += DAY_MS
    async with store.database.write() as connection:  # the backup is from before the first offer
        await connection.execute(
            update(tables.devices).values(offer_version=0, offer_not_after_s=None, offer_hash=None, offer_seal=None)
        )
    assert opened(await payload_of(offers))[0] > lost


async def test_an_offer_of_before_signatures_is_signed_when_the_broker_is_reached(store, make, offers):
    await store.commit(make.up(make.birth(1)))
    async with store.database.write() as connection:
        await connection.execute(update(tables.devices).values(offered_pack_id=make.other_process.id))
    assert opened(await payload_of(offers))[0] == store.now_ms // 1000


async def test_better_words_are_another_offer(store, make, small, offers):
    await store.processes.add(store.database, small, 1)
    await store.commit(make.up(make.birth(1)))
    (first,) = await offers.offer(BUS, small.process.id)
    texts = {**small.process.catalogue, "title": "Better words"}
    better = known_pack(type("Compiled", (), {"data": small.data, "catalogue": texts})(), small.source)
    await store.processes.add(store.database, better, 2)
    version, _, body = opened(await payload_of(offers))
    assert version == opened(first.payload)[0] + 1
    assert json.loads(pack_offer.decode(body)[1])["title"] == "Better words"


async def test_another_key_signs_the_same_statement(offered, store):
    new = Signing([SigningKey(bytes(range(1, 33)), bytes(32)), *SIGNING.keys])
    rotated = await payload_of(offers_of(store, new))
    assert signed.parts(rotated, LIMIT)[2] == signed.parts(offered.payload, LIMIT)[2]
    assert signed.parts(rotated, LIMIT)[1] == key_id(new.keys[0].public)
    assert opened(rotated, new) == opened(offered.payload)
    assert await payload_of(offers_of(store, new)) == rotated


async def test_a_microcontroller_s_offer_is_signed_with_its_own_key_and_has_no_words(store, make):
    signing = Signing(SIGNING.keys, ["bands"])
    await store.commit(make.up(make.birth(1), "bands/band-3"))
    (message,) = await offers_of(store, signing).offer("bands/band-3", make.other_process.id)
    key = signing.keys[0].band_key("bands/band-3")

    def verify(algorithm, name, data, signature):
        return (algorithm, name, signature) == (signed.HMAC_SHA256, key_id(key), mac(key, (data,)))

    body = signed.opened(message.payload, LIMIT, signed.OFFER, "bands/band-3", verify)[2]
    assert pack_offer.decode(body)[1] == "{}"
    assert len(message.payload) < 9216


async def test_a_pack_that_this_server_does_not_know_is_left_to_those_that_do(offered, store, offers):
    async with store.database.write() as connection:
        await connection.execute(update(tables.devices).values(offered_pack_id=bytes(8)))
    assert await offers.renew() == []
    assert list(await offers.messages()) == []
    assert list(await offers.messages(["depot/nobody"])) == []
