"""CBOR diagnostic notation, for people. Apart from `headway_protocol.cbor`, because a microcontroller shows nothing."""

from headway_protocol.cbor import sorted_keys


def diagnostic(value: object) -> str:
    """Return `value` in CBOR diagnostic notation (RFC 8949, section 8), for people; control characters escaped.

    >>> print(diagnostic([1, b"\\x01\\xff", "km", None]))
    [1, h'01ff', "km", null]
    """
    if value is None:
        return "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (bytes, bytearray)):
        return "h'" + "".join("%02x" % b for b in value) + "'"
    if isinstance(value, str):
        return '"' + "".join([_escaped(character) for character in value]) + '"'
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join([diagnostic(item) for item in value]) + "]"
    if isinstance(value, dict):
        pairs = [diagnostic(key) + ": " + diagnostic(value[key]) for _, key in sorted_keys(value)]
        return "{" + ", ".join(pairs) + "}"
    return str(value)


def _escaped(character: str) -> str:
    if character in ("\\", '"'):
        return "\\" + character
    # What a peer sent is shown on terminals: neither line breaks nor escape sequences (C0, DEL, C1) may pass.
    if ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0:
        return "\\u%04x" % ord(character)
    return character
