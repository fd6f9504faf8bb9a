"""One batch in one transaction: what is new is stored, what is repeated is counted, what contradicts is put aside.

Called by `ingest` only, with messages already read. Locks are taken in one order everywhere: the epoch, dead letters by
hash, devices by name; so batches of several servers and the closing of an epoch wait for each other, never for ever.
"""

from dataclasses import dataclass, field

import structlog
from sqlalchemy import ColumnElement, bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol.codes import CONFLICT, IMPLAUSIBLE
from headway_server.ingest import dating_rows, device_rows, gap_rows, incident_rows, refused, service_rows, trip_rows
from headway_server.ingest.arrival import Arrival, Presence, Refusal
from headway_server.ingest.device_rows import Seen
from headway_server.ingest.receipts import Acknowledgement, Handled
from headway_server.packs.processes import Processes
from headway_server.store.database import insert_into, insert_new_into, slices
from headway_server.store.tables import epochs, losses, records

log = structlog.get_logger(__name__)

Key = tuple[str, int, int]  # device, boot, seq


@dataclass(slots=True)
class Batch:
    """Messages by what they turned out to be, each kind in the order of arrival."""

    arrivals: list[Arrival] = field(default_factory=list)
    presences: list[Presence] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)


class Transaction:
    """The statements of one batch. seen: what it told about each device; births: devices whose class it told.

    epoch: the open one, locked (`lock_open_epoch`).
    """

    def __init__(self, connection: AsyncConnection, processes: Processes, epoch: int, now: int) -> None:
        self._connection = connection
        self._processes = processes
        self._find = processes.find
        self._epoch = epoch
        self._now = now
        self._handled = Handled()
        self.seen: dict[str, Seen] = {}
        self.births: set[str] = set()

    async def apply(self, batch: Batch) -> list[Acknowledgement]:
        """Run every statement of the batch; return the acknowledgements, valid once the transaction is committed."""
        told = [r for r in batch.refusals if r.device is not None and r.boot is not None and r.seq is not None]
        for name in (
            *(a.device for a in batch.arrivals),
            *(p.device for p in batch.presences),
            *(r.device for r in told),
        ):
            if name is not None:
                self.seen.setdefault(name, Seen())
        await refused.bury(self._connection, batch.refusals, self._now)
        if not self.seen:
            return []
        persons = await device_rows.lock(self._connection, self.seen, self._now)
        stored, repeated = await self._insert_records(batch.arrivals)
        await self._tell_apart(stored, repeated)
        stored = await self._date(stored, stored)
        await self._reject(told)
        await self._insert_losses(stored)
        await self._insert_trips(stored, persons)
        await incident_rows.insert(self._connection, stored, persons)
        await service_rows.insert(self._connection, stored, persons)
        await gap_rows.let_speak(self._connection, batch.presences, self._now)
        self.births = await device_rows.describe(self._connection, self.seen, stored, batch.presences, self._now)
        for presence in batch.presences:
            for boot, last_seq in presence.ends:
                self._handled.add_end(presence.device, boot, last_seq)
        acknowledgements = await self._handled.settle(self._connection, self._now)
        await gap_rows.close_never_made(self._connection, batch.presences)
        return acknowledgements

    async def apply_parked(self, arrivals: list[Arrival]) -> int:
        """As `apply`, for records that are stored already; return how many are understood now."""
        for arrival in arrivals:
            self.seen.setdefault(arrival.device, Seen())
        persons = await device_rows.lock(self._connection, self.seen, self._now)
        understood = []
        for arrival in arrivals:
            taken = await self._connection.execute(
                update(records).where(*_is(arrival), records.c.parked.is_not(None)).values(parked=arrival.parked)
            )
            if taken.rowcount and arrival.parked is None:
                understood.append(arrival)
                self._handled.add_seq(*key_of(arrival))
        understood = await self._date(understood, arrivals)
        await self._insert_losses(understood)
        await self._insert_trips(understood, persons)
        await incident_rows.insert(self._connection, understood, persons)
        await service_rows.insert(self._connection, understood, persons)
        self.births = await device_rows.describe(self._connection, self.seen, understood, [], self._now)
        await self._handled.settle(self._connection, self._now)
        return len(understood)

    async def _insert_records(self, arrivals: list[Arrival]) -> tuple[list[Arrival], list[Arrival]]:
        """Store what is new; return (stored, not stored because the key was there)."""
        first: dict[Key, Arrival] = {}
        repeated = []
        for arrival in arrivals:
            self._handled.add_seq(arrival.device, arrival.boot, arrival.seq)
            if first.setdefault(key_of(arrival), arrival) is not arrival:
                repeated.append(arrival)
        if not first:
            return [], []
        rows = await self._connection.execute(
            insert_new_into(self._connection, records, ("device", "boot", "seq")),
            [
                {
                    "device": a.device,
                    "boot": a.boot,
                    "seq": a.seq,
                    "kind": a.kind,
                    "schema": a.schema,
                    "hash": a.hash,
                    "payload": a.payload,
                    "received_at_ms": self._now,
                    "epoch": self._epoch,
                    "parked": a.parked,
                }
                for a in first.values()
            ],
        )
        inserted: set[Key] = {(device, boot, seq) for device, boot, seq in rows}
        stored = [a for key, a in first.items() if key in inserted]
        repeated += [a for key, a in first.items() if key not in inserted]
        for arrival in stored:
            device = self.seen[arrival.device]
            device.stored += 1
            if arrival.boot >= device.boot and arrival.clock is not None:
                device.clock = arrival.clock
            device.boot = max(device.boot, arrival.boot)
        return stored, repeated

    async def _tell_apart(self, stored: list[Arrival], repeated: list[Arrival]) -> None:
        """Repeats of what is stored are counted; other content under the same key is kept apart and refused."""
        hashes = {key_of(a): a.hash for a in stored}
        missing = sorted({key_of(a) for a in repeated} - hashes.keys())
        for some in slices(missing):
            rows = await self._connection.execute(_HASHES, {"keys": some})
            hashes.update({(device, boot, seq): hash_ for device, boot, seq, hash_ in rows})
        conflicting = []
        for arrival in repeated:
            if hashes[key_of(arrival)] == arrival.hash:
                self.seen[arrival.device].duplicates += 1
            else:
                conflicting.append(arrival)
                self._handled.reject(arrival.device, arrival.boot, arrival.seq, CONFLICT)
        reason = "other content is stored under this boot and seq"
        kept = await refused.quarantine_records(
            self._connection,
            [(a.device, a.boot, a.seq, a.payload, CONFLICT, reason) for a in conflicting],
            self._now,
        )
        for device in kept:
            self.seen[device].conflicts += 1
            log.warning("conflicting record", next_step="look for two units with one identity; the page names it")

    async def _reject(self, told: list[Refusal]) -> None:
        rows = []
        for refusal in told:
            assert refusal.device is not None and refusal.boot is not None and refusal.seq is not None  # noqa: S101, PT018
            assert refusal.code is not None  # noqa: S101 - `told` has only refusals of a known sender, which have a code
            self._handled.add_seq(refusal.device, refusal.boot, refusal.seq)
            self._handled.reject(refusal.device, refusal.boot, refusal.seq, refusal.code)
            rows.append(
                (refusal.device, refusal.boot, refusal.seq, refusal.message.payload, refusal.code, refusal.reason)
            )
        for device in await refused.reject(self._connection, rows, self._now):
            self.seen[device].rejected += 1
        await refused.quarantine_records(self._connection, [row for row in rows if row[4] == IMPLAUSIBLE], self._now)

    async def _insert_losses(self, stored: list[Arrival]) -> None:
        rows = []
        for a in stored:
            if a.loss is not None:
                self._handled.add_range(a.device, a.loss.boot, a.loss.first_seq, a.loss.last_seq)
                rows.append(
                    {
                        "device": a.device,
                        "told_boot": a.boot,
                        "told_seq": a.seq,
                        "boot": a.loss.boot,
                        "first_seq": a.loss.first_seq,
                        "last_seq": a.loss.last_seq,
                        "reason": a.loss.reason,
                    }
                )
                log.warning("records lost", boot=a.loss.boot, first=a.loss.first_seq, last=a.loss.last_seq)
        if rows:
            await self._connection.execute(insert_into(self._connection, losses), rows)

    async def _date(self, new: list[Arrival], all_read: list[Arrival]) -> list[Arrival]:
        """Date the trips among `new`, and those of before that the clocks of `all_read` are better for; return `new`."""
        anchors = await dating_rows.learn(self._connection, self._find, self._processes.refresh, all_read)
        return [dating_rows.dated(a, anchors.get((a.device, a.boot)), self._find) for a in new]

    async def _insert_trips(self, stored: list[Arrival], persons: dict[str, str]) -> None:
        for a in stored:
            for boot, first, last in () if a.folded is None else a.folded.ranges:
                self._handled.add_range(a.device, boot, first, last)
        more = await trip_rows.insert(self._connection, self._find, stored, self._epoch, persons)
        for device, (trips, distance_m) in more.items():
            self.seen[device].trips += trips
            self.seen[device].distance_m += distance_m


def _is(arrival: Arrival) -> tuple[ColumnElement[bool], ...]:
    r = records.c
    return r.device == arrival.device, r.boot == arrival.boot, r.seq == arrival.seq


def key_of(arrival: Arrival) -> Key:
    """The identity of a record."""
    return arrival.device, arrival.boot, arrival.seq


_KEY = (records.c.device, records.c.boot, records.c.seq)
_HASHES = select(*_KEY, records.c.hash).where(tuple_(*_KEY).in_(bindparam("keys", expanding=True)))
_OPEN_EPOCH = select(epochs.c.number).where(epochs.c.closed_at_ms.is_(None)).with_for_update(read=True)


async def lock_open_epoch(connection: AsyncConnection) -> int:
    """Return the number of the open epoch, which nobody closes before this transaction ends."""
    # FOR SHARE (PostgreSQL) holds off the closer until this batch is in (`batches_out`). One that waited may find its row
    # closed and, in the same statement, no other: it has to look again. On SQLite the transaction itself excludes the closer.
    for _ in range(3):
        number = (await connection.execute(_OPEN_EPOCH)).scalar_one_or_none()
        if number is not None:
            return int(number)
    raise RuntimeError("there is no open epoch: the epochs table was changed by hand")
