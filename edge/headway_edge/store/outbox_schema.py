"""The tables of the outbox's database, and how an older one becomes today's: in one transaction, so old or new.

Version 1 had records and state. Version 2 knows how far each boot went, and keeps a CRC with each payload and value: SQLite
has none, and a bit that flips in a record would otherwise travel to the server as the device's word.
"""

import sqlite3
import zlib
from collections.abc import Iterable, Mapping

from headway_edge.errors import AgentError
from headway_edge.store.medium import Connection
from headway_protocol.fields import UINT32_MAX

SCHEMA_VERSION = 2

# Column `done` of a record.
TO_SEND = 0
SETTLED = 1  # committed by the server, or refused for good
ASIDE = 2  # undeliverable so far; tried again later

# Keys of `state` that are the outbox's own; all begin with OWN_KEYS.
OWN_KEYS = "outbox/"
PRODUCED = "outbox/produced"  # records of boots that are no longer in the table of boots
REOPENED = "outbox/reopened"  # how often the file was opened again after a failure
VERSION = "outbox/version"  # of the schema, beside that in the file's header, which has no CRC
KNOWN_FROM = "outbox/known-from"  # from this boot on, one that is not in the table made no record
WIPED = "outbox/wiped"  # the boot that began when the store was wiped last: of earlier ones nothing is to be found
UNCLEAN = "outbox/unclean"  # there since a wipe until its old bytes are out of the files

_CHUNK = 500  # records in memory at a time

_VERSION_1 = (
    """CREATE TABLE record (
        boot INTEGER NOT NULL,
        seq INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        payload BLOB NOT NULL,
        done INTEGER NOT NULL DEFAULT 0,
        code INTEGER NOT NULL DEFAULT 0,   -- why it was refused or is aside; 0: it was not and is not
        PRIMARY KEY (boot, seq)
    ) WITHOUT ROWID""",
    "CREATE INDEX record_to_send ON record (boot, seq) WHERE done = 0",
    "CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
)
_VERSION_2 = (
    "ALTER TABLE record ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE state ADD COLUMN crc INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX record_noted ON record (boot, seq) WHERE code > 0",
    """CREATE TABLE boot (
        boot INTEGER PRIMARY KEY,
        last_seq INTEGER NOT NULL,
        settled INTEGER NOT NULL   -- the server has told that everything up to this seq is
    )""",
)


def crc(data: bytes) -> int:
    """Return the CRC-32 that is kept with a payload or value."""
    return zlib.crc32(data)


def is_whole(data: object, its_crc: object) -> bool:
    """Whether a payload or value is the one that was stored."""
    return isinstance(data, bytes) and zlib.crc32(data) == its_crc


def damage(what: str) -> sqlite3.DatabaseError:
    """Return the error that SQLite raises for a file that is not sound."""
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def refuse_foreign(db: Connection, name: str) -> None:
    """Raise AgentError, the file untouched, for a database of a newer version or of another program. name: of the file.

    Raises sqlite3.DatabaseError where the version in the header is not the one that was written.
    """
    version = _version(db)
    if version > SCHEMA_VERSION or (version == 0 and db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]):
        if 0 < _version_in_state(db) <= SCHEMA_VERSION:
            raise damage(f"its header is damaged: it says schema {version}")
        if version == 0:
            raise AgentError(
                f"{name} is another program's database. Choose another file for the outbox; it is untouched."
            )
        raise AgentError(
            f"{name} was written by a newer agent (schema {version}, this one knows {SCHEMA_VERSION}). "
            "Install the newer version again; the file is untouched."
        )


def migrate(db: Connection) -> None:
    """Bring a database of ours, or an empty one, to SCHEMA_VERSION. Raises sqlite3.Error; then nothing has changed."""
    version = _version(db)
    if version == SCHEMA_VERSION:
        return
    db.execute("BEGIN IMMEDIATE")
    try:
        if version == 0:
            _run(db, _VERSION_1)
        _run(db, _VERSION_2)
        _add_crcs(db)
        _add_boots(db)
        put_number(db, VERSION, SCHEMA_VERSION)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def probe(db: Connection) -> None:
    """Raise sqlite3.OperationalError if a table or column is not there, as with damage to the schema itself.

    Raises sqlite3.DatabaseError where a boot's row is not one: it has no CRC, and SQLite stores anything in any column.
    """
    db.execute("SELECT boot, seq, kind, payload, done, code, crc FROM record LIMIT 1").fetchone()
    db.execute("SELECT key, value, crc FROM state LIMIT 1").fetchone()
    boots = db.execute("SELECT boot, last_seq, settled FROM boot").fetchall()
    for row in boots:
        if not all(isinstance(number, int) for number in row) or not 0 <= row[2] <= row[1] <= UINT32_MAX >= row[0] > 0:
            raise damage(f"the row of boot {row[0]} says {row[1:]}")


