"""The journal of erasures, beside the database and in no backup of it: what makes an older backup forget again.

One line of JSON for each erasure and for each device that said it is wiped, with the SHA-256 of the line before and of
itself: a line that was changed, or taken out of the middle, is found. It is only ever appended to, and synced before
the database commits: what is in the database is here. An erasure that is here and not in the database is carried out
again (`erasures.replay`). The last line may be cut short by a power cut; that one was not committed.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headway_server.erasure.erasure_key import ErasureKey, read_or_make
from headway_server.errors import ServerError
from headway_server.store.database_file import parse_url, sync

_FIRST = hashlib.sha256(b"headway erasures 1").hexdigest()


@dataclass(frozen=True, slots=True)
class Erased:
    """An erasure: its number, the version of the order, when (Unix ms), and keyed hashes in hexadecimal."""

    number: int
    version: int
    at_ms: int
    person: str
    devices: list[str]


@dataclass(frozen=True, slots=True)
class Wiped:
    """A device said that it is wiped; orders up to `version` are carried out, and its boots count from `boot` on."""

    device: str
    version: int
    boot: int
    at_ms: int


class ErasureJournal:
    """The journal in the file `path`; its key is in `path`.key. Raises ServerError where either cannot be used or is damaged."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.key_path = path.with_name(f"{path.name}.key")
        had_key = self.key_path.exists()
        entries, _ = self._read()
        if entries and not had_key:
            raise ServerError(
                f"the erasure key {self.key_path} is gone, and {path} has erasures made with it",
                "put the file back from its copy: without it what was erased could come back",
            )
        self.key: ErasureKey = read_or_make(self.key_path)
        if any(entry["key"] != self.key.fingerprint for entry in entries):
            raise ServerError(
                f"{self.key_path} is not the key that {path} was made with",
                "put the file of before there, from its copy",
            )

    def entries(self) -> list[Erased | Wiped]:
        """Return what was written, in order. Raises ServerError where a line was changed or taken out."""
        found: list[Erased | Wiped] = []
        for entry in self._read()[0]:
            fields = {name: entry[name] for name in entry if name not in {"kind", "key", "previous", "hash"}}
            found.append(Erased(**fields) if entry["kind"] == "erased" else Wiped(**fields))
        return found

    def append(self, entry: Erased | Wiped) -> None:
        """Write an entry, durably. Raises ServerError; then it may be there all the same."""
        try:
            with self._held():
                entries, whole_bytes = self._read()
                line = {
                    "kind": "erased" if isinstance(entry, Erased) else "wiped",
                    **asdict(entry),
                    "key": self.key.fingerprint,
                    "previous": entries[-1]["hash"] if entries else _FIRST,
                }
                line["hash"] = _hash(line)
                made = not self.path.exists()
                handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
                try:
                    os.ftruncate(handle, whole_bytes)  # a line that a power cut left unfinished
                    os.lseek(handle, 0, os.SEEK_END)
                    _write(handle, json.dumps(line, separators=(",", ":")).encode() + b"\n")
                    os.fsync(handle)
                finally:
                    os.close(handle)
                if made:
                    sync(self.path.parent)
        except OSError as e:
            raise ServerError(
                f"cannot write the journal of erasures {self.path}: {e.strerror or e}",
                "check the space and the permissions there",
            ) from e

    def _read(self) -> tuple[list[dict[str, Any]], int]:
        # Returns the entries and of how many bytes they are.
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return [], 0
        except OSError as e:
            raise ServerError(f"cannot read {self.path}: {e.strerror or e}", "check its permissions") from e
        whole, _, _unfinished = data.rpartition(b"\n")
        entries: list[dict[str, Any]] = []
        previous = _FIRST
        for number, line in enumerate(whole.split(b"\n") if whole else [], 1):
            try:
                entry = json.loads(line)
                sound = entry["previous"] == previous and entry["hash"] == _hash(entry)
            except (ValueError, KeyError, TypeError):
                sound = False
            if not sound:
                raise ServerError(
                    f"line {number} of {self.path} is damaged, or what was before it is gone",
                    "put the file back from its copy; see docs/privacy.md",
                )
            previous = entry["hash"]
            entries.append(entry)
        return entries, len(whole) + 1 if whole else 0

    @contextmanager
    def _held(self) -> Iterator[None]:
        handle = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)


def journal_path(url: str, setting: Path | None) -> Path | None:
    """Return where the journal is: as set, or beside an SQLite database; None where neither says. url: of the database."""
    if setting is not None:
        return setting
    parsed = parse_url(url)
    return Path(f"{parsed.database}.erasures") if parsed.get_backend_name() == "sqlite" else None


def _hash(line: dict[str, Any]) -> str:
    content = {name: line[name] for name in line if name != "hash"}
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _write(handle: int, data: bytes) -> None:
    while data:
        data = data[os.write(handle, data) :]
