"""The application acknowledgement: what the server has committed, and what it will never accept.

    [version, boot, upto, [[seq, code], ...], [[first_seq, last_seq], ...]]

`upto` is the highest seq of that boot below which nothing is missing: every record 1..upto is committed, or refused
for good, or declared lost by the device. A broker's PUBACK is not such a receipt: brokers acknowledge what an access rule
or a full queue then drops. Only this message lets a device forget.

The ranges at the end are of records above `upto` that are committed although something before them is missing, as far
as the messages answered touched them. So one record that never gets through holds up no other, and a device sees which.

>>> data = encode(3, 17, [(16, 1)])
>>> data.hex()
'850103118182100180'
>>> decode(data)
(3, 17, [(16, 1)])
>>> decode_all(encode(3, 17, [], [(19, 24)]))
(3, 17, [], [(19, 24)])
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import UINT32_MAX, array, message, uint

ACK_BYTES_MAX = 4096
REJECTIONS_MAX = 256  # of one message; the server sends further ones in further messages
STORED_MAX = 64  # ranges of one message; what does not fit is sent again by the device, and told then


def encode(boot: int, upto: int, rejections: list, stored: "list | tuple" = ()) -> bytes:
    """Return the bytes of an acknowledgement.

    boot: 1..2**32-1. upto: 0 (nothing yet) .. 2**32-1. rejections: [(seq, code), ...], both 1..2**32-1, at most
    REJECTIONS_MAX; a rejected seq may lie above upto. stored: [(first_seq, last_seq), ...], at most STORED_MAX,
    upto < first_seq <= last_seq <= 2**32-1. Raises EncodeError outside these.
    """
    if not 1 <= boot <= UINT32_MAX or not 0 <= upto <= UINT32_MAX or len(rejections) > REJECTIONS_MAX:
        raise EncodeError("boot %d, upto %d, %d rejections" % (boot, upto, len(rejections)))
    for seq, code in rejections:
        if not 1 <= seq <= UINT32_MAX or not 1 <= code <= UINT32_MAX:
            raise EncodeError("seq %d rejected with code %d" % (seq, code))
    if len(stored) > STORED_MAX:
        raise EncodeError("%d ranges; the limit is %d" % (len(stored), STORED_MAX))
    for first, last in stored:
        if not upto < first <= last <= UINT32_MAX:
            raise EncodeError("seq %d..%d stored above %d" % (first, last, upto))
    return cbor.encode([WIRE_VERSION, boot, upto, [list(item) for item in rejections], [list(item) for item in stored]])


def decode(data: bytes) -> tuple:
    """Return (boot, upto, [(seq, code), ...]). Raises DecodeError."""
    return decode_all(data)[:3]


def decode_all(data: bytes) -> tuple:
    """Return (boot, upto, [(seq, code), ...], [(first_seq, last_seq), ...]). Raises DecodeError."""
    items = message(data, ACK_BYTES_MAX, WIRE_VERSION, 5, "acknowledgement")
    rejections = []
    for item in array(items, 3, REJECTIONS_MAX, "rejections"):
        if not isinstance(item, list) or len(item) < 2:
            raise DecodeError(MALFORMED, "a rejection is [seq, code]")
        rejections.append((uint(item, 0, UINT32_MAX, "seq", 1), uint(item, 1, UINT32_MAX, "code", 1)))
    upto = uint(items, 2, UINT32_MAX, "upto")
    stored = []
    for item in array(items, 4, STORED_MAX, "stored"):
        if not isinstance(item, list) or len(item) < 2:
            raise DecodeError(MALFORMED, "a stored range is [first_seq, last_seq]")
        first, last = uint(item, 0, UINT32_MAX, "first_seq", 1), uint(item, 1, UINT32_MAX, "last_seq", 1)
        if not upto < first <= last:
            raise DecodeError(IMPLAUSIBLE, "seq %d..%d stored above %d" % (first, last, upto))
        stored.append((first, last))
    return uint(items, 1, UINT32_MAX, "boot", 1), upto, rejections, stored
