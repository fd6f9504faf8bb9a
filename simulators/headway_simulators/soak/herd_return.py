"""A herd that comes back at once after its broker was restarted: what that costs a real server, and whether all arrives once."""

import asyncio
import contextlib
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

import httpx

from headway_simulators.demo import free_port
from headway_simulators.server_process import ServerProcess
from headway_simulators.soak.broker import FLEET, BrokerProcess
from headway_simulators.soak.herd import GROUP, Herd
from headway_simulators.soak.server import counted, stored
from headway_simulators.soak.usage import forget_peak, peak_bytes, rss_bytes

_FIRST = 2  # records of each device before the broker goes
_TIMEOUT_S = 120.0
_LOOK_S = 0.05
# Nothing of what comes back is to be held back as a flood.
_SETTINGS = {"device_messages_per_minute": "100000", "device_messages_burst": "100000"}


@dataclass(frozen=True)
class HerdReturn:
    """devices, records: that came back, all records of all devices. before_bytes, peak_bytes: of the server's resident memory.

    queue_most: messages in the server's queue, as its page told. settled_s: from the broker's start until the last
    acknowledgement was at its device. sends: messages with records, after the restart. missing, strange, doubled: as in
    `soak.books`, each 0 if nothing is lost.
    """

    devices: int
    records: int
    before_bytes: int
    peak_bytes: int
    queue_most: int
    settled_s: float
    sends: int
    missing: int
    strange: int
    doubled: int


async def come_back(folder: Path, devices: int, records: int, busy_s: float = 0.0, **settings: str) -> HerdReturn:
    """Restart the broker under `devices` devices, with `records` waiting on each when they come back.

    busy_s: how long something else holds the database meanwhile, so that messages pile up. settings: of the server.
    Raises SimulatorError without mosquitto, TimeoutError if not everything arrives within two minutes.
    """
    with (
        BrokerProcess(folder, free_port(), FLEET, persistent=True) as broker,
        ServerProcess(folder, 0, broker.port, "operator-token", embedded=False, **_SETTINGS | settings) as server,
    ):
        async with Herd(broker.port, devices, _FIRST + records) as herd:
            herd.make(_FIRST)
            await herd.settled(_TIMEOUT_S)
            sends = sum(device.sends for device in herd.devices)
            await asyncio.to_thread(broker.stop)
            herd.make(records)
            forget_peak(server.pid)
            before_bytes = rss_bytes(server.pid)
            held = asyncio.create_task(asyncio.to_thread(_hold, folder / "headway.db", busy_s))
            looking = asyncio.create_task(_queue_most(server.url))
            start_s = time.monotonic()
            await asyncio.to_thread(broker.start)
            await herd.settled(_TIMEOUT_S)
            settled_s = time.monotonic() - start_s
            await held
            looking.cancel()
            queue_most = await looking
            peak = peak_bytes(server.pid)
            sends = sum(device.sends for device in herd.devices) - sends
            made = {f"{GROUP}/{device.name}": device.records for device in herd.devices}
        server.stop()
        found, (trips, differences) = await asyncio.to_thread(
            lambda: (stored(server.database_url), counted(server.database_url))
        )
    return HerdReturn(
        devices,
        devices * records,
        before_bytes,
        peak,
        queue_most,
        settled_s,
        sends,
        missing=sum(len(records.items() - found.get(name, {}).items()) for name, records in made.items()),
        strange=sum(len(records.items() - made.get(name, {}).items()) for name, records in found.items()),
        doubled=len(differences) + sum(abs(trips.get(name, 0) - len(records)) for name, records in made.items()),
    )


def _hold(database: Path, seconds: float) -> None:
    if seconds:
        with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as db:
            db.execute("BEGIN IMMEDIATE")
            time.sleep(seconds)
            db.execute("ROLLBACK")


async def _queue_most(url: str) -> int:
    """Look until cancelled; return the most messages that waited in the server's queue."""
    most = 0
    async with httpx.AsyncClient(timeout=10) as client:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                with contextlib.suppress(httpx.TransportError):
                    most = max(most, (await client.get(f"{url}healthz")).json()["queue_depth"])
                await asyncio.sleep(_LOOK_S)
    return most
