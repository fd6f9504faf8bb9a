"""A server that is restored from an old backup: real devices bring back what came after it."""

import asyncio
import random
from collections import deque
from pathlib import Path

from sqlalchemy import select

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.core.program import MISSING
from headway_edge.mqtt.link import Connected, Disconnected, Event, Message
from headway_edge.store.outbox import Outbox
from headway_protocol import record, state, topics
from headway_server.backups.backup import back_up
from headway_server.backups.restore import restore
from headway_server.ingest.arrival import Received
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.receipts import Acknowledgement
from headway_server.packs.processes import Processes
from headway_server.recounting.verification import verify
from headway_server.store import tables
from headway_server.store.database import Database

START_MS = 1_772_435_400_000
DAY_MS = 86_400_000
PROCESS = packs.load("private-driving")


class Clock:
    """One clock for devices and server."""

    def __init__(self) -> None:
        self.now_ms = 0

    def mono_ms(self) -> int:
        return self.now_ms

    def wall(self) -> tuple[int | None, int]:
        return START_MS + self.now_ms, record.SYNCED

    def unix_ms(self) -> int:
        return START_MS + self.now_ms


class Wire:
    """What a device hands in, and what comes back to it."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.sent: list[bytes] = []

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        return self.events.popleft() if self.events else None

    def publish(self, payload: bytes) -> bool:
        self.sent.append(payload)
        return True


class Device:
    """A real agent and its real outbox; `start` is a boot."""

    def __init__(self, path: Path, clock: Clock, name: str) -> None:
        self.path, self.clock, self.name = path, clock, name
        self.wire = Wire()
        self.outbox: Outbox | None = None

    def start(self) -> None:
        if self.outbox is not None:
            self.outbox.close()
        self.outbox = Outbox(self.path, mono_ms=self.clock.mono_ms)
        chance = random.Random(self.name)  # noqa: S311
        self.agent = Agent(self.outbox, self.wire, self.clock, chance.randint, PROCESS)
        self.wire.events.append(Connected())

    def trip(self, seconds: int = 60) -> None:
        for step in range(seconds + 2):
            self.clock.now_ms += 1000 if step <= seconds else 400_000
            pack = PROCESS.pack
            speed = 3600 if step <= seconds else 0
            self.agent.on_sample(
                self.clock.now_ms, [speed if i == pack.speed else MISSING for i in range(len(pack.signals))]
            )

    def presence(self) -> Received:
        assert self.outbox is not None
        payload = state.encode(self.outbox.boot, True, self.outbox.ends(state.ENDS_MAX))
        return Received(f"headway/v1/depot/{self.name}/state", payload, True)

    def step(self) -> list[Received]:
        """Let the agent work; return what it sent."""
        while self.agent.step(self.clock.now_ms):
            pass
        sent, self.wire.sent = self.wire.sent, []
        return [Received(f"headway/v1/depot/{self.name}/up", payload) for payload in sent]


class Server:
    """The real ingest on a real database; what it says goes to the devices at once."""

    def __init__(self, url: str, clock: Clock, devices: list[Device]) -> None:
        self.url, self.clock = url, clock
        self.devices = {device.name: device for device in devices}

    async def open(self) -> None:
        self.database = await Database.open(self.url, self.clock.unix_ms)
        self.ingest = Ingest(self.database, self.clock.unix_ms, await Processes.open(self.database, 1))

    def _say(self, messages: list[Acknowledgement]) -> None:
        for message in messages:
            _, _, _, name, channel = message.topic.split("/")
            self.devices[name].wire.events.append(Message(channel, message.payload))

    async def exchange(self, minutes: int = 0) -> int:
        """Let everybody talk until nobody has anything to say, for so long; return how many requests there were."""
        requests = 0
        for minute in range(minutes + 1):
            while messages := [message for device in self.devices.values() for message in device.step()]:
                self._say(await self.ingest.commit(messages))
            if minute < minutes:
                self.clock.now_ms += 61_000
                asked = await self.ingest.resend_requests()
                assert all(request.topic.endswith(topics.CMD) for request in asked)
                requests += len(asked)
                self._say(asked)
        return requests

    async def contents(self) -> tuple[set[tuple[object, ...]], list[tuple[object, ...]]]:
        r, t = tables.records.c, tables.day_totals.c
        async with self.database.read() as connection:
            stored = await connection.execute(select(r.device, r.boot, r.seq, r.hash))
            totals = await connection.execute(select(t.device, t.day, t.trips, t.distance_m).order_by(t.device, t.day))
            return {tuple(row) for row in stored}, [tuple(row) for row in totals]


async def lose_three_days(tmp_path: Path) -> tuple[Server, set[tuple[object, ...]], list[tuple[object, ...]]]:
    """Two days, a backup, three more days, the disk of the server gone, the backup restored, everybody back."""
    clock = Clock()
    devices = [Device(tmp_path / f"{n}.db", clock, f"bus-{n}") for n in range(3)]
    server = Server(f"sqlite+aiosqlite:///{tmp_path / 'headway.db'}", clock, devices)
    await server.open()
    for day in range(5):
        if day == 2:
            back_up(server.url, tmp_path / "backup.db", clock.unix_ms())
        for device in devices:
            device.start()
            await server.ingest.commit([device.presence()])
            for _ in range(2 + day):
                device.trip()
        await server.exchange()
        clock.now_ms += DAY_MS // 4
    before = await server.contents()
    await server.database.close()
    await asyncio.to_thread(restore, tmp_path / "backup.db", server.url, clock.unix_ms(), force=True)
    await server.open()
    lost = before[0] - (await server.contents())[0]
    assert len(lost) > 3 * 12
    for device in devices:
        device.wire.events += [Disconnected("the server's machine is gone"), Connected()]
        await server.ingest.commit([device.presence()])
    return server, before[0], before[1]


async def end(server: Server) -> None:
    assert [item async for item in verify(server.database, server.ingest.processes)] == []
    await server.database.close()
    for device in server.devices.values():
        assert device.outbox is not None
        device.outbox.close()


def test_devices_bring_back_everything_that_came_after_the_backup(tmp_path: Path) -> None:
    async def run() -> None:
        server, stored, totals = await lose_three_days(tmp_path)
        requests = await server.exchange(minutes=10)
        assert await server.contents() == (stored, totals)
        assert 3 <= requests <= 3 * 4, "a few for each device, not one a minute"
        assert await server.exchange(minutes=5) == 0
        await end(server)

    asyncio.run(run())
