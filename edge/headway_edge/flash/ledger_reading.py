"""What a ledger has saved, read back; only the start of a log does, so a microcontroller forgets this module afterwards."""

import struct

from headway_edge.flash.ledger import HEAD, VERSION

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.ledger import Ledger

_HEAD_BYTES = 15


def load(ledger: "Ledger") -> bool:
    """Fill a ledger with what was saved; return whether there was anything that can be read."""
    try:
        data = ledger.copies.load()
    except OSError:
        ledger.copies.pass_over()
        return False
    if data is None or data[0] != VERSION:
        return False
    _, boot, seq, ledger.dropped, ranges, losses = struct.unpack(HEAD, data[:_HEAD_BYTES])
    ledger.mark = (boot, seq)
    at = _HEAD_BYTES
    ledger.settled.ranges = [struct.unpack("<IIII", data[at + 16 * i : at + 16 * i + 16]) for i in range(ranges)]
    at += 16 * ranges
    for i in range(losses):
        ledger.losses.entries.append(list(struct.unpack("<IIIBII", data[at + 21 * i : at + 21 * i + 21])))
    return True
