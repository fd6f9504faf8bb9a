"""Reads the plain form of a wearable's recording: a CSV with `timestamp` and signals named `Wearable.…`, an epoch a row.

`Wearable.LocalMinute` need not be there: it is taken from a timestamp that is written out (ISO 8601), as the local time that
it says; of one in UTC, as `Recording.signals` is asked to. Unix seconds say no local time; with them and without that column the
day's boundary is not known.
"""

import csv
import statistics
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

from headway_simulators.wearables.epoch_recording import LOCAL_MINUTE, UTC_MINUTE, EpochRecording, at

_PREFIX = "Wearable."
_TRUE = {"true": 1.0, "false": 0.0}


def recognizes(text: str) -> bool:
    """Whether the header has a timestamp and a signal of a wearable."""
    header = [name.strip() for name in text.partition("\n")[0].lstrip("\ufeff").split(",")]
    return "timestamp" in header and any(name.startswith(_PREFIX) for name in header)


def read(path: Path, text: str) -> EpochRecording:
    """Return the epochs; none if no row has a usable time."""
    problems: Counter[str] = Counter()
    found = EpochRecording(path, [], problems)
    rows = csv.DictReader(text.lstrip("\ufeff").splitlines(), skipinitialspace=True)
    names = [name for name in rows.fieldnames or [] if name.strip().startswith(_PREFIX)]
    for row in rows:
        wall_ms, minute, is_utc = _moment(row.get("timestamp") or "")
        if wall_ms is None:
            problems["timestamp_unreadable"] += 1
            continue
        numbers = {} if minute is None else {UTC_MINUTE if is_utc else LOCAL_MINUTE: minute}
        for name in names:
            cell = (row.get(name) or "").strip()
            number = _number(cell)
            if number is not None:
                numbers[name.strip()] = number
            elif cell:
                problems[f"{name.strip()}_unreadable"] += 1
        found.samples.append(at(wall_ms))
        found.rows.append(numbers)
    steps = [later.wall_ms - earlier.wall_ms for earlier, later in pairwise(found.samples[:50])]
    found.epoch_ms = int(statistics.median(steps)) if steps else found.epoch_ms
    found.columns = frozenset({name.strip() for name in names} | {LOCAL_MINUTE})
    return found


def _moment(text: str) -> tuple[int | None, float | None, bool]:
    # Unix ms, minute of the day as it is written, and whether that says that it is UTC's.
    try:
        if text.strip().replace(".", "", 1).isdigit():
            return int(float(text) * 1000 + 0.5), None, True
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        return None, None, False
    minute, is_utc = float(moment.hour * 60 + moment.minute), moment.utcoffset() == timedelta(0)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1000 + 0.5), minute, is_utc


def _number(cell: str) -> float | None:
    try:
        return _TRUE[cell.lower()] if cell.lower() in _TRUE else float(cell)
    except ValueError:
        return None
