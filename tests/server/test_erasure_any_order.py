"""Whatever a device sends, before, between and after erasures and wipes: nothing of before is stored, nothing of later lost."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from tests.server.made_offers import SIGNING

from headway_protocol import record
from headway_server.erasure import personal_rows
from headway_server.erasure.erasure_journal import ErasureJournal
from headway_server.erasure.erasures import NothingToErase, erase
from headway_server.ingest.tombstones import Tombstones
from headway_server.store import tables
from headway_server.store.audit_log import OPERATOR

BUS = "depot/bus-1"
# Records are made, a boot begins, the newest order is obeyed, the person erased, and some of what there is sent in any order.
STEPS = st.lists(
    st.one_of(
        st.just("make"),
        st.just("start"),
        st.just("obey"),
        st.just("erase"),
        st.permutations(range(12)),
        st.just("rubbish"),
    ),
    min_size=3,
    max_size=25,
)


class Device:
    """Boots, records and births as a device makes them."""

    def __init__(self, make):
        self.make, self.boot, self.seq, self.wiped, self.outbox = make, 0, 0, None, []
        self.start()

    def start(self):
        self.boot, self.seq = self.boot + 1, 0
        body = record.birth_body("headway 0.1.0", "car", [], 0, 0, self.wiped)
        self._add(record.BIRTH, body)

    def obey(self, version):
        if self.wiped is None or version > self.wiped[0]:
            self.outbox, self.wiped = [], (version, self.boot + 1)
            self.start()

    def drive(self):
        self.seq += 1
        self.outbox.append(self.make.trip(self.boot, self.seq, km=self.seq))

    def _add(self, kind, body):
        self.seq += 1
        self.outbox.append(record.encode(record.Record(kind, self.boot, self.seq, 1, None, record.UNSYNCED, body)))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS)
def test_nothing_of_before_is_stored_and_nothing_of_later_is_lost(steps, shared_store, runner, make):
    runner.run(_live(steps, shared_store, make))


async def _live(steps, store, make):
    with tempfile.TemporaryDirectory() as folder:
        async with store.database.write() as connection:
            for table in reversed(tables.metadata.sorted_tables):
                if table.name not in {"epochs", "packs"}:
                    await connection.execute(table.delete())
        journal = ErasureJournal(Path(folder) / "journal")
        store.ingest._tombstones = Tombstones(journal, SIGNING)
        device, order, everything = Device(make), 0, []
        for step in steps:
            if step == "make":
                device.drive()
            elif step == "start":
                device.start()
            elif step == "obey":
                if order:
                    device.obey(order)
            elif step == "erase":
                try:
                    order = (await erase(store.database, journal, BUS, store.now_ms, OPERATOR)).version
                except NothingToErase:
                    continue
                # What was sent so far may come again from anywhere, a broker's queue for one.
                everything += device.outbox
            elif step == "rubbish":
                await store.ingest.commit([make.up(b"rubbish")])
            else:
                late = [*device.outbox, *everything]
                await store.ingest.commit([make.up(late[n % len(late)]) for n in step])
            await _nothing_of_before(store, device, order)
        if order:
            device.obey(order)
            await store.ingest.commit([make.up(payload) for payload in (*everything, *device.outbox, *everything)])
            await store.ingest.commit([make.up(payload) for payload in device.outbox])
            rows = await store.rows(tables.records.c.payload)
            assert {payload for (payload,) in rows} == set(device.outbox)


async def _nothing_of_before(store, device, order):
    if order and (device.wiped is None or device.wiped[0] < order):
        async with store.database.read() as connection:
            for table in personal_rows.personal_tables():
                rows = (await connection.execute(select(table).where(personal_rows.is_of(table, BUS, [BUS])))).all()
                assert rows == [], table.name
