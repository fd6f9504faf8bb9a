"""A device's presence, retained on its `state` topic: [version, boot, online].

`online = false` is left as the last will when the device connects. After a fast reconnect the broker may deliver the
will of the connection before; its boot number, lower than the one the server has seen, tells that it is stale.

>>> decode(encode(3, True))
(3, True)
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import MALFORMED
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import UINT32_MAX, message, uint


def encode(boot: int, online: bool) -> bytes:
    """Return the bytes of a presence message; boot in 1..2**32-1, else EncodeError."""
    if not 1 <= boot <= UINT32_MAX or (online is not True and online is not False):
        raise EncodeError("boot %d, online %r" % (boot, online))
    return cbor.encode([WIRE_VERSION, boot, online])


def decode(data: bytes) -> tuple:
    """Return (boot, online). Raises DecodeError."""
    items = message(data, 64, WIRE_VERSION, 3, "state")
    if items[2] is not True and items[2] is not False:
        raise DecodeError(MALFORMED, "online is neither true nor false")
    return uint(items, 1, UINT32_MAX, "boot", 1), items[2]
