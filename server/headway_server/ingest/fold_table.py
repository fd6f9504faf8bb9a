"""The tables of folds and of what they name: rows put in, read, and marked. Which count, `fold_rows` decides."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.ingest.arrival import Arrival
from headway_server.ingest.folded import Folded, Range
from headway_server.ingest.tally_rows import tally_of
from headway_server.store.database import insert_into
from headway_server.store.tables import fold_ranges, folds
from headway_server.totals.tally import Tally

Place = tuple[int, int]  # boot, seq
Ranges = dict[Place, list[Range]]  # of folds


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of `folds`: what was stored, and how it counts now."""

    device: str
    place: Place
    person: str
    pack_id: bytes
    epoch: int
    day: int
    span: int
    context: int
    tally: Tally
    superseded: bool
    counted_epoch: int | None
    counted: Tally | None


async def insert(
    connection: AsyncConnection, new: list[tuple[Arrival, Folded]], epoch: int, persons: Mapping[str, str]
) -> None:
    """Store folds, which must be new, as they count until they are judged: in no epoch. persons: {device: person}."""
    if not new:
        return
    rows = [
        {
            "device": a.device,
            "boot": a.boot,
            "seq": a.seq,
            "person": persons[a.device],
            "epoch": epoch,
            **columns(folded),
        }
        for a, folded in new
    ]
    await connection.execute(insert_into(connection, folds), rows)
    named_by = [
        {
            "device": a.device,
            "told_boot": a.boot,
            "told_seq": a.seq,
            "boot": boot,
            "first_seq": first,
            "last_seq": last,
            "pack_id": folded.pack_id,
        }
        for a, folded in new
        for boot, first, last in folded.ranges
    ]
    await connection.execute(insert_into(connection, fold_ranges), named_by)


def columns(folded: Folded) -> dict[str, Any]:
    """What a row of `folds` has of its record."""
    return {
        "pack_id": folded.pack_id,
        "day": folded.day,
        "span": folded.span,
        "context": folded.context,
        "trips": folded.tally.trips,
        "distance_m": folded.tally.distance_m,
        "totals": folded.tally.totals,
    }


async def stored(connection: AsyncConnection, device: str) -> dict[Place, Stored]:
    """Return the folds of a device."""
    rows = await connection.execute(select(folds).where(folds.c.device == device))
    return {(row.boot, row.seq): stored_of(row) for row in rows}


def stored_of(row: Any) -> Stored:
    """Return a row of `folds`."""
    counted = None
    if row.counted_trips is not None:
        counted = Tally(row.counted_trips, row.counted_distance_m, row.counted_totals)
    return Stored(row.device, (row.boot, row.seq), row.person, row.pack_id, row.epoch, row.day, row.span, row.context,
                  tally_of(row), bool(row.superseded), row.counted_epoch, counted)  # fmt: skip


async def ranges(connection: AsyncConnection, device: str) -> Ranges:
    """Return what the folds of a device name."""
    f = fold_ranges.c
    query = select(f.told_boot, f.told_seq, f.boot, f.first_seq, f.last_seq).where(f.device == device)
    found: Ranges = defaultdict(list)
    for told_boot, told_seq, *of in await connection.execute(query):
        found[told_boot, told_seq].append((of[0], of[1], of[2]))
    return found


_MARK = (
    update(folds)
    .where(folds.c.device == bindparam("of"), folds.c.boot == bindparam("of_boot"), folds.c.seq == bindparam("of_seq"))
    .values(
        superseded=bindparam("now"),
        counted_epoch=bindparam("counts_in"),
        counted_trips=bindparam("its_trips"),
        counted_distance_m=bindparam("its_metres"),
        counted_totals=bindparam("its_totals"),
    )
)


async def put_marks(connection: AsyncConnection, folds_now: Iterable[Stored]) -> None:
    """Write how folds count now."""
    await connection.execute(_MARK, [_mark(its) for its in folds_now])


def _mark(its: Stored) -> dict[str, Any]:
    counted = its.counted
    return {
        "of": its.device,
        "of_boot": its.place[0],
        "of_seq": its.place[1],
        "now": its.superseded,
        "counts_in": its.counted_epoch,
        "its_trips": None if counted is None else counted.trips,
        "its_metres": None if counted is None else counted.distance_m,
        "its_totals": None if counted is None else counted.totals,
    }
