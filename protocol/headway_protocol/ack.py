"""The application acknowledgement: what the server has committed, and what it will never accept.

    [version, boot, upto, [[seq, code], ...]]

`upto` is the highest seq of that boot below which nothing is missing: every record 1..upto is committed, or refused
for good, or declared lost by the device. A broker's PUBACK is not such a receipt: brokers acknowledge what an access rule
or a full queue then drops. Only this message lets a device forget.

>>> data = encode(3, 17, [(16, 1)])
>>> data.hex()
'8401031181821001'
>>> decode(data)
(3, 17, [(16, 1)])
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import MALFORMED
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import UINT32_MAX, array, message, uint

ACK_BYTES_MAX = 4096
REJECTIONS_MAX = 256  # of one message; the server sends further ones in further messages


def encode(boot: int, upto: int, rejections: list) -> bytes:
    """Return the bytes of an acknowledgement.

    boot: 1..2**32-1. upto: 0 (nothing yet) .. 2**32-1. rejections: [(seq, code), ...], both 1..2**32-1, at most
    REJECTIONS_MAX; a rejected seq may lie above upto. Raises EncodeError outside these.
    """
    if not 1 <= boot <= UINT32_MAX or not 0 <= upto <= UINT32_MAX or len(rejections) > REJECTIONS_MAX:
        raise EncodeError("boot %d, upto %d, %d rejections" % (boot, upto, len(rejections)))
    for seq, code in rejections:
        if not 1 <= seq <= UINT32_MAX or not 1 <= code <= UINT32_MAX:
            raise EncodeError("seq %d rejected with code %d" % (seq, code))
    return cbor.encode([WIRE_VERSION, boot, upto, [list(rejection) for rejection in rejections]])


def decode(data: bytes) -> tuple:
    """Return (boot, upto, [(seq, code), ...]). Raises DecodeError."""
    items = message(data, ACK_BYTES_MAX, WIRE_VERSION, 4, "acknowledgement")
    rejections = []
    for item in array(items, 3, REJECTIONS_MAX, "rejections"):
        if not isinstance(item, list) or len(item) < 2:
            raise DecodeError(MALFORMED, "a rejection is [seq, code]")
        rejections.append((uint(item, 0, UINT32_MAX, "seq", 1), uint(item, 1, UINT32_MAX, "code", 1)))
    return uint(items, 1, UINT32_MAX, "boot", 1), uint(items, 2, UINT32_MAX, "upto"), rejections
