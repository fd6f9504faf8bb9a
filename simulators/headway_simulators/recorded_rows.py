"""The rows of a recording in CSV: a header with `timestamp` and columns by their VSS names, or NREL's, then a sample a row.

Tolerant in a stated way: a cell that cannot be read makes that signal missing in that sample, a row without a usable
time is dropped; both are counted. A header that makes no recording is refused with the reason.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_signals import (
    ENGINE_RUNNING,
    KMH_PER_MPH,
    NREL_SPEED,
    POWER_OFF,
    POWER_ON,
    POWER_STATE,
    RPM,
    SPEED,
    SignalQuantum,
    SignalRow,
)
from headway_simulators.samples import UNKNOWN, Sample, quantize

_CKMH_MAX = 100_000  # passed on, so that the core counts it as out of range
_UNIX_SECONDS = re.compile(r"\d{1,11}(\.\d+)?")
_ISO_SECONDS = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_NO_NAME = re.compile(r"\d{4}|#|[^\x20-\x7e]")
_TRUE, _FALSE = {"true", "1"}, {"false", "0"}


def rows_in(data: bytes) -> Iterator[list[str]]:
    """Return the rows of a file's content, the header first."""
    # A StringIO would hold the text in four bytes a character.
    content = io.BytesIO(data.replace(b"\x00", b""))
    return csv.reader(io.TextIOWrapper(content, encoding="utf-8-sig", errors="replace", newline=""))


def header_of(rows: Iterator[list[str]]) -> list[str]:
    """Take the header from the rows: its names, none where there is no first line or one that cannot be read."""
    try:
        return [name.strip() for name in next(rows, [])]
    except csv.Error:  # a first line without end: said to be no header where it is judged
        return []


def samples_of(rows: Iterator[list[str]], source: str, problems: Counter[str]) -> Iterator[Sample]:
    """Yield the samples of CSV rows that begin with a header, counting in `problems` what cannot be understood.

    source: its name in messages. Raises SimulatorError if the header makes no recording; no rows at all are no samples.
    """
    header = next(rows, None)
    if header is None:
        return
    parse = row_parser([name.strip() for name in header], source)
    for row in _readable(rows, problems):
        sample = parse(row, problems)
        if sample is not None:
            yield sample


def signals_of(
    header: list[str],
    rows: Iterator[list[str]],
    wanted: Sequence[SignalQuantum],
    source: str,
    problems: Counter[str],
    utc_as_local: bool = True,
) -> Iterator[tuple[int, ...]]:
    """Return what `SignalRow` makes of each row under `header` of which `samples_of` makes a sample.

    source: its name in messages. problems: gets what of these signals was not understood. utc_as_local: as of `SignalRow`.
    Raises SimulatorError if the header makes no recording, ValueError for a quantum that is none.
    """
    time_column = row_parser(header, source).time_column
    return _signals_under(rows, time_column, SignalRow(header, wanted, utc_as_local), problems)


def _signals_under(
    rows: Iterator[list[str]], time_column: int, row_signals: SignalRow, problems: Counter[str]
) -> Iterator[tuple[int, ...]]:
    for row in _readable(rows, Counter()):
        if len(row) > time_column and _time_ms(row[time_column]) is not None:
            yield row_signals(row, problems)


def timed_rows(
    header: list[str], rows: Iterator[list[str]], source: str, problems: Counter[str]
) -> Iterator[tuple[int, list[str]]]:
    """Yield (Unix ms, cells) of the rows under `header` that have a usable time, counting in `problems` those without.

    source: its name in messages. Raises SimulatorError if the header makes no recording.
    """
    if not header:
        return
    time_column = row_parser(header, source).time_column
    for row in _readable(rows, problems):
        wall_ms = _time_ms(row[time_column]) if len(row) > time_column else None
        if wall_ms is None:
            problems["timestamp_unreadable"] += 1
        else:
            yield wall_ms, row


def _readable(rows: Iterator[list[str]], problems: Counter[str]) -> Iterator[list[str]]:
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            problems["row_unreadable"] += 1
            continue
        if row:
            yield row


