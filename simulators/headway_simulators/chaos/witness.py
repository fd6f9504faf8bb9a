"""Looks at a server's database through a connection of its own: whether what was acknowledged is there, and what is missing."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path

from headway_protocol import ack, topics
from headway_server.ingest.receipts import Acknowledgement
from headway_simulators.chaos.books import LYING_ACK, Books, Place

_Range = tuple[int, int]


class Witness:
    """Of one database. path: its file. books: where a lie is noted. `was_restored`: whether it ever was."""

    def __init__(self, path: Path, books: Books) -> None:
        self._path, self._books = path, books
        self._connection: sqlite3.Connection | None = None
        self._true: dict[tuple[str, int], int] = {}  # how far acknowledgements of a boot were found to be true
        self.was_restored = False
        self._taken_back: dict[tuple[str, int], int] = {}  # the same, before a restore

    @property
    def reader(self) -> sqlite3.Connection:
        """The connection; it sees what is committed and nothing else."""
        if self._connection is None:
            self._connection = sqlite3.connect(f"file:{self._path}?mode=ro", uri=True, isolation_level=None)
        return self._connection

    def close(self) -> None:
        """Let go of the file, until it is asked for again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # --- acknowledgements ---------------------------------------------------------------------------------------

    def check(self, acknowledgements: Iterable[Acknowledgement]) -> None:
        """Note each acknowledgement that is not true, of what a commit has just returned."""
        for acknowledgement in acknowledgements:
            if acknowledgement.topic.rpartition("/")[2] != topics.ACK:
                continue
            device = "/".join(acknowledgement.topic.split("/")[2:4])
            boot, upto, _, stored = ack.decode_all(acknowledgement.payload)
            self._check(device, boot, upto, stored)

    def _check(self, device: str, boot: int, upto: int, stored: list[_Range]) -> None:
        before = self._true.get((device, boot), 0)
        claims = [(first, last) for first, last in [(before + 1, upto), *stored] if first <= last]
        if not claims:
            return
        execute, of = self.reader.execute, (device, boot)
        query = "SELECT seq, seq FROM {} WHERE device = ? AND boot = ? AND seq BETWEEN ? AND ?"
        place = *of, claims[0][0], claims[-1][1]
        there: list[_Range] = execute(query.format("records"), place).fetchall()
        missing = _first_missing(claims, there)
        if missing is not None:
            there += execute(query.format("rejections"), place)
            for table in ("losses", "fold_ranges"):
                there += execute(f"SELECT first_seq, last_seq FROM {table} WHERE device = ? AND boot = ?", of)  # noqa: S608
            missing = _first_missing(claims, there)
        if missing is not None:
            self._books.violated(LYING_ACK, device.partition("/")[2], f"boot {boot} seq {missing}")
        self._true[of] = max(before, upto)

    def database_was_restored(self) -> None:
        """What was acknowledged before may not be there any more, and that is no lie."""
        self.was_restored = True
        for key, upto in self._true.items():
            self._taken_back[key] = max(upto, self._taken_back.get(key, 0))
        self._true.clear()

    def was_taken_back(self, device: str, place: Place) -> bool:
        """Whether a record had been acknowledged, and a restore forgot it."""
        boot, seq = place
        return any(
            upto >= seq
            for (name, of_boot), upto in self._taken_back.items()
            if (name.rpartition("/")[2], of_boot) == (device, boot)
        )

    # --- what is missing ----------------------------------------------------------------------------------------

    def lacks_something(self, until_ms: int) -> bool:
        """Whether there is anything that the server has to ask for until a Unix time."""
        query = "SELECT EXISTS (SELECT 1 FROM {0} WHERE due_ms <= ?)"
        return any(self.reader.execute(query.format(table), (until_ms,)).fetchone()[0] for table in ("gaps", "refills"))

    def gaps(self) -> list[tuple[str, int, int, int]]:
        """Return what the server knows that it lacks, as (device, boot, first seq, last seq)."""
        rows = self.reader.execute("SELECT device, boot, first_seq, last_seq FROM gaps ORDER BY 1, 2, 3")
        return [(device.partition("/")[2], boot, first, last) for device, boot, first, last in rows]

    # --- orders -------------------------------------------------------------------------------------------------

    def not_wiped(self) -> set[bytes]:
        """Return the hashes of the devices that were erased and have not said that they are wiped."""
        rows = self.reader.execute("SELECT device_hash FROM erased_devices WHERE confirmed_at_ms IS NULL")
        return {row[0] for row in rows}

    def offered(self, address: str) -> tuple[bytes, int] | None:
        """Return (pack's id, version) of what the server offers a device; None: nothing."""
        query = "SELECT offered_pack_id, offer_version FROM devices WHERE device = ? AND offered_pack_id IS NOT NULL"
        found: tuple[bytes, int] | None = self.reader.execute(query, (address,)).fetchone()
        return found


def _first_missing(claims: list[tuple[int, int]], there: list[tuple[int, int]]) -> int | None:
    """Return the first number of the claimed ranges, ascending, that is in none of those that are there; None: all are."""
    known = sorted(there)
    at = 0
    for first, last in claims:
        wanted = first
        while wanted <= last:
            while at < len(known) and known[at][1] < wanted:
                at += 1
            if at == len(known) or known[at][0] > wanted:
                return wanted
            wanted = known[at][1] + 1
    return None
