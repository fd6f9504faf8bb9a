"""Ingest against mosquitto, the broker that fleets run: a session over restarts, a broker that is killed."""

import asyncio
import random
import shutil
import signal
import socket
import subprocess

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from headway_protocol import ack
from headway_server.mqtt.mqtt_ingest import MqttIngest
from headway_server.settings import ServerSettings
from headway_server.store import tables

pytestmark = [pytest.mark.anyio, pytest.mark.full]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mosquitto:
    def __init__(self, tmp_path):
        program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
        if program is None:
            pytest.fail("this test needs the broker `mosquitto` on the path: apt install mosquitto")
        self.port = free_port()
        config = tmp_path / "mosquitto.conf"
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
        self._command = [program, "-c", str(config)]
        self.start()

    def start(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self, number=signal.SIGTERM):
        self._process.send_signal(number)
        self._process.wait(10)


@pytest.fixture
def mosquitto(tmp_path):
    one = Mosquitto(tmp_path)
    yield one
    one.end()


async def until(condition, seconds=30):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other threads make it true
            await asyncio.sleep(0.01)


class Fleet:
    """Devices that send what is not acknowledged, at most 20 records each at a time, until everything is."""

    def __init__(self, port, messages):
        self.boxes, self.upto = {}, {}
        for message in messages:
            self.boxes.setdefault(message.topic, []).append(message.payload)
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="devices", clean_session=False)
        self.client.on_connect = lambda client, *_: client.subscribe("headway/v1/+/+/ack", 1)
        self.client.on_message = self._heard
        self.client.reconnect_delay_set(1, 1)
        self.client.connect_async("127.0.0.1", port)
        self.client.loop_start()

    def _heard(self, _client, _userdata, message):
        _, reached, _ = ack.decode(message.payload)
        topic = message.topic[: -len("ack")] + "up"
        self.upto[topic] = max(self.upto.get(topic, 0), reached)

    @property
    def done(self):
        return all(self.upto.get(topic, 0) == len(box) for topic, box in self.boxes.items())

    def send(self, topic):
        for payload in self.boxes[topic][self.upto.get(topic, 0) :][:20]:
            self.client.publish(topic, payload, qos=1)

    async def drain(self):
        async with asyncio.timeout(60):
            while not self.done:
                for topic in self.boxes:
                    self.send(topic)
                await asyncio.sleep(0.3)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


async def test_a_broker_killed_in_the_middle_costs_nothing(mosquitto, store, make):
    stop = asyncio.Event()
    one = MqttIngest(ServerSettings(broker_port=mosquitto.port), store.database, store.ingest, random.Random(1))  # noqa: S311
    task = asyncio.create_task(one.run(stop))
    await until(lambda: one.connected)
    fleet = Fleet(mosquitto.port, make.fleet(10, trips=50))
    draining = asyncio.create_task(fleet.drain())
    await until(lambda: sum(fleet.upto.values()) > 100)
    mosquitto.end(signal.SIGKILL)
    await until(lambda: not one.connected)
    mosquitto.start()
    await draining
    stop.set()
    await task
    await asyncio.to_thread(fleet.close)
    assert await store.count(tables.records) == 510
    assert {totals[0] for totals in (await store.totals()).values()} == {50}


async def test_the_broker_keeps_what_comes_in_while_the_server_is_away(mosquitto, store, make):
    first, second = make.up(make.trip(1, 1)), make.up(make.trip(1, 2))
    fleet = Fleet(mosquitto.port, [first, second])
    for reached, message in enumerate((first, second), start=1):
        if reached == 2:
            # Nobody is subscribed now; the session that the server left behind keeps the message.
            fleet.client.publish(message.topic, message.payload, qos=1).wait_for_publish(5)
        stop = asyncio.Event()
        one = MqttIngest(ServerSettings(broker_port=mosquitto.port), store.database, store.ingest, random.Random(1))  # noqa: S311
        task = asyncio.create_task(one.run(stop))
        await until(lambda one=one: one.connected)
        if reached == 1:
            fleet.client.publish(message.topic, message.payload, qos=1)
        await until(lambda reached=reached: fleet.upto.get(first.topic) == reached)
        stop.set()
        await task
    await asyncio.to_thread(fleet.close)
    device = await store.device()
    assert (device.records, device.duplicates) == (2, 0), (
        "each was delivered once: acknowledged to the broker on commit"
    )
