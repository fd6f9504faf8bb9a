"""Reads recorded trips: any CSV with a `timestamp` and columns named by COVESA VSS, NREL's day files, digital tachographs'.

Tolerant in a stated way: a cell that cannot be read makes that signal missing in that sample, a row without a usable
time is dropped; both are counted and shown. A file that is no recording at all is refused with the reason.
"""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, pairwise
from pathlib import Path

from headway_simulators import tachograph
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
    vss_names,
)
from headway_simulators.samples import UNKNOWN, Sample, quantize

_CKMH_MAX = 100_000  # passed on, so that the core counts it as out of range
_UNIX_SECONDS = re.compile(r"\d{1,11}(\.\d+)?")
_ISO_SECONDS = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_NO_NAME = re.compile(r"\d{4}|#|[^\x20-\x7e]")
_TRUE, _FALSE = {"true", "1"}, {"false", "0"}
_SNIFF_BYTES = 4096
_PERIOD_SAMPLES = 50


@dataclass
class Recording:
    """One file of samples.

    path: where it came from. samples: in the file's order, which the core checks. problems: rows dropped and cells not
    understood, by kind. columns: the VSS names that `signals` finds in it. content_sha256: of the file's content as it
    was read, decompressed; empty for a recording that was put together otherwise.
    """

    path: Path
    samples: list[Sample]
    problems: Counter[str] = field(default_factory=Counter)
    columns: frozenset[str] = frozenset()
    content_sha256: bytes = field(default=b"", repr=False)

    @property
    def period_ms(self) -> int:
        """The sampling period: the median of the first steps, held to what the core takes."""
        times = [sample.wall_ms for sample in self.samples[: _PERIOD_SAMPLES + 1]]
        steps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
        return min(max(steps[len(steps) // 2], 40), 1000) if steps else 1000

    def signals(self, wanted: Sequence[SignalQuantum], problems: Counter[str]) -> Iterator[tuple[int, ...]]:
        """Yield for each sample, in the same order and number, one integer for each signal that is asked for.

        wanted: VSS names with their quanta. An integer counts quanta; it is MISSING (-2^29) where the file has nothing, or
        nothing usable. problems: gets, when the iterator ends, what of these signals was not understood and is not in
        `Recording.problems` yet; it may be that very counter.

        The file is read a second time rather than kept: recordings replayed without a pack pay nothing, and positions and
        names that a file has beside its samples stay in the file. Its text is held while the iterator lives.
        Raises SimulatorError if the file can no longer be read or is another one by now, ValueError for no quantum.
        """
        if not self.content_sha256:
            raise SimulatorError(
                f"{self.path}: this recording was put together from others and has samples only. "
                "Ask the recordings it was made of for their signals."
            )
        if not self.path.is_file():
            raise SimulatorError(
                f"{self.path} cannot be read a second time, which signals need: it is gone or no ordinary file. "
                "Save the recording in a file and read that."
            )
        data = _content(self.path)
        if hashlib.sha256(data).digest() != self.content_sha256:
            raise SimulatorError(f"{self.path} has changed since its samples were read. Read it again.")
        seen: Counter[str] = Counter()
        if tachograph.recognizes(data):
            return self._counted(tachograph.signals(data, wanted, seen), seen, problems)
        rows = _rows(data)
        header = _header(rows)
        time_column = row_parser(header, str(self.path)).time_column
        return self._counted(_signals_under(rows, time_column, SignalRow(header, wanted), seen), seen, problems)

    def _counted(
        self, rows: Iterator[tuple[int, ...]], seen: Counter[str], problems: Counter[str]
    ) -> Iterator[tuple[int, ...]]:
        try:
            yield from rows
        finally:
            problems.update(seen - self.problems)  # only what is more


def read(path: Path) -> Recording:
    """Read one recording: CSV, a digital tachograph's file, or a wearable's epochs, also in gzip; the content says which.

    Of a wearable's file with several persons, `FILE#PERSON` is one. Raises SimulatorError: missing, empty, binary, no such
    columns, no usable sample, no such person.
    """
    # Imported here: those readers build on this module.
    from headway_simulators.wearables import reading  # noqa: PLC0415

    file, sign, person = str(path).rpartition("#")
    is_person = bool(sign) and not path.exists() and Path(file).exists()
    data = _content(Path(file) if is_person else path)
    if not data.strip():
        raise SimulatorError(f"{path} is empty. A recording needs a header line and samples.")
    if is_person or reading.recognized(data) is not None:
        return reading.recording_of(Path(file) if is_person else path, data, person if is_person else "")
    problems: Counter[str] = Counter()
    if tachograph.recognizes(data):
        columns, samples, hint = tachograph.SIGNALS, list(tachograph.samples(data, problems)), "Fetch the file again."
    elif b"\x00" in data[:_SNIFF_BYTES]:
        raise SimulatorError(
            f"{path} is a binary file. Headway reads CSV (or CSV in gzip); export the recording as CSV."
        )
    else:
        rows = _rows(data)
        header = _header(rows)
        columns, hint = vss_names(header), "Check the timestamp column."
        samples = list(samples_of(chain([header], rows), str(path), problems))
    if not samples:
        raise SimulatorError(f"{path} has a header but no usable sample: {_tally(problems)}. {hint}")
    return Recording(path, samples, problems, columns, hashlib.sha256(data).digest())


def _content(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except FileNotFoundError:
        raise SimulatorError(f"{path}: there is no such file. Check the name; `*` patterns are the shell's.") from None
    except IsADirectoryError:
        raise SimulatorError(f"{path} is a folder. Name its files, for example {path}/*.csv.") from None
    except (OSError, EOFError, zlib.error) as error:
        raise SimulatorError(f"{path} cannot be read: {error}. Check its permissions, or fetch it again.") from error


def _rows(data: bytes) -> Iterator[list[str]]:
    # A StringIO would hold the text in four bytes a character.
    content = io.BytesIO(data.replace(b"\x00", b""))
    return csv.reader(io.TextIOWrapper(content, encoding="utf-8-sig", errors="replace", newline=""))


def _header(rows: Iterator[list[str]]) -> list[str]:
    try:
        return [name.strip() for name in next(rows, [])]
    except csv.Error:  # a first line without end: no header, and said to be none where it is judged
        return []


def _signals_under(
    rows: Iterator[list[str]], time_column: int, signals_of: SignalRow, problems: Counter[str]
) -> Iterator[tuple[int, ...]]:
    for row in _readable(rows, Counter()):
        if len(row) > time_column and _time_ms(row[time_column]) is not None:
            yield signals_of(row, problems)


def _tally(problems: Counter[str]) -> str:
    return ", ".join(f"{kind} {count}" for kind, count in sorted(problems.items())) or "nothing after the header"


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
