"""A pack offered to a device: [version, compiled pack, catalogue], which is the body of a signed statement of purpose OFFER.

The envelope (`headway_protocol.signed`) is retained on the device's `pack` topic. A body by itself, unsigned, is read by its
first item, the version; devices refuse it.

The catalogue is JSON text with the names and words for people; it is no part of the definition and has no place in its
id. Whether the pack is one that may run is for the device's own check (`headway_edge.core.pack`) to say.

>>> decode(encode(b"pack", "{}"))
(b'pack', '{}')
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import TOO_LARGE
from headway_protocol.errors import DecodeError
from headway_protocol.fields import message, octets, text
from headway_protocol.signed import OVERHEAD_BYTES

PACK_BYTES_MAX = 8192
OFFER_BYTES_MAX = 65536  # of a message, with its signature
CATALOGUE_LENGTH_MAX = 48000


def encode(pack: bytes, catalogue: str) -> bytes:
    """Return the bytes of an offer. Raises DecodeError when a device would refuse it."""
    data = cbor.encode([WIRE_VERSION, pack, catalogue])
    if len(data) > OFFER_BYTES_MAX - OVERHEAD_BYTES:
        raise DecodeError(
            TOO_LARGE, "offer of %d bytes; the limit is %d" % (len(data), OFFER_BYTES_MAX - OVERHEAD_BYTES)
        )
    decode(data)
    return data


def decode(data: bytes) -> tuple:
    """Return (pack, catalogue). Raises DecodeError."""
    items = message(data, OFFER_BYTES_MAX, WIRE_VERSION, 3, "pack offer")
    return octets(items, 1, PACK_BYTES_MAX, "pack", 1), text(items, 2, CATALOGUE_LENGTH_MAX, "catalogue")
