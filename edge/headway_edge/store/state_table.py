"""The agent's state as the outbox keeps it: pieces of bytes by key, on disk and in memory.

It is read once, when the file is opened. From then on a value is had without the disk, which may be failing; and what a damaged
file has lost is put back. What belongs to records that the disk refuses is in `unsaved`: the newest value there is, though not
on disk yet.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import structlog

from headway_edge.store import outbox_schema
from headway_edge.store.medium import Connection
from headway_edge.store.outbox_schema import OWN_KEYS

log = structlog.get_logger("headway.agent")


class StateTable:
    """The `state` table without the outbox's own keys. RAM: all values, some hundred KB at most."""

    SELECT = "SELECT key, value, crc FROM state"

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}
        self._staged: dict[str, bytes | None] = {}  # of the transaction under way
        self._doubtful: set[str] = set()  # keys of a transaction that failed, and may be committed all the same
        self.unsaved: dict[str, bytes | None] = {}

    def read(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take over what SELECT found; a value whose bytes have changed is as if it never was."""
        self._staged.clear()
        self._doubtful.clear()
        self._values = dict(_whole(rows))

    def put_back(self, db: Connection) -> None:
        """Put back what is known here and not on disk any more, within the caller's transaction."""
        there = {key for key, _ in _whole(db.execute(self.SELECT).fetchall())}
        for key, value in self._values.items():
            if key not in there and key not in self._doubtful:
                outbox_schema.put(db, key, value)

    def get(self, key: str) -> bytes | None:
        """Return a value, None if there is none."""
        for newer in (self._staged, self.unsaved):
            if key in newer:
                return newer[key]
        return self._values.get(key)

    def keys(self, prefix: str) -> list[str]:
        """Return the keys with a value that begin with `prefix`, in order."""
        every = {*self._values, *self.unsaved, *self._staged}
        return sorted(key for key in every if key.startswith(prefix) and self.get(key) is not None)

    def put(self, db: Connection, key: str, value: bytes) -> None:
        """Store a value within the caller's transaction."""
        self.put_all(db, {key: value})

    def put_all(self, db: Connection, values: Mapping[str, bytes]) -> None:
        """Store values within the caller's transaction."""
        outbox_schema.put_all(db, values)
        self._staged.update(values)

    def remove(self, db: Connection, key: str) -> None:
        """Remove a value within the caller's transaction."""
        db.execute("DELETE FROM state WHERE key = ?", (key,))
        self._staged[key] = None

    def end(self, *, committed: bool) -> None:
        """The transaction is over."""
        if not committed:
            self._doubtful.update(self._staged)
        else:
            self._doubtful.difference_update(self._staged)
            for key, value in self._staged.items():
                if value is None:
                    self._values.pop(key, None)
                else:
                    self._values[key] = value
        self._staged.clear()


def _whole(rows: Iterable[tuple[Any, ...]]) -> Iterator[tuple[str, bytes]]:
    for key, value, crc in rows:
        if not isinstance(key, str) or key.startswith(OWN_KEYS):
            continue
        if outbox_schema.is_whole(value, crc):
            yield key, value
        else:
            log.error("agent.state_damaged", key=key, next_step="none: it begins anew; check the disk")
