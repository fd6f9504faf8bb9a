"""A small synthetic fleet: devices whose records are written out by hand, and a database to put them in."""

import asyncio
import hashlib
import html.parser
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select
from tests.server.made_offers import offers_of, running_of

from headway_edge.core.program import SIGNED
from headway_protocol import ack, command, counts, incident, record, service, state
from headway_server.app import create_app
from headway_server.ingest.arrival import Received
from headway_server.ingest.ingest import Ingest
from headway_server.packs.compile import compile_source
from headway_server.packs.processes import Processes, known_pack, shipped
from headway_server.packs.source import parse
from headway_server.settings import ServerSettings
from headway_server.store import tables
from headway_server.store.database import Database

NOW_MS = 1_700_000_000_000


PACK = next(pack for pack in shipped() if pack.process.name == "private-driving")
OTHER_PACK = next(pack for pack in shipped() if pack.process.name == "commercial-driving")


class Make:
    """Records and messages, as a device would make them."""

    process = PACK.process
    pack_id = PACK.process.id
    other_process = OTHER_PACK.process

    @staticmethod
    def numbers(process, elapsed_ds=12_000, distance_m=10_000, **named):
        """A trip's numbers by name, 0 for those not named; a list for bands."""
        found = [0] * len(process.pack.cells)
        found[:2] = elapsed_ds, distance_m
        texts = process.catalogue
        places = {item["name"]: item["places"] for item in texts["accumulators"] + texts["events"]}
        for name, value in named.items():
            for place, number in zip(places[name], value if isinstance(value, list) else [value], strict=True):
                found[place] = number
        return found

    @classmethod
    def trip_counts(cls, km=10, minutes=20, stops=4, idle_s=60, hard=1, **named):
        """A trip at one speed: `idle_s` standing, the rest in one band."""
        elapsed_ds, idle_ds = minutes * 600, idle_s * 10
        numbers = {
            "low_speed": idle_ds,
            "idle": idle_ds,
            "speed_bands": [idle_ds, *[0] * 5, elapsed_ds - idle_ds, *[0] * 10],
            "stops": stops,
            "speed_max": 4500,
            "hard_acceleration": hard,
            "hard_braking": hard,
        }
        return cls.numbers(cls.process, elapsed_ds, km * 1000, **{**numbers, **named})

    @classmethod
    def trip(
        cls,
        boot,
        seq,
        numbers=None,
        pack_id=None,
        wall_ms=NOW_MS,
        offset_min=None,
        revises=None,
        process=None,
        **of_trip,
    ):
        """The record of a trip. process: of its pack, the usual one if it is None; pack_id: said in its place."""
        process = process or cls.process
        numbers = cls.trip_counts(**of_trip) if numbers is None else numbers
        gates = counts.pack([2, 35, 120, 0, 0, 0, 0, 0])
        wire = [
            number if kind < SIGNED else 2 * number if number >= 0 else -2 * number - 1
            for (kind, _), number in zip(process.pack.cells, numbers, strict=True)
        ]
        body = record.episode_body(
            pack_id or process.id, numbers[0] * 100, counts.pack(wire), gates, offset_min, revises
        )
        clock = record.UNSYNCED if wall_ms is None else record.SYNCED
        mono_ms = min(seq * 2_000_000, 1 << 40)
        return record.encode(record.Record(record.EPISODE, boot, seq, mono_ms, wall_ms, clock, body))

    @classmethod
    def birth(cls, boot, seq=1, vehicle_class="car", firmware="headway 0.1.0", backlog=0, process=None):
        process = process or cls.process
        body = record.birth_body(firmware, vehicle_class, [(process.id, process.name, process.version)], backlog, 0)
        return record.encode(record.Record(record.BIRTH, boot, seq, 100, NOW_MS, record.SYNCED, body))

    @staticmethod
    def pack(source):
        """A pack from its TOML, as the server keeps it."""
        return known_pack(compile_source(parse(source.encode(), "test")), source)

    @staticmethod
    def loss(boot, seq, of_boot, first_seq, last_seq, reason="storage full"):
        body = record.loss_body(of_boot, first_seq, last_seq, reason)
        return record.encode(record.Record(record.LOSS, boot, seq, 100, None, record.UNSYNCED, body))

    @classmethod
    def incident(cls, boot, seq, code, values=(), *, closes=None, pack_id=None, wall_ms=NOW_MS, ago_ms=0, severity=1):
        """The record of an incident, or of its end."""
        body = incident.incident_body(code, severity, ago_ms, pack_id, list(values), closes)
        return cls._told(record.INCIDENT, boot, seq, wall_ms, body)

    @classmethod
    def service(cls, boot, seq, what, *, odometer_km=None, millilitres=None, wall_ms=NOW_MS, ago_ms=0):
        """The record of something that was done."""
        return cls._told(
            record.SERVICE, boot, seq, wall_ms, service.service_body(what, ago_ms, odometer_km, millilitres)
        )

    @staticmethod
    def _told(kind, boot, seq, wall_ms, body):
        clock = record.UNSYNCED if wall_ms is None else record.SYNCED
        return record.encode(record.Record(kind, boot, seq, 100, wall_ms, clock, body))

    @staticmethod
    def up(payload, device="depot/bus-1", *, retained=False):
        return Received(f"headway/v1/{device}/up", payload, retained)

    @staticmethod
    def state(boot, device="depot/bus-1", *, online=True, ends=()):
        return Received(f"headway/v1/{device}/state", state.encode(boot, online, ends), retained=True)

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


