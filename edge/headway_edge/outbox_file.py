"""The outbox on a microcontroller: every record until the server has said that it is committed, in plain files.

Runs on MicroPython and CPython, with the interface `Session` needs. A record is appended with its length and a CRC and
the file is closed: what `append` returned is on the medium as far as the file system keeps its promise (littlefs does at
close). A torn last record is left out on the next start and counted. Nothing is rewritten in place: the boot number has
two copies written in turn, other state is written beside and renamed over.

Not for Linux: `headway_edge.outbox` has transactions and survives more.
"""

import binascii
import os
import struct

from headway_protocol.record import RECORD_BYTES_MAX, Record, encode

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from collections.abc import Iterator

_HEADER = "<HIII"  # payload length, boot, seq, CRC-32 over the rest of the header and the payload
_HEADER_BYTES = 14
LOG_BYTES_MAX = 65536  # about 500 trips


class FileOutbox:
    """Records of one device in a folder; each opening is a new boot.

    folder: must exist. log_bytes_max: beyond it `append` refuses, counting in `dropped`, until records are settled.
    RAM: one record at a time. `torn` counts bytes at the log's end that were no whole record when it was opened.
    Raises OSError when the medium refuses.
    """

    def __init__(self, folder: str, log_bytes_max: int = LOG_BYTES_MAX) -> None:
        self._log_path = folder + "/log"
        self._folder = folder
        self._log_bytes_max = log_bytes_max
        self._seq = 0
        self.dropped = 0
        self.refused = 0
        self.torn = 0
        self._settled = self._load_settled()
        self._log_bytes, last_boot = self._scan()
        if self.torn:
            self._cut_torn_end()
        self.boot = max(self._stored_boot(), last_boot) + 1
        copy = "/boot.%d" % (self.boot % 2)
        self._replace(copy, _with_crc(struct.pack("<I", self.boot)))

    def append(
        self, kind: int, mono_ms: int, wall_ms: "int | None", clock: int, body: list, state: "dict | None" = None
    ) -> "bytes | None":
        """Store a record as the next of this boot; return its frozen bytes, None if the log is full.

        state: {key: bytes} saved right after it; a power cut between the two leaves the older state.
        """
        payload = encode(Record(kind, self.boot, self._seq + 1, mono_ms, wall_ms, clock, body))
        if self._log_bytes + _HEADER_BYTES + len(payload) > self._log_bytes_max:
            self.dropped += 1
            return None
        head = struct.pack("<HII", len(payload), self.boot, self._seq + 1)
        with open(self._log_path, "ab") as log:
            log.write(head + struct.pack("<I", binascii.crc32(head + payload) & 0xFFFFFFFF) + payload)
        self._log_bytes += _HEADER_BYTES + len(payload)
        self._seq += 1
        for key in state or {}:
            self.save(key, state[key])  # type: ignore[index]
        return payload

    def to_send(self, after: tuple, limit: int) -> list:
        """Return up to `limit` unsettled records beyond (boot, seq), oldest first, as (boot, seq, payload)."""
        found = []  # type: list
        for boot, seq, payload in self._records():
            if (boot, seq) > after and seq > self._settled.get(boot, 0):
                found.append((boot, seq, payload))
                if len(found) == limit:
                    break
        return found

    @property
    def last_seq(self) -> int:
        """The seq of the last record of this boot; 0: none yet."""
        return self._seq

    def newest(self, limit: int) -> list:
        """Return up to `limit` unsettled records, newest first, as (boot, seq, payload)."""
        found = []  # type: list
        for boot, seq, payload in self._records():
            if seq > self._settled.get(boot, 0):
                found.append((boot, seq, payload))
                if len(found) > limit:
                    found.pop(0)
        found.reverse()
        return found

    def set_undeliverable(self, _boot: int, _seq: int) -> None:
        """Nothing is put away here: the record is sent again."""

    def retry_undeliverable(self) -> None:
        """Nothing was put away."""

    def acknowledge(self, boot: int, upto: int, rejections: list, _stored: "list | tuple" = ()) -> None:
        """Settle every record of `boot` up to `upto`; when all are settled the log starts anew.

        A rejection above `upto` is counted and settled once `upto` has passed it.
        """
        self.refused += len(rejections)
        if upto <= self._settled.get(boot, 0):
            return
        self._settled[boot] = upto
        if self.backlog() == 0:
            # The boots of an empty log need no memory of what was settled, this one excepted.
            self._settled = {self.boot: self._settled.get(self.boot, 0)}
            self._save_settled()
            self._remove(self._log_path)
            self._log_bytes = 0
        else:
            self._save_settled()

    def backlog(self) -> int:
        """How many records the server has not settled yet."""
        waiting = 0
        for boot, seq, _ in self._records():
            if seq > self._settled.get(boot, 0):
                waiting += 1
        return waiting

    def save(self, key: str, value: bytes) -> None:
        """Store a piece of state: the old one or the new one survives a power cut, never a mixture."""
        self._replace("/state." + key, _with_crc(value))

    def load(self, key: str) -> "bytes | None":
        """Return a piece of state; None if it was never saved, or its file is damaged."""
        return self._checked("/state." + key)

    def _records(self) -> "Iterator[tuple]":
        # Yields (boot, seq, payload) of each whole record; stops at the first that is not.
        try:
            log = open(self._log_path, "rb")
        except OSError:
            return
        try:
            while True:
                head = log.read(_HEADER_BYTES)
                if len(head) < _HEADER_BYTES:
                    return
                length, boot, seq, crc = struct.unpack(_HEADER, head)
                if length > RECORD_BYTES_MAX:
                    return
                payload = log.read(length)
                if len(payload) < length or binascii.crc32(head[:10] + payload) & 0xFFFFFFFF != crc:
                    return
                yield boot, seq, payload
        finally:
            log.close()

    def _scan(self) -> tuple:
        # Returns (bytes of whole records, highest boot among them); sets `torn`.
        whole, last_boot = 0, 0
        for boot, _, payload in self._records():
            whole += _HEADER_BYTES + len(payload)
            last_boot = max(last_boot, boot)
        try:
            self.torn = os.stat(self._log_path)[6] - whole
        except OSError:
            self.torn = 0
        return whole, last_boot

    def _cut_torn_end(self) -> None:
        # MicroPython cannot truncate: the whole part is copied beside, record by record, and renamed over.
        copied = self._log_bytes
        with open(self._log_path, "rb") as log, open(self._log_path + ".new", "wb") as fresh:
            while copied:
                block = log.read(min(copied, 512))
                fresh.write(block)
                copied -= len(block)
        os.rename(self._log_path + ".new", self._log_path)

    def _stored_boot(self) -> int:
        found = 0
        for copy in ("/boot.0", "/boot.1"):
            data = self._checked(copy)
            if data is not None and len(data) == 4:
                found = max(found, struct.unpack("<I", data)[0])
        return found

    def _load_settled(self) -> dict:
        data = self.load("settled") or b""
        settled = {}
        for at in range(0, len(data) - 7, 8):
            boot, upto = struct.unpack("<II", data[at : at + 8])
            settled[boot] = upto
        return settled

    def _save_settled(self) -> None:
        data = bytearray()
        for boot in self._settled:
            data.extend(struct.pack("<II", boot, self._settled[boot]))
        self.save("settled", bytes(data))

    def _replace(self, name: str, data: bytes) -> None:
        path = self._folder + name
        with open(path + ".new", "wb") as file:
            file.write(data)
        os.rename(path + ".new", path)

    def _checked(self, name: str) -> "bytes | None":
        try:
            with open(self._folder + name, "rb") as file:
                data = file.read()
        except OSError:
            return None
        if len(data) < 4 or struct.unpack("<I", data[:4])[0] != binascii.crc32(data[4:]) & 0xFFFFFFFF:
            return None
        return data[4:]

    def _remove(self, path: str) -> None:
        try:
            os.remove(path)
        except OSError:
            pass  # it was not there: no record was ever made


def _with_crc(data: bytes) -> bytes:
    return struct.pack("<I", binascii.crc32(data) & 0xFFFFFFFF) + data
