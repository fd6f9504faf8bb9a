"""The outbox on Linux: every record the agent made, in SQLite, until the server has said that it is committed.

One writer, WAL with synchronous=FULL: a record that `append` returned survives a power cut. Bytes are frozen at append.
Acknowledged records stay for a while, so that a server restored from an old backup can be given them again.
It is not a queue of the MQTT client: that one forgets on a crash.
"""

import fcntl
import os
import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path

from headway_edge.errors import AgentError
from headway_protocol import codes
from headway_protocol.record import Record, encode

SCHEMA_VERSION = 1
REPLAY_WINDOW = 1000  # acknowledged records kept, about 200 KB

_SCHEMA = """
CREATE TABLE record (
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    payload BLOB NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,   -- 1: committed by the server, or refused for good
    code INTEGER NOT NULL DEFAULT 0,   -- why it was refused; 0: it was not
    PRIMARY KEY (boot, seq)
) WITHOUT ROWID;
CREATE INDEX record_to_send ON record (boot, seq) WHERE done = 0;
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
"""


class Outbox:
    """Records of one device, in the order they were made; each opening is a new boot.

    path: the database file; made with its folder if missing. Raises AgentError when the path cannot be used, another
    process holds it, or it was written by a newer version.

    `produced` counts the records ever made; `refused` those the server turned down for good.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise AgentError(
                f"cannot keep records in {path}: {error.strerror}. Choose a folder this user may write to."
            ) from error
        try:
            self._take_lock()
            try:
                self._open()
            except sqlite3.Error as error:
                raise AgentError(
                    f"{path} is not a usable outbox: {error}. Move the file away to start a new one; keep it, "
                    "it may hold records the server does not have."
                ) from error
        except BaseException:
            os.close(self._lock)
            raise

    def _take_lock(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
            raise AgentError(
                f"{self.path} is in use by process {holder}. Stop that agent, or give this one another store."
            ) from None
        os.truncate(self._lock, 0)
        os.pwrite(self._lock, str(os.getpid()).encode(), 0)

    def _open(self) -> None:
        # The agent's own thread is the one writer; a test or a face may look from another.
        self._db = db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version > SCHEMA_VERSION:
            db.close()
            raise AgentError(
                f"{self.path} was written by a newer agent (schema {version}, this one knows {SCHEMA_VERSION}). "
                "Install the newer version again; the file is untouched."
            )
        if version == 0:
            db.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")
        with self:
            self.boot = self._number("boot") + 1
            self.put("boot", self.boot.to_bytes(8, "big"))
        self._seq = 0
        self.produced = self._number("produced")
        self.refused = db.execute("SELECT count(*) FROM record WHERE code > 0").fetchone()[0]

    def __enter__(self) -> "Outbox":
        """Begin a transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Commit, or roll back if anything was raised."""
        if kind is None:
            self._db.execute("COMMIT")
        elif self._db.in_transaction:  # a full disk has rolled it back already
            self._db.execute("ROLLBACK")

    def append(
        self,
        kind: int,
        mono_ms: int,
        wall_ms: int | None,
        clock: int,
        body: list[object],
        state: Mapping[str, bytes | None] | None = None,
    ) -> bytes:
        """Store a record as the next of this boot, and `state` in the same transaction; return its frozen bytes.

        state: a value of None removes the key.

        Arguments as in `headway_protocol.record.Record`. Raises EncodeError for a field out of range and sqlite3.Error
        when the disk refuses; then nothing was stored and no seq was used up.
        """
        payload = encode(Record(kind, self.boot, self._seq + 1, mono_ms, wall_ms, clock, body))
        with self:
            self._db.execute(
                "INSERT INTO record (boot, seq, kind, payload) VALUES (?, ?, ?, ?)",
                (self.boot, self._seq + 1, kind, payload),
            )
            self.put("produced", (self.produced + 1).to_bytes(8, "big"))
            for key, value in (state or {}).items():
                if value is None:
                    self.remove([key])
                else:
                    self.put(key, value)
        self._seq += 1
        self.produced += 1
        return payload

    def to_send(self, after: tuple[int, int], limit: int) -> list[tuple[int, int, bytes]]:
        """Return up to `limit` unacknowledged records beyond (boot, seq), oldest first, as (boot, seq, payload)."""
        return self._db.execute(
            "SELECT boot, seq, payload FROM record WHERE done = 0 AND (boot, seq) > (?, ?) ORDER BY boot, seq LIMIT ?",
            (*after, limit),
        ).fetchall()

    def acknowledge(self, boot: int, upto: int, rejections: list[tuple[int, int]]) -> int:
        """Mark what the server has committed or refused; return how many records that settles.

        upto: every seq of `boot` up to it is settled. rejections: (seq, code) refused for good, which may lie above;
        a conflict or a malformed record stays in the file as evidence. Raises sqlite3.Error; then nothing changed.
        """
        with self:
            refused = self._db.executemany(
                "UPDATE record SET done = 1, code = ? WHERE boot = ? AND seq = ? AND code = 0",
                [(code, boot, seq) for seq, code in rejections],
            ).rowcount
            settled = self._db.execute(
                "UPDATE record SET done = 1 WHERE boot = ? AND seq <= ? AND done = 0", (boot, upto)
            ).rowcount
            self._db.execute(
                "DELETE FROM record WHERE done = 1 AND code = 0 AND (boot, seq) <= (SELECT boot, seq FROM record "
                "WHERE done = 1 AND code = 0 ORDER BY boot DESC, seq DESC LIMIT 1 OFFSET ?)",
                (REPLAY_WINDOW,),
            )
        self.refused += max(refused, 0)
        return settled + max(refused, 0)

    def backlog(self) -> int:
        """How many records the server has not settled yet."""
        return int(self._db.execute("SELECT count(*) FROM record WHERE done = 0").fetchone()[0])

    def payloads(self, kind: int) -> list[bytes]:
        """The records of one kind still kept, oldest first."""
        rows = self._db.execute("SELECT payload FROM record WHERE kind = ? ORDER BY boot, seq", (kind,))
        return [row[0] for row in rows]

    def refusals(self) -> list[tuple[int, int, str]]:
        """Records the server refused, as (boot, seq, name of the reason)."""
        rows = self._db.execute("SELECT boot, seq, code FROM record WHERE code > 0 ORDER BY boot, seq")
        return [(boot, seq, codes.explain(code)[0]) for boot, seq, code in rows]

    def save(self, key: str, value: bytes) -> None:
        """Store a piece of the agent's state, durably."""
        with self:
            self.put(key, value)

    def load(self, key: str) -> bytes | None:
        """Return a piece of state, None if it was never saved."""
        row = self._db.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else row[0]

    def keys(self, prefix: str) -> list[str]:
        """Return the keys of saved state that begin with `prefix`, in order."""
        rows = self._db.execute(
            "SELECT key FROM state WHERE key >= ? AND key < ? ORDER BY key", (prefix, prefix + chr(0x10FFFF))
        )
        return [row[0] for row in rows]

    def remove(self, keys: Iterable[str]) -> None:
        """Remove pieces of state within the caller's own transaction."""
        self._db.executemany("DELETE FROM state WHERE key = ?", [(key,) for key in keys])

    def close(self) -> None:
        """Close the file and let another process have it."""
        self._db.close()
        os.close(self._lock)

    def put(self, key: str, value: bytes) -> None:
        """Store a piece of state within the caller's own transaction (`with outbox:`)."""
        self._db.execute(
            "INSERT INTO state VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", (key, value)
        )

    def _number(self, key: str) -> int:
        return int.from_bytes(self.load(key) or b"", "big")
