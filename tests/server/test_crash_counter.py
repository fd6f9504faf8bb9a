"""A message that ends the process: found by what was in hand when it ended, and put aside; nothing else is."""

import json
import os
import subprocess
import sys

import pytest
from sqlalchemy import event

from headway_server.ingest.arrival import Received
from headway_server.ingest.crash_counter import CRASHES_MAX, WATCHED_MAX, CrashCounter
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.isolating import commit_isolating
from headway_server.store import tables

pytestmark = pytest.mark.anyio
BUS = "depot/bus-1"

# A server's life: what the broker has for it is committed in one batch, the killer every time anew.
_LIFE = """
import asyncio, json, os, sys
from headway_protocol import ack
from headway_server.ingest import arrival, ingest
from headway_server.ingest.arrival import Received
from headway_server.ingest.crash_counter import CrashCounter
from headway_server.store.database import Database
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.isolating import commit_isolating
from headway_server.packs.processes import Processes

honest = ingest.read
def planted(message, find):
    if b"killer" in message.payload:
        os._exit(9)
    return honest(message, find)
ingest.read = planted

async def live(url, messages):
    database = await Database.open(url, lambda: 1)
    one = ingest.Ingest(database, lambda: 1_700_000_000_000, await Processes.open(database, 1))
    crashes = CrashCounter(database, "one")
    await crashes.start(1_700_000_000_000)
    acks = await commit_isolating(one, crashes, messages)
    print(json.dumps([ack.decode(a.payload)[:2] for a in acks]))
    await crashes.stop()
    await database.close()

payloads = [bytes.fromhex(line) for line in json.load(sys.stdin)]
asyncio.run(live(sys.argv[1], [Received("headway/v1/depot/bus-1/up", p) for p in payloads]))
"""


def live(url, payloads):
    done = subprocess.run(
        [sys.executable, "-c", _LIFE, url],
        input=json.dumps([payload.hex() for payload in payloads]),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "PYTHONPATH": ":".join(path for path in sys.path if path)},
    )
    return done.returncode, done.stdout.splitlines()[-1] if done.returncode == 0 else done.stderr


async def test_a_message_that_ends_the_process_is_put_aside_after_three_times(database_url, open_store, make):
    good = [make.birth(1), *(make.trip(1, seq) for seq in range(2, 8))]
    payloads = [*good[:3], b"the killer", *good[3:]]
    for _ in range(CRASHES_MAX):
        code, error = live(database_url, payloads)
        assert code == 9, error
    code, answer = live(database_url, payloads)
    assert (code, json.loads(answer)[-1]) == (0, [1, 7])
    store = await open_store(database_url)
    d = tables.dead_letters.c
    assert await store.rows(d.payload, d.reason, d.count) == [
        (b"the killer", "the process ended 3 times while this was read", 1)
    ]
    assert await store.count(tables.records) == 7
    assert await store.count(tables.in_hand) == 0
    assert await store.count(tables.marks) == 0
    await store.database.close()


async def start(store, server="one"):
    crashes = CrashCounter(store.database, server)
    await crashes.start(store.now_ms)
    return crashes


async def test_in_the_normal_case_nothing_is_written(store, make):
    crashes = await start(store)
    statements = []
    event.listen(
        store.database._writer.sync_engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: statements.append(statement),
    )
    assert not crashes.watching
    assert await commit_isolating(store.ingest, crashes, [make.up(make.trip(1, 1))])
    assert not any("in_hand" in statement for statement in statements)
    await crashes.stop()
    assert not (await start(store)).watching


async def test_after_a_crash_what_was_in_hand_is_read_alone_and_in_order(store, make):
    messages = [make.up(make.trip(1, seq)) for seq in range(1, 7)]
    first = await start(store)
    assert not first.watching
    second = await start(store)  # and the first never stopped
    assert second.watching
    assert second.part(messages) == ([], [messages])
    await second.take(messages[2:4], store.now_ms)
    third = await start(store)
    assert third.part(messages) == ([], [messages[:2], messages[2:3], messages[3:4], messages[4:]])
    await third.take(messages[2:3], store.now_ms)
    await third.take(messages[2:3], store.now_ms)  # a commit that is tried again is one time in hand
    fourth = await start(store)
    condemned, groups = fourth.part(messages)
    assert condemned == messages[2:3]
    assert groups == [messages[:2], messages[3:4], messages[4:]]
    assert await commit_isolating(store.ingest, fourth, messages)
    assert await store.count(tables.records) == 5
    assert await store.count(tables.in_hand) == 0


