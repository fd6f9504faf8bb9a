"""How far each boot of a device went, and what of it is missing: the `boot` table of the outbox.

The newest BOOTS_KEPT boots that made a record are kept. A boot that made none leaves no row, so the numbers may have holes.
All functions work within the caller's transaction.
"""

from collections.abc import Iterable, Sequence

from headway_edge.store import pending_loss
from headway_edge.store.boot_mark import BOOTS_MAX, End
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import KNOWN_FROM, PRODUCED, WIPED, number, put, put_number

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


def mend(db: Connection, marked: Sequence[End]) -> None:
    """Put rows right that contradict what there is: they have no CRC, and what they say is told to the server.

    marked: what the mark knows, newest first; it has a CRC. A boot went as far as its last record or loss, at least. It went no
    further than that and the mark say, where the mark knows of it or it is newer: a record is there, or its loss, before the
    mark is behind.
    """
    rows = dict(db.execute("SELECT boot, last_seq FROM boot ORDER BY boot DESC LIMIT ?", (BOOTS_MAX + 1,)).fetchall())
    lost = _last_lost(db)
    for boot in rows.keys() | {end.boot for end in marked}:
        there = max(_last_kept(db, boot), lost.get(boot, 0))
        most = _furthest(boot, there, marked)
        if rows.get(boot, 0) < there:
            raise_end(db, boot, there)
        elif most is not None and rows.get(boot, 0) > most:
            db.execute("UPDATE boot SET last_seq = ?, settled = min(settled, ?) WHERE boot = ?", (most, most, boot))


def furthest(db: Connection, boot: int, marked: Sequence[End]) -> int | None:
    """Return the last seq that a boot may have come to, by what there is and by the mark; None for one older than the mark."""
    return _furthest(boot, max(_last_kept(db, boot), _last_lost(db).get(boot, 0)), marked)


def _furthest(boot: int, there: int, marked: Sequence[End]) -> int | None:
    if not marked or boot < marked[-1].boot:
        return None
    return max(there, *(end.last_seq if end.boot == boot else 0 for end in marked))


def _last_kept(db: Connection, boot: int) -> int:
    row = db.execute("SELECT seq FROM record WHERE boot = ? ORDER BY seq DESC LIMIT 1", (boot,)).fetchone()
    return 0 if row is None else int(row[0])


def _last_lost(db: Connection) -> dict[int, int]:
    # {boot: last seq of a loss that is to be declared}
    rows = db.execute(
        "SELECT key, value, crc FROM state WHERE key >= ? AND key < ?",
        (pending_loss.PREFIX, pending_loss.PREFIX + "~"),
    )
    losses = [loss for row in rows.fetchall() if (loss := pending_loss.read(*row)) is not None]
    found: dict[int, int] = {}
    for loss in losses:
        found[loss.boot] = max(found.get(loss.boot, 0), loss.last_seq)
    return found


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

    What the server had settled is not lost, only gone; nor is what was erased.
    """
    lost, wiped = 0, number(db, WIPED)
    for boot, last_seq, settled in ends:
        if boot < wiped:
            continue
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
