"""Reads a damaged outbox around what cannot be read: keys from both ends, records by halving ranges of keys, then by pages.

Nothing is guessed: a record counts when its CRC fits (files of version 1 have none) and it decodes as the very (boot, seq) it
is kept under; a value of state when its CRC fits.
"""

import contextlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from headway_edge.store import carving
from headway_edge.store.boot_mark import End
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import ASIDE, SETTLED, TO_SEND, is_whole
from headway_protocol import record
from headway_protocol.errors import DecodeError
from headway_protocol.fields import UINT32_MAX

_CHUNK = 200  # records read at once
_FAILURES_MAX = 20_000  # of reads: some seconds, then the rest of a file counts as unreadable


class Row(NamedTuple):
    """One record of the file."""

    boot: int
    seq: int
    kind: int
    payload: bytes
    done: int
    code: int


class DamagedFile:
    """A database that opened, although not all of it can be read. `failures` counts reads that failed."""

    def __init__(self, db: Connection) -> None:
        self._db = db
        self.failures = 0
        self._crc = "crc"
        try:
            db.execute("SELECT crc FROM record LIMIT 0")
        except sqlite3.Error as error:
            if "no such column" in str(error):
                self._crc = "NULL"  # version 1

    def boots_of_records(self) -> list[int]:
        """Return the boots of which there are records, in order; what cannot be reached from either end is left out."""
        return [key for key in self._keys("record", "boot", 0, 1 << 62) if isinstance(key, int) and key > 0]

    def ends(self) -> list[End]:
        """Return what can be read of the table of boots, in order."""
        found = []
        for key in self._keys("boot", "boot", 0, 1 << 62):
            row = self._one("SELECT boot, last_seq, settled FROM boot WHERE boot = ?", key)
            if row is not None and all(isinstance(item, int) and 0 <= item <= UINT32_MAX for item in row):
                found.append(End(*row))  # type: ignore[arg-type]
        return found

    def state(self) -> Iterator[tuple[str, bytes | None]]:
        """Yield each key of the state with its value, None for one that cannot be read, or that there are two of."""
        twice = self._keys_there_twice()
        for key in self._keys("state", "key", "", chr(0x10FFFF)):
            if not isinstance(key, str):
                continue
            row = self._one(f"SELECT value, {self._crc} FROM state WHERE key = ?", key)  # noqa: S608
            value, its_crc = (None, None) if row is None else row
            is_whole = isinstance(value, bytes) and key not in twice and _fits(value, its_crc)
            yield key, value if is_whole else None  # type: ignore[misc]

    def _keys_there_twice(self) -> set[str]:
        # A key that has changed into another: its value is whole, and of something else.
        seen: Counter[str] = Counter()
        with contextlib.suppress(sqlite3.Error):
            seen.update(row[0] for row in self._db.execute("SELECT key FROM state") if isinstance(row[0], str))
        return {key for key, count in seen.items() if count > 1}

    def highest(self, boot: int) -> int:
        """Return the highest seq of a boot, if it can be read, else 0."""
        row = self._one("SELECT seq FROM record WHERE boot = ? ORDER BY seq DESC LIMIT 1", boot)
        return row[0] if row is not None and isinstance(row[0], int) and 0 < row[0] <= UINT32_MAX else 0

    def records(self, boot: int, last_seq: int) -> Iterator[Row]:
        """Yield the records 1..last_seq of a boot that can be read and are whole, in any order."""
        ranges = [(1, last_seq)]
        while ranges and self.failures < _FAILURES_MAX:
            first, last = ranges.pop()
            try:
                rows = self._db.execute(
                    f"SELECT boot, seq, kind, payload, done, code, {self._crc} FROM record "  # noqa: S608
                    "WHERE boot = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?",
                    (boot, first, last, _CHUNK),
                ).fetchall()
            except sqlite3.Error:
                self.failures += 1
                if first < last:
                    middle = (first + last) // 2
                    ranges += [(middle + 1, last), (first, middle)]
                continue
            for row in rows:
                found = _whole(row)
                if found is not None and found.boot == boot and first <= found.seq <= last:
                    yield found
            if len(rows) == _CHUNK and isinstance(rows[-1][1], int) and first <= rows[-1][1] < last:
                ranges.append((rows[-1][1] + 1, last))

    def _keys(self, table: str, column: str, low: object, high: object) -> list[object]:
        # Upwards until a read fails; then downwards from the other end.
        found: set[object] = set()
        for step, order, start in ((">", "", low), ("<", "DESC", high)):
            failures, at = self.failures, start
            select = f"SELECT {column} FROM {table} WHERE {column} {step} ? ORDER BY {column} {order} LIMIT 1"  # noqa: S608
            while (row := self._one(select, at)) is not None and type(row[0]) is type(low) and row[0] not in found:
                at = row[0]
                found.add(at)
            if self.failures == failures:
                break
        return sorted(found)  # type: ignore[type-var]

    def _one(self, sql: str, parameter: object) -> tuple[object, ...] | None:
        for _ in range(2):  # a read may fail for once
            with contextlib.suppress(sqlite3.Error):
                row: tuple[object, ...] | None = self._db.execute(sql, (parameter,)).fetchone()
                return row
        self.failures += 1
        return None


def _fits(data: bytes, its_crc: object) -> bool:
    return its_crc is None or is_whole(data, its_crc)  # None: of a file that has none


def _whole(row: Sequence[object]) -> Row | None:
    boot, seq, kind, payload, done, code, its_crc = row
    if not isinstance(payload, bytes) or not _fits(payload, its_crc):
        return None
    if done not in {TO_SEND, SETTLED, ASIDE} or not isinstance(code, int) or not 0 <= code <= UINT32_MAX:
        return None
    try:
        found = record.decode(payload)
    except DecodeError:
        return None
    if (found.boot, found.seq, found.kind) != (boot, seq, kind):
        return None
    return Row(found.boot, found.seq, found.kind, payload, int(done), code)


def carved_rows(data: bytes) -> Iterator[Row]:
    """Yield the whole records in a file's bytes, in any order, a record more than once where old pages still have it.

    Only of files that have CRCs.
    """
    for row in carving.rows(data, len(Row._fields) + 1):
        found = _whole(row)
        if found is not None and row[-1] is not None:
            yield found
