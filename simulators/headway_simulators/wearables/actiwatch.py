"""Reads activity counts of Actiwatches: the raw `.AWD` file, and the export of Actiware in CSV (French, as far as seen).

Times in these files are local, without a zone: they are taken as they stand. A count that is no number is missing.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from headway_simulators.errors import SimulatorError
from headway_simulators.wearables.epoch_recording import ACTIVITY, LOCAL_MINUTE, EpochRecording, at, local_minute

_EPOCH_CODE_MS = 15_000  # the fourth line of an AWD file: 1 is 15 s, 2 is 30 s, 4 is a minute
_AWD_HEADER = 7
_AWD_DATE = "%d-%b-%Y %H:%M"
_AWD_COUNT = re.compile(r"\s*(\d+)\s*M?\s*")  # an M marks that the wearer pressed the button
_ROW_HEADER = ["Ligne", "Secondes", "Date", "Heure", "Activité"]
SCORE = "Actiware.Wake"  # 1 awake, 0 asleep, as Actiware scored it: for comparison, no pack reads it


def recognizes_awd(text: str) -> bool:
    """Whether a text is an AWD file: a name, a date and a time, a code for the epoch, three lines, and counts."""
    lines = text.splitlines()[: _AWD_HEADER + 1]
    return len(lines) > _AWD_HEADER and _awd_start(lines) is not None and lines[3].strip() in {"1", "2", "4"}


def read_awd(path: Path, text: str) -> EpochRecording:
    """Return the epochs of an AWD file.

    Studies shift dates for privacy, also to before 1970, which no record's time can be: those are moved on by 28 years, which
    keeps the weekdays, until they are not.
    """
    lines = text.splitlines()
    start = _awd_start(lines)
    if start is None:
        raise SimulatorError(f"{path}: no AWD file: lines 2 and 3 are no date and time.")
    epoch_ms = _EPOCH_CODE_MS * int(lines[3])
    found = EpochRecording(path, [], columns=frozenset({ACTIVITY, LOCAL_MINUTE}), epoch_ms=epoch_ms)
    for index, line in enumerate(lines[_AWD_HEADER:]):
        if not line.strip():
            continue
        match = _AWD_COUNT.fullmatch(line)
        _add(found, start + index * epoch_ms, float(match[1]) if match else None)
    return found


def _awd_start(lines: list[str]) -> int | None:
    try:
        moment = datetime.strptime(f"{lines[1].strip()} {lines[2].strip()}", _AWD_DATE).replace(tzinfo=UTC)
        while moment.year < 1970:
            moment = moment.replace(year=moment.year + 28)
    except ValueError:
        return None
    return _local_ms(moment)


def recognizes_export(text: str) -> bool:
    """Whether a text, or its beginning, is of an export of Actiware."""
    return "Actiware" in text[:200]


def read_export(path: Path, text: str) -> EpochRecording:
    """Return the epochs of an export, with Actiware's own score of each beside the counts."""
    rows = iter(csv.reader(text.splitlines()))
    for row in rows:
        if row[:5] == _ROW_HEADER and len(row) > 8:
            return _exported(path, rows)
    raise SimulatorError(f"{path}: no table of epochs; export the data of each epoch as well.")


def _exported(path: Path, rows: Iterable[list[str]]) -> EpochRecording:
    problems: Counter[str] = Counter()
    found = EpochRecording(path, [], problems, frozenset({ACTIVITY, LOCAL_MINUTE, SCORE}))
    for row in rows:
        if len(row) <= 8 or not row[0].isdigit():
            continue
        try:
            moment = datetime.strptime(f"{row[2]} {row[3]}", "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC)
        except ValueError:
            problems["timestamp_unreadable"] += 1
            continue
        _add(found, _local_ms(moment), float(row[4]) if row[4].isdigit() else None)
        if row[7] in {"0", "1"}:
            found.rows[-1][SCORE] = float(row[7])
    if len(found.samples) > 1:
        found.epoch_ms = found.samples[1].wall_ms - found.samples[0].wall_ms
    return found


def _add(found: EpochRecording, local_ms: int, count: float | None) -> None:
    found.samples.append(at(local_ms))
    found.rows.append({LOCAL_MINUTE: local_minute(local_ms)} | ({} if count is None else {ACTIVITY: count}))


def _local_ms(moment: datetime) -> int:
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1000
