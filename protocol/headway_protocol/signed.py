"""What a device obeys only when its server signed it: a statement, and who signed it.

    statement = [purpose, audience, version, not_after_s, body]           canonical CBOR
    envelope  = [2, algorithm, key_id, statement, signature]              the statement as a byte string

What is signed are the bytes of DOMAIN and then those of the statement, as they travel: nothing is encoded again to be verified,
so no two encoders need to agree. Unsigned messages begin with the wire's version 1, an envelope with 2 (`is_signed`); firmware
from before signatures refuses it as a newer version.

A receiver looks at the size, then at what finds the key, then at the signature; only then at what is said. Whether the version
is newer than the last one and whether it is too late is for the receiver, which keeps the one and has a clock for the other.

>>> def sealed(data):
...     return bytes([len(data)] * 64)
>>> data = make(OFFER, "depot-7/bus-0142", 7, 1790000000, b"body", (ED25519, b"key-id-8", sealed))
>>> opened(data, 1000, OFFER, "depot-7/bus-0142", lambda algorithm, key_id, data, signature: signature == sealed(data))
(7, 1790000000, b'body')
>>> opened(data, 1000, WIPE, "depot-7/bus-0142", lambda algorithm, key_id, data, signature: True)
Traceback (most recent call last):
...
headway_protocol.errors.DecodeError: signed for purpose 1; this is 2
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import MALFORMED
from headway_protocol.errors import DecodeError
from headway_protocol.fields import message, octets, text, uint
from headway_protocol.order_codes import FORGED, NOT_FOR_YOU

OFFER = 1  # body: as `headway_protocol.pack_offer`
WIPE = 2

ED25519 = 1  # RFC 8032, signature of 64 bytes
HMAC_SHA256 = 2  # RFC 2104 over FIPS 180-4, 32 bytes: for microcontrollers, with a key of the device's own

DOMAIN = b"headway signed 1\x00"  # so that no signature made for anything else is one of these
ENVELOPE_VERSION = 2
KEY_ID_BYTES = 8
OVERHEAD_BYTES = 256  # at most, of an envelope around its body
AUDIENCE_LENGTH_MAX = 65  # a group, a stroke, a device
TIME_S_MAX = 4102444800  # 2100-01-01T00:00:00Z, the latest time any clock of a device may say
VERSION_MAX = TIME_S_MAX  # versions follow Unix seconds: a higher one would shut out every later one

_SIGNATURE_BYTES_MAX = 64


def is_signed(data: bytes) -> bool:
    """Tell whether `data` begins as an envelope does: an array of at most 23 items of which the first is ENVELOPE_VERSION."""
    return _first_is(data, ENVELOPE_VERSION)


def _first_is(data: bytes, number: int) -> bool:
    return len(data) > 1 and data[0] >> 5 == 4 and data[1] == number


def make(purpose: int, audience: str, version: int, not_after_s: int, body: bytes, signer: tuple) -> bytes:
    """Return the bytes of an envelope; the arguments are as in `statement` and `sealed`."""
    return sealed(statement(purpose, audience, version, not_after_s, body), signer)


def statement(purpose: int, audience: str, version: int, not_after_s: int, body: bytes) -> bytes:
    """Return the bytes of a statement.

    purpose: one of the constants above. audience: "group/device". version: 1..VERSION_MAX, higher than those before.
    not_after_s: Unix seconds, 1..TIME_S_MAX, after which it is not to be taken any more. Raises DecodeError outside these.
    """
    data = cbor.encode([purpose, audience, version, not_after_s, body])
    read_statement(data)
    return data


def sealed(said: bytes, signer: tuple) -> bytes:
    """Return the envelope of a statement's bytes.

    signer: (algorithm, key_id of 8 bytes, function of the bytes to sign that returns the signature).
    """
    algorithm, key_id, sign = signer
    return joined(said, algorithm, key_id, sign(DOMAIN + said))


def joined(said: bytes, algorithm: int, key_id: bytes, signature: bytes) -> bytes:
    """Return the envelope of a statement's bytes that were signed before."""
    return cbor.encode([ENVELOPE_VERSION, algorithm, key_id, said, signature])


def parts(data: bytes, size_max: int) -> tuple:
    """Return (algorithm, key_id, statement, signature) of an envelope; nothing is verified. Raises DecodeError."""
    items = message(data, size_max, ENVELOPE_VERSION, 5, "signed message")
    return (
        uint(items, 1, 255, "algorithm", 1),
        octets(items, 2, KEY_ID_BYTES, "key id", KEY_ID_BYTES),
        octets(items, 3, size_max, "statement", 1),
        octets(items, 4, _SIGNATURE_BYTES_MAX, "signature", 1),
    )


def said_in(said: bytes, purpose: int, audience: str) -> tuple:
    """Return (version, not_after_s, body) of the bytes of a statement whose signature was verified.

    Raises DecodeError: NOT_FOR_YOU for what was signed for another purpose or another device.
    """
    items = read_statement(said)
    if items[0] != purpose:
        raise DecodeError(NOT_FOR_YOU, "signed for purpose %d; this is %d" % (items[0], purpose))
    if items[1] != audience:
        raise DecodeError(NOT_FOR_YOU, "signed for %s; this is %s" % (items[1], audience))
    return items[2], items[3], items[4]


def opened(data: bytes, size_max: int, purpose: int, audience: str, verify: object) -> tuple:
    """Return (version, not_after_s, body) of an envelope that is genuine and meant for this purpose and device.

    size_max: of the whole message, bytes. verify: function of (algorithm, key_id, signed bytes, signature) that tells whether
    a key with that id is held and the signature is this key's. Raises DecodeError: TOO_LARGE, MALFORMED, NEWER_VERSION,
    IMPLAUSIBLE, FORGED where `verify` says no, also of an unsigned message, NOT_FOR_YOU.
    """
    if len(data) <= size_max and _first_is(data, WIRE_VERSION):
        raise DecodeError(FORGED, "not signed")
    algorithm, key_id, said, signature = parts(data, size_max)
    if not verify(algorithm, key_id, DOMAIN + said, signature):  # type: ignore[operator]
        raise DecodeError(FORGED, "no key held here made the signature; it names key %s" % key_id.hex())
    return said_in(said, purpose, audience)


def read_statement(said: bytes) -> list:
    """Return [purpose, audience, version, not_after_s, body, ...] of a statement's bytes, whoever signed. Raises DecodeError."""
    items = cbor.decode(said)
    if not isinstance(items, list) or len(items) < 5:
        raise DecodeError(MALFORMED, "a statement is [purpose, audience, version, not_after_s, body]")
    uint(items, 0, 255, "purpose", 1)
    text(items, 1, AUDIENCE_LENGTH_MAX, "audience")
    uint(items, 2, VERSION_MAX, "version", 1)
    uint(items, 3, TIME_S_MAX, "not_after_s", 1)
    octets(items, 4, len(said), "body")
    return items
