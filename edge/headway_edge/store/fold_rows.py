"""Folding in the outbox's table: which rows become which DAY records, and what those name.

All functions work within the caller's transaction: the records that are made and those that go, or neither.
"""

from collections.abc import Callable, Iterable

from headway_edge.core.process import Process
from headway_edge.store import boot_table, outbox_schema
from headway_edge.store.folding import Find, Fold, Kept, Part, by_day, by_month, parts_of
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import ASIDE, TO_SEND
from headway_edge.store.seq_ranges import BootRun, Run, united
from headway_protocol import fold, record
from headway_protocol.codes import UNDELIVERABLE
from headway_protocol.errors import DecodeError, EncodeError

DAYS_WHOLE = 7  # episodes of the last days are folded only if that is not enough
DAYS_BY_DAY = 62  # and days of the last two months into months
ROWS_AT_ONCE = 1024
_DAY_MS = 86_400_000

_Level = tuple[Callable[[Iterable[Part], int | None], list[Fold]], int | None, tuple[int, ...]]


class Folder:
    """Folds what is oldest, step by step, while the store is full.

    boot, seq: of the last record made. mono_ms, wall_ms, clock: when the folds are made, as in `Record`. find: the process of a
    pack id. `made`: the payloads of the folds; `folded`: how many records they took the place of.
    """

    def __init__(
        self, db: Connection, boot: int, seq: int, mono_ms: int, wall_ms: int | None, clock: int, find: Find
    ) -> None:
        self._db = db
        self._boot, self._seq = boot, seq
        self._times = mono_ms, wall_ms, clock
        self._find: Callable[[bytes], Process | None] = find
        self._levels: list[_Level] = [
            (by_day, None, (record.EPISODE,)),
            (by_month, None, (record.EPISODE, record.DAY)),
            (by_day, None, (record.DAY,)),  # of no known day
        ]
        if wall_ms is not None:
            today = wall_ms // _DAY_MS
            self._levels[:0] = [
                (by_day, today - DAYS_WHOLE, (record.EPISODE,)),
                (by_month, today - DAYS_BY_DAY, (record.EPISODE, record.DAY)),
            ]
        self.made: list[bytes] = []
        self.folded = 0

    def step(self) -> bool:
        """Fold some of the oldest records; return whether there may be more to fold."""
        while self._levels:
            choose, before, kinds = self._levels[0]
            parts = parts_of((row for kind in kinds for row in self._oldest(kind)), self._find)
            if any(part.process.pack.kind == "day" for part in parts):
                # Days may be put right by a later record, and the two go together; there is one a day, so few.
                parts = parts_of((row for kind in kinds for row in self._oldest(kind, limit=-1)), self._find)
            before_this = self.folded
            for item in choose(parts, before):
                self._keep(item)
            if self.folded > before_this:
                return True
            del self._levels[0]
        return False

    def _oldest(self, kind: int, limit: int = ROWS_AT_ONCE) -> list[Kept]:
        rows = self._db.execute(
            "SELECT boot, seq, payload, crc FROM record WHERE done IN (?, ?) AND kind = ? AND code IN (0, ?) "
            "ORDER BY boot, seq LIMIT ?",
            (TO_SEND, ASIDE, kind, UNDELIVERABLE, limit),
        ).fetchall()
        return [Kept(boot, seq, payload) for boot, seq, payload, crc in rows if outbox_schema.is_whole(payload, crc)]

    def _keep(self, item: Fold) -> None:
        boot, seq = self._boot, self._seq + 1
        try:
            payload = record.encode(record.Record(record.DAY, boot, seq, *self._times, item.body))
        except EncodeError:
            return
        self._db.execute(
            "INSERT INTO record (boot, seq, kind, payload, crc) VALUES (?, ?, ?, ?, ?)",
            (boot, seq, record.DAY, payload, outbox_schema.crc(payload)),
        )
        boot_table.raise_end(self._db, boot, seq)
        self._db.executemany("DELETE FROM record WHERE boot = ? AND seq = ?", [*item.places])
        self._seq = seq
        self.made.append(payload)
        self.folded += len(item.places)


def kept_folds(db: Connection) -> list[tuple[int, int, list[BootRun]]]:
    """Return (boot, seq, what it names) of every DAY record that is kept whole, settled or not. Reads the whole table."""
    rows = db.execute("SELECT boot, seq, payload, crc FROM record WHERE kind = ? ORDER BY boot, seq", (record.DAY,))
    whole = (row[:3] for row in rows.fetchall() if outbox_schema.is_whole(*row[2:]))
    return [(boot, seq, named) for boot, seq, payload in whole if (named := names_of(payload))]


def names_of(payload: bytes) -> list[BootRun]:
    """Return what a record names if it is a DAY; nothing for any other, and for one that is not readable."""
    try:
        found = record.decode(payload)
        return list(fold.parse_day(found.body)[-1]) if found.kind == record.DAY else []
    except DecodeError:
        return []


def named_runs(folds: Iterable[tuple[int, int, list[BootRun]]], boot: int) -> list[Run]:
    """Return which seqs of a boot `folds` name, as runs that ascend."""
    return [(first, last) for of, first, last in united(run for _, _, runs in folds for run in runs) if of == boot]
