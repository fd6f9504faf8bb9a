"""A device's presence, retained on its `state` topic: [version, boot, online, [[boot, last_seq], ...]].

`online = false` is left as the last will when the device connects. After a fast reconnect the broker may deliver the
will of the connection before; its boot number, lower than the one the server has seen, tells that it is stale.

The list says how far the device's newest boots had come when it connected. A server that was restored from a backup
compares it with what it has and knows what to ask for, although it acknowledged all of it once.

>>> decode(encode(3, True, [(3, 17), (2, 40)]))
(3, True, [(3, 17), (2, 40)])
>>> decode(encode(3, False))
(3, False, [])
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import MALFORMED
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import UINT32_MAX, array, message, uint

STATE_BYTES_MAX = 128
ENDS_MAX = 8


def encode(boot: int, online: bool, ends: "list | tuple" = ()) -> bytes:
    """Return the bytes of a presence message.

    boot: 1..2**32-1. ends: [(boot, last_seq), ...], both 1..2**32-1, of at most ENDS_MAX boots that made a record, newest
    first. Raises EncodeError outside these.
    """
    if not 1 <= boot <= UINT32_MAX or (online is not True and online is not False):
        raise EncodeError("boot %d, online %r" % (boot, online))
    if len(ends) > ENDS_MAX:
        raise EncodeError("the ends of %d boots; the limit is %d" % (len(ends), ENDS_MAX))
    for its_boot, last_seq in ends:
        if not 1 <= its_boot <= UINT32_MAX or not 1 <= last_seq <= UINT32_MAX:
            raise EncodeError("boot %d ends at seq %d" % (its_boot, last_seq))
    return cbor.encode([WIRE_VERSION, boot, online, [[its_boot, last_seq] for its_boot, last_seq in ends]])


def decode(data: bytes) -> tuple:
    """Return (boot, online, ends). Raises DecodeError."""
    items = message(data, STATE_BYTES_MAX, WIRE_VERSION, 4, "state")
    if items[2] is not True and items[2] is not False:
        raise DecodeError(MALFORMED, "online is neither true nor false")
    ends = []
    for item in array(items, 3, ENDS_MAX, "ends"):
        if not isinstance(item, list) or len(item) < 2:
            raise DecodeError(MALFORMED, "an end is [boot, last_seq]")
        ends.append((uint(item, 0, UINT32_MAX, "boot", 1), uint(item, 1, UINT32_MAX, "last_seq", 1)))
    return uint(items, 1, UINT32_MAX, "boot", 1), items[2], ends
