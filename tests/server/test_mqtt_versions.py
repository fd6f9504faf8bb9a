"""MQTT 5 where the broker has it, 3.1.1 where not; reasons in words; no more under way than is wanted."""

import asyncio
import random
import shutil
import socket
import subprocess

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy.exc import OperationalError

from headway_server.ingest.ingest import Ingest
from headway_server.mqtt.inbox import Inbox
from headway_server.mqtt.mqtt_ingest import MqttIngest
from headway_server.mqtt.mqtt_link import Link, LinkError, NoAnswer
from headway_server.mqtt.mqtt_protocol import ProtocolChoice, told
from headway_server.settings import ServerSettings
from headway_server.store import tables

pytestmark = pytest.mark.anyio
V311, V5 = 4, 5


class Impatient(random.Random):
    def uniform(self, a, b):
        return super().uniform(a, b) / 100


async def until(condition, seconds=20):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other threads make it true
            await asyncio.sleep(0.01)


def test_a_broker_that_does_not_answer_is_tried_in_the_other_version_and_what_worked_stays():
    choice = ProtocolChoice("auto")
    tried = []
    for _ in range(3):
        tried.append(int(choice.version))
        at_once = choice.failed()
        assert at_once is (tried[-1] == V5)
    assert tried == [V5, V311, V5]
    assert choice.version == V311
    choice.worked()
    assert choice.failed() is False
    assert choice.version == V311, "it may only have been busy"
    choice.failed()
    assert choice.version == V5, "or it has become another broker"


@pytest.mark.parametrize(("wanted", "version"), [("5", V5), ("3.1.1", V311)])
def test_a_version_that_is_asked_for_is_the_only_one(wanted, version):
    choice = ProtocolChoice(wanted)
    assert not choice.failed()
    assert choice.version == version
    choice.worked(9.0)
    choice.ended()
    assert choice.version == version


@pytest.mark.parametrize(("answer_s", "passed_s", "version"), [(0.1, 60, V311), (2.0, 60, V5), (0.1, 3601, V5)])
def test_a_broker_that_was_slow_or_silent_long_ago_is_asked_in_5_again_with_patience(answer_s, passed_s, version):
    now_s = 1000.0
    choice = ProtocolChoice("auto", lambda: now_s)
    impatient_s = choice.answer_s
    assert choice.failed()
    choice.worked(answer_s)
    now_s += passed_s
    choice.ended()
    assert choice.version == version
    if version == V5:
        assert choice.answer_s > impatient_s
        assert choice.failed(), "3.1.1 at once"
        choice.worked(0.1)
        choice.ended()
        assert choice.version == V311, "and not 5 every time"


def test_reasons_have_a_next_step():
    assert told(ReasonCode(PacketTypes.CONNACK, "Bad user name or password")) == (
        "Bad user name or password: check broker_username and broker_password"
    )
    assert told(ReasonCode(PacketTypes.DISCONNECT, "Session taken over")) == (
        "Session taken over: another server uses this broker_client_id: give each its own"
    )
    assert told(ReasonCode(PacketTypes.DISCONNECT, "Normal disconnection")) == "Normal disconnection"


