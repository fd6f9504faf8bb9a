"""Everything that the server holds on a person, as one JSON document; and the trips as CSV. One moment of the database.

The document's format is told in docs/privacy.md and by its `version`. Every table with something of persons is in it,
by the walk that erasing takes (`personal_rows`); records as the bytes that came, in hexadecimal, and in words. It is
written piece by piece into a file, so that neither its size nor a slow reader costs the server anything.
"""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime
from typing import Any, BinaryIO

from sqlalchemy import Row, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.erasure import personal_rows
from headway_server.packs.processes import Processes
from headway_server.reading.answers import decimal, instant
from headway_server.reading.readable_record import pack_entry, readable
from headway_server.store.database import slices
from headway_server.store.tables import episodes, packs, records
from headway_server.totals.periods import period_of

FORMAT = "headway-person-export"
VERSION = 1
_ROWS_AT_ONCE = 500
# What a spreadsheet would take for the beginning of a formula, or of a cell that hides one.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


async def write_json(connection: AsyncConnection, processes: Processes, person: str, now: int, target: BinaryIO) -> int:
    """Write the document as UTF-8 into `target`; return how many rows are in it. connection: of a reading transaction.

    now: Unix ms, when it was made.
    """
    addresses = await personal_rows.devices_of(connection, person)
    made = instant(now)
    head = {
        "format": FORMAT,
        "version": VERSION,
        "person": person,
        "made": None if made is None else made.isoformat(),
        "devices": addresses,
        "packs": [pack_entry(process) for process in await _processes_of(connection, processes, person, addresses)],
        "not_included": personal_rows.NOT_PERSONAL,
    }
    target.write(_json(head)[:-1] + b',"records":[')
    rows = 0
    async for row in _rows_of(connection, records, person, addresses):
        target.write((b"" if rows == 0 else b",") + b"\n" + _json(_record(row, processes)))
        rows += 1
    target.write(b'\n],"tables":{')
    first = True
    for table in personal_rows.personal_tables():
        if table is records:
            continue
        target.write((b"" if first else b",") + b"\n" + _json(table.name) + b":[")
        first, is_first_row = False, True
        async for row in _rows_of(connection, table, person, addresses):
            target.write((b"" if is_first_row else b",") + b"\n " + _json(_plain(row)))
            is_first_row = False
            rows += 1
        target.write(b"]")
    target.write(b"\n}}\n")
    return rows


async def write_csv(connection: AsyncConnection, processes: Processes, person: str, target: BinaryIO) -> int:
    """Write the person's trips, with every characteristic, as CSV (RFC 4180, UTF-8) into `target`; return how many.

    A text that a spreadsheet would take for a formula gets an apostrophe before it; numbers are numbers.
    """
    addresses = await personal_rows.devices_of(connection, person)
    known = await _processes_of(connection, processes, person, addresses)
    # By key and unit: what packs call alike and measure alike is one column.
    keys = sorted({(c.key, c.unit) for process in known for c in process.trip})
    text = io.TextIOWrapper(target, encoding="utf-8", newline="")
    writer = csv.writer(text)
    heads = ["device", "boot", "seq", "pack", "pack version", "start", "local day", "superseded"]
    writer.writerow(cell(one) for one in (*heads, *(f"{key} [{unit}]" if unit else key for key, unit in keys)))
    count = 0
    async for row in _rows_of(connection, episodes, person, addresses):
        process = processes.find(row.pack_id)
        numbers = None if process is None else process.numbers(row.counts)
        values: dict[tuple[str, str], float | None] = {}
        if process is not None and numbers is not None:
            values = {(c.key, c.unit): decimal(c, c.value(numbers)) for c in process.trip}
        start, day = instant(row.start_ms), period_of(row.day, "day")
        writer.writerow(
            cell(one)
            for one in (
                *(row.device, row.boot, row.seq),
                *((row.pack_id.hex(), None) if process is None else (process.name, process.version)),
                *(start, None if day is None else day.first.isoformat(), "yes" if row.superseded else "no"),
                *(values.get(key) for key in keys),
            )
        )
        count += 1
    text.flush()
    text.detach()
    return count


def cell(value: object) -> str:
    """Return a CSV cell that no spreadsheet takes for a formula.

    >>> [cell(one) for one in ("=1+1", "@SUM(A1)", "\\tx", "x", -1.5, None)]
    ["'=1+1", "'@SUM(A1)", "'\\tx", 'x', '-1.5', '']
    """
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    shown = value.isoformat() if isinstance(value, datetime) else str(value)
    return f"'{shown}" if shown.startswith(_FORMULA) else shown


async def _rows_of(
    connection: AsyncConnection, table: Table, person: str, addresses: list[str]
) -> AsyncIterator[Row[Any]]:
    """Yield the rows of the person and of the devices, each once, by primary key within a slice of devices."""
    for at, some in enumerate(slices(addresses) if addresses else [[]]):
        query = select(table).where(personal_rows.is_of(table, person if at == 0 else "", some))
        if at and "person" in table.c:
            query = query.where(table.c.person != person)
        query = query.order_by(*table.primary_key.columns)
        async with connection.stream(query.execution_options(yield_per=_ROWS_AT_ONCE)) as found:
            async for row in found:
                yield row


async def _processes_of(
    connection: AsyncConnection, processes: Processes, person: str, addresses: Iterable[str]
) -> list[Any]:
    ids = set()
    for some in slices(list(addresses)) if addresses else [[]]:
        ids |= set(
            (
                await connection.execute(
                    select(episodes.c.pack_id).where(personal_rows.is_of(episodes, person, some)).distinct()
                )
            ).scalars()
        )
    known = (await connection.execute(select(packs.c.pack_id).order_by(packs.c.name, packs.c.version))).scalars()
    return [process for pack_id in known if pack_id in ids and (process := processes.find(pack_id)) is not None]


def _record(row: Row[Any], processes: Processes) -> dict[str, Any]:
    plain = _plain(row)
    plain["payload_hex"] = plain.pop("payload")
    return {**plain, "readable": readable(row.payload, processes.find)}


def _plain(row: Row[Any]) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in row._mapping.items()}


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
