"""The outbox on Linux: every record the agent made, in SQLite, until the server has said that it is committed.

One writer, WAL with synchronous=FULL: a record that `append` returned survives a power cut, and if the file is damaged
nevertheless, the mark beside it (`boot_mark`) tells what is gone. Bytes are frozen at append. Settled records stay as long
as the budget of bytes allows, so that a server restored from an old backup can be given them again. It is not a queue of
the MQTT client: that one forgets on a crash.

What is promised of every record: it is at the server, or here, or named by a loss that `undeclared` tells.
"""

from collections.abc import Callable, Mapping, Sequence

import structlog

from headway_edge.store import boot_table, outbox_schema, pending_loss, retention
from headway_edge.store.boot_mark import BOOTS_MAX, End
from headway_edge.store.fold_rows import Folder
from headway_edge.store.folding import Find
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import ASIDE, SETTLED, TO_SEND
from headway_edge.store.outbox_store import OutboxStore
from headway_edge.store.pending_loss import PendingLoss
from headway_edge.store.resending import Asked, resend
from headway_edge.store.retention import Room
from headway_protocol import code_texts, codes
from headway_protocol.record import Record, encode

log = structlog.get_logger("headway.agent")

# What goes to disk with a record, by key; None removes the key. A value may be of the record itself, from its (boot, seq).
State = Mapping[str, bytes | Callable[[int, int], bytes] | None]
UNDECLARED_MAX = 64  # losses told at once

_Found = tuple[int, int, bytes]  # boot, seq, payload


