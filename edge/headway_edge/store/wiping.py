"""Erasing what an outbox knows of its person: in one transaction, and then every byte of it from the files.

The transaction decides: after it nothing of before is known, whatever a power cut spares. What SQLite and earlier
repairs have left of the old bytes is scrubbed afterwards, again at each opening until it is done (UNCLEAN), and only
then may a device say that it is wiped. Old bytes are overwritten or cut off as files; what a memory card keeps of
blocks that it has replaced is beyond us.
"""

import sqlite3
from collections.abc import Container, Mapping
from pathlib import Path

from headway_edge.store import quarantine
from headway_edge.store.boot_mark import End
from headway_edge.store.medium import Connection, Medium
from headway_edge.store.outbox_schema import KNOWN_FROM, UNCLEAN, VERSION, WIPED, number, put_all, put_number

_CHUNK_BYTES = 64 * 1024
_OWN_KEPT = (VERSION,)


def forget(db: Connection, boot: int, keep: Container[str], values: Mapping[str, bytes]) -> None:
    """Delete every record, boot and piece of state, within the caller's transaction, and begin `boot`.

    keep: keys of state that stay. values: put in after that.
    """
    db.execute("DELETE FROM record")
    db.execute("DELETE FROM boot")
    for (key,) in db.execute("SELECT key FROM state").fetchall():
        if key not in keep and key not in _OWN_KEPT:
            db.execute("DELETE FROM state WHERE key = ?", (key,))
    put_all(db, values)
    put_number(db, KNOWN_FROM, boot)
    put_number(db, WIPED, boot)
    put_number(db, UNCLEAN, 1)
    db.execute("INSERT INTO boot VALUES (?, 0, 0)", (boot,))


def is_unclean(db: Connection) -> bool:
    """Whether old bytes may be left in the files."""
    return number(db, UNCLEAN) > 0


def scrub(db: Connection, path: Path, medium: Medium) -> None:
    """Take the old bytes out of the files of the outbox at `path`. Raises sqlite3.Error and OSError; then it is to be done again.

    Not within a transaction. Costs a rewriting of what is left, which is little.
    """
    for name in medium.names(quarantine.folder(path)):
        if name.startswith(f"{path.name}-"):
            _overwrite(quarantine.folder(path) / name, medium)
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute("VACUUM")  # every page anew: those of before may have old rows in their gaps
    _cut_off_log(db)
    # Written after the log was cut off: its sync is also that of the cut.
    db.execute("DELETE FROM state WHERE key = ?", (UNCLEAN,))


def since_wiped(db: Connection, ends: list[End]) -> list[End]:
    """Return those of `ends` that are of boots since the store was wiped: what was before is erased, not lost."""
    wiped = number(db, WIPED)
    return [end for end in ends if end.boot >= wiped]


def _cut_off_log(db: Connection) -> None:
    busy = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
    if busy:
        raise sqlite3.OperationalError("the journal could not be cut off")


def _overwrite(path: Path, medium: Medium) -> None:
    # Overwritten before it is removed: a removal may be undone by a power cut, synced bytes are not.
    size = medium.size(path)
    for at in range(0, size, _CHUNK_BYTES):
        medium.write(path, at, bytes(min(_CHUNK_BYTES, size - at)))
    medium.remove(path)
