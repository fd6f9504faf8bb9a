"""What the server holds in memory, and what it lets wait, whatever comes in."""

import asyncio
import contextlib
import random
import threading

import pytest
from sqlalchemy.exc import OperationalError

from headway_protocol import command
from headway_server.ingest.arrival import MESSAGE_BYTES_MAX, Received
from headway_server.ingest.ingest import Ingest
from headway_server.mqtt.embedded_broker import EmbeddedBroker
from headway_server.mqtt.inbox import Inbox
from headway_server.mqtt.mqtt_ingest import MqttIngest
from headway_server.mqtt.mqtt_link import Delivery, Link
from headway_server.settings import ServerSettings
from headway_server.store import tables

pytestmark = pytest.mark.anyio


class Impatient(random.Random):
    def uniform(self, a, b):
        return super().uniform(a, b) / 100


class HalfLink:
    """A connection of which only the deliveries and the acknowledgements are real."""

    def __init__(self):
        self.forgotten = 0
        self.published = []

    def acknowledge(self, delivery):
        self.forgotten += 1

    def publish(self, topic, payload, *, retain=False):
        self.published.append((topic, payload))
        return True


async def until(condition, seconds=20):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other threads make it true
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def ingesting(store, ingest=None, ask_every_s=30.0, **settings):
    """An ingest without a broker: its deliveries are put in by the test."""
    stop = asyncio.Event()
    chosen = ServerSettings(broker_port=1, batch_wait_ms=0, **settings)
    one = MqttIngest(chosen, store.database, ingest or store.ingest, Impatient(1), ask_every_s=ask_every_s)
    one._link = HalfLink()

    async def no_connection():
        await one._stopping.wait()

    one._keep_connected = no_connection
    task = asyncio.create_task(one.run(stop))
    await asyncio.sleep(0)
    try:
        yield one
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


async def test_ten_thousand_devices_at_once_take_no_more_memory_than_the_queue(store, make):
    births = {}
    most = 0

    def herd(one):
        nonlocal most
        for n in range(10_000):
            payload = births.setdefault(n % 7, make.birth(1 + n % 7))
            message = make.up(payload, f"herd/d-{n}")
            assert one._inbox.put(Delivery(one._link, message, n + 1, 1), lambda: True)
            most = max(most, len(one._inbox))

    async with ingesting(store, queue_max=200) as one:
        thread = threading.Thread(target=herd, args=(one,))
        thread.start()
        await until(lambda: one._link.forgotten == 10_000, 60)
        thread.join()
        assert len(one._link.published) == 10_000
    assert most <= 200
    assert await store.count(tables.devices) == 10_000


async def test_a_stop_ends_in_time_although_the_database_hangs(store, make):
    hanging = asyncio.Event()

    class Hanging(Ingest):
        async def commit(self, messages):
            hanging.set()
            await asyncio.sleep(3600)

    ingest = Hanging(store.database, lambda: 1, store.processes)
    loop = asyncio.get_running_loop()
    async with ingesting(store, ingest, stop_timeout_s=1) as one:
        one._inbox.put(Delivery(one._link, make.up(make.trip(1, 1)), 1, 1), lambda: True)
        await hanging.wait()
        began = loop.time()
    assert loop.time() - began < 5
    assert one._link.forgotten == 0, "the broker keeps what was not committed"
    assert one._link.published == []


async def test_devices_are_asked_for_what_is_missing_also_after_the_database_failed(store, make):
    class Failing(Ingest):
        failures = 2

        async def resend_requests(self):
            if self.failures:
                self.failures -= 1
                raise OperationalError("SELECT", {}, Exception("gone"))
            return await super().resend_requests()

    await store.commit(make.state(1), make.up(make.birth(1)), make.up(make.trip(1, 3)))
    ingest = Failing(store.database, lambda: store.now_ms + 61_000, store.processes)
    async with ingesting(store, ingest, ask_every_s=0.01) as one:
        await until(lambda: one._link.published)
    assert [(topic, command.decode(payload)) for topic, payload in one._link.published] == [
        ("headway/v1/depot/bus-1/cmd", (command.RESEND, [(1, 2, 2)]))
    ]


async def test_nobody_is_asked_while_there_is_no_broker(store, make):
    await store.commit(make.state(1), make.up(make.birth(1)), make.up(make.trip(1, 3)))
    store.now_ms += 61_000
    async with ingesting(store, ask_every_s=0.01) as one:
        one._link = None
        await asyncio.sleep(0.1)
        assert await store.rows(tables.gaps.c.asked) == [(0,)]


@pytest.fixture
async def broker():
    one = EmbeddedBroker("127.0.0.1", 0)
    await one.start()
    yield one
    await one.stop()


class Heard:
    """What a link puts into an inbox, without anybody who commits it."""

    def __init__(self, port, size_max, admit=lambda _topic, _now_s: True):
        self.inbox = Inbox(asyncio.get_running_loop(), size_max)
        self.link = Link(ServerSettings(broker_port=port), self.inbox, admit)

    async def messages(self, count):
        await until(lambda: len(self.inbox) >= count)
        return [delivery.message for delivery in await self.inbox.take(count, 0)]


def send(port, *messages):
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="sender")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for topic, payload in messages:
        client.publish(topic, payload, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


async def test_of_a_message_that_is_far_too_large_only_the_beginning_is_kept(broker, store, make):
    heard = Heard(broker.port, 10)
    await heard.link.open()
    topic = "headway/v1/depot/bus-1/up"
    large, largest = bytes(MESSAGE_BYTES_MAX + 1), bytes(MESSAGE_BYTES_MAX)
    await asyncio.to_thread(send, broker.port, (topic, large), (topic, largest))
    messages = await heard.messages(2)
    assert messages == [
        Received(topic, bytes(4096), False, MESSAGE_BYTES_MAX + 1),
        Received(topic, largest, False, None),
    ]
    await heard.link.close()
    assert await store.commit(*messages) == []
    d = tables.dead_letters.c
    assert await store.rows(d.payload_bytes, d.reason, order=d.payload_bytes) == [
        (MESSAGE_BYTES_MAX, f"record of {MESSAGE_BYTES_MAX} bytes; the limit is 1024"),
        (MESSAGE_BYTES_MAX + 1, f"a message of {MESSAGE_BYTES_MAX + 1} bytes; the limit is 1024"),
    ]


async def test_what_is_held_back_is_not_kept_and_not_in_the_way(broker):
    """The broker has 20 messages under way at most: the held ones are acknowledged to it, or nothing else would come."""
    heard = Heard(broker.port, 5, lambda topic, _now_s: "/flood/" not in topic)
    await heard.link.open()
    flood = [("headway/v1/depot/flood/up", b"x")] * 100
    await asyncio.to_thread(send, broker.port, *flood, ("headway/v1/depot/quiet/up", b"y"))
    assert await heard.messages(1) == [Received("headway/v1/depot/quiet/up", b"y")]
    await heard.link.close()


async def test_the_flood_is_named(store, make, client, running):
    async with ingesting(store, device_messages_per_minute=60, device_messages_burst=2) as one:
        now_s = asyncio.get_running_loop().time()
        for _ in range(5):
            one._rate.admit("headway/v1/depot/flood/up", now_s)
        (held,) = one.held_back(1_000_000)
        assert (held.device, held.messages) == ("depot/flood", 3)
        object.__setattr__(running, "mqtt", one)
        (alarm,) = (await client.get("/api/v1/alarms")).json()["alarms"]
    assert (alarm["kind"], alarm["device"]) == ("flood", "depot/flood")
    assert alarm["words"].startswith("3 messages held back: more than a device may send in a minute.")
