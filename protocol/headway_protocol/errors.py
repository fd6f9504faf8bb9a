"""The two ways a message can be wrong: we built it wrong, or the peer (or the medium) did.

ProtocolError
 ├── EncodeError   a caller's mistake: a value out of its range, a type the wire does not carry
 └── DecodeError   the bytes received are not a message; `code` is one of `headway_protocol.codes`

>>> try:
...     raise DecodeError(MALFORMED, "no bytes")
... except ProtocolError as e:
...     print(e.code, e)
1 no bytes
"""

from headway_protocol.codes import MALFORMED


class ProtocolError(Exception):
    """Base of both; catch it to survive any message."""

    code = MALFORMED


class EncodeError(ProtocolError):
    """The caller asked for bytes that the protocol does not allow."""


class DecodeError(ProtocolError):
    """The bytes received are refused.

    code: stable reason, sent back in an acknowledgement (`headway_protocol.codes`).
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)  # MicroPython has no Exception.__init__ to call by name
        self.code = code
