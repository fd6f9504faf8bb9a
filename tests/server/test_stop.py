"""Stopping a server: nothing that was answered is missing, it takes no longer than it says, and a second signal ends it."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
import time

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from headway_protocol import ack
from headway_server.mqtt.embedded_broker import EmbeddedBroker
from headway_server.recounting.verification import verify
from headway_server.store import tables

# Servers in processes of their own: they are in the long run for their time.
pytestmark = [pytest.mark.anyio, pytest.mark.full]
STOP_TIMEOUT_S = 6

_CHILD = """
import asyncio, sys
from headway_server.service import serve
from headway_server.settings import ServerSettings
settings = ServerSettings(database_url=sys.argv[1], broker_port=int(sys.argv[2]), broker_protocol="3.1.1", http_port=0,
                          stop_timeout_s=float(sys.argv[3]), batch_max=20)
asyncio.run(serve(settings, lambda url: print("READY", url, flush=True)))
"""


class Child:
    def __init__(self, url, port):
        arguments = [sys.executable, "-c", _CHILD, url, str(port), str(STOP_TIMEOUT_S)]
        environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": ""}
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment)
        self.lines = []
        ready = threading.Event()

        def read():
            for line in self.process.stdout:
                self.lines.append(line)
                if "broker connected" in line:
                    ready.set()

        self._reader = threading.Thread(target=read)
        self._reader.start()
        assert ready.wait(30), self.lines

    def wait(self):
        status = self.process.wait(60)
        self._reader.join()
        self.process.stdout.close()
        return status


class Devices:
    """Devices that send what is not acknowledged, again and again."""

    def __init__(self, port, messages):
        self.upto, self.boxes = {}, {}
        for message in messages:
            self.boxes.setdefault(message.topic, []).append(message.payload)
        self.client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="devices")
        self.client.on_connect = lambda client, *_: client.subscribe("headway/v1/+/+/ack", 1)
        self.client.on_message = self._heard
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def _heard(self, _client, _userdata, message):
        _, reached, _ = ack.decode(message.payload)
        topic = message.topic.replace("/ack", "/up")
        self.upto[topic] = max(self.upto.get(topic, 0), reached)

    def send(self):
        for topic, payloads in self.boxes.items():
            for payload in payloads[self.upto.get(topic, 0) :][:20]:
                self.client.publish(topic, payload, qos=1)

    @property
    def answered(self):
        return sum(self.upto.values())

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
async def broker():
    one = EmbeddedBroker("127.0.0.1", 0)
    await one.start()
    yield one
    await one.stop()


async def test_a_stop_under_load_loses_nothing_that_was_answered(database_url, open_store, make, broker):
    devices = Devices(broker.port, make.fleet(25, trips=400))
    child = await asyncio.to_thread(Child, database_url, broker.port)
    async with asyncio.timeout(60):
        while devices.answered < 300:
            devices.send()
            await asyncio.sleep(0.3)
    began = time.monotonic()
    child.process.send_signal(signal.SIGTERM)
    while child.process.poll() is None:
        devices.send()  # the load goes on
        await asyncio.sleep(0.3)
        assert time.monotonic() - began < STOP_TIMEOUT_S + 25
    assert await asyncio.to_thread(child.wait) == 0
    await asyncio.sleep(0.5)
    answered = dict(devices.upto)
    await asyncio.to_thread(devices.close)
    store = await open_store(database_url)
    b = tables.boots.c
    stored = {f"headway/v1/{device}/up": upto for device, upto in await store.rows(b.device, b.upto)}
    assert sum(answered.values()) >= 300
    assert all(stored.get(topic, 0) >= upto for topic, upto in answered.items())
    assert [item async for item in verify(store.database, store.processes)] == []
    name = tables.marks.c.name
    left = await store.rows(name, where=~name.startswith("erasure key/"))  # whose journal this is stays
    assert left == [], "it stopped in order"
    await store.database.close()


@pytest.mark.parametrize("signals", [1, 2])
async def test_a_stop_ends_in_time_though_the_database_is_held_and_at_once_the_second_time(
    database_url, open_store, make, broker, signals
):
    devices = Devices(broker.port, make.fleet(5, trips=20))
    child = await asyncio.to_thread(Child, database_url, broker.port)
    other = sqlite3.connect(database_url.partition("///")[2], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    devices.send()
    await asyncio.sleep(1)
    began = time.monotonic()
    child.process.send_signal(signal.SIGTERM)
    if signals == 2:
        await asyncio.sleep(0.5)
        child.process.send_signal(signal.SIGTERM)
    status = await asyncio.to_thread(child.wait)
    took_s = time.monotonic() - began
    other.execute("ROLLBACK")
    other.close()
    if signals == 2:
        assert status == -signal.SIGTERM
        assert took_s < 5, "at once"
    else:
        assert status == 0
        assert took_s < STOP_TIMEOUT_S + 25
    assert devices.answered == 0
    await asyncio.to_thread(devices.close)
    store = await open_store(database_url)
    assert await store.count(tables.records) == 0
    await store.database.close()