async def test_what_was_read_in_the_end_is_suspected_no_more(store, make):
    message = make.up(make.trip(1, 1))
    await start(store)
    for _ in range(5):
        crashes = await start(store)
        assert await commit_isolating(store.ingest, crashes, [message])
    assert await store.count(tables.dead_letters) == 0


async def test_servers_are_counted_apart_and_the_watch_ends(store, make):
    message = make.up(make.trip(1, 1))
    await start(store)
    one = await start(store)
    await one.take([message], store.now_ms)
    assert not (await start(store, "two")).watching
    two = await start(store, "two")
    assert two.part([message]) == ([], [[message]])
    await two.release([message] * WATCHED_MAX)
    assert not two.watching
    assert await store.count(tables.in_hand) == 1, "of the other"
    store.now_ms += 8 * 86_400_000
    assert (await start(store)).part([message]) == ([], [[message]])
    assert await store.count(tables.in_hand) == 0, "so old is nothing that is delivered again"


async def test_a_message_that_only_fails_is_found_by_halving_also_while_watching(store, make):
    await start(store)
    crashes = await start(store)

    class Fragile(Ingest):
        async def commit(self, messages):
            if any(message.payload == b"poison" for message in messages):
                raise ZeroDivisionError
            return await super().commit(messages)

    fragile = Fragile(store.database, lambda: 1, store.processes)
    messages = [make.up(make.trip(1, 1)), Received("headway/v1/depot/bus-1/up", b"poison"), make.up(make.trip(1, 2))]
    await commit_isolating(fragile, crashes, messages)
    assert await store.count(tables.records) == 2
    assert await store.rows(tables.dead_letters.c.reason) == [("makes the commit fail: ZeroDivisionError",)]


_SERVER = """
import asyncio, os, sys
from headway_server.ingest import ingest
from headway_server.service import serve
from headway_server.settings import ServerSettings

honest = ingest.read
def planted(message, find):
    if b"killer" in message.payload:
        os._exit(9)
    return honest(message, find)
ingest.read = planted

settings = ServerSettings(database_url=sys.argv[1], broker_port=int(sys.argv[2]), http_port=0, batch_wait_ms=100)
asyncio.run(serve(settings))
"""


@pytest.mark.full
async def test_a_server_that_dies_of_a_message_lives_again_after_three_times(database_url, open_store, make, tmp_path):
    """The broker delivers the message again at each start, with good ones before and after it."""
    import asyncio
    import shutil
    import signal
    import socket

    import paho.mqtt.client as mqtt
    from paho.mqtt.enums import CallbackAPIVersion

    program = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.fail("this test needs the broker `mosquitto` on the path: apt install mosquitto")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
    broker = subprocess.Popen([program, "-c", str(config)], stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    environment = {**os.environ, "PYTHONPATH": ":".join(path for path in sys.path if path)}

    def start():
        return subprocess.Popen([sys.executable, "-c", _SERVER, database_url, str(port)], env=environment)

    device = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="device")
    while True:
        try:
            device.connect("127.0.0.1", port)
            break
        except ConnectionRefusedError:
            await asyncio.sleep(0.1)
    device.loop_start()
    store = await open_store(database_url)
    server, deaths = start(), 0
    try:
        async with asyncio.timeout(120):
            # Its first subscription has to be there: a broker keeps nothing for who never came.
            while await store.count(tables.records) == 0:
                device.publish("headway/v1/depot/bus-1/up", make.birth(1), qos=1)
                await asyncio.sleep(0.5)
            for payload in (make.trip(1, 2), b"the killer", make.trip(1, 3)):
                device.publish("headway/v1/depot/bus-1/up", payload, qos=1)
            while await store.count(tables.records) < 3:
                await asyncio.sleep(0.1)
                if server.poll() is not None:
                    assert server.returncode == 9
                    deaths += 1
                    server = start()
        assert deaths == CRASHES_MAX
        assert await store.rows(tables.dead_letters.c.payload) == [(b"the killer",)]
    finally:
        server.send_signal(signal.SIGTERM)
        await asyncio.to_thread(server.wait, 30)
        device.disconnect()
        device.loop_stop()
        broker.terminate()
        broker.wait(10)
        await store.database.close()
