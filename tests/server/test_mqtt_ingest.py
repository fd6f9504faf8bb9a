"""Ingest over a real broker and real sockets: commit, then acknowledge; survive what fails."""

import asyncio
import contextlib
import random

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from sqlalchemy.exc import OperationalError
from tests.server.made_offers import offers_of

from headway_protocol import ack, benchmark, topics
from headway_server.cohorts.epochs import close_epoch
from headway_server.ingest.ingest import Ingest
from headway_server.mqtt.embedded_broker import EmbeddedBroker
from headway_server.mqtt.inbox import Inbox
from headway_server.mqtt.mqtt_ingest import MqttIngest
from headway_server.mqtt.mqtt_link import Link, LinkError
from headway_server.settings import ServerSettings
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"


class Impatient(random.Random):
    """Jitter that takes a hundredth of the time."""

    def uniform(self, a, b):
        return super().uniform(a, b) / 100


class Device:
    """A client at the broker that publishes for any device and collects what comes back."""

    def __init__(self, port):
        self.got = []
        self._subscribed = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="devices")
        self.client.on_connect = lambda client, *_: client.subscribe(
            [(f"headway/v1/+/+/{channel}", 1) for channel in ("ack", "bench", "pack")]
        )
        self.client.on_subscribe = lambda *_: loop.call_soon_threadsafe(self._subscribed.set)
        self.client.on_message = lambda _client, _userdata, m: self.got.append((m.topic, m.payload, m.retain))
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    async def ready(self):
        async with asyncio.timeout(5):
            await self._subscribed.wait()

    def send(self, payload, device=BUS, channel="up", *, retain=False):
        self.client.publish(topics.topic(*device.split("/"), channel), payload, qos=1, retain=retain)

    def acks(self):
        return [ack.decode(payload) for topic, payload, _ in self.got if topic.endswith("/ack")]

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


async def until(condition, seconds=8):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other threads make it true
            await asyncio.sleep(0.01)


@pytest.fixture
async def broker():
    one = EmbeddedBroker("127.0.0.1", 0)
    await one.start()
    yield one
    await one.stop()


@pytest.fixture
async def device(broker):
    one = Device(broker.port)
    await one.ready()
    yield one
    await asyncio.to_thread(one.close)


@pytest.fixture
def serving(store, broker):
    """Run the ingest within a block; `ingest` may be a stand-in that fails."""

    @contextlib.asynccontextmanager
    async def run(ingest=None, **settings):
        stop = asyncio.Event()
        settings = {"broker_port": broker.port, "broker_protocol": "3.1.1", "batch_wait_ms": 5, **settings}
        one = MqttIngest(
            ServerSettings(**settings), store.database, ingest or store.ingest, Impatient(1), offers_of(store)
        )
        task = asyncio.create_task(one.run(stop))
        try:
            await until(lambda: one.connected)
            yield one
        finally:
            stop.set()
            async with asyncio.timeout(15):
                await task

    return run


async def test_what_a_device_sends_is_committed_then_acknowledged(serving, device, store, make):
    async with serving():
        device.send(make.birth(1))
        for seq in range(2, 40):
            device.send(make.trip(1, seq))
        await until(lambda: device.acks() and device.acks()[-1] == (1, 39, []))
        assert await store.count(tables.records) == 39
    assert not any(retained for _, _, retained in device.got)


async def test_presence_is_followed(serving, device, store, make):
    async with serving():
        device.send(make.state(3).payload, channel="state", retain=True)
        device.send(make.birth(3))
        await until(device.acks)
        assert (await store.device()).online is True


async def test_nothing_is_acknowledged_while_the_database_fails(serving, device, store, make):
    class Failing(Ingest):
        failures = 0

        async def commit(self, messages):
            if self.failures < 3:
                self.failures += 1
                assert device.acks() == []
                raise OperationalError("INSERT", {}, Exception("disk full"))
            return await super().commit(messages)

    ingest = Failing(store.database, lambda: 1, store.processes)
    async with serving(ingest) as one:
        device.send(make.trip(1, 1))
        await until(device.acks)
        assert one.database_works
    assert ingest.failures == 3
    assert device.acks() == [(1, 1, [])]
    assert (await store.totals())[BUS][0] == 1


async def test_a_message_that_breaks_the_commit_is_put_aside_alone(serving, device, store, make):
    class Fragile(Ingest):
        async def commit(self, messages):
            if any(b"poison" in message.payload for message in messages):
                raise ZeroDivisionError
            return await super().commit(messages)

    async with serving(Fragile(store.database, lambda: 1, store.processes), batch_wait_ms=200):
        device.send(make.trip(1, 1))
        device.send(b"poison")
        device.send(make.trip(1, 2))
        await until(lambda: (1, 2, []) in device.acks())
    d = tables.dead_letters.c
    assert await store.rows(d.payload, d.reason, d.count) == [
        (b"poison", "makes the commit fail: ZeroDivisionError", 1)
    ]


