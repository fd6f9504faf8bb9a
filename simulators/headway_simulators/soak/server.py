"""The real server, forked, killed, and looked into afterwards."""

import asyncio
import signal
import time
from pathlib import Path

from sqlalchemy import func, select

from headway_server.packs.processes import Processes
from headway_server.recounting.verification import verify
from headway_server.store import tables
from headway_server.store.database import Database
from headway_simulators.errors import SimulatorError
from headway_simulators.soak.device import Key
from headway_simulators.soak.nursery import Child, Nursery

_READY_S = 60.0
_STOP_S = 30.0
_LOOK_S = 0.01


class SoakedServer:
    """The server of one database, one process after the other.

    folder: gets the database. settings: of `headway_server.settings` besides. `starts` counts processes, `killed_serving`
    those that had come to serve when they were killed.
    """

    def __init__(self, nursery: Nursery, folder: Path, port: int, **settings: object) -> None:
        self.database_url = f"sqlite+aiosqlite:///{folder.resolve()}/headway.db"
        self.kills = self.starts = self.killed_serving = 0
        self.violations: list[str] = []
        self.url = ""
        self.child: Child | None = None
        self._nursery = nursery
        self._settings = {"database_url": self.database_url, "broker_port": port, **settings}

    def start(self) -> None:
        """Begin another process; it is not ready yet."""
        self.starts += 1
        self.url = ""
        self.child = self._nursery.fork(**self._settings)

    def await_ready(self) -> None:
        """Wait until it serves its page. Raises SimulatorError if it does not."""
        deadline_s = time.monotonic() + _READY_S
        while self.child is not None and not self.url:
            self._listen()
            if self.child.has_ended() or time.monotonic() > deadline_s:
                raise SimulatorError("the server did not start; its log is server.log")
            time.sleep(_LOOK_S)

    def _listen(self) -> None:
        if self.child is not None and (told := self.child.told()):
            self.url = told.decode().strip()

    def kill(self) -> None:
        """SIGKILL, at whatever it is doing."""
        if self.child is None:
            return
        if self.child.kill():
            self.kills += 1
        else:
            self.violations.append("the server had ended by itself; its log is server.log")
        self._listen()
        self.killed_serving += bool(self.url)
        self.child.close()
        self.child = None

    def stop(self) -> None:
        """SIGTERM, and wait: what was received is committed and answered."""
        if self.child is None:
            return
        self.child.send(signal.SIGTERM)
        deadline_s = time.monotonic() + _STOP_S
        while not self.child.has_ended():
            if time.monotonic() > deadline_s:
                self.violations.append(f"the server did not stop within {_STOP_S:g} s")
                self.child.send(signal.SIGKILL)
            time.sleep(_LOOK_S)
        code = self.child.wait()
        if code != 0:
            self.violations.append(f"the server ended with code {code}; its log is server.log")
        self.child.close()
        self.child = None


def stored(database_url: str) -> dict[str, dict[Key, bytes]]:
    """Return the hashes of all records that the server has, by device and key."""

    async def read() -> dict[str, dict[Key, bytes]]:
        found: dict[str, dict[Key, bytes]] = {}
        database = await Database.open_to_read(database_url)
        try:
            r = tables.records.c
            async with database.read() as connection:
                async for row in await connection.stream(select(r.device, r.boot, r.seq, r.hash)):
                    found.setdefault(row.device, {})[row.boot, row.seq] = bytes(row.hash)
        finally:
            await database.close()
        return found

    return asyncio.run(read())


def counted(database_url: str) -> tuple[dict[str, int], list[str]]:
    """Return the trips that count, by device, and what `headway verify` finds to differ, in words."""

    async def read() -> tuple[dict[str, int], list[str]]:
        database = await Database.open_to_read(database_url)
        try:
            t = tables.day_totals.c
            async with database.read() as connection:
                rows = await connection.execute(select(t.device, func.sum(t.trips)).group_by(t.device))
                trips = {row[0]: int(row[1]) for row in rows}
            differences = [f"{d.device}: {d.what} {d.key}" async for d in verify(database, Processes())]
        finally:
            await database.close()
        return trips, differences

    return asyncio.run(read())
