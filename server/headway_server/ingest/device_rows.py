"""The rows of devices: locked for a batch, then brought up to date with what the batch tells about each device."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import BigInteger, LargeBinary, SmallInteger, bindparam, case, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.ingest.arrival import Arrival, Presence
from headway_server.store.database import insert_new_into, slices
from headway_server.store.tables import devices


@dataclass(slots=True)
class Seen:
    """What one batch tells about one device; the counts are added to those of its row.

    trips, distance_m: fewer where a correction takes a trip's place.
    """

    boot: int = 0
    clock: int | None = None
    stored: int = 0
    trips: int = 0
    distance_m: int = 0
    duplicates: int = 0
    rejected: int = 0
    conflicts: int = 0


async def lock(connection: AsyncConnection, names: Iterable[str], now: int) -> dict[str, str]:
    """Create the rows that are missing, lock them all in the order of names, and return {device: person}."""
    # Rows first, then the lock: with it two writers never work on the same device at the same time.
    ordered = sorted(names)
    await connection.execute(
        insert_new_into(connection, devices),
        [{"device": name, "person": name, "first_seen_ms": now, "last_seen_ms": now} for name in ordered],
    )
    persons: dict[str, str] = {}
    for some in slices(ordered):
        rows = await connection.execute(_LOCK, {"names": some})
        persons.update((device, person) for device, person in rows)
    return persons


async def describe(
    connection: AsyncConnection, seen: dict[str, Seen], stored: list[Arrival], presences: list[Presence], now: int
) -> set[str]:
    """Write what was seen, born and present; return the devices that were born."""
    births: dict[str, Arrival] = {}
    for a in stored:
        if a.birth is not None and (a.device not in births or births[a.device].boot < a.boot):
            births[a.device] = a
    if births:
        rows = [
            {
                "of": a.device,
                "birth": a.boot,
                "is_class": a.birth.vehicle_class or None,
                "is_firmware": a.birth.firmware,
                "has_backlog": a.birth.backlog,
                "has_dropped": a.birth.dropped,
                **dict(zip(("is_pack_id", "is_pack_name", "is_pack_version"), a.birth.pack or _NO_PACK, strict=True)),
            }
            for a in births.values()
            if a.birth is not None
        ]
        await connection.execute(_BORN, rows)
    await connection.execute(
        _SEEN,
        [
            {
                "of": name,
                "now": now,
                "new_boot": one.boot,
                "new_clock": one.clock,
                "new_records": one.stored,
                "new_trips": one.trips,
                "new_distance_m": one.distance_m,
                "new_duplicates": one.duplicates,
                "new_rejected": one.rejected,
                "new_conflicts": one.conflicts,
            }
            for name, one in seen.items()
        ],
    )
    if presences:
        # In the order of arrival, so that the last one counts; a boot lower than the known one matches no row.
        rows = [{"of": p.device, "new_boot": p.boot, "now_online": p.online} for p in presences]
        await connection.execute(_PRESENT, rows)
    return set(births)


_LOCK = (
    select(devices.c.device, devices.c.person)
    .where(devices.c.device.in_(bindparam("names", expanding=True)))
    .order_by(devices.c.device)
    .with_for_update()
)
_NO_PACK = (None, None, None)
_OF = devices.c.device == bindparam("of")
_NEW_BOOT = bindparam("new_boot", type_=BigInteger)
_NEW_CLOCK = bindparam("new_clock", type_=SmallInteger)
_BORN = (
    update(devices)
    .where(_OF, devices.c.birth_boot <= bindparam("birth", type_=BigInteger))
    .values(
        vehicle_class=bindparam("is_class"),
        firmware=bindparam("is_firmware"),
        backlog=bindparam("has_backlog"),
        dropped=bindparam("has_dropped"),
        pack_id=bindparam("is_pack_id", type_=LargeBinary),
        pack_name=bindparam("is_pack_name"),
        pack_version=bindparam("is_pack_version", type_=BigInteger),
        birth_boot=bindparam("birth", type_=BigInteger),
    )
)
_SEEN = (
    update(devices)
    .where(_OF)
    .values(
        last_seen_ms=bindparam("now"),
        boot=case((devices.c.boot < _NEW_BOOT, _NEW_BOOT), else_=devices.c.boot),
        clock=case(((devices.c.boot <= _NEW_BOOT) & _NEW_CLOCK.is_not(None), _NEW_CLOCK), else_=devices.c.clock),
        records=devices.c.records + bindparam("new_records"),
        trips=devices.c.trips + bindparam("new_trips"),
        distance_m=devices.c.distance_m + bindparam("new_distance_m"),
        duplicates=devices.c.duplicates + bindparam("new_duplicates"),
        rejected=devices.c.rejected + bindparam("new_rejected"),
        conflicts=devices.c.conflicts + bindparam("new_conflicts"),
    )
)
_PRESENT = (
    update(devices).where(_OF, devices.c.boot <= _NEW_BOOT).values(online=bindparam("now_online"), boot=_NEW_BOOT)
)
