"""How far each boot of a device went, and what of it is missing: the `boot` table of the outbox.

The newest BOOTS_KEPT boots that made a record are kept. A boot that made none leaves no row, so the numbers may have holes.
All functions work within the caller's transaction.
"""

from collections.abc import Iterable

from headway_edge.store import pending_loss
from headway_edge.store.boot_mark import End
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import KNOWN_FROM, PRODUCED, number, put, put_number

BOOTS_KEPT = 1000  # some 20 KB


def newest(db: Connection, limit: int) -> list[End]:
    """Return the ends of the newest boots that made a record, newest first."""
    rows = db.execute(
        "SELECT boot, last_seq, settled FROM boot WHERE last_seq > 0 ORDER BY boot DESC LIMIT ?", (limit,)
    )
    return [End(*row) for row in rows]


def end_of(db: Connection, boot: int) -> int | None:
    """Return the last seq of a boot; 0 if it made no record; None if nobody knows any more."""
    row = db.execute("SELECT last_seq FROM boot WHERE boot = ?", (boot,)).fetchone()
    if row is not None:
        return int(row[0])
    return 0 if boot >= number(db, KNOWN_FROM) else None


def begin(db: Connection, boot: int) -> None:
    """Add a boot that has made no record yet, and forget those that made none and the oldest."""
    db.execute("DELETE FROM boot WHERE last_seq = 0")
    row = db.execute("SELECT boot FROM boot ORDER BY boot DESC LIMIT 1 OFFSET ?", (BOOTS_KEPT - 1,)).fetchone()
    if row is not None:
        made = db.execute("SELECT coalesce(sum(last_seq), 0) FROM boot WHERE boot < ?", row).fetchone()[0]
        put_number(db, PRODUCED, number(db, PRODUCED) + made)
        put_number(db, KNOWN_FROM, max(number(db, KNOWN_FROM), row[0]))
        db.execute("DELETE FROM boot WHERE boot < ?", row)
    db.execute("INSERT INTO boot VALUES (?, 0, 0)", (boot,))


def raise_end(db: Connection, boot: int, last_seq: int) -> None:
    """The boot's last record is now this one."""
    db.execute(
        "INSERT INTO boot VALUES (?, ?, 0) ON CONFLICT DO UPDATE SET last_seq = max(last_seq, excluded.last_seq)",
        (boot, last_seq),
    )


def settle(db: Connection, boot: int, upto: int) -> None:
    """The server has settled everything of a boot up to a seq."""
    db.execute(
        "UPDATE boot SET settled = max(settled, min(?, last_seq)) WHERE boot = ?",
        (upto, boot),
    )


def lose(db: Connection, boot: int, first: int, last: int, reason: str) -> None:
    """Note a loss that is to be declared."""
    loss = pending_loss.pending(boot, first, last, reason)
    put(db, loss.key, pending_loss.value_of(loss))


def lose_beyond(db: Connection, ends: Iterable[End]) -> int:
    """Note as lost what other sources say these boots made and the database has no trace of; return how many records.

    What the server had settled is not lost, only gone.
    """
    lost = 0
    for boot, last_seq, settled in ends:
        row = db.execute("SELECT last_seq, settled FROM boot WHERE boot = ?", (boot,)).fetchone() or (0, 0)
        if last_seq <= row[0]:
            continue
        raise_end(db, boot, last_seq)
        settle(db, boot, settled)
        first = max(row[0], row[1], settled) + 1
        if first <= last_seq:
            lose(db, boot, first, last_seq, pending_loss.CUT_OFF)
            lost += last_seq - first + 1
    return lost
