"""What the broker keeps for devices: the newest benchmark of a device's cohort; and, in `offers`, the pack that it was offered.

Both are retained messages. Publishing them may be interrupted and is repeated whenever the broker is reached again; it changes
nothing to say the same twice.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import bindparam, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.process import Process
from headway_protocol import benchmark, topics
from headway_protocol.codes import TOO_LARGE
from headway_protocol.errors import DecodeError
from headway_server.packs.processes import Processes
from headway_server.store.database import Database, slices
from headway_server.store.tables import benchmarks, devices

log = structlog.get_logger(__name__)

RETAINED = (topics.BENCH, topics.PACK, topics.STATE)  # channels of a device of which the broker keeps the last message
Cohort = tuple[str, bytes]  # vehicle class, pack id: only people of the same of both are compared
_Table = tuple[int, int, list[int], list[int]]  # characteristic, persons, shares in per mille, values


@dataclass(frozen=True, slots=True)
class Publication:
    """A retained message to publish."""

    topic: str
    payload: bytes


def forgetting(addresses: Iterable[str]) -> list[Publication]:
    """Return what has the broker forget all that it keeps for these devices."""
    return [Publication(_topic(address, channel), b"") for address in addresses for channel in RETAINED]


_D, _B = devices.c, benchmarks.c
# Asked at every birth: built once.
_FLEET = select(_D.device, _D.vehicle_class, _D.pack_id).order_by(_D.device)
_OF_FLEET = _FLEET.where(_D.device.in_(bindparam("names", expanding=True)))
_NEWEST = select(_B.cohort, _B.pack_id, func.max(_B.epoch).label("epoch")).group_by(_B.cohort, _B.pack_id).subquery()
_NEWEST_OF = (
    select(_B.cohort, _B.pack_id, _B.epoch, _B.characteristic, _B.persons, _B.shares_permille, _B.knot_values)
    .join(
        _NEWEST,
        (_NEWEST.c.cohort == _B.cohort) & (_NEWEST.c.pack_id == _B.pack_id) & (_NEWEST.c.epoch == _B.epoch),
    )
    .where(_B.cohort.in_(bindparam("cohorts", expanding=True)))
    .order_by(_B.cohort, _B.pack_id, _B.characteristic)
)


async def latest_benchmarks(
    database: Database, processes: Processes, only: Iterable[str] | None = None
) -> list[Publication]:
    """Return the newest benchmark of every device, or of `only` those."""
    async with database.read() as connection:
        return await benchmark_messages(connection, processes, names=None if only is None else set(only))


async def benchmark_messages(
    connection: AsyncConnection,
    processes: Processes,
    *,
    cohorts: set[Cohort] | None = None,
    names: set[str] | None = None,
) -> list[Publication]:
    """Return the newest benchmark of each device's cohort for the pack it runs.

    A cohort without one keeps what its devices hold: no message. cohorts, names: of these cohorts, of these devices only.
    """
    rows: list[Any] = []
    if names is None:
        rows += await connection.execute(_FLEET)
    for some in slices(sorted(names or ())):
        rows += await connection.execute(_OF_FLEET, {"names": some})
    of = {device: (vehicle_class, pack_id) for device, vehicle_class, pack_id in rows}
    wanted = {cohort for cohort in of.values() if cohorts is None or cohort in cohorts}
    found = await connection.execute(
        _NEWEST_OF, {"cohorts": sorted({cohort for cohort, _ in wanted if cohort is not None})}
    )
    tables: defaultdict[tuple[Cohort, int], list[_Table]] = defaultdict(list)
    for cohort, pack_id, epoch, characteristic, persons, shares, values in found:
        if (cohort, pack_id) in wanted:
            tables[(cohort, pack_id), epoch].append((characteristic, persons, shares, values))
    payloads = {
        (cohort, pack_id): benchmark_payload(processes.find(pack_id), epoch, cohort, pack_id, its)
        for ((cohort, pack_id), epoch), its in tables.items()
    }
    return [
        Publication(_topic(device, topics.BENCH), payloads[cohort])
        for device, cohort in of.items()
        if cohort in payloads
    ]


def benchmark_payload(process: Process | None, epoch: int, cohort: str, pack_id: bytes, tables: list[_Table]) -> bytes:
    """Return the bytes of a benchmark.

    A message takes as many tables as the protocol allows: of a pack with more, those of the score come first, then those
    that are shown first, then by id.
    """
    scored = {number for _, numbers in process.pack.axes for number in numbers} if process is not None else set()
    shown = {c.id for c in process.period if c.headline} if process is not None else set()
    ordered = sorted(tables, key=lambda table: (table[0] not in scored, table[0] not in shown, table[0]))
    kept = ordered[: benchmark.TABLES_MAX]
    while True:
        try:
            payload = benchmark.encode(epoch, cohort, pack_id, sorted(kept))
        except DecodeError as e:
            if e.code != TOO_LARGE:
                raise
            kept.pop()
            continue
        if len(kept) < len(tables):
            left_out = sorted(table[0] for table in ordered[len(kept) :])
            log.warning("benchmark cut to what a message takes", cohort=cohort, epoch=epoch, left_out=left_out)
        return payload


def _topic(device: str, channel: str) -> str:
    group, name = device.split("/")
    return topics.topic(group, name, channel)
