"""Finds the reader for a service's log, and reads it with progress: CSV or XES, also in gzip; the content says which."""

import gzip
import io
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from headway_simulators.costing import csv_log, xes_log
from headway_simulators.costing.event_log import EventLog, FactorName
from headway_simulators.errors import SimulatorError

_GZIP = b"\x1f\x8b"
_HEAD_BYTES = 512
_LINE_MAX = 1 << 20
_TELL_LINES = 1000
Tell = Callable[[int, int], None]


def read(
    path: Path, factors: list[FactorName], customer: str = "customer", tell: Tell = lambda _done, _of: None
) -> EventLog:
    """Return the log of a file.

    factors: attributes of an XES log that are factors; a CSV says so itself, in the names of its columns. customer: the
    attribute of an XES log that names the customer. tell: called now and then with (bytes read, bytes in all).
    Raises SimulatorError when the file cannot be read or is no log.
    """
    try:
        with path.open("rb") as raw:
            size = os.fstat(raw.fileno()).st_size
            packed = raw.peek(2)[:2] == _GZIP
            file = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
            head = io.BufferedReader(cast("io.RawIOBase", file)) if packed else raw
            start = head.peek(_HEAD_BYTES)[:_HEAD_BYTES].lstrip(b"\xef\xbb\xbf \t\r\n")
            if not start:
                raise SimulatorError(f"{path} is empty.")
            if start.startswith(b"<"):
                return xes_log.read(path, cast("BinaryIO", head), factors, customer, lambda: tell(raw.tell(), size))
            if b"\0" in start:
                raise SimulatorError(f"{path} is no text. A log is CSV or XES, plain or in gzip.")
            if factors:
                raise SimulatorError(
                    f"{path} is CSV: its factors are its columns factor:CLASS:NAME; --factor is for XES attributes."
                )
            return csv_log.read(path, _lines(path, cast("BinaryIO", head), lambda: tell(raw.tell(), size)))
    except (OSError, EOFError, zlib.error) as error:
        raise SimulatorError(f"{path} cannot be read: {error}.") from None


def _lines(path: Path, file: BinaryIO, tell: Callable[[], None]) -> Iterator[str]:
    # None of them longer than memory should bear; what is not UTF-8 is replaced.
    number = 0
    while line := file.readline(_LINE_MAX):
        number += 1
        if len(line) == _LINE_MAX:
            raise SimulatorError(f"{path}, line {number} is longer than {_LINE_MAX} bytes. Is it CSV?")
        if number % _TELL_LINES == 0:
            tell()
        yield line.decode("utf-8", "replace")
