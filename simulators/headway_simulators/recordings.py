"""Reads recorded trips: any CSV with a `timestamp` and columns named by COVESA VSS, and NREL's day files.

Tolerant in a stated way: a cell that cannot be read makes that signal missing in that sample, a row without a usable
time is dropped; both are counted and shown. A file that is no recording at all is refused with the reason.
"""

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

from headway_simulators.errors import SimulatorError
from headway_simulators.samples import UNKNOWN, Sample, quantize

SPEED = "Vehicle.Speed"
RPM = "Vehicle.Powertrain.CombustionEngine.Speed"
ENGINE_RUNNING = "Vehicle.Powertrain.CombustionEngine.IsRunning"
POWER_STATE = "Vehicle.LowVoltageSystemState"

_NREL_SPEED = "speed_mph"
_KMH_PER_MPH = 1.609344
_CKMH_MAX = 100_000  # passed on, so that the core counts it as out of range
_UNIX_SECONDS = re.compile(r"\d{1,11}(\.\d+)?")
_ISO_SECONDS = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_POWER_OFF = {"LOCK", "OFF", "ACC"}
_POWER_ON = {"ON", "START"}
_TRUE, _FALSE = {"true", "1"}, {"false", "0"}
_SNIFF_BYTES = 4096
_PERIOD_SAMPLES = 50


@dataclass
class Recording:
    """One file of samples.

    path: where it came from. samples: in the file's order, which the core checks. problems: rows dropped and cells not
    understood, by kind. period_ms: the median step of its beginning, 40..1000.
    """

    path: Path
    samples: list[Sample]
    problems: Counter[str] = field(default_factory=Counter)

    @property
    def period_ms(self) -> int:
        """The sampling period: the median of the first steps, held to what the core takes."""
        times = [sample.wall_ms for sample in self.samples[: _PERIOD_SAMPLES + 1]]
        steps = sorted(later - earlier for earlier, later in pairwise(times) if later > earlier)
        return min(max(steps[len(steps) // 2], 40), 1000) if steps else 1000


def read(path: Path) -> Recording:
    """Read one recording, CSV or CSV in gzip. Raises SimulatorError: missing, empty, binary, or no such columns."""
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except FileNotFoundError:
        raise SimulatorError(f"{path}: there is no such file. Check the name; `*` patterns are the shell's.") from None
    except IsADirectoryError:
        raise SimulatorError(f"{path} is a folder. Name its files, for example {path}/*.csv.") from None
    except (OSError, EOFError) as error:
        raise SimulatorError(f"{path} cannot be read: {error}. Check its permissions, or fetch it again.") from error
    if not data.strip():
        raise SimulatorError(f"{path} is empty. A recording needs a header line and samples.")
    if b"\x00" in data[:_SNIFF_BYTES]:
        raise SimulatorError(
            f"{path} is a binary file. Headway reads CSV (or CSV in gzip); export the recording as CSV."
        )
    problems: Counter[str] = Counter()
    text = data.decode("utf-8-sig", errors="replace").replace("\x00", "")
    samples = list(samples_of(csv.reader(io.StringIO(text, newline="")), str(path), problems))
    if not samples:
        raise SimulatorError(
            f"{path} has a header but no usable sample: {_tally(problems)}. Check the timestamp column."
        )
    return Recording(path, samples, problems)


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
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            problems["row_unreadable"] += 1
            continue
        sample = parse(row, problems) if row else None
        if sample is not None:
            yield sample


def row_parser(header: list[str], source: str) -> "RowParser":
    """Return the parser for rows under `header`. Raises SimulatorError if the columns make no recording."""
    if "timestamp" not in header:
        raise SimulatorError(
            f"{source}: no column is named `timestamp`, so this is no recording (found: {', '.join(header[:6])[:200]}). "
            "The header needs `timestamp` and signals by their VSS names, for example Vehicle.Speed."
        )
    if SPEED not in header and _NREL_SPEED not in header:
        raise SimulatorError(
            f"{source}: no column {SPEED} (km/h). Driving is computed from it; rename your speed column."
        )
    return RowParser(header)


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
        self._time = index["timestamp"]
        self._speed_name = SPEED if SPEED in index else _NREL_SPEED
        self._speed = index[self._speed_name]
        self._quanta = 100.0 if self._speed_name == SPEED else 100.0 * _KMH_PER_MPH
        self._rpm = index.get(RPM)
        self._power = index.get(POWER_STATE)
        self._running = index.get(ENGINE_RUNNING)
        self._columns = len(header)

    def __call__(self, row: list[str], problems: Counter[str]) -> Sample | None:
        """Return the sample of a row; None, counted in `problems`, when it has no usable time."""
        if len(row) < self._columns:
            problems["row_too_short"] += 1
            row = row + [""] * (self._columns - len(row))
        wall_ms = _time_ms(row[self._time])
        if wall_ms is None:
            problems["timestamp_unreadable"] += 1
            return None
        speed = _number(row[self._speed], self._quanta, _CKMH_MAX, self._speed_name, problems)
        rpm = UNKNOWN if self._rpm is None else _number(row[self._rpm], 1.0, 20_000, RPM, problems)
        return Sample(wall_ms, speed, rpm, self._ignition(row, problems))

    def _ignition(self, row: list[str], problems: Counter[str]) -> int:
        if self._power is not None and (cell := row[self._power].strip().upper()):
            if cell in _POWER_OFF:
                return 0
            if cell in _POWER_ON:
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
