"""The whole server in one process: it starts, says where, says what is in its way, and stops in order."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from headway_protocol import ack
from headway_server.errors import ServerError
from headway_server.mqtt.embedded_broker import EmbeddedBroker
from headway_server.service import serve
from headway_server.settings import ServerSettings
from headway_server.store import tables

pytestmark = pytest.mark.anyio


@pytest.fixture
def taken_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        yield taken.getsockname()[1]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.asynccontextmanager
async def serving(**settings):
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    task = asyncio.create_task(serve(ServerSettings(http_port=0, **settings), ready.set_result, stop))
    await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    async with httpx.AsyncClient(base_url=ready.result()) as client:
        yield client
    stop.set()
    async with asyncio.timeout(15):
        await task


async def health(client, status):
    async with asyncio.timeout(10):
        while (await client.get("healthz")).status_code != status:  # noqa: ASYNC110 - it is the server that changes
            await asyncio.sleep(0.02)
    return (await client.get("healthz")).json()


async def test_it_serves_page_and_health_with_a_broker_inside(database_url):
    async with serving(database_url=database_url, embedded_broker=True, broker_port=0) as client:
        assert (await health(client, 200))["broker"] is True
        assert "The fleet at a glance" in (await client.get("")).text


async def test_it_waits_for_a_broker_that_is_not_there_and_says_so(database_url):
    port = free_port()
    async with serving(database_url=database_url, broker_port=port, broker_protocol="3.1.1") as client:
        assert await health(client, 503) == {
            "ok": False,
            "database": True,
            "broker": False,
            "queue_depth": 0,
            "last_commit_age_s": None,
            "held_back": 0,
            "restored": None,
        }
        broker = EmbeddedBroker("127.0.0.1", port)
        await broker.start()
        assert (await health(client, 200))["ok"] is True
    await broker.stop()


async def test_an_epoch_that_is_due_is_closed_by_itself(database_url, open_store, make):
    store = await open_store(database_url)  # whose clock stands in 2023: its first epoch is long over
    await store.commit(*make.fleet(10))
    await store.database.close()
    async with serving(database_url=database_url, embedded_broker=True, broker_port=0, epoch_days=0.001) as client:
        async with asyncio.timeout(5):
            while (await client.get("api/v1/cohorts")).json()["open"]["epoch"] != 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert len((await client.get("api/v1/benchmarks")).json()["benchmarks"]) == 1


async def test_a_taken_port_of_the_page_is_named(database_url, taken_port):
    settings = ServerSettings(database_url=database_url, http_port=taken_port, embedded_broker=True, broker_port=0)
    with pytest.raises(ServerError) as caught:
        await serve(settings)
    assert str(caught.value) == (
        f"the page cannot be served on 127.0.0.1:{taken_port}: Address already in use; "
        "stop the program that uses the port, or set http_port (and http_host)"
    )


async def test_a_taken_port_of_the_broker_is_named(database_url, taken_port):
    settings = ServerSettings(database_url=database_url, http_port=0, embedded_broker=True, broker_port=taken_port)
    with pytest.raises(ServerError) as caught:
        await serve(settings)
    assert str(caught.value) == (
        f"the embedded broker cannot listen on 127.0.0.1:{taken_port}: Address already in use; "
        "stop the program that uses the port, or set broker_port"
    )


async def test_a_database_that_is_a_directory_is_named(tmp_path):
    with pytest.raises(ServerError, match="is a directory; name a file in it"):
        await serve(ServerSettings(database_url=f"sqlite+aiosqlite:///{tmp_path}", http_port=0))


_CHILD = """
import asyncio, sys
from headway_server.service import serve
from headway_server.settings import ServerSettings
settings = ServerSettings(database_url=sys.argv[1], embedded_broker=True, broker_port=int(sys.argv[2]), http_port=0)
asyncio.run(serve(settings, lambda url: print("READY", url, flush=True)))
"""


class Child:
    """A server in a process of its own, which can be killed."""

    def __init__(self, url, port):
        arguments = [sys.executable, "-c", _CHILD, url, str(port)]
        environment = {"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": ""}
        self.process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=environment)
        assert any(line.startswith("READY") for line in self.process.stdout), "the server ended at its start"
        self._reader = threading.Thread(target=self.process.stdout.read)
        self._reader.start()

    def end(self, number):
        self.process.send_signal(number)
        status = self.process.wait(20)
        self._reader.join()
        self.process.stdout.close()
        return status


@pytest.mark.full  # three server processes: it is in the long run for its time
async def test_a_server_killed_in_the_middle_counts_right_after_its_restart(database_url, open_store, make):
    port = free_port()
    upto, outbox = {}, {}
    for message in make.fleet(20, trips=30):
        outbox.setdefault(message.topic, []).append(message.payload)

    def heard(_client, _userdata, message):
        _, reached, rejections = ack.decode(message.payload)
        assert rejections == []
        topic = message.topic[: -len("ack")] + "up"
        upto[topic] = max(upto.get(topic, 0), reached)

    child = await asyncio.to_thread(Child, database_url, port)
    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="devices")
    device.on_connect = lambda client, *_: client.subscribe("headway/v1/+/+/ack", 1)
    device.on_message = heard
    device.reconnect_delay_set(1, 1)
    device.connect("127.0.0.1", port)
    device.loop_start()
    killed = False
    async with asyncio.timeout(60):
        while sum(upto.values()) < 20 * 31:
            for topic, payloads in outbox.items():
                for payload in payloads[upto.get(topic, 0) :][:5]:
                    device.publish(topic, payload, qos=1)
            await asyncio.sleep(0.1)
            if not killed and sum(upto.values()) > 100:
                assert await asyncio.to_thread(child.end, signal.SIGKILL) == -signal.SIGKILL
                killed = True
                child = await asyncio.to_thread(Child, database_url, port)
    assert killed
    device.disconnect()
    device.loop_stop()
    assert await asyncio.to_thread(child.end, signal.SIGTERM) == 0

    store = await open_store(database_url)
    assert await store.count(tables.records) == 20 * 31
    assert {device: (t[0], t[1]) for device, t in (await store.totals()).items()} == {
        f"depot/car-{i:03}": (30, 30 * (5 + i) * 1000) for i in range(20)
    }
    await store.database.close()
