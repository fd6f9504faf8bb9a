"""A small synthetic fleet: devices whose records are written out by hand, and a database to put them in."""

import asyncio
import hashlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from headway_edge.core import definition
from headway_protocol import ack, counts, record, state
from headway_server import tables
from headway_server.app import create_app
from headway_server.arrival import Received
from headway_server.database import Database
from headway_server.ingest import Ingest
from headway_server.running import Running
from headway_server.settings import ServerSettings

NOW_MS = 1_700_000_000_000


class Make:
    """Records and messages, as a device would make them."""

    pack_id = definition.pack_id()

    @staticmethod
    def trip_counts(km=10, minutes=20, stops=4, idle_s=60, hard=1):
        """A trip at one speed: `idle_s` standing, the rest in one band."""
        elapsed_ds, idle_ds = minutes * 600, idle_s * 10
        numbers = [0] * definition.COUNTS
        numbers[definition.ELAPSED] = elapsed_ds
        numbers[definition.DISTANCE] = km * 1000
        numbers[definition.LOW_SPEED] = idle_ds
        numbers[definition.IDLE] = numbers[definition.BAND_0] = idle_ds
        numbers[definition.BAND_0 + 6] = elapsed_ds - idle_ds
        numbers[definition.STOPS] = stops
        numbers[definition.SPEED_MAX] = 4500
        numbers[definition.HARD_ACCELERATION] = numbers[definition.HARD_BRAKING] = hard
        return numbers

    @classmethod
    def trip(cls, boot, seq, numbers=None, pack_id=None, wall_ms=NOW_MS, **of_trip):
        numbers = cls.trip_counts(**of_trip) if numbers is None else numbers
        gates = counts.pack([2, 35, 120, 0, 0, 0, 0, 0])
        body = record.episode_body(pack_id or cls.pack_id, numbers[0] * 100, counts.pack(numbers), gates)
        clock = record.UNSYNCED if wall_ms is None else record.SYNCED
        return record.encode(record.Record(record.EPISODE, boot, seq, seq * 2_000_000, wall_ms, clock, body))

    @classmethod
    def birth(cls, boot, seq=1, vehicle_class="car", firmware="headway 0.1.0", backlog=0):
        body = record.birth_body(firmware, vehicle_class, [(cls.pack_id, definition.NAME, 1)], backlog, 0)
        return record.encode(record.Record(record.BIRTH, boot, seq, 100, NOW_MS, record.SYNCED, body))

    @staticmethod
    def loss(boot, seq, of_boot, first_seq, last_seq, reason="storage full"):
        body = record.loss_body(of_boot, first_seq, last_seq, reason)
        return record.encode(record.Record(record.LOSS, boot, seq, 100, None, record.UNSYNCED, body))

    @staticmethod
    def up(payload, device="depot/bus-1", *, retained=False):
        return Received(f"headway/v1/{device}/up", payload, retained)

    @staticmethod
    def state(boot, device="depot/bus-1", *, online=True):
        return Received(f"headway/v1/{device}/state", state.encode(boot, online), retained=True)

    @classmethod
    def fleet(cls, persons, trips=2, vehicle_class="car", prefix="car"):
        """Messages of a cohort whose persons all differ: person i drives i + 5 km a trip."""
        messages = []
        for i in range(persons):
            device = f"depot/{prefix}-{i:03}"
            messages.append(cls.up(cls.birth(1, vehicle_class=vehicle_class), device))
            messages += [cls.up(cls.trip(1, 2 + n, km=5 + i, minutes=60, idle_s=10 * i), device) for n in range(trips)]
        return messages

    @staticmethod
    def acks(acknowledgements):
        """[(device, boot, upto, rejections), ...] of what `commit` returned."""
        return [("/".join(a.topic.split("/")[2:4]), *ack.decode(a.payload)) for a in acknowledgements]


class Store:
    """A database with its ingest, and short ways to look into it."""

    def __init__(self, database: Database, url: str) -> None:
        self.database = database
        self.url = url
        self.ingest = Ingest(database, lambda: NOW_MS)

    async def commit(self, *messages):
        return Make.acks(await self.ingest.commit(messages))

    async def rows(self, *columns, order=None, of=None):
        async with self.database.read() as connection:
            query = select(*columns) if of is None else select(*columns).select_from(of)
            return [tuple(row) for row in await connection.execute(query if order is None else query.order_by(order))]

    async def count(self, table):
        return (await self.rows(func.count().label("n"), order=None, of=table))[0][0]

    async def totals(self):
        """{device: totals} over all epochs."""
        t = tables.person_totals.c
        return dict(await self.rows(t.device, t.totals, order=t.device))

    async def device(self, name="depot/bus-1"):
        async with self.database.read() as connection:
            query = select(tables.devices).where(tables.devices.c.device == name)
            return (await connection.execute(query)).one()


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
def make():
    return Make


@pytest.fixture
def sha256():
    return lambda data: hashlib.sha256(data).digest()


@pytest.fixture(scope="session")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with its tables, made once: to copy it is quicker than to migrate for every test."""
    path = tmp_path_factory.mktemp("upgraded") / "headway.db"

    async def make() -> None:
        await (await Database.open(f"sqlite+aiosqlite:///{path}", lambda: NOW_MS)).close()

    asyncio.run(make())
    return path


@pytest.fixture
def new_url(tmp_path: Path) -> str:
    """Where no database is yet."""
    return f"sqlite+aiosqlite:///{tmp_path / 'headway.db'}"


@pytest.fixture
def database_url(new_url: str, upgraded: Path, tmp_path: Path) -> str:
    """A database with its tables and nothing in them."""
    shutil.copy(upgraded, tmp_path / "headway.db")
    return new_url


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Store]:
    database = await Database.open(database_url, lambda: NOW_MS)
    yield Store(database, database_url)
    await database.close()


@pytest.fixture
def open_store():
    """Open another store on a URL; for tests with two servers or loops of their own."""

    async def open_one(url: str) -> Store:
        return Store(await Database.open(url, lambda: NOW_MS), url)

    return open_one


@pytest.fixture
def running(store):
    """A server without a broker: what the API and the page are served from."""
    settings = ServerSettings(operator_token="let-me-close")  # noqa: S106 - of the tests
    return Running(settings, store.database, store.ingest, None, lambda: NOW_MS + 5000)


@pytest.fixture
async def client(running):
    transport = httpx.ASGITransport(create_app(running))
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as one:
        yield one