def row_parser(header: list[str], source: str) -> "RowParser":
    """Return the parser for rows under `header`. Raises SimulatorError if the columns make no recording."""
    if "timestamp" not in header:
        raise SimulatorError(
            f"{source}: no column is named `timestamp`, so this is no recording (found: {_shown(header)}). "
            "The header needs `timestamp` and signals by their VSS names, for example Vehicle.Speed."
        )
    if SPEED not in header and NREL_SPEED not in header:
        raise SimulatorError(
            f"{source}: no column {SPEED} (km/h). Driving is computed from it; rename your speed column."
        )
    return RowParser(header)


def _shown(header: list[str]) -> str:
    # What is no header may be the beginning of a damaged tachograph file, whose numbers and names nobody may see.
    if len(header) < 2:
        return "a first line without a comma"
    if any(_NO_NAME.search(name) for name in header):
        return f"{len(header)} cells that look like no names"
    return ", ".join(header[:6])[:200]


class RowParser:
    """Turns the cells of one row into a sample, counting what it cannot understand.

    >>> parser = row_parser(["timestamp", "Vehicle.Speed"], "example")
    >>> problems = Counter()
    >>> parser(["2026-03-02T07:10:00.5Z", "36.5"], problems)
    Sample(wall_ms=1772435400500, speed_ckmh=3650, rpm=-1, ignition=-1)
    >>> parser(["1772435401", "fast"], problems), dict(problems)
    (Sample(wall_ms=1772435401000, speed_ckmh=-1, rpm=-1, ignition=-1), {'Vehicle.Speed_unreadable': 1})
    """

    def __init__(self, header: list[str]) -> None:
        index = {name: i for i, name in enumerate(header)}
        self.time_column = index["timestamp"]
        self._speed_name = SPEED if SPEED in index else NREL_SPEED
        self._speed = index[self._speed_name]
        self._quanta = 100.0 if self._speed_name == SPEED else 100.0 * KMH_PER_MPH
        self._rpm = index.get(RPM)
        self._power = index.get(POWER_STATE)
        self._running = index.get(ENGINE_RUNNING)
        self._columns = len(header)

    def __call__(self, row: list[str], problems: Counter[str]) -> Sample | None:
        """Return the sample of a row; None, counted in `problems`, when it has no usable time."""
        if len(row) < self._columns:
            problems["row_too_short"] += 1
            row = row + [""] * (self._columns - len(row))
        wall_ms = _time_ms(row[self.time_column])
        if wall_ms is None:
            problems["timestamp_unreadable"] += 1
            return None
        speed = _number(row[self._speed], self._quanta, _CKMH_MAX, self._speed_name, problems)
        rpm = UNKNOWN if self._rpm is None else _number(row[self._rpm], 1.0, 20_000, RPM, problems)
        return Sample(wall_ms, speed, rpm, self._ignition(row, problems))

    def _ignition(self, row: list[str], problems: Counter[str]) -> int:
        if self._power is not None and (cell := row[self._power].strip().upper()):
            if cell in POWER_OFF:
                return 0
            if cell in POWER_ON:
                return 1
            if cell != "UNDEFINED":
                problems[f"{POWER_STATE}_unreadable"] += 1
        if self._running is not None and (cell := row[self._running].strip().lower()):
            if cell in _TRUE:
                return 1
            if cell not in _FALSE:  # a stopped engine may be a start-stop system at a light: it says nothing
                problems[f"{ENGINE_RUNNING}_unreadable"] += 1
        return UNKNOWN


def _number(cell: str, quanta: float, maximum: int, name: str, problems: Counter[str]) -> int:
    if not cell or cell.isspace():
        return UNKNOWN
    try:
        value = quantize(float(cell), quanta, maximum)
    except ValueError:
        value = UNKNOWN
    if value == UNKNOWN:
        problems[f"{name}_unreadable"] += 1
    return value


def _time_ms(cell: str) -> int | None:
    cell = cell.strip()
    if _UNIX_SECONDS.fullmatch(cell):
        return int(float(cell) * 1000 + 0.5)
    if not _ISO_SECONDS.match(cell):
        return None
    try:
        moment = datetime.fromisoformat(cell)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)  # a time without a zone is taken as UTC, as NREL's
    return int(moment.timestamp() * 1000 + 0.5)
