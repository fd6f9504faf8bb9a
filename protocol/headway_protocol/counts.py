"""A run of non-negative integers as one compact byte string: varints with runs of zeros suppressed.

Most accumulators of a trip are small and many are zero (no time above 70 mph, no hard braking), so a trip's run of
numbers takes about half the bytes of a CBOR array. Inside the CBOR envelope it is one byte string; `headway record`
shows it as numbers again.

Form: a number > 0 is an unsigned LEB128 varint; a run of k zeros is the byte 0 followed by the varint k - 1; zeros at
the end are left out, and the reader, who knows how many numbers there are, puts them back. One sequence has one form.

>>> pack([3, 0, 0, 0, 300, 0]).hex()
'030002ac02'
>>> unpack(bytes([0x03, 0x00, 0x02, 0xAC, 0x02]), 6)
[3, 0, 0, 0, 300, 0]
"""

from headway_protocol import const
from headway_protocol.codes import MALFORMED
from headway_protocol.errors import DecodeError, EncodeError

_VARINT_BYTES_MAX = const(9)  # 63 bits: what fits a signed 64-bit column of a database
_ZEROS_MAX = const(4096)  # of one run


def pack(numbers: object) -> bytes:
    """Return `numbers` (iterable of int, each 0..2**63-1, at most 4096 zeros in a row) in their one compact form.

    Raises EncodeError outside it.
    """
    out = bytearray()
    zeros = 0
    for number in numbers:  # type: ignore[attr-defined]
        if not 0 <= number < (1 << 63):
            raise EncodeError("%d is not in 0..2**63-1" % number)
        if number == 0:
            zeros += 1
            continue
        if zeros:
            if zeros > _ZEROS_MAX:
                raise EncodeError("%d zeros in a row; the limit is %d" % (zeros, _ZEROS_MAX))
            out.append(0)
            _append_varint(out, zeros - 1)
            zeros = 0
        _append_varint(out, number)
    return bytes(out)


def _append_varint(out: bytearray, number: int) -> None:
    while number >= 0x80:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)


def unpack(data: bytes, length: int) -> list:
    """Return the `length` numbers that `data` stands for.

    Numbers beyond `length` (a newer device counts more things) are checked and dropped, and never held: a few bytes
    can stand for thousands of zeros. Raises DecodeError if `data` is not in the one form `pack` gives.
    """
    numbers = []  # type: list
    at = 0
    after_zeros = False
    while at < len(data):
        number, at = _read_varint(data, at)
        if number:
            if len(numbers) < length:
                numbers.append(number)
            after_zeros = False
            continue
        if after_zeros or at == len(data):
            raise DecodeError(MALFORMED, "counts: zeros in two runs, or at the end")
        zeros, at = _read_varint(data, at)
        if zeros >= _ZEROS_MAX or at == len(data):
            raise DecodeError(MALFORMED, "counts: a run of %d zeros, or zeros at the end" % (zeros + 1))
        numbers.extend([0] * min(zeros + 1, length - len(numbers)))
        after_zeros = True
    numbers.extend([0] * (length - len(numbers)))
    return numbers


def _read_varint(data: bytes, at: int) -> tuple:
    number = 0
    for i in range(_VARINT_BYTES_MAX):
        if at + i >= len(data):
            raise DecodeError(MALFORMED, "counts: ends inside a number")
        byte = data[at + i]
        number |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            if byte == 0 and i > 0:
                raise DecodeError(MALFORMED, "counts: a number is not in its shortest form")
            return number, at + i + 1
    raise DecodeError(MALFORMED, "counts: a number has more than 63 bits")