class OldBroker:
    """Speaks MQTT 3.1.1 and nothing else, in one of the ways that such brokers have with a newer client."""

    def __init__(self, manner):
        self.manner = manner
        self.seen = []

    async def __aenter__(self):
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self._server.close()
        await self._server.wait_closed()

    async def _packet(self, reader):
        head = await reader.readexactly(1)
        size = shift = 0
        while True:
            (byte,) = await reader.readexactly(1)
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return head[0], await reader.readexactly(size)

    async def _serve(self, reader, writer):
        try:
            _, connect = await self._packet(reader)
            version = connect[6]
            self.seen.append(version)
            if version != V311:
                if self.manner == "refuses":
                    writer.write(bytes([0x20, 2, 0, 1]))
                elif self.manner == "refuses as 5 does":
                    writer.write(bytes([0x20, 3, 0, 0x84, 0]))
                if self.manner == "says nothing":
                    await reader.read()
                return
            writer.write(bytes([0x20, 2, 0, 0]))
            while True:
                head, body = await self._packet(reader)
                if head >> 4 == 8:
                    writer.write(bytes([0x90, 4, *body[:2], 1, 1]))
                elif head >> 4 == 10:
                    writer.write(bytes([0xB0, 2, *body[:2]]))
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.mark.parametrize("manner", ["refuses", "refuses as 5 does", "closes", "says nothing"])
async def test_a_broker_of_the_older_version_is_spoken_to_in_it(store, manner, monkeypatch):
    monkeypatch.setattr("headway_server.mqtt.mqtt_protocol._FIRST_ANSWER_S", 0.5)
    stop = asyncio.Event()
    async with OldBroker(manner) as broker:
        settings = ServerSettings(broker_port=broker.port)
        one = MqttIngest(settings, store.database, store.ingest, Impatient(1))
        task = asyncio.create_task(one.run(stop))
        await until(lambda: one.connected)
        assert broker.seen == [V5, V311]
        stop.set()
        await task


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def mosquitto(tmp_path):
    """Start mosquitto with more lines of settings; give its port."""
    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.fail("this test needs the broker `mosquitto` on the path: apt install mosquitto")
    processes = []

    def start(*lines):
        port = free_port()
        config = tmp_path / "mosquitto.conf"
        config.write_text("\n".join([f"listener {port} 127.0.0.1", "persistence false", *lines, ""]))
        processes.append(subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL))
        return port

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


def publish(port, topic, payloads):
    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="devices")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for payload in payloads:
        client.publish(topic, payload, qos=1).wait_for_publish(5)
    client.disconnect()
    client.loop_stop()


async def opened(port, version=V5, **settings):
    link = Link(ServerSettings(broker_port=port, **settings), Inbox(asyncio.get_running_loop(), 10), version=version)
    for _ in range(50):
        try:
            await link.open()
        except LinkError as e:
            if "refused" in str(e) and "Errno" in str(e):  # mosquitto is not up yet
                await link.close()
                await asyncio.sleep(0.1)
                link = Link(ServerSettings(broker_port=port, **settings), link._inbox, version=version)
                continue
            await link.close()
            raise
        return link
    raise AssertionError("mosquitto did not start")


@pytest.mark.full
async def test_no_more_is_under_way_than_the_server_says(mosquitto, store, make):
    port = mosquitto("allow_anonymous true", "max_inflight_messages 0")
    taken = []

    class Down(Ingest):
        down = True

        async def commit(self, messages):
            if self.down:
                taken.append(len(messages))
                raise OperationalError("INSERT", {}, Exception("disk full"))
            return await super().commit(messages)

    ingest = Down(store.database, lambda: 1, store.processes)
    settings = ServerSettings(broker_port=port, in_flight_max=37, batch_max=10)
    one = MqttIngest(settings, store.database, ingest, Impatient(1))
    stop = asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    await until(lambda: one.connected)
    payloads = [make.trip(1, seq) for seq in range(1, 301)]
    await asyncio.to_thread(publish, port, "headway/v1/depot/bus-1/up", payloads)
    await until(lambda: len(taken) > 20)
    assert one.queue_depth + max(taken) == 37
    ingest.down = False
    counted = 0
    async with asyncio.timeout(20):
        while counted < 300:
            counted = await store.count(tables.records)
            await asyncio.sleep(0.02)
    stop.set()
    await task


@pytest.mark.full
async def test_the_session_is_the_same_in_both_versions(mosquitto, store, make):
    port = mosquitto("allow_anonymous true")
    for version in (V311, V5):
        link = await opened(port, version)
        await link.close()
        await asyncio.to_thread(publish, port, "headway/v1/depot/bus-1/up", [b"kept"])
    link = await opened(port, V5)
    await until(lambda: len(link._inbox) == 2)
    await link.close()


@pytest.mark.full
async def test_a_broker_s_reasons_are_told(mosquitto, tmp_path):
    rules = tmp_path / "rules"
    rules.write_text("topic read headway/v1/+/+/state\n")
    port = mosquitto("allow_anonymous false")
    with pytest.raises(LinkError, match="Not authorized: let this user read the up and state topics") as caught:
        await opened(port)
    assert not isinstance(caught.value, NoAnswer)
