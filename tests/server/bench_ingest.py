"""How many records a second the server commits: `python tests/server/bench_ingest.py`.

Each figure is of a new SQLite file (WAL, synchronous=FULL) in the current directory's filesystem, trips of about 120 bytes
of 100 devices, and counts records from the first message to the last commit (through a broker: to the last record's
application acknowledgement). The publisher through a broker is one paho client in a process of its own.
"""

# ruff: noqa: ASYNC110, S311 - a script that polls and prints
import asyncio
import contextlib
import logging
import multiprocessing
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import structlog
from paho.mqtt.enums import CallbackAPIVersion

from headway_edge.core import definition
from headway_protocol import counts, record, topics
from headway_server.arrival import Received
from headway_server.database import Database
from headway_server.embedded_broker import EmbeddedBroker
from headway_server.ingest import Ingest
from headway_server.mqtt_ingest import MqttIngest
from headway_server.settings import ServerSettings

_DEVICES = 100


def messages(number: int) -> list[Received]:
    """Return `number` trips, all different, the devices in turn."""
    chance = random.Random(1)
    found = []
    for n in range(number):
        bands = [chance.randrange(3000) if chance.random() < 0.6 else 0 for _ in range(definition.BANDS)]
        elapsed = sum(bands)
        trip = [
            elapsed,
            elapsed,
            bands[0],
            bands[0],
            chance.randrange(30),
            5000,
            chance.randrange(9),
            chance.randrange(9),
        ]
        body = record.episode_body(definition.pack_id(), 100 * elapsed, counts.pack(trip + bands), b"")
        data = record.encode(record.Record(2, 1, n // _DEVICES + 1, 1000 * n, 1_700_000_000_000 + 1000 * n, 2, body))
        found.append(Received(topics.topic("depot", f"car-{n % _DEVICES}", topics.UP), data))
    return found


async def committed(url: str, batch: int, number: int) -> float:
    """Return records/s of `Ingest.commit` alone."""
    database = await Database.open(url, lambda: 1)
    ingest = Ingest(database, lambda: 1)
    arriving = messages(number)
    began = time.perf_counter()
    for at in range(0, number, batch):
        await ingest.commit(arriving[at : at + batch])
    seconds = time.perf_counter() - began
    await database.close()
    assert ingest.counts.records == number
    return number / seconds


def publish(port: int, number: int) -> None:
    """Send everything once at QoS 1."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="devices")
    client.connect("127.0.0.1", port)
    client.loop_start()
    for message in messages(number):
        sent = client.publish(message.topic, message.payload, qos=1)
        if sent.mid % 500 == 0:
            sent.wait_for_publish(30)
    sent.wait_for_publish(30)
    client.disconnect()


async def through_broker(url: str, port: int, number: int) -> float:
    """Return records/s from the publisher to the commit."""
    database = await Database.open(url, lambda: 1)
    ingest = Ingest(database, lambda: 1)
    one = MqttIngest(ServerSettings(broker_port=port), database, ingest, random.Random(1))
    stop = asyncio.Event()
    task = asyncio.create_task(one.run(stop))
    while not one.connected:
        await asyncio.sleep(0.01)
    publisher = multiprocessing.get_context("spawn").Process(target=publish, args=(port, number))
    publisher.start()
    while not ingest.counts.records:
        await asyncio.sleep(0.001)
    began = time.perf_counter()
    while ingest.counts.records < number and time.perf_counter() - began < 120:
        await asyncio.sleep(0.005)
    seconds = time.perf_counter() - began
    stop.set()
    await task
    await asyncio.to_thread(publisher.join)
    await database.close()
    assert ingest.counts.records == number, f"{ingest.counts.records} of {number} came"
    return number / seconds


@contextlib.contextmanager
def mosquitto(folder: Path, port: int, settings: str) -> Iterator[int]:
    """Run a mosquitto."""
    program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
    (folder / "mosquitto.conf").write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n{settings}\n")
    process = subprocess.Popen([program, "-c", str(folder / "mosquitto.conf")], stderr=subprocess.DEVNULL)
    time.sleep(0.5)
    try:
        yield port
    finally:
        process.terminate()
        process.wait()


async def main(number: int) -> None:
    """Print one line for each figure."""
    with tempfile.TemporaryDirectory(dir=".") as name:
        folder = Path(name)
        urls = (f"sqlite+aiosqlite:///{folder / str(n)}.db" for n in range(100))
        for batch in (500, 100, 20):
            print(f"commit, batches of {batch}: {await committed(next(urls), batch, number):.0f} records/s")
        broker = EmbeddedBroker("127.0.0.1", 0)
        await broker.start()
        print(
            f"through the embedded broker: {await through_broker(next(urls), broker.port, number // 4):.0f} records/s"
        )
        await broker.stop()
        for settings in ("max_queued_messages 0", "max_queued_messages 0\nmax_inflight_messages 1000"):
            with mosquitto(folder, 18_831, settings) as port:
                rate = await through_broker(next(urls), port, number)
            print(f"through mosquitto, {settings.replace(chr(10), ', ')}: {rate:.0f} records/s")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
