"""The checks every decoded message goes through: one gate from bytes to fields."""

from headway_protocol import cbor
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED, NEWER_VERSION, TOO_LARGE
from headway_protocol.errors import DecodeError, EncodeError

UINT32_MAX = 0xFFFFFFFF
TIME_MS_MAX = 1 << 46  # year 4199; also keeps sums of times in 63 bits


def message(data: bytes, size_max: int, version: int, length_min: int, what: str) -> list:
    """Decode a versioned message: an array of at least `length_min` items that begins with its version.

    Items beyond those known are ignored: a newer peer may append fields, and the raw bytes are kept elsewhere.
    Raises DecodeError: TOO_LARGE, MALFORMED, or NEWER_VERSION when the first item is a higher version.
    """
    if len(data) > size_max:
        raise DecodeError(TOO_LARGE, "%s of %d bytes; the limit is %d" % (what, len(data), size_max))
    items = cbor.decode(data)
    if not isinstance(items, list) or not items:
        raise DecodeError(MALFORMED, "%s is not an array" % what)
    found = uint(items, 0, UINT32_MAX, what + " version")
    if found > version:
        raise DecodeError(NEWER_VERSION, "%s version %d; this side knows %d" % (what, found, version))
    if found != version:
        raise DecodeError(MALFORMED, "%s version %d never existed" % (what, found))
    if len(items) < length_min:
        raise DecodeError(MALFORMED, "%s has %d items, needs %d" % (what, len(items), length_min))
    return items


def uint(items: list, index: int, maximum: int, name: str, minimum: int = 0) -> int:
    """Return items[index] if it is an integer in minimum..maximum; raises MALFORMED (type) or IMPLAUSIBLE (range)."""
    value = items[index]
    if value is True or value is False or not isinstance(value, int):
        raise DecodeError(MALFORMED, "%s is not an integer" % name)
    if not minimum <= value <= maximum:
        raise DecodeError(IMPLAUSIBLE, "%s %d is not in %d..%d" % (name, value, minimum, maximum))
    return value


def integer(items: list, index: int, name: str) -> int:
    """Return items[index] if it is an integer, of either sign; raises MALFORMED."""
    value = items[index]
    if value is True or value is False or not isinstance(value, int):
        raise DecodeError(MALFORMED, "%s is not an integer" % name)
    return value


def octets(items: list, index: int, length_max: int, name: str, length_min: int = 0) -> bytes:
    """Return items[index] if it is a byte string of `length_min` to `length_max` bytes; raises MALFORMED."""
    value = items[index]
    if not isinstance(value, bytes) or not length_min <= len(value) <= length_max:
        raise DecodeError(MALFORMED, "%s is not a byte string of %d to %d bytes" % (name, length_min, length_max))
    return value


def text(items: list, index: int, length_max: int, name: str) -> str:
    """Return items[index] if it is text of at most `length_max` characters; raises MALFORMED."""
    value = items[index]
    if not isinstance(value, str) or len(value) > length_max:
        raise DecodeError(MALFORMED, "%s is not text of at most %d characters" % (name, length_max))
    return value


def array(items: list, index: int, length_max: int, name: str) -> list:
    """Return items[index] if it is an array of at most `length_max` items; raises MALFORMED."""
    value = items[index]
    if not isinstance(value, list) or len(value) > length_max:
        raise DecodeError(MALFORMED, "%s is not an array of at most %d items" % (name, length_max))
    return value


def check_length(body: list, length_min: int, what: str) -> None:
    """Raise MALFORMED for a record's body of fewer than `length_min` items; a newer peer may append more."""
    if len(body) < length_min:
        raise DecodeError(MALFORMED, "%s body has %d items, needs %d" % (what, len(body), length_min))


def readable(parse: object, body: list) -> list:
    """Return `body` if `parse` reads it; raises EncodeError for one that a receiver would refuse for good.

    So it is refused where it can still be mended.
    """
    try:
        parse(body)  # type: ignore[operator]
    except DecodeError as error:
        raise EncodeError(str(error))  # noqa: B904 - MicroPython does not chain
    return body