async def test_a_small_queue_holds_back_and_loses_nothing(serving, device, store, make):
    async with serving(queue_max=3, batch_max=2):
        for seq in range(1, 61):
            device.send(make.trip(1, seq))
        await until(lambda: (1, 60, []) in device.acks())
    assert (await store.totals())[BUS][0] == 60


async def test_what_came_while_the_server_was_away_is_answered_when_it_is_sent_again(serving, device, store, make):
    async with serving():
        device.send(make.trip(1, 1))
        await until(lambda: (1, 1, []) in device.acks())
    # This broker keeps nothing for who is not there (test_mosquitto has one that does); no answer, so it comes again.
    device.send(make.trip(1, 2))
    async with serving():
        device.send(make.trip(1, 2))
        await until(lambda: (1, 2, []) in device.acks())
    assert (await store.device()).records == 2


async def test_benchmarks_are_retained_and_published_again_at_each_connection(serving, device, store, make):
    await store.commit(*make.fleet(10))
    await close_epoch(store.database, store.processes, 10, 1)  # and the server dies before it publishes
    async with serving():
        await until(lambda: len(device.got) == 10)
    assert benchmark.decode(device.got[0][1]).epoch == 1
    late = Device(device.client.port)
    await until(lambda: len(late.got) == 10)
    assert all(retained for _, _, retained in late.got)
    await asyncio.to_thread(late.close)


async def test_an_offer_is_retained_and_published_again_at_each_connection(serving, device, store, make, offers):
    await store.commit(make.up(make.birth(1)))
    (expected,) = await offers.offer(BUS, make.other_process.id)
    async with serving():
        await until(lambda: len(device.got) == 1)
    late = Device(device.client.port)
    await until(lambda: late.got == [(expected.topic, expected.payload, True)])
    await asyncio.to_thread(late.close)


async def test_an_offer_is_signed_anew_while_the_connection_lasts(serving, device, store, make, offers, monkeypatch):
    monkeypatch.setattr("headway_server.mqtt.mqtt_ingest._RENEW_EVERY_S", 0.05)
    await store.commit(make.up(make.birth(1)))
    (first,) = await offers.offer(BUS, make.other_process.id)
    async with serving():
        await until(lambda: len(device.got) == 1)
        store.now_ms += 60 * 86_400_000
        await until(lambda: len(device.got) == 2)
        await asyncio.sleep(0.3)
    assert [payload == first.payload for _, payload, _ in device.got] == [True, False]


async def test_a_new_device_gets_its_cohort_s_benchmark_at_once(serving, device, store, make):
    await store.commit(*make.fleet(10))
    await close_epoch(store.database, store.processes, 10, 1)
    async with serving():
        device.send(make.birth(1), "depot/new")
        await until(lambda: any(topic == "headway/v1/depot/new/bench" for topic, _, _ in device.got))


async def test_a_broker_that_restarts_is_found_again(store, make):
    first = EmbeddedBroker("127.0.0.1", 0)
    await first.start()
    stop = asyncio.Event()
    settings = ServerSettings(broker_port=first.port, broker_protocol="3.1.1", batch_wait_ms=0)
    one = MqttIngest(settings, store.database, store.ingest, Impatient(1))
    task = asyncio.create_task(one.run(stop))
    await until(lambda: one.connected)
    await first.stop()
    await until(lambda: not one.connected)
    second = EmbeddedBroker("127.0.0.1", first.port)
    await second.start()
    await until(lambda: one.connected)
    device = Device(second.port)
    await device.ready()
    device.send(make.trip(1, 1))
    await until(device.acks)
    stop.set()
    await task
    await asyncio.to_thread(device.close)
    await second.stop()


async def test_a_dead_network_thread_is_noticed(broker):
    inbox = Inbox(asyncio.get_running_loop(), 10)
    link = Link(ServerSettings(broker_port=broker.port), inbox)
    await link.open()
    lasting = asyncio.create_task(link.lasts(heartbeat_s=0.05, patience_s=0.3))
    await asyncio.sleep(0.6)
    assert not lasting.done(), "an idle connection answers the heartbeat"
    await asyncio.to_thread(link._client.loop_stop)
    async with asyncio.timeout(5):
        assert await lasting == "no progress for 0.3 s"
    await link.close()


async def test_a_port_that_is_no_broker_is_refused_by_name():
    async def hold(reader, writer):
        await reader.read()  # whatever comes, until the other side gives up
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    link = Link(ServerSettings(broker_port=port), Inbox(asyncio.get_running_loop(), 10))
    with pytest.raises(LinkError, match="does not answer as an MQTT broker"):
        await link.open(0.3)
    await link.close()
    server.close()
    await server.wait_closed()
