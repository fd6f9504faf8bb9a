"""End to end: a device with little room is offline for months; when it comes back the server has the very totals it has."""

from collections import deque

import pytest
from tests.edge.failing_medium import UnsyncedMedium

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.calendar_periods import bounds
from headway_edge.core.program import MISSING
from headway_edge.mqtt.link import Connected, Message
from headway_edge.store.fold_rows import names_of
from headway_edge.store.outbox import Outbox
from headway_protocol import record, topics
from headway_server.recounting.verification import verify_device
from headway_server.store import tables
from headway_server.totals.tally import Tally, merge

BUS = "depot/bus-1"
START_MS = 1_767_225_600_000  # 1 January 2026
DAY_S = 86_400
DAYS = 130
_d, _m, _l = tables.day_totals.c, tables.month_totals.c, tables.losses.c


class Clock:
    now_ms = 0

    def mono_ms(self):
        return self.now_ms

    def wall(self):
        return START_MS + self.now_ms, record.SYNCED


class Link:
    """Takes what is published into a queue, which a test carries to the server when it likes."""

    def __init__(self):
        self.events, self.queue = deque(), []

    def poll(self, timeout_s=0.0):
        return self.events.popleft() if self.events else None

    def publish(self, payload):
        self.queue.append(payload)
        return True


class Device:
    def __init__(self, folder, budget_bytes):
        self.clock, self.link = Clock(), Link()
        self.outbox = Outbox(folder / "outbox.db", UnsyncedMedium(), budget_bytes=budget_bytes)
        process = packs.load("private-driving")
        self.agent = Agent(self.outbox, self.link, self.clock, lambda _low, high: high, process)

    def live(self, first_day, days, trips_a_day=3):
        """Drive; every trip is another one, some by night."""
        signals = [MISSING] * len(self.agent.process.pack.signals)
        for day in range(first_day, first_day + days):
            for trip in range(trips_a_day):
                self.clock.now_ms = 1000 * (day * DAY_S + (2 + 7 * trip) * 3600)
                for second in range(40 + (7 * day + trip) % 30):
                    self.sample(signals, 2000 + 40 * ((day + second) % 50))
                self.clock.now_ms += 400_000
                self.sample(signals, 0)

    def sample(self, signals, speed_ckmh):
        self.clock.now_ms += 1000
        signals[self.agent.process.pack.speed] = speed_ckmh
        self.agent.on_sample(self.clock.now_ms, signals)

    def months(self):
        """{(first day of the month, context): totals} as the device computed them itself."""
        found = {}
        for day in range(START_MS // 86_400_000, START_MS // 86_400_000 + DAYS + 1):
            first = bounds("month", day)[0]
            for mask in range(8):
                totals = self.agent.own.history.totals("month", day, lambda context, mask=mask: context == mask)
                if totals is not None:
                    found[first, mask] = totals
        return found


async def carry(store, device, make):
    """Bring what is in the queue to the server, and its answers back."""
    queue, device.link.queue = device.link.queue, []
    for acknowledgement in await store.ingest.commit([make.up(payload, BUS) for payload in queue]):
        device.link.events.append(Message(topics.ACK, acknowledgement.payload))


@pytest.mark.anyio
@pytest.mark.parametrize("budget_kb", [88, 56], ids=["all is folded", "some is lost"])
async def test_totals_after_months_offline_are_those_the_device_computed(store, make, tmp_path, budget_kb):
    device = Device(tmp_path, budget_kb * 1024)
    # What is sent first waits at the broker for months: the server gets it after what was folded meanwhile.
    device.live(0, 10)
    device.link.events.append(Connected())
    for _ in range(40):
        device.agent.step(device.clock.now_ms)
    late, device.link.queue = device.link.queue, []
    assert len(late) > 5
    device.live(10, DAYS - 10)
    assert device.outbox.payloads(record.DAY)

    device.link.events.append(Connected())
    for _ in range(400):
        device.clock.now_ms += 20_000
        device.agent.step(device.clock.now_ms)
        await carry(store, device, make)
        if device.outbox.backlog() == 0:
            break
    assert device.outbox.backlog() == 0
    await store.ingest.commit([make.up(payload, BUS) for payload in late])

    process = device.agent.process
    lost = await store.rows(_l.first_seq, _l.last_seq)
    stored = set(await store.rows(tables.records.c.boot, tables.records.c.seq))
    folded = set()
    for (payload,) in await store.rows(tables.records.c.payload):
        for boot, first, last in names_of(payload):
            folded |= {(boot, seq) for seq in range(first, last + 1)}
    declared = {(1, seq) for first, last in lost for seq in range(first, last + 1)}
    assert {(1, seq) for seq in range(1, device.outbox.produced + 1)} == stored | folded | declared
    assert folded - stored

    found = {}
    for table in (_d, _m):
        for day, context, *tally in await store.rows(
            table.day, table.context, table.trips, table.distance_m, table.totals
        ):
            key = (bounds("month", day)[0], context)
            found[key] = merge(process, found.get(key), Tally(*tally))
    trips = (await store.device(BUS)).trips
    if budget_kb == 88:
        assert not lost
        assert trips == 3 * DAYS
        assert {key: tally.totals for key, tally in found.items()} == device.months()
    else:
        assert lost
        assert 0 < trips < 3 * DAYS
    async with store.database.read() as connection:
        assert await verify_device(connection, store.processes.find, BUS) == []
    device.outbox.close()
