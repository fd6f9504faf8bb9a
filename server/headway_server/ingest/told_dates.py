"""When incidents began and ended and services were done, dated as trips are (`dating`): by their own clocks or by a better one of
their boot, and again when such a one comes. `dating_rows` asks for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Select, Table, and_, bindparam, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import incident, record, service
from headway_server.ingest.arrival import Arrival
from headway_server.ingest.dating import Anchor, date
from headway_server.store.database import slices
from headway_server.store.tables import incident_closings, incidents, records, services

Boot = tuple[str, int]  # device, boot


def dated(arrival: Arrival, anchor: Anchor) -> Arrival:
    """Return `arrival` with the times of its incident or service, if it is of one, dated. anchor: of its boot."""
    mono_ms = arrival.mono_ms
    if mono_ms is None:
        return arrival

    def ago(ago_ms: int) -> int | None:
        return date(mono_ms, arrival.wall_ms, arrival.clock, ago_ms, anchor)[0]

    if arrival.incident is not None:
        its = arrival.incident
        return replace(arrival, incident=replace(its, began_ms=ago(its.ago_ms), told_ms=ago(0)))
    if arrival.service is not None:
        return replace(arrival, service=replace(arrival.service, done_ms=ago(arrival.service.ago_ms)))
    return arrival


# Of each table the column that is dated, and how long before the record was made it was, by the record's body.
_DATED: tuple[tuple[Table, str, Callable[[list[Any]], int]], ...] = (
    (incidents, "opened_ms", lambda body: incident.parse_incident(body)[2]),
    (incident_closings, "closed_ms", lambda _body: 0),
    (services, "done_ms", lambda body: service.parse_service(body)[1]),
)


async def date_again(connection: AsyncConnection, anchors: Mapping[Boot, Anchor | None]) -> None:
    """Date what is stored of some boots by what they are dated by now. The devices' rows are locked."""
    for table, name, ago_ms_of in _DATED:
        changed = []
        t = table.c
        for some in slices(sorted(anchors)):
            for row in (await connection.execute(_of_boots(table, name), {"boots": some})).all():
                its = record.decode(row.payload)
                anchor = anchors[row.device, row.boot]
                then_ms, _ = date(its.mono_ms, its.wall_ms, its.clock, ago_ms_of(its.body), anchor)
                if then_ms != row.was_ms:
                    changed.append({"of": row.device, "of_boot": row.boot, "of_seq": row.seq, "then_ms": then_ms})
        if changed:
            await connection.execute(_put(table, name, t.boot, t.seq), changed)
            if table is incident_closings:
                i = incidents.c
                await connection.execute(_put(incidents, "closed_ms", i.closed_by_boot, i.closed_by_seq), changed)


@cache
def _of_boots(table: Table, name: str) -> Select[Any]:
    t, r = table.c, records.c
    same = and_(r.device == t.device, r.boot == t.boot, r.seq == t.seq)
    query = select(t.device, t.boot, t.seq, t[name].label("was_ms"), r.payload).join(records, same)
    return query.where(tuple_(t.device, t.boot).in_(bindparam("boots", expanding=True)))


def _put(table: Table, name: str, boot: Any, seq: Any) -> Any:
    return (
        update(table)
        .where(
            table.c.device == bindparam("of"),
            boot == bindparam("of_boot", type_=BigInteger),
            seq == bindparam("of_seq", type_=BigInteger),
        )
        .values({name: bindparam("then_ms", type_=BigInteger)})
    )