_VOID = {"meta", "link", "br", "img", "input", "source"}


class Outline(html.parser.HTMLParser):
    """The page as text, by element; raises AssertionError for tags that do not nest."""

    def __init__(self, text):
        super().__init__()
        self.stack, self.text, self.tags, self.attributes = [], "", [], []
        self.feed(text)
        assert self.stack == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        self.text += data

    def all(self, tag, **wanted):
        return [a for t, a in self.attributes if t == tag and wanted.items() <= a.items()]


class Store:
    """A database with its ingest, and short ways to look into it. now_ms: what its clock says."""

    def __init__(self, database: Database, processes: Processes, url: str) -> None:
        self.database = database
        self.processes = processes
        self.url = url
        self.now_ms = NOW_MS
        self.ingest = Ingest(database, lambda: self.now_ms, processes)

    @classmethod
    async def open(cls, url: str) -> "Store":
        database = await Database.open(url, lambda: NOW_MS)
        return cls(database, await Processes.open(database, NOW_MS), url)

    async def commit(self, *messages):
        return Make.acks(await self.ingest.commit(messages))

    async def asked(self, after_s=0):
        """[(device, ranges), ...] of what devices are asked for, `after_s` later."""
        self.now_ms += round(after_s * 1000)
        return [
            ("/".join(m.topic.split("/")[2:4]), command.decode(m.payload)[1])
            for m in await self.ingest.resend_requests()
            if m.topic.endswith("/cmd")
        ]

    async def gaps(self, name="depot/bus-1"):
        """[(boot, first, last), ...] that a device lacks."""
        g = tables.gaps.c
        rows = await self.rows(g.device, g.boot, g.first_seq, g.last_seq, order=(g.device, g.boot, g.first_seq))
        return [row[1:] for row in rows if row[0] == name]

    async def rows(self, *columns, order=None, of=None, where=None):
        async with self.database.read() as connection:
            query = select(*columns) if of is None else select(*columns).select_from(of)
            query = query if where is None else query.where(where)
            order = order if order is None or isinstance(order, tuple) else (order,)
            return [tuple(row) for row in await connection.execute(query if order is None else query.order_by(*order))]

    async def count(self, table):
        return (await self.rows(func.count().label("n"), order=None, of=table))[0][0]

    async def totals(self):
        """{device: (trips, metres)} of its last epoch."""
        t = tables.person_totals.c
        rows = await self.rows(t.device, t.trips, t.distance_m, order=t.epoch)
        return {device: (trips, distance_m) for device, trips, distance_m in rows}

    async def named_totals(self, process, device="depot/bus-1"):
        """{name: total} of a device in its last epoch."""
        t = tables.person_totals.c
        rows = await self.rows(t.device, t.pack_id, t.totals, order=t.epoch)
        (*_, totals) = [totals for name, pack_id, totals in rows if (name, pack_id) == (device, process.id)]
        return {item["name"]: process.total(item["name"], totals) for item in process.catalogue["totals"]}

    async def device(self, name="depot/bus-1"):
        async with self.database.read() as connection:
            query = select(tables.devices).where(tables.devices.c.device == name)
            return (await connection.execute(query)).one()


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="session")
def make():
    return Make


@pytest.fixture
def outline():
    return Outline


@pytest.fixture(scope="session")
def small():
    """A pack that does not ship."""
    return Make.pack((Path(__file__).parent / "small.toml").read_text())


@pytest.fixture(scope="session")
def wellness():
    """The pack whose episodes are days."""
    return next(pack for pack in shipped() if pack.process.pack.kind == "day")


@pytest.fixture
def sha256():
    return lambda data: hashlib.sha256(data).digest()


@pytest.fixture(scope="session")
def upgraded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database with its tables, made once: to copy it is quicker than to migrate for every test."""
    path = tmp_path_factory.mktemp("upgraded") / "headway.db"

    async def make() -> None:
        await (await Store.open(f"sqlite+aiosqlite:///{path}")).database.close()

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
    one = await Store.open(database_url)
    yield one
    await one.database.close()


@pytest.fixture
def open_store():
    """Open another store on a URL; for tests with two servers or loops of their own."""

    return Store.open


@pytest.fixture(scope="module")
def runner():
    """A loop that outlives the examples of Hypothesis."""
    with asyncio.Runner() as one:
        yield one


@pytest.fixture
def shared_store(runner, open_store, database_url):
    """One database for all examples of Hypothesis, each of which has devices of its own."""
    store = runner.run(open_store(database_url))
    yield store
    runner.run(store.database.close())


@pytest.fixture
def offers(store):
    """The offers of the store's server."""
    return offers_of(store)


@pytest.fixture
def running(store):
    """A server without a broker: what the API and the page are served from."""
    settings = ServerSettings(operator_token="let-me-close")  # noqa: S106 - of the tests
    return running_of(store, settings, lambda: store.now_ms + 5000)


@pytest.fixture
async def client(running):
    transport = httpx.ASGITransport(create_app(running))
    async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as one:
        yield one
