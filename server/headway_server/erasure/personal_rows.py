"""Where the database holds something of a person: every table of the metadata, by its columns, or with a reason why not.

What is exported and what is erased both go by this walk, so a table that is added tomorrow is in both, or a test fails.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, delete, false, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import topics
from headway_server.store.database import slices
from headway_server.store.tables import dead_letters, devices, metadata, records

_ROOT = "headway/v1"  # of every topic

# Tables that hold nothing of a person, and why.
NOT_PERSONAL = {
    "audit": "keyed hashes in the place of persons and devices",
    "benchmark_members": "numbers, which are nobody's once benchmark_persons has no row of them",
    "benchmarks": "means over at least five people, which were published and stay",
    "epochs": "when each was opened and closed",
    "erased_devices": "keyed hashes in the place of devices",
    "erasures": "keyed hashes in the place of persons",
    "in_hand": "hashes of messages that were about to be read, gone at the next stop in order, or within seven days",
    "marks": "what happened to the database",
    "packs": "definitions that operators published",
    "withheld": "how many people a cohort had",
}


def personal_tables() -> Iterator[Table]:
    """Yield the tables that hold something of persons, those that are referred to first."""
    for table in metadata.sorted_tables:
        if table.name not in NOT_PERSONAL:
            yield table


def is_of(table: Table, person: str, addresses: Sequence[str]) -> ColumnElement[bool]:
    """Return what is true of a row of one of `personal_tables` that is of the person or of one of the devices.

    addresses: "group/device", at most 500. Raises KeyError for a table of which nobody has said how its rows are told.
    """
    if table is dead_letters:
        begins = (f"{_ROOT}/{address}/" for address in addresses)
        return or_(false(), *(table.c.topic.startswith(topic, autoescape=True) for topic in begins))
    if "device" not in table.c and "person" not in table.c:
        raise KeyError(table.name)
    conditions: list[ColumnElement[bool]] = [false()]
    if "device" in table.c and addresses:
        conditions.append(table.c.device.in_(addresses))
    if "person" in table.c:
        conditions.append(table.c.person == person)
    return or_(*conditions)


async def devices_of(connection: AsyncConnection, person: str) -> list[str]:
    """Return the addresses of the person's devices, in order.

    A person who is named as a device is one counts as such: it may have sent nothing that made it a device here.
    """
    rows = await connection.execute(select(devices.c.device, devices.c.person).where(devices.c.person == person))
    found = {device for device, _ in rows}
    taken = select(devices.c.device).where(devices.c.device == person)
    if is_address(person) and (await connection.execute(taken)).first() is None:
        found.add(person)
    return sorted(found)


async def delete_rows(connection: AsyncConnection, person: str, addresses: Sequence[str]) -> dict[str, int]:
    """Delete every row of the person and of the devices; return {table: rows deleted}, without tables that had none."""
    deleted: dict[str, int] = {}
    for table in metadata.sorted_tables:
        if "person" in table.c and {"device", "boot", "seq"} <= set(table.c.keys()):
            # Of a device that is somebody else's now: what the person's rows were made from has no person of its own.
            theirs = select(table.c.device, table.c.boot, table.c.seq).where(
                table.c.person == person, table.c.device.not_in(addresses)
            )
            made_from = tuple_(records.c.device, records.c.boot, records.c.seq).in_(theirs)
            _count(deleted, records, (await connection.execute(delete(records).where(made_from))).rowcount)
    for table in reversed(list(personal_tables())):
        for some in slices(list(addresses)) if addresses else [[]]:
            _count(deleted, table, (await connection.execute(delete(table).where(is_of(table, person, some)))).rowcount)
    return deleted


def is_address(name: str) -> bool:
    """Whether a name is "group/device"."""
    group, _, device = name.partition("/")
    return topics.valid_id(group) and topics.valid_id(device)


def address_in(topic: str) -> str | None:
    """Return the address that a topic begins with, also one of no channel; None where there is none."""
    levels = topic.split("/", 4)
    address = "/".join(levels[2:4])
    return address if len(levels) == 5 and "/".join(levels[:2]) == _ROOT and is_address(address) else None


def _count(deleted: dict[str, int], table: Table, rows: Any) -> None:
    if rows:
        deleted[table.name] = deleted.get(table.name, 0) + int(rows)
