"""What the server asks a device to do, on its `cmd` topic: [version, command, argument]; QoS 1, never retained.

RESEND, with [[boot, first_seq, last_seq], ...]: the server lacks these records, although it may have acknowledged them
once (it was restored from a backup). The device sends again what it still keeps and declares lost what it does not.
`last_seq` = 2**32-1 stands for the end of a boot whose end the server does not know. Asking twice does no harm: a record
that is there already is acknowledged again.

>>> data = resend([(3, 17, 18)])
>>> data.hex()
'8301018183031112'
>>> decode(data)
(1, [(3, 17, 18)])
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import UINT32_MAX, array, message, uint

RESEND = 1

COMMAND_BYTES_MAX = 1024
RANGES_MAX = 32  # of one message; the server asks for further ones when these are settled


def resend(ranges: list) -> bytes:
    """Return the bytes of a RESEND.

    ranges: [(boot, first_seq, last_seq), ...], 1 to RANGES_MAX of them, all numbers 1..2**32-1, first_seq <= last_seq.
    Raises EncodeError outside these.
    """
    if not 1 <= len(ranges) <= RANGES_MAX:
        raise EncodeError("%d ranges; 1 to %d are allowed" % (len(ranges), RANGES_MAX))
    for boot, first_seq, last_seq in ranges:
        if not 1 <= boot <= UINT32_MAX or not 1 <= first_seq <= last_seq <= UINT32_MAX:
            raise EncodeError("seq %d..%d of boot %d" % (first_seq, last_seq, boot))
    return cbor.encode([WIRE_VERSION, RESEND, [list(item) for item in ranges]])


def decode(data: bytes) -> tuple:
    """Return (command, argument): of RESEND the ranges as in `resend`, of a command of later versions what is there.

    Raises DecodeError.
    """
    items = message(data, COMMAND_BYTES_MAX, WIRE_VERSION, 3, "command")
    command = uint(items, 1, UINT32_MAX, "command", 1)
    if command != RESEND:
        return command, items[2]
    ranges = []
    for item in array(items, 2, RANGES_MAX, "ranges"):
        if not isinstance(item, list) or len(item) < 3:
            raise DecodeError(MALFORMED, "a range is [boot, first_seq, last_seq]")
        boot = uint(item, 0, UINT32_MAX, "boot", 1)
        first_seq, last_seq = uint(item, 1, UINT32_MAX, "first_seq", 1), uint(item, 2, UINT32_MAX, "last_seq", 1)
        if first_seq > last_seq:
            raise DecodeError(IMPLAUSIBLE, "seq %d..%d of boot %d" % (first_seq, last_seq, boot))
        ranges.append((boot, first_seq, last_seq))
    if not ranges:
        raise DecodeError(MALFORMED, "a resend command without ranges")
    return command, ranges
