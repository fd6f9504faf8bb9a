"""The real link, mosquitto and the real ingest: a connection cut at any byte, in either direction, costs and doubles nothing."""

import asyncio
import contextlib
import random
import socket

import pytest
from tests.edge.cut_device import CutDevice, Cutter
from tests.system.mosquitto import Mosquitto

from headway_server.mqtt.mqtt_ingest import MqttIngest
from headway_server.settings import ServerSettings
from headway_server.store import tables
from headway_simulators.chaos.proxy import Cut

DEVICES = 6  # at the same time, to save time

pytestmark = [pytest.mark.anyio, pytest.mark.full]


@pytest.fixture
def mosquitto(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Mosquitto(tmp_path, port) as one:
        yield one


@contextlib.asynccontextmanager
async def serving(store, port):
    stop = asyncio.Event()
    settings = ServerSettings(
        broker_port=port, batch_wait_ms=0, device_messages_per_minute=60_000, device_messages_burst=60_000
    )
    ingest = MqttIngest(settings, store.database, store.ingest, random.Random(1))  # noqa: S311
    task = asyncio.create_task(ingest.run(stop))
    async with asyncio.timeout(10):
        while not ingest.connected:  # noqa: ASYNC110 - another thread makes it true
            await asyncio.sleep(0.01)
    yield
    stop.set()
    await task


def cut_everywhere(port, device, cuts, record_of, protocol):
    """One boot for each of `cuts`, (direction, bytes that pass); return how many connections more than boots that took."""
    with Cutter(port) as cutter:
        for number, (direction, after) in enumerate(cuts):
            cutter.arm(direction, after, Cut.RESET if number % 2 else Cut.CLOSE)
            CutDevice(cutter.port, number + 1, record_of, device, protocol=protocol).run()
        return len(cutter.thread.proxy.passed) - len(cuts)


def lengths(port, record_of, protocol):
    """Bytes of an undisturbed connection in each direction."""
    with Cutter(port) as cutter:
        CutDevice(cutter.port, 1, record_of, "bus-uncut", protocol=protocol).run()
        return {direction: getattr(cutter.passed, direction) for direction in ("up", "down")}


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
async def test_every_byte(mosquitto, store, make, protocol, capsys):
    def record_of(boot, seq):
        return make.birth(boot) if seq == 1 else make.trip(boot, seq)

    async with serving(store, mosquitto.port):
        totals = await asyncio.to_thread(lengths, mosquitto.port, record_of, protocol)
        every = [(direction, after) for direction, total in totals.items() for after in range(total)]
        shares = {f"bus-{number}": every[number::DEVICES] for number in range(DEVICES)}
        more = await asyncio.gather(
            *(
                asyncio.to_thread(cut_everywhere, mosquitto.port, device, cuts, record_of, protocol)
                for device, cuts in shares.items()
            )
        )
    duplicates = 0
    for device, cuts in shares.items():
        found = await store.device(f"depot-7/{device}")
        boots = len(cuts)
        assert (found.records, found.conflicts, found.rejected) == (2 * boots, 0, 0)
        assert (await store.totals())[f"depot-7/{device}"] == (boots, boots * 10_000), "each trip counts once"
        duplicates += found.duplicates
    assert await store.count(tables.records) == 2 * len(every) + 2
    assert sum(more) > len(every) / 2, "or nothing was cut; what is cut after the last answer is not worth a connection"
    with capsys.disabled():
        print(
            f"\nMQTT {protocol}: cut at each of {totals['up']} bytes up and {totals['down']} down: {sum(more)} more "
            f"connections, {duplicates} records came twice and counted once, none was lost"
        )
