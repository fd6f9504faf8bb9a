"""The one write path: a batch of messages becomes rows, totals and acknowledgements, in one transaction.

No transport: who calls it hands in messages and publishes what it returns (`mqtt_ingest`). Nothing is acknowledged that
is not committed. A database error leaves nothing behind and is raised; the caller comes again with the same messages,
and as every effect hangs on a key that is inserted once, nothing doubles; nor do two servers on one database.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import structlog
from sqlalchemy import select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import topics
from headway_server.ingest import gaps, refused
from headway_server.ingest.arrival import PARKED_PACK, Arrival, Find, Presence, Received, Refusal, read
from headway_server.ingest.dating_rows import date_all
from headway_server.ingest.receipts import Acknowledgement
from headway_server.ingest.tombstones import Tombstones
from headway_server.ingest.transaction import Batch, Key, Transaction, lock_open_epoch
from headway_server.packs.processes import Processes
from headway_server.store.database import Database
from headway_server.store.tables import records

log = structlog.get_logger(__name__)

_PARKED_AT_ONCE = 500


@dataclass(slots=True)
class IngestCounts:
    """What this process has committed since it started; for logs and health. The database has the whole truth."""

    messages: int = 0
    records: int = 0
    duplicates: int = 0
    refused: int = 0


class Ingest:
    """Commits messages to a database.

    now_ms: the server's clock in Unix milliseconds, for what is shown (received at, last seen); nothing is ordered by it.
    processes: the packs whose trips it reads. counts: totals of this process. births: devices whose class became known
    since `take_births` was last called. tombstones: of erased devices, None where nobody was ever erased.
    """

    def __init__(
        self,
        database: Database,
        now_ms: Callable[[], int],
        processes: Processes,
        tombstones: Tombstones | None = None,
    ) -> None:
        self._database = database
        self._tombstones = tombstones
        self.now_ms = now_ms
        self.processes = processes
        self.counts = IngestCounts()
        self.last_commit_ms: int | None = None
        self._births: set[str] = set()

    def take_births(self) -> list[str]:
        """Return the devices born since the last call: each now belongs to a cohort, whose benchmark it may get."""
        births, self._births = sorted(self._births), set()
        return births

    async def commit(self, messages: Sequence[Received]) -> list[Acknowledgement]:
        """Store `messages`, in one transaction, and return what to tell the devices.

        One acknowledgement for each (device, boot) touched, more if it has over 256 rejections. A message that is no
        record becomes a dead letter; it never fails the batch. Raises sqlalchemy.exc.DBAPIError (or OSError, from a
        server that went away): nothing is stored then, and the same messages are to be handed in again.
        """
        find = self.processes.find
        found = [read(message, find) for message in messages]
        now = self.now_ms()
        async with self._database.write() as connection:
            transaction = Transaction(connection, self.processes, await lock_open_epoch(connection), now)
            if any(_is_of_unknown_pack(item) for item in found):
                await self.processes.refresh(connection)
                found = [
                    read(message, find) if _is_of_unknown_pack(item) else item
                    for message, item in zip(messages, found, strict=True)
                ]
            refusals: list[Acknowledgement] = []
            if self._tombstones is not None:
                found, refusals = await self._tombstones.screen(connection, messages, found, now)
            batch = _sort(found)
            acknowledgements = await transaction.apply(batch) + refusals
        seen = transaction.seen.values()
        self.counts.messages += len(messages)
        self.counts.records += sum(device.stored for device in seen)
        self.counts.duplicates += sum(device.duplicates for device in seen)
        self.counts.refused += len(batch.refusals) + sum(device.conflicts for device in seen)
        self.last_commit_ms = now
        self._births |= transaction.births
        return acknowledgements

    async def read_parked(self) -> int:
        """Read again what could not be read when it came; return how many records were.

        To be called at the start and when a pack was added. A record that is still not understood stays as it is. The
        trips count in the epoch that is open now. Safe beside other servers: each record is taken out of the parked ones once.
        """
        after: Key = ("", 0, 0)
        done = 0
        while True:
            async with self._database.write() as connection:
                epoch = await lock_open_epoch(connection)
                arrivals, after = await _parked_after(connection, self.processes.find, after)
                if not arrivals:
                    return done
                transaction = Transaction(connection, self.processes, epoch, self.now_ms())
                done += await transaction.apply_parked(arrivals)

    async def date_boots(self) -> int:
        """Date the trips of a database of before by their boots, once; return how many devices were looked at (`dating_rows`)."""
        return await date_all(self._database, self.processes, self.now_ms())

    async def resend_requests(self) -> list[Acknowledgement]:
        """Return what to ask devices for now, to be published on their `cmd` topics (QoS 1, not retained).

        To be called every half minute or so; who was asked is not asked again before it had time to answer (`gaps`).
        """
        async with self._database.write() as connection:
            return await gaps.ask(connection, self.now_ms())

    async def bury(self, message: Received, reason: str) -> None:
        """Put a message aside as a dead letter without reading it: one that makes `commit` fail by itself."""
        async with self._database.write() as connection:
            await lock_open_epoch(connection)
            if self._tombstones is None or not await self._tombstones.is_erased(connection, message):
                await refused.bury(connection, [Refusal(message, None, reason)], self.now_ms())
        self.counts.refused += 1


def _is_of_unknown_pack(found: Arrival | Presence | Refusal) -> bool:
    return isinstance(found, Arrival) and found.parked == PARKED_PACK


def _sort(found: Iterable[Arrival | Presence | Refusal]) -> Batch:
    batch = Batch()
    for item in found:
        if isinstance(item, Arrival):
            batch.arrivals.append(item)
        elif isinstance(item, Presence):
            batch.presences.append(item)
        else:
            batch.refusals.append(item)
    return batch


async def _parked_after(connection: AsyncConnection, find: Find, after: Key) -> tuple[list[Arrival], Key]:
    """Return the next parked records as they read now, and where to go on; without those that are refused now."""
    r = records.c
    key = tuple_(r.device, r.boot, r.seq)
    found: list[Arrival] = []
    while not found:
        query = select(r.device, r.boot, r.seq, r.payload).where(r.parked.is_not(None), key > after)
        rows = (await connection.execute(query.order_by(r.device, r.boot, r.seq).limit(_PARKED_AT_ONCE))).all()
        if not rows:
            break
        after = (rows[-1].device, rows[-1].boot, rows[-1].seq)
        for row in rows:
            group, name = row.device.split("/")
            arrival = read(Received(topics.topic(group, name, topics.UP), row.payload), find)
            if isinstance(arrival, Arrival):
                found.append(arrival)
            else:
                log.warning("a kept record is not readable", boot=row.boot, seq=row.seq)  # no names in logs
    return found, after
