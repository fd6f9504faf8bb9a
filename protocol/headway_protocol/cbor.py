"""Canonical CBOR (RFC 8949, section 4.2), restricted to what this protocol uses.

Integers of up to 64 bits, byte strings, text, arrays, maps (keys: integers, text), booleans and null. The decoder
accepts exactly the bytes the encoder makes: shortest heads, definite lengths, sorted and unique map keys, no floats,
no tags. So two different byte strings are always two different values, and a content hash identifies content.

Why not a library: `cbor2` does not run on MicroPython; micropython-lib's port of it neither refuses non-canonical
input nor bounds depth and count, which is what keeps a hostile 40-byte message from taking a band's whole heap.
The tests hold this file against `cbor2` in both directions.

>>> encode([1, b"\\x00", "km", None, -500]).hex()
'85014100626b6df63901f3'
>>> decode(bytes([0x82, 0x01, 0xF5]))
[1, True]
>>> decode(bytes([0x18, 0x01]))
Traceback (most recent call last):
...
headway_protocol.errors.DecodeError: byte 0: 1 is not in its shortest form
"""

from headway_protocol import const
from headway_protocol.codes import MALFORMED
from headway_protocol.errors import DecodeError, EncodeError

MAX_DEPTH = 8
MAX_ITEMS = 4096  # of one array or map: a benchmark of 12 characteristics has about 600 numbers in all

_UINT = const(0)
_NEGATIVE = const(1)
_BYTES = const(2)
_TEXT = const(3)
_ARRAY = const(4)
_MAP = const(5)
_SIMPLE = const(7)
_INTEGER_LIMIT = const(1 << 64)


def encode(value: object, depth_max: int = MAX_DEPTH) -> bytes:
    """Return the one canonical encoding of `value`.

    value: int in -2**64..2**64-1, bool, None, bytes, str, list, tuple or dict (keys: int, str) of these, with at most
    depth_max arrays and maps around an item.
    Raises EncodeError for anything else, floats included.
    """
    out = bytearray()
    _append(out, value, depth_max)
    return bytes(out)


def _append(out: bytearray, value: object, depth: int) -> None:
    # `depth` counts down: how many levels are still allowed below.
    if depth < 0:
        raise EncodeError("nested too deeply")
    # bool before int: on CPython True is an int, on MicroPython it is not.
    if value is None:
        out.append(0xF6)
    elif value is True:
        out.append(0xF5)
    elif value is False:
        out.append(0xF4)
    elif isinstance(value, int):
        _append_integer(out, value)
    elif isinstance(value, (bytes, bytearray)):
        _append_head(out, _BYTES, len(value))
        out.extend(value)
    elif isinstance(value, str):
        _append_text(out, value)
    elif isinstance(value, (list, tuple)):
        _check_count(len(value))
        _append_head(out, _ARRAY, len(value))
        if depth == 0 and value:
            raise EncodeError("nested too deeply")
        for item in value:
            if type(item) is int:  # as most are: one call for each, not two
                _append_integer(out, item)
            else:
                _append(out, item, depth - 1)
    elif isinstance(value, dict):
        _check_count(len(value))
        _append_head(out, _MAP, len(value))
        for encoded, key in sorted_keys(value):
            out.extend(encoded)
            _append(out, value[key], depth - 1)
    else:
        raise EncodeError("the wire does not carry %r" % (type(value),))


def _append_text(out: bytearray, text: str) -> None:
    try:
        raw = text.encode("utf-8")
    except UnicodeError:
        raise EncodeError("text is not Unicode")  # noqa: B904 - MicroPython does not chain
    # MicroPython encodes what CPython refuses, for example half of a surrogate pair.
    if not _is_utf8(raw):
        raise EncodeError("text is not Unicode")
    _append_head(out, _TEXT, len(raw))
    out.extend(raw)


def _is_key(value: object) -> bool:
    # True == 1 and, on MicroPython, comparing b"a" with "a" is warned of: as keys of one dict they would be confused.
    return value is not True and value is not False and isinstance(value, (int, str))


def sorted_keys(value: dict) -> list:
    """Return [(encoded key, key), ...] of a map in canonical order. Raises EncodeError for a key that the wire does not carry."""
    for key in value:
        if not _is_key(key):
            raise EncodeError("a map key is neither an integer nor text: %r" % (type(key),))
    # Encoded keys are unique, so the order is total: MicroPython's sort is not stable.
    return sorted((encode(key), key) for key in value)


def _check_count(count: int) -> None:
    if count > MAX_ITEMS:
        raise EncodeError("%d items; the limit is %d" % (count, MAX_ITEMS))


def _append_integer(out: bytearray, value: int) -> None:
    if 0 <= value < 24:
        out.append(value)
    elif not -_INTEGER_LIMIT <= value < _INTEGER_LIMIT:
        raise EncodeError("%d does not fit in 64 bits" % value)
    elif value >= 0:
        _append_head(out, _UINT, value)
    else:
        _append_head(out, _NEGATIVE, -1 - value)


def _append_head(out: bytearray, major: int, argument: int) -> None:
    first = major << 5
    if argument < 24:
        out.append(first | argument)
    elif argument < 0x100:
        out.append(first | 24)
        out.append(argument)
    elif argument < 0x10000:
        out.append(first | 25)
        out.append(argument >> 8)
        out.append(argument & 0xFF)
    elif argument < 0x100000000:
        out.append(first | 26)
        out.extend(argument.to_bytes(4, "big"))
    else:
        out.append(first | 27)
        out.extend(argument.to_bytes(8, "big"))


