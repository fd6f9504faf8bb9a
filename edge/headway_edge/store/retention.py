"""What goes when the outbox has reached its budget of bytes, and in which order: `make_room`.

First what the server has: that only shortens the stretch a restored server can be given again. Then records are made smaller
(`folding`): the server will have their totals, not each of them. Then what it does not have goes, the oldest first, each
counted and to be declared lost, a fold with all that it stands for. What only a person or the device itself can tell, services
and agreements, goes after everything that was measured; losses, and the birth of the present boot, never.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headway_edge.store import boot_table, pending_loss
from headway_edge.store.fold_rows import Folder, names_of
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import ASIDE, SETTLED, TO_SEND, is_whole
from headway_edge.store.seq_ranges import BootRun, missing, united
from headway_protocol.record import AGREEMENT, BIRTH, DAY, LOSS, SERVICE

BUDGET_BYTES = 64 * 2**20  # some 300 000 trips
_BATCH = 100  # records deleted, at most, before it is looked again how much room there is
_RECORD_BYTES = 200  # about what one takes
_SHARE = 32  # of the budget is made free at once, so that losses come as ranges, not one by one
SIZES = ("page_count", "freelist_count", "page_size")
_LAST_TO_GO = (SERVICE, AGREEMENT)
_STEPS_MAX = 4  # of folding at once beyond what is needed, so that no sample waits for long


@dataclass
class Room:
    """What went to make room. settled: records that the server has. dropped: records that it will never have."""

    settled: int = 0
    dropped: int = 0


def used_bytes(db: Connection) -> int:
    """Return how much of the database file is in use; what was deleted is used again before the file grows."""
    pages, free, size = (int(db.execute(f"PRAGMA {name}").fetchone()[0]) for name in SIZES)
    return (pages - free) * size


def make_room(db: Connection, own_boot: int, budget_bytes: int, folder: Folder | None = None) -> Room:
    """Delete until a share of the budget is free, within the caller's transaction.

    folder: makes records smaller before any is dropped; None: nothing does. Where nothing more may go, the file stays over its
    budget.
    """
    share = budget_bytes // _SHARE
    aim, batch = budget_bytes - share, max(1, min(_BATCH, share // _RECORD_BYTES))
    room = Room()
    while used_bytes(db) > aim:
        count = forget_settled(db, batch)
        if not count:
            break
        room.settled += count
    if folder is not None and _fold(db, folder, budget_bytes, aim):
        return room
    dropped: list[BootRun] = []
    while used_bytes(db) > aim:
        rows = _oldest_unsettled(db, own_boot, batch)
        if not rows:
            break
        dropped += _gone_with(db, rows)
        _delete(db, rows)
        room.dropped += len(rows)
    _note_lost(db, dropped, pending_loss.STORE_FULL)
    return room


def _fold(db: Connection, folder: Folder, budget_bytes: int, aim: int) -> bool:
    # Whether that made room enough.
    steps = 0
    while (used := used_bytes(db)) > aim and (used > budget_bytes or steps < _STEPS_MAX) and folder.step():
        steps += 1
    return steps > 0 and used <= budget_bytes


def forget_settled(db: Connection, count: int) -> int:
    """Delete up to `count` of the oldest settled records; return how many. Refused ones, which are evidence, go last."""
    for refused in ("code = 0", "code > 0"):
        deleted = db.execute(
            "DELETE FROM record WHERE (boot, seq) IN "  # noqa: S608
            f"(SELECT boot, seq FROM record WHERE done = ? AND {refused} ORDER BY boot, seq LIMIT ?)",
            (SETTLED, count),
        ).rowcount
        if deleted > 0:
            return deleted
    return 0


def _oldest_unsettled(db: Connection, own_boot: int, count: int) -> list[tuple[int, int]]:
    for kinds in (f"NOT IN {(LOSS, *_LAST_TO_GO)}", f"IN {_LAST_TO_GO}"):
        rows: list[tuple[int, int]] = db.execute(
            f"SELECT boot, seq FROM record WHERE done IN (?, ?) AND kind {kinds} "  # noqa: S608
            "AND NOT (kind = ? AND boot = ?) ORDER BY boot, seq LIMIT ?",
            (TO_SEND, ASIDE, BIRTH, own_boot, count),
        ).fetchall()
        if rows:
            return rows
    return []


def lose(db: Connection, keys: Sequence[tuple[int, int]], reason: str) -> None:
    """Delete records, given as (boot, seq), and note them as lost, within the caller's transaction."""
    gone = _gone_with(db, keys)
    _delete(db, keys)
    _note_lost(db, gone, reason)


def _delete(db: Connection, keys: Sequence[tuple[int, int]]) -> None:
    db.executemany("DELETE FROM record WHERE boot = ? AND seq = ?", list(keys))


def _gone_with(db: Connection, keys: Sequence[tuple[int, int]]) -> list[BootRun]:
    # The records, and with a fold what it stands for: nobody else has it.
    gone = [(boot, seq, seq) for boot, seq in keys]
    for boot, seq in keys:
        row = db.execute(
            "SELECT payload, crc FROM record WHERE boot = ? AND seq = ? AND kind = ?", (boot, seq, DAY)
        ).fetchone()
        if row is not None:
            gone += names_of(row[0]) if is_whole(*row) else _not_there(db, row[0])
    return gone


def _not_there(db: Connection, damaged: object) -> list[BootRun]:
    # What a fold names whose bytes have changed may be none of what it named: not what there is, nor what there never was.
    found = []
    for boot, first, last in names_of(damaged) if isinstance(damaged, bytes) else ():
        last_there = min(last, boot_table.end_of(db, boot) or 0)
        rows = db.execute(
            "SELECT seq FROM record WHERE boot = ? AND seq BETWEEN ? AND ? ORDER BY seq", (boot, first, last_there)
        ).fetchall()
        found += [(boot, *run) for run in missing((row[0] for row in rows), first, last_there)]
    return found


def _note_lost(db: Connection, gone: Sequence[BootRun], reason: str) -> None:
    for boot, first, last in united(gone):
        boot_table.lose(db, boot, first, last, reason)