class Outbox(OutboxStore):
    """Records of one device, in the order they were made; each opening is a new boot.

    path: the database file; made with its folder if missing. medium: the disk. first_boot: the number of the first boot of a
    device that remembers none; see `first_boot`. budget_bytes: of the database file; its WAL takes up to 4 MB more.
    mono_ms: a monotonic clock. Raises AgentError when the path cannot be used, another process holds it, or it was written
    by a newer version.

    `produced` counts the records ever made; `refused` those kept that the server turned down for good. `may_have_losses`: whether
    `undeclared` is worth asking. `find`: the process of a pack id, without which nothing is folded (`folding`). Every method
    raises sqlite3.Error while the disk fails; the next call tries anew.
    """

    find: Find | None = None

    def append(
        self,
        kind: int,
        mono_ms: int,
        wall_ms: int | None,
        clock: int,
        body: list[object],
        state: State | None = None,
    ) -> bytes:
        """Store a record as the next of this boot, and `state` in the same transaction; return its frozen bytes.

        Arguments as in `headway_protocol.record.Record`. Raises EncodeError for a field out of range, sqlite3.Error when the
        disk refuses, and MemoryError. The same record, given again after these two, is stored once in any case.
        """

        def encoded() -> bytes:
            return encode(Record(kind, self.boot, self._seq + 1, mono_ms, wall_ms, clock, body))

        self._ready()
        payload = encoded()
        if self._in_doubt:
            rows = self._read("SELECT payload FROM record WHERE boot = ? AND seq = ?", (self.boot, self._seq + 1))
            self._adopt()
            if rows and rows[0][0] == payload:
                return payload
            payload = encoded()
        if self._used_bytes() > self.budget_bytes:
            self._make_room(mono_ms, wall_ms, clock)
            payload = encoded()
        seq = self._seq + 1

        def store(db: Connection) -> None:
            db.execute(
                "INSERT INTO record (boot, seq, kind, payload, crc) VALUES (?, ?, ?, ?, ?)",
                (self.boot, seq, kind, payload, outbox_schema.crc(payload)),
            )
            boot_table.raise_end(db, self.boot, seq)
            self._put_all(state or {}, seq)

        self._use_up(store, 1, 1)
        return payload

    def _put_all(self, state: State, seq: int) -> None:
        self.remove(key for key, value in state.items() if value is None)
        values = ((key, value(self.boot, seq) if callable(value) else value) for key, value in state.items())
        self._state.put_all(self._file.db, {key: value for key, value in values if value is not None})

    def _used_bytes(self) -> int:
        pages, free, size = (self._read(f"PRAGMA {name}")[0][0] for name in retention.SIZES)
        return int((pages - free) * size)

    def _make_room(self, mono_ms: int, wall_ms: int | None, clock: int) -> None:
        # A transaction of its own: it may use up seqs, for folds, and the record that waits has the one after them.
        def store(db: Connection) -> tuple[Room, Folder | None]:
            folder = None
            if self.find is not None:
                folder = Folder(db, self.boot, self._seq, mono_ms, wall_ms, clock, self.find)
            room = retention.make_room(db, self.boot, self.budget_bytes, folder)
            self._on_folds([] if folder is None else folder.made, committed=False)
            return room, folder

        self._in_doubt, self._doubted = True, 0
        room, folder = self._write(store)
        made, folded = ([], 0) if folder is None else (folder.made, folder.folded)
        count = len(made)
        self._came_to(self._seq + count, self.produced + count, self._backlog + count - folded - room.dropped)
        self._in_doubt = False
        if made:
            self._write_mark()
            self._on_folds(made, committed=True)
            log.warning("agent.records_folded", records=folded, into=count, next_step="bring the device online")
        if room.dropped:
            self.may_have_losses = True
            log.error(
                "agent.store_full",
                dropped=room.dropped,
                budget_bytes=self.budget_bytes,
                next_step="bring the device online, or raise store_bytes_max",
            )

    def _on_folds(self, payloads: Sequence[bytes], *, committed: bool) -> None:
        """DAY records were made: before their transaction is committed, and again after. For books kept beside it."""

    def skip(self, count: int = 1, state: Mapping[str, bytes | None] | None = None) -> int:
        """Use up `count` seqs for records that the disk refused for too long: they become a loss to be declared.

        state: what was to be stored with them: the records are lost, what the person's own numbers are made of is not. Returns
        how many that are: fewer where one turns out to have been stored after all. Raises sqlite3.Error.
        """
        self._ready()
        if self._in_doubt:
            count -= self._adopt()
        if count > 0:
            first, last = self._seq + 1, self._seq + count

            def store(db: Connection) -> None:
                boot_table.raise_end(db, self.boot, last)
                boot_table.lose(db, self.boot, first, last, pending_loss.DISK_REFUSED)
                self._put_all(state or {}, last)

            self._use_up(store, count, 0)
            self.may_have_losses = True
        return max(count, 0)

    @property
    def last_seq(self) -> int:
        """The seq of the last record of this boot; 0 if it has made none."""
        return self._seq

    # --- sending ------------------------------------------------------------------------------------------------

    def to_send(self, after: tuple[int, int], limit: int) -> list[_Found]:
        """Return up to `limit` unsettled records beyond (boot, seq), oldest first, as (boot, seq, payload).

        Undeliverable ones are left out. One whose bytes are damaged becomes a loss to be declared; so with `newest`.
        """
        return self._whole(
            "SELECT boot, seq, payload, crc FROM record WHERE done = 0 AND (boot, seq) > (?, ?) "
            "ORDER BY boot, seq LIMIT ?",
            (*after, limit),
        )

    def newest(self, limit: int) -> list[_Found]:
        """Return up to `limit` unsettled records, newest first."""
        return self._whole(
            "SELECT boot, seq, payload, crc FROM record WHERE done = 0 ORDER BY boot DESC, seq DESC LIMIT ?", (limit,)
        )

    def _whole(self, sql: str, parameters: tuple[object, ...]) -> list[_Found]:
        while True:
            rows = self._read(sql, parameters)
            damaged = [(boot, seq) for boot, seq, payload, crc in rows if not outbox_schema.is_whole(payload, crc)]
            if not damaged:
                return [(boot, seq, payload) for boot, seq, payload, _ in rows]
            self._lose_damaged(damaged)

    def _lose_damaged(self, keys: Sequence[tuple[int, int]]) -> None:
        self._write(lambda db: retention.lose(db, keys, pending_loss.DAMAGED))
        self._recount()
        self.may_have_losses = True
        log.error("agent.records_damaged", records=keys, next_step="check the disk; they are declared lost")

    def acknowledge(
        self,
        boot: int,
        upto: int,
        rejections: Sequence[tuple[int, int]],
        stored: Sequence[tuple[int, int]] = (),
    ) -> int:
        """Mark what the server has committed or refused; return how many records that settles.

        upto: every seq of `boot` up to it is settled. rejections: (seq, code) refused for good, which may lie above;
        a conflict or a malformed record stays in the file as evidence. stored: (first, last) committed above `upto`.
        Raises sqlite3.Error; then nothing changed.
        """

        def settle(db: Connection) -> int:
            refused: list[tuple[object, ...]] = [(code, boot, seq) for seq, code in rejections]
            count = _changed(
                db,
                f"UPDATE record SET done = {SETTLED}, code = ? WHERE boot = ? AND seq = ? AND done <> {SETTLED}",  # noqa: S608
                refused,
            )
            _changed(db, "UPDATE record SET code = ? WHERE boot = ? AND seq = ? AND code = 0", refused)
            ranges: list[tuple[object, ...]] = [(boot, 0, upto), *((boot, first, last) for first, last in stored)]
            # By indices over the few that they are about: a boot may have made a hundred thousand that are settled.
            for index, which, code in (
                ("record_to_send", f"done = {TO_SEND}", "code"),
                ("record_noted", f"code > 0 AND done = {ASIDE}", "0"),
            ):
                count += _changed(
                    db,
                    f"UPDATE record INDEXED BY {index} SET done = {SETTLED}, code = {code} "  # noqa: S608
                    f"WHERE boot = ? AND seq BETWEEN ? AND ? AND {which}",
                    ranges,
                )
            boot_table.settle(db, boot, upto)
            return count

        settled = self._write(settle)
        self._backlog -= settled
        if rejections:
            self._recount()
        self._note_settled(boot, upto)
        return settled

    def backlog(self) -> int:
        """How many records the server has not settled yet, undeliverable ones among them."""
        return self._backlog

    def is_settled(self, boot: int, seq: int) -> bool:
        """Whether the server has committed or refused this record, as far as it is still kept. Raises sqlite3.Error."""
        rows = self._read("SELECT done FROM record WHERE boot = ? AND seq = ?", (boot, seq))
        return bool(rows) and rows[0][0] == SETTLED

    def set_undeliverable(self, boot: int, seq: int) -> None:
        """Put a record aside that does not get through; it stays unsettled. Raises sqlite3.Error."""
        self._write(
            lambda db: db.execute(
                "UPDATE record SET done = ?, code = ? WHERE boot = ? AND seq = ? AND done = ?",
                (ASIDE, codes.UNDELIVERABLE, boot, seq, TO_SEND),
            )
        )

    def retry_undeliverable(self) -> int:
        """Have what was put aside sent again; return how many records that is. Raises sqlite3.Error."""
        return self._write(outbox_schema.retry_undeliverable)

    def ends(self, limit: int) -> list[tuple[int, int]]:
        """Return (boot, last_seq) of the newest boots that made a record, newest first, at most BOOTS_MAX.

        From memory: any thread may ask.
        """
        return [(end.boot, end.last_seq) for end in self._ends if end.last_seq][: min(limit, BOOTS_MAX)]

    def resend(self, ranges: Sequence[Asked]) -> tuple[int, list[Asked]]:
        """Unsettle what the server asks for again; return (count, missing), as in `resending.resend`.

        ranges, missing: (boot, first_seq, last_seq). The caller declares what is missing. Raises sqlite3.Error.
        """
        own = End(self.boot, self._seq, 0)
        found = self._write(lambda db: resend(db, own, list(ranges)))
        self._recount()
        return found

    def undeclared(self) -> list[PendingLoss]:
        """Return losses that no LOSS record declares yet, as (key, boot, first_seq, last_seq, reason), oldest first.

        At most UNDECLARED_MAX. The LOSS record is appended with the state {key: None}.
        """
        rows = self._read(
            "SELECT key, value, crc FROM state WHERE key >= ? AND key < ? ORDER BY key LIMIT ?",
            (pending_loss.PREFIX, pending_loss.PREFIX + "~", UNDECLARED_MAX),
        )
        self.may_have_losses = bool(rows)
        return [loss for row in rows if (loss := pending_loss.read(*row)) is not None]

    # --- what is kept -------------------------------------------------------------------------------------------

    def payloads(self, kind: int) -> list[bytes]:
        """The records of one kind still kept, oldest first; damaged ones are left out."""
        rows = self._read("SELECT payload, crc FROM record WHERE kind = ? ORDER BY boot, seq", (kind,))
        return [payload for payload, its_crc in rows if outbox_schema.is_whole(payload, its_crc)]

    def refusals(self) -> list[tuple[int, int, str]]:
        """Records the server refused, and undeliverable ones, as (boot, seq, name of the reason)."""
        rows = self._read("SELECT boot, seq, code FROM record WHERE code > 0 ORDER BY boot, seq")
        return [(boot, seq, code_texts.explain(code)[0]) for boot, seq, code in rows]


def _changed(db: Connection, sql: str, rows: list[tuple[object, ...]]) -> int:
    return max(0, db.executemany(sql, rows).rowcount) if rows else 0