def decode(data: bytes, depth_max: int = MAX_DEPTH) -> object:
    """Return the value whose canonical encoding is exactly `data`, with at most depth_max arrays and maps around an item.

    Raises DecodeError (code MALFORMED, the byte's position in the text) for anything else, in time linear in len(data).
    """
    value, end = item(data, 0, depth_max)
    check_end(data, end)
    return value


def check_end(data: bytes, end: int) -> None:
    """Raise DecodeError if there is anything in `data` from byte `end` on."""
    if end != len(data):
        raise _malformed(end, "%d bytes after the value" % (len(data) - end))


def _malformed(position: int, text: str) -> DecodeError:
    return DecodeError(MALFORMED, "byte %d: %s" % (position, text))


def first_items(data: bytes, count: int) -> list:
    """Return the first `count` items of the array that `data` begins with, whatever comes after them.

    For a message that is refused and must still be answered. Raises DecodeError if they cannot be read.
    """
    major, length, at = _read_head(data, 0)
    if major != _ARRAY or length < count:
        raise _malformed(0, "not an array of %d items" % count)
    items = []
    for _ in range(count):
        value, at = item(data, at, MAX_DEPTH - 1)
        items.append(value)
    return items


def array_head(data: bytes, at: int) -> "tuple | None":
    """Return (number of items, where the first is) of the array at byte `at`; None if there is no array.

    Raises DecodeError for what cannot be an array of this data; its items are not looked at.
    """
    major, count, begin = _read_head(data, at)
    if major != _ARRAY:
        return None
    _check_fits(data, at, count, begin)
    return count, begin


def _check_fits(data: bytes, at: int, count: int, begin: int) -> None:
    # Each item takes a byte at least: a count beyond the bytes left is refused before anything is allocated.
    if count > MAX_ITEMS or count > len(data) - begin:
        raise _malformed(at, "%d items do not fit" % count)


def _read_head(data: bytes, at: int) -> tuple:
    if at >= len(data):
        raise _malformed(at, "ends early")
    first = data[at]
    major, info = first >> 5, first & 0x1F
    if info < 24:
        return major, info, at + 1
    if info > 27:
        raise _malformed(at, "indefinite or reserved length")
    width = 1 << (info - 24)
    end = at + 1 + width
    if end > len(data):
        raise _malformed(at, "ends early")
    argument = int.from_bytes(data[at + 1 : end], "big")
    if major != _SIMPLE and argument < (24 if width == 1 else 1 << (4 * width)):
        raise _malformed(at, "%d is not in its shortest form" % argument)
    return major, argument, end


def item(data: bytes, at: int, depth: int) -> tuple:
    """Return (value, end) of the item at byte `at`, with at most `depth` arrays and maps around an item in it.

    For data too large to be held decoded. Raises DecodeError as `decode` does, but for what comes after the item.
    """
    if depth < 0:
        raise _malformed(at, "nested too deeply")
    start = at
    major, argument, at = _read_head(data, at)
    if major == _UINT:
        return argument, at
    if major == _NEGATIVE:
        return -1 - argument, at
    if major == _BYTES or major == _TEXT:  # noqa: PLR1714 - a tuple would be built on each call on MicroPython
        end = at + argument
        if end > len(data):
            raise _malformed(start, "a string of %d bytes does not fit" % argument)
        raw = bytes(data[at:end])
        if major == _BYTES:
            return raw, end
        if not _is_utf8(raw):
            raise _malformed(start, "text is not UTF-8")
        return str(raw, "utf-8"), end
    if major == _ARRAY or major == _MAP:  # noqa: PLR1714
        _check_fits(data, start, argument, at)
        if major == _ARRAY:
            if depth == 0 and argument:
                raise _malformed(at, "nested too deeply")
            items = []
            size = len(data)
            for _ in range(argument):
                if at < size and data[at] < 0x40:  # an integer, as most are: one call, not two
                    major, value, at = _read_head(data, at)
                    items.append(value if major == _UINT else -1 - value)
                else:
                    value, at = item(data, at, depth - 1)
                    items.append(value)
            return items, at
        return _read_map(data, at, argument, depth)
    if major == _SIMPLE and at == start + 1:
        if argument == 20 or argument == 21:  # noqa: PLR1714
            return argument == 21, at
        if argument == 22:
            return None, at
    raise _malformed(start, "floats, tags and other simple values are not carried")


def _read_map(data: bytes, at: int, count: int, depth: int) -> tuple:
    pairs = {}
    last = b""
    for _ in range(count):
        start = at
        key, at = item(data, at, depth - 1)
        encoded = bytes(data[start:at])
        if encoded <= last:
            raise _malformed(start, "map keys are not sorted and unique")
        last = encoded
        if not _is_key(key):
            raise _malformed(start, "a map key is neither an integer nor text")
        pairs[key], at = item(data, at, depth - 1)
    return pairs, at


def _is_utf8(raw: bytes) -> bool:
    # RFC 3629. By hand, because MicroPython lets overlong forms, surrogates and code points over 10FFFF pass:
    # a device would then read what the server refuses.
    at, end = 0, len(raw)
    while at < end:
        first = raw[at]
        at += 1
        if first < 0x80:
            continue
        low, high = 0x80, 0xBF  # of the second byte
        if 0xC2 <= first <= 0xDF:
            more = 1
        elif 0xE0 <= first <= 0xEF:
            more = 2
            if first == 0xE0:
                low = 0xA0
            elif first == 0xED:
                high = 0x9F
        elif 0xF0 <= first <= 0xF4:
            more = 3
            if first == 0xF0:
                low = 0x90
            elif first == 0xF4:
                high = 0x8F
        else:
            return False
        if at + more > end or not low <= raw[at] <= high:
            return False
        for i in range(at + 1, at + more):
            if not 0x80 <= raw[i] <= 0xBF:
                return False
        at += more
    return True
