"""The rows of tallies, of an epoch or of days: added to, or put in place of what was there.

Whoever calls holds the locks of the devices that the rows are of, so nobody else changes them meanwhile.
"""

from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, Table, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.ingest.arrival import Find
from headway_server.store.database import slices, upsert_into
from headway_server.store.tables import day_totals, month_totals, person_totals
from headway_server.totals.tally import Tally, merge

Key = tuple[Any, ...]  # as the primary key of the table

_DEVICE, _PACK_ID, _WHEN = 0, 2, 3  # parts that both kinds of keys have


def day_key(device: str, person: str, pack_id: bytes, day: int, context: int) -> Key:
    """The key of a row of `day_totals`, or of `month_totals` with the first day of the month."""
    return device, person, pack_id, day, context


def epoch_key(device: str, person: str, pack_id: bytes, epoch: int) -> Key:
    """The key of a row of `person_totals`."""
    return device, person, pack_id, epoch


KEYS = {
    **{
        table: [table.c[name] for name in ("device", "person", "pack_id", "day", "context")]
        for table in (day_totals, month_totals)
    },
    person_totals: [person_totals.c[name] for name in ("device", "person", "pack_id", "epoch")],
}


def tally_of(row: Any) -> Tally:
    """Return the tally in a row that has its three columns."""
    return Tally(row.trips, row.distance_m, row.totals)


async def add(connection: AsyncConnection, find: Find, table: Table, added: dict[Key, Tally]) -> None:
    """Merge `added` into the rows of `table`."""
    keys = KEYS[table]
    merged: dict[Key, Tally | None] = dict(added)
    when = {key[_WHEN] for key in added}
    for some in slices(sorted({key[_DEVICE] for key in added})):
        for row in await connection.execute(_near(table), {"names": some, "when": sorted(when)}):
            key = tuple(row[: len(keys)])
            process = find(key[_PACK_ID])
            if key in added and process is not None:
                merged[key] = merge(process, tally_of(row), added[key])
    await put(connection, table, merged)


@cache
def _near(table: Table) -> Select[Any]:
    # Not by the whole key: of a list of those, SQLite would look up the device only.
    keys, t = KEYS[table], table.c
    names: BindParameter[str] = bindparam("names", expanding=True)
    when: BindParameter[int] = bindparam("when", expanding=True)
    return select(*keys, t.trips, t.distance_m, t.totals).where(t.device.in_(names), keys[_WHEN].in_(when))


async def put(connection: AsyncConnection, table: Table, tallies: "dict[Key, Tally | None]") -> None:
    """Put tallies in place of what is in `table`; None takes the row away."""
    keys = KEYS[table]
    for key in sorted(key for key, tally in tallies.items() if tally is None):
        await connection.execute(delete(table).where(*(column == part for column, part in zip(keys, key, strict=True))))
    rows = [
        {
            **{column.name: part for column, part in zip(keys, key, strict=True)},
            "trips": tally.trips,
            "distance_m": tally.distance_m,
            "totals": tally.totals,
        }
        for key, tally in sorted(tallies.items())
        if tally is not None
    ]
    if rows:
        names = tuple(column.name for column in keys)
        await connection.execute(upsert_into(connection, table, names, ("trips", "distance_m", "totals")), rows)
