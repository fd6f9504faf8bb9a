"""What must not leave, in every form that a number, a series or a text may take on the wire."""

import base64
import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

from headway_protocol import cbor, counts

_SERIES = 5  # values in a row that are taken for the series itself


def text_forms(text: str) -> Iterator[bytes]:
    """A text as it is, in other cases and encodings."""
    for one in (text, text.lower(), text.upper()):
        data = one.encode()
        yield from (data, one.encode("utf-16-le"), one.encode("utf-16-be"), data.hex().encode())
        yield base64.b64encode(data)[:-4]


def number_forms(value: float, quantum: float) -> Iterator[bytes]:
    """A number that nobody meets by chance: as text, in quanta as integers of 4 and 8 bytes and varints, and as floats."""
    quanta = round(value / quantum)
    for number in (quanta, quanta * 10):
        yield f"{number}".encode()
        for form in ("i", "q"):
            yield from (struct.pack(f">{form}", number), struct.pack(f"<{form}", number))
        zigzag = 2 * number if number >= 0 else -2 * number - 1
        yield from (_varint(abs(number)), _varint(zigzag))
    yield f"{value:.5f}".encode()
    for form in ("f", "d"):
        yield from (struct.pack(f">{form}", value), struct.pack(f"<{form}", value))


def _varint(number: int) -> bytes:
    return counts.pack([number])


def series_forms(values: Sequence[int]) -> Iterator[bytes]:
    """Every few values in a row, at least three of them different, and their differences, in every form."""
    for at in range(len(values) - _SERIES + 1):
        run = list(values[at : at + _SERIES])
        if len(set(run)) >= 3 and all(run):
            yield from _run_forms(run)
        steps = [after - before for before, after in pairwise(values[at : at + 2 * _SERIES])]
        if len(set(steps)) >= _SERIES and all(-128 <= step < 128 for step in steps):
            yield bytes(step & 0xFF for step in steps)
            yield b"".join(_varint(2 * step if step >= 0 else -2 * step - 1) for step in steps)


def _run_forms(run: list[int]) -> Iterator[bytes]:
    yield b"".join(map(_varint, run))
    yield b"".join(_varint(2 * number) for number in run)
    yield b"".join(map(cbor.encode, run))
    if max(run) < 256:
        yield bytes(run)
    for form in ("H", "I", "Q", "f", "d"):
        for order in "<>":
            yield b"".join(struct.pack(f"{order}{form}", number) for number in run)
    for joint in (",", ", ", " ", ";"):
        yield joint.join(map(str, run)).encode()


def found_in(data: bytes, forms: Iterable[bytes]) -> list[bytes]:
    """Return which forms occur in `data`."""
    return [form for form in forms if form in data]
