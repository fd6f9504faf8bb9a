"""A soaked device, seen from outside: what it told before it was killed must be in its store, whatever came in between."""

import hashlib
import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from headway_edge.store.outbox_schema import SETTLED
from headway_protocol import record
from headway_simulators.soak.device_child import GROUP, HEAD
from headway_simulators.soak.nursery import Child, Nursery

_START_WALL_MS = 1_704_067_200_000  # 1 January 2024: a soak makes a month of trips in a few seconds
_LOOK_S = 0.005

Key = tuple[int, int]  # boot, seq


@dataclass
class Kept:
    """What a store holds: hashes of the payloads that are settled, and of all. trips: records of trips among them."""

    settled: dict[Key, bytes] = field(default_factory=dict)
    records: dict[Key, bytes] = field(default_factory=dict)
    trips: int = 0
    losses: int = 0


class SoakedDevice:
    """One device and the processes that it runs in, one after the other.

    told: hashes of the records whose append returned. violations: what is wrong with its store, in words.
    """

    def __init__(
        self, nursery: Nursery, folder: Path, name: str, port: int | None = None, protocol: str = "auto"
    ) -> None:
        self.name = name
        self.store = folder / f"{name}.db"
        self.told: dict[Key, bytes] = {}
        self.violations: list[str] = []
        self.kills = self.starts = 0
        self.child: Child | None = None
        self._nursery = nursery
        self._arguments = {"store": str(self.store), "device": name, "port": port, "protocol": protocol}
        self._buffer = b""
        self._wall_ms = _START_WALL_MS
        self._boot = 0  # the highest that was told of

    @property
    def address(self) -> str:
        """Its name at the server."""
        return f"{GROUP}/{self.name}"

    def start(self, pause_s: float = 0.0, *, drain: bool = False) -> None:
        """Begin another life."""
        self.starts += 1
        self._buffer = b""
        self.child = self._nursery.fork(
            **self._arguments, seed=self.starts, wall_ms=self._wall_ms + 1000, pause_s=pause_s, drain=drain
        )

    def listen(self) -> None:
        """Take in what it told; its pipe must not fill up."""
        if self.child is not None:
            self.hear(self.child.told())

    def hear(self, told: bytes) -> None:
        """Take in what its process wrote to its pipe, in any pieces."""
        self._buffer += told
        at = 0
        while len(self._buffer) - at >= HEAD.size:
            length = HEAD.unpack_from(self._buffer, at)[0]
            payload = self._buffer[at + HEAD.size : at + HEAD.size + length]
            if len(payload) < length:
                break
            at += HEAD.size + length
            self._take(payload)
        self._buffer = self._buffer[at:]

    def _take(self, payload: bytes) -> None:
        told = record.decode(payload)
        key = (told.boot, told.seq)
        if key in self.told:
            self._wrong(f"{key} was made twice")
        if told.boot < self._boot or (told.boot > self._boot and told.seq != 1):
            self._wrong(f"{key} came after boot {self._boot}")
        self._boot = told.boot
        self._wall_ms = max(self._wall_ms, told.wall_ms or 0)
        self.told[key] = hashlib.sha256(payload).digest()

    def kill(self) -> None:
        """End its life with SIGKILL, and look whether all that it told is there."""
        if self.child is None:
            return
        if self.child.kill():
            self.kills += 1
        else:
            self._wrong("its process had ended by itself")
        self._bury()
        self.check()

    def drained(self, timeout_s: float) -> bool:
        """Run it until the server has settled everything; whether that came to pass."""
        self.start(drain=True)
        return self.wait_drained(time.monotonic() + timeout_s)

    def wait_drained(self, deadline_s: float) -> bool:
        """Of one that was started with drain=True."""
        child = self.child
        if child is None:
            return False
        while not child.has_ended():
            self.listen()
            if time.monotonic() > deadline_s:
                child.kill()
                self._bury()
                return False
            time.sleep(_LOOK_S)
        code = child.wait()
        self._bury()
        if code != 0:
            self._wrong(f"its process ended with code {code}")
        return code == 0

    def _bury(self) -> None:
        if self.child is not None:
            self.listen()
            self.child.close()
            self.child = None

    def check(self, *, thorough: bool = False) -> Kept:
        """Look into a copy of the store, as a kill left it. thorough: at all boots, not only the newest."""
        kept = Kept()
        first_boot = 0 if thorough else self._boot
        with tempfile.TemporaryDirectory() as folder:
            for part in ("", "-wal"):
                source = Path(f"{self.store}{part}")
                if source.exists():
                    shutil.copyfile(source, Path(folder) / f"copy{part}")
            with closing(sqlite3.connect(Path(folder) / "copy")) as db:
                rows = self._rows(db, first_boot, thorough=thorough)
        for boot, seq, kind, done, payload in rows:
            key, digest = (boot, seq), hashlib.sha256(payload).digest()
            kept.records[key] = digest
            kept.trips += kind == record.EPISODE
            kept.losses += kind == record.LOSS
            if done == SETTLED:
                kept.settled[key] = digest
        self._compare(kept, first_boot)
        return kept

    def _rows(
        self, db: sqlite3.Connection, first_boot: int, *, thorough: bool
    ) -> list[tuple[int, int, int, int, bytes]]:
        try:
            if thorough and db.execute("PRAGMA integrity_check").fetchone()[0] != "ok":
                self._wrong("its database is damaged")
            return db.execute(
                "SELECT boot, seq, kind, done, payload FROM record WHERE boot >= ? ORDER BY boot, seq", (first_boot,)
            ).fetchall()
        except sqlite3.OperationalError:
            return []  # killed before there was a table
        except sqlite3.DatabaseError as error:
            self._wrong(f"its database is damaged: {error}")
            return []

    def _compare(self, kept: Kept, first_boot: int) -> None:
        for key, digest in self.told.items():
            if key[0] >= first_boot and kept.records.get(key) != digest:
                self._wrong(f"{key} was told and is {'another' if key in kept.records else 'missing'}")
        counts: dict[int, int] = {}
        for boot, seq in kept.records:
            counts[boot] = counts.get(boot, 0) + 1
            if counts[boot] != seq:
                self._wrong(f"boot {boot} has a hole before {seq}")
        if kept.losses:
            self._wrong(f"{kept.losses} losses declared, although nothing can be lost")

    def _wrong(self, what: str) -> None:
        self.violations.append(f"{self.name}: {what}")
