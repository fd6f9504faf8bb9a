"""The rows of incidents: opened by one record, closed by another that names it, in whatever order the two come.

What closes an incident is the first record, by (boot, seq), of the same device that names it and is later than it. A record
that names what is no incident here, or not yet, or one that an earlier record has closed already, or itself or a later
record, closes nothing; it is kept and counted (`fleet.Counters.closings_unplaced`), and an incident that comes after what
closes it is closed at once. The code is not compared: the name says which is meant.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.ingest.arrival import Arrival, Incident
from headway_server.store.database import insert_into
from headway_server.store.tables import incident_closings, incidents

Opening = tuple[str, int, int]  # device, boot, seq


async def insert(connection: AsyncConnection, stored: list[Arrival], persons: Mapping[str, str]) -> None:
    """Insert the incidents and closings among `stored`, which must be new, and settle which incidents are closed.

    persons: {device: person}. The devices' rows are locked (`device_rows.lock`).
    """
    openings, closings = [], []
    concerned: set[Opening] = set()
    for a in stored:
        if a.incident is None:
            continue
        key = {"device": a.device, "boot": a.boot, "seq": a.seq}
        if a.incident.closes is None:
            openings.append({**key, "person": persons[a.device], **opening_columns(a.incident)})
            concerned.add((a.device, a.boot, a.seq))
        else:
            closings.append({**key, **closing_columns(a.incident)})
            concerned.add((a.device, *a.incident.closes))
    if openings:
        await connection.execute(insert_into(connection, incidents), openings)
    if closings:
        await connection.execute(insert_into(connection, incident_closings), closings)
    settled = [row for opening in sorted(concerned) if (row := await _closing_of(connection, opening)) is not None]
    if settled:
        await connection.execute(_CLOSE, settled)


def opening_columns(incident: Incident) -> dict[str, Any]:
    """Return the columns of an incident as its own record has them."""
    return {
        "code": incident.code,
        "severity": incident.severity,
        "opened_ms": incident.began_ms,
        "pack_id": incident.pack_id,
        "code_values": list(incident.values),
    }


def closing_columns(incident: Incident) -> dict[str, Any]:
    """Return the columns of a record that closes an incident."""
    assert incident.closes is not None  # noqa: S101 - asked of closing records only
    boot, seq = incident.closes
    return {"closes_boot": boot, "closes_seq": seq, "closed_ms": incident.told_ms}


_CLOSE = (
    update(incidents)
    .where(
        incidents.c.device == bindparam("of"),
        incidents.c.boot == bindparam("of_boot", type_=BigInteger),
        incidents.c.seq == bindparam("of_seq", type_=BigInteger),
    )
    .values(
        closed_by_boot=bindparam("by_boot", type_=BigInteger),
        closed_by_seq=bindparam("by_seq", type_=BigInteger),
        closed_ms=bindparam("then_ms", type_=BigInteger),
    )
)


async def _closing_of(connection: AsyncConnection, opening: Opening) -> dict[str, Any] | None:
    """Return the parameters of _CLOSE; None where nothing closes what is named, be there such an incident or not."""
    c = incident_closings.c
    device, boot, seq = opening
    query = (
        select(c.boot, c.seq, c.closed_ms)
        .where(
            c.device == device,
            c.closes_boot == boot,
            c.closes_seq == seq,
            tuple_(c.boot, c.seq) > tuple_(c.closes_boot, c.closes_seq),
        )
        .order_by(c.boot, c.seq)
        .limit(1)
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        return None
    return {
        "of": device,
        "of_boot": boot,
        "of_seq": seq,
        "by_boot": row.boot,
        "by_seq": row.seq,
        "then_ms": row.closed_ms,
    }
