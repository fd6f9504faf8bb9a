"""Reads exports of Fitabase (Fitbit devices): steps by the hour, heart rate by the second; one file has several persons.

An hour's steps are spread evenly over its minutes, the first ones taking what is left over: the sum is that of the file, the
minutes are not. Heart rate is averaged over each minute that has any. Times are local, without a zone, and come in two
ways of writing; a row whose time or number cannot be read is counted and dropped, and so is the same row again.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from headway_simulators.wearables.epoch_recording import (
    HEART_RATE,
    LOCAL_MINUTE,
    MINUTE_MS,
    STEPS,
    EpochRecording,
    at,
    local_minute,
)

_HOURLY = ["Id", "ActivityHour", "StepTotal"]
_HEART_RATE = ["Id", "Time", "Value"]
_FORMATS = ("%Y-%m-%d %H:%M", "%m/%d/%Y %I:%M:%S %p")
_MINUTES = 60


def recognizes(text: str) -> bool:
    """Whether a text is one of the two tables that are read."""
    header = text.partition("\n")[0].strip().lstrip("\ufeff").split(",")
    return header in (_HOURLY, _HEART_RATE)


def read(path: Path, text: str) -> list[EpochRecording]:
    """Return one recording for each person, in the order of the file, epochs in the order of time."""
    rows = csv.reader(text.lstrip("\ufeff").splitlines())
    header = next(rows)
    problems: Counter[str] = Counter()
    by_person: dict[str, dict[int, list[float]]] = {}
    for person, local_ms, number in _readable(rows, problems):
        by_person.setdefault(person, {}).setdefault(local_ms, []).append(number)
    make = _steps if header == _HOURLY else _heart_rate
    found = []
    for person, numbers in by_person.items():
        recording = EpochRecording(path, [], problems, person=person)
        for local_ms, row in make(numbers):
            recording.samples.append(at(local_ms))
            recording.rows.append(row | {LOCAL_MINUTE: local_minute(local_ms)})
        recording.columns = frozenset(recording.rows[0])
        found.append(recording)
    return found


def _readable(rows: Iterator[list[str]], problems: Counter[str]) -> Iterator[tuple[str, int, float]]:
    seen = set()
    for row in rows:
        local_ms = _local_ms(row[1]) if len(row) >= 3 else None
        if local_ms is None or not row[2].isdigit():
            problems["row_unreadable"] += 1
        elif tuple(row) in seen:
            problems["row_twice"] += 1
        else:
            seen.add(tuple(row))
            yield row[0], local_ms, float(row[2])


def _steps(numbers: dict[int, list[float]]) -> Iterator[tuple[int, dict[str, float]]]:
    for hour_ms in sorted(numbers):
        steps, left = divmod(int(numbers[hour_ms][-1]), _MINUTES)
        for minute in range(_MINUTES):
            yield hour_ms + minute * MINUTE_MS, {STEPS: float(steps + (minute < left))}


def _heart_rate(numbers: dict[int, list[float]]) -> Iterator[tuple[int, dict[str, float]]]:
    minutes: dict[int, list[float]] = {}
    for local_ms in sorted(numbers):
        minutes.setdefault(local_ms // MINUTE_MS * MINUTE_MS, []).extend(numbers[local_ms])
    for minute_ms, rates in minutes.items():
        yield minute_ms, {HEART_RATE: sum(rates) / len(rates)}


def _local_ms(text: str) -> int | None:
    for form in _FORMATS:
        try:
            return int(datetime.strptime(text.strip(), form).replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            continue
    return None
