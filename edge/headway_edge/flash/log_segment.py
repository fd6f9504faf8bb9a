"""A segment of the flash log: a file of records, one after the other, that is only ever appended to or removed.

    payload's length u16 | version u8 | boot u32 | seq u32 | state's length u16 | payload | state | CRC-32 u32

little-endian, the CRC over all that is before it. The payload is the record as it goes over the wire. The state is what the
device keeps together with that record, {key: bytes}: in one frame a power cut cannot come between the two.
"""

import binascii
import struct

from headway_protocol import const
from headway_protocol.record import RECORD_BYTES_MAX

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from typing import BinaryIO

FRAME_VERSION = 1
STATE_BYTES_MAX = 2048
FAILURES_MAX = 3  # then other segments are read, or removed, in its place
_HEAD_BYTES = const(13)
FRAME_BYTES = _HEAD_BYTES + 4  # of a frame beside payload and state
_REMOVED = const(0xFFFF)  # in the place of a value's length: the key was removed


def frame(boot: int, seq: int, payload: bytes, state: bytes) -> bytes:
    """Return a record's frame; `state` as `pack_state` makes it."""
    rest = struct.pack("<HBIIH", len(payload), FRAME_VERSION, boot, seq, len(state)) + payload + state
    return rest + struct.pack("<I", binascii.crc32(rest) & 0xFFFFFFFF)


def read_frame(file: "BinaryIO", offset: int) -> "tuple | None":
    """Return (boot, seq, payload, state) of the frame at `offset`; None where there is no whole one, as at the end.

    What does not read back right is read once more. Raises OSError.
    """
    for look in (1, 2):
        try:
            file.seek(offset)
            found = _read(file)
            if found is not None:
                return found
        except OSError:
            if look == 2:
                raise
    return None


def _read(file: "BinaryIO") -> "tuple | None":
    head = file.read(_HEAD_BYTES)
    if len(head) < _HEAD_BYTES:
        return None
    length, version, boot, seq, state_length = struct.unpack("<HBIIH", head)
    if version != FRAME_VERSION or length > RECORD_BYTES_MAX or state_length > STATE_BYTES_MAX:
        return None
    payload, state, crc = file.read(length), file.read(state_length), file.read(4)
    if len(crc) < 4:
        return None
    found = binascii.crc32(state, binascii.crc32(payload, binascii.crc32(head)))
    return (boot, seq, payload, state) if found & 0xFFFFFFFF == struct.unpack("<I", crc)[0] else None


def pack_state(state: dict) -> bytes:
    """Return {key: bytes, or None for one that is removed} as bytes. Keys: at most 255 bytes."""
    data = bytearray()
    for key in sorted(state):
        value = state[key]
        name = key.encode()
        data.extend(struct.pack("<BH", len(name), _REMOVED if value is None else len(value)) + name + (value or b""))
    return bytes(data)


def unpack_state(data: bytes) -> list:
    """Return [(key, value or None), ...] of what `pack_state` made."""
    found, at = [], 0
    while at < len(data):
        length, size = struct.unpack("<BH", data[at : at + 3])
        at += 3 + length
        key, value = data[at - length : at].decode(), None
        if size != _REMOVED:
            value = data[at : at + size]
            at += size
        found.append((key, value))
    return found


class Segment:
    """What is known of one segment without reading it.

    runs: [[boot, first_seq, last_seq], ...] of its records, in order. size_bytes: of the file. sealed: nothing may be
    appended, because something that is no whole record follows them. failures: how often in a row it could not be read, or
    removed.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = segment_name(number)
        self.size_bytes = 0
        self.sealed = False
        self.failures = 0
        self.runs = []  # type: list

    def last(self) -> tuple:
        """Return (boot, seq) of the newest record, (0, 0) if there is none."""
        return (self.runs[-1][0], self.runs[-1][2]) if self.runs else (0, 0)

    def extend(self, boot: int, seq: int, size_bytes: int) -> None:
        """Add a record of `size_bytes` behind the newest."""
        if self.last() == (boot, seq - 1):
            self.runs[-1][2] = seq
        else:
            self.runs.append([boot, seq, seq])
        self.size_bytes += size_bytes

    def cut(self, last: tuple) -> list:
        """Forget the records beyond `last`, a (boot, seq); return their runs."""
        kept, gone = [], []
        for boot, first, end in self.runs:
            if (boot, first) > last:
                gone.append([boot, first, end])
            elif (boot, end) > last:
                kept.append([boot, first, last[1]])
                gone.append([boot, last[1] + 1, end])
            else:
                kept.append([boot, first, end])
        self.runs = kept
        self.sealed = True
        return gone


def segment_name(number: int) -> str:
    """Return the name of a segment's file."""
    return "log.%06d" % number