def _version(db: Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _version_in_state(db: Connection) -> int:
    try:
        return number(db, VERSION)
    except sqlite3.OperationalError:  # no such table or column: it is not ours, or much newer
        return 0


def _run(db: Connection, statements: Iterable[str]) -> None:
    for statement in statements:
        db.execute(statement)


def _add_crcs(db: Connection) -> None:
    after = (0, 0)
    while rows := db.execute(
        "SELECT boot, seq, payload FROM record WHERE (boot, seq) > (?, ?) ORDER BY boot, seq LIMIT ?", (*after, _CHUNK)
    ).fetchall():
        _expect_bytes(rows)
        db.executemany(
            "UPDATE record SET crc = ? WHERE boot = ? AND seq = ?",
            [(crc(payload), boot, seq) for boot, seq, payload in rows],
        )
        after = rows[-1][:2]
    rows = db.execute("SELECT key, value FROM state").fetchall()
    _expect_bytes(rows)
    db.executemany("UPDATE state SET crc = ? WHERE key = ?", [(crc(value), key) for key, value in rows])


def _expect_bytes(rows: list[tuple[object, ...]]) -> None:
    if not all(isinstance(row[-1], bytes) for row in rows):
        raise damage("what should be bytes is not")


def _add_boots(db: Connection) -> None:
    # Acknowledged records went oldest first, so the highest seq that is kept of a boot is its last.
    db.execute(
        "INSERT INTO boot SELECT boot, max(seq), coalesce(min(CASE WHEN done = 0 THEN seq END) - 1, max(seq)) "
        "FROM record GROUP BY boot"
    )
    boot, produced = (_number_of_version_1(db, key) for key in ("boot", "produced"))
    if boot:
        db.execute("INSERT OR IGNORE INTO boot VALUES (?, 0, 0)", (boot,))
        kept = db.execute("SELECT coalesce(sum(last_seq), 0) FROM boot").fetchone()[0]
        put_number(db, PRODUCED, max(0, produced - kept))
        put_number(db, KNOWN_FROM, boot + 1)
    db.execute("DELETE FROM state WHERE key IN ('boot', 'produced')")


def _number_of_version_1(db: Connection, key: str) -> int:
    row = db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
    return 0 if row is None else int.from_bytes(row[0], "big")


def put(db: Connection, key: str, value: bytes) -> None:
    """Store a value in `state`, within the caller's transaction."""
    put_all(db, {key: value})


def put_all(db: Connection, values: Mapping[str, bytes]) -> None:
    """Store values in `state`, within the caller's transaction."""
    db.executemany(
        "INSERT INTO state (key, value, crc) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = excluded.value, crc = excluded.crc",
        [(key, value, crc(value)) for key, value in values.items()],
    )


def put_number(db: Connection, key: str, number: int) -> None:
    """Store a number, 0..2**64-1."""
    put(db, key, number.to_bytes(8, "big"))


def number(db: Connection, key: str) -> int:
    """Return a number; 0 if it is not there or damaged."""
    row = db.execute("SELECT value, crc FROM state WHERE key = ?", (key,)).fetchone()
    return int.from_bytes(row[0], "big") if row is not None and is_whole(*row) else 0


def retry_undeliverable(db: Connection) -> int:
    """Have what was put aside sent again, within the caller's transaction; return how many records that is."""
    return max(
        0, db.execute("UPDATE record SET done = ?, code = 0 WHERE code > 0 AND done = ?", (TO_SEND, ASIDE)).rowcount
    )


def check(db: Connection) -> None:
    """Raise sqlite3.DatabaseError with what is wrong if the file is not sound. Reads the whole file.

    Indices are compared with tables, which a quick check does not: a record that has no entry among those to be sent any more
    would wait for ever, and a write that meets an entry without a record fails.
    """
    found = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise damage(str(found))
