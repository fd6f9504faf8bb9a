"""The rows of trips, and what they add to their persons' totals; in the transaction that stores the records."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core import period
from headway_server.arrival import Arrival
from headway_server.database import insert_into, slices
from headway_server.tables import episodes, person_totals


async def insert(connection: AsyncConnection, stored: list[Arrival], epoch: int, persons: dict[str, str]) -> None:
    """Insert the trips among `stored`, which must be new, and add them to the epoch's totals of their persons.

    persons: {device: person}. The devices' rows are locked (`device_rows.lock`), so nobody else changes these totals.
    """
    rows = []
    added: dict[tuple[str, str, bytes], list[int]] = {}
    for a in stored:
        trip = a.episode
        if trip is None:
            continue
        person = persons[a.device]
        rows.append(
            {
                "device": a.device,
                "boot": a.boot,
                "seq": a.seq,
                "person": person,
                "pack_id": trip.pack_id,
                "epoch": epoch,
                "start_ms": trip.start_ms,
                "clock": a.clock,
                "counts": trip.counts,
                "gates": trip.gates,
                "distance_m": trip.distance_m,
            }
        )
        key = (a.device, person, trip.pack_id)
        before = added.get(key)
        added[key] = trip.totals if before is None else period.merge(before, trip.totals)
    if rows:
        await connection.execute(insert_into(connection, episodes), rows)
        await _merge_totals(connection, added, epoch)


async def _merge_totals(
    connection: AsyncConnection, added: dict[tuple[str, str, bytes], list[int]], epoch: int
) -> None:
    t = person_totals.c
    for some in slices(sorted({device for device, _, _ in added})):
        rows = await connection.execute(
            select(t.device, t.person, t.pack_id, t.totals).where(t.epoch == epoch, t.device.in_(some))
        )
        for device, person, pack_id, totals in rows:
            key = (device, person, pack_id)
            if key in added:
                added[key] = period.merge(totals, added[key])
    insert = insert_into(connection, person_totals)
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=[t.epoch, t.device, t.person, t.pack_id], set_={"totals": insert.excluded.totals}
        ),
        [
            {"epoch": epoch, "device": device, "person": person, "pack_id": pack_id, "totals": totals}
            for (device, person, pack_id), totals in added.items()
        ],
    )
