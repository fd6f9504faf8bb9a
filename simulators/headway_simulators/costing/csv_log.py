"""Reads a service's log as CSV: `customer`, `activity`, two of `start`, `end` and `duration_h`, and customer factors.

Times are ISO 8601, those without an offset UTC. With `start` and `end` alone an activity took the time between them;
`duration_h` says what it took of that. `case` and `resource` may be there. A column `factor:CLASS:NAME` is a customer
factor as it was known when the activity began: numbers, or names; an empty cell is not known.
"""

import csv
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headway_simulators.costing.event_log import (
    HOUR_MS,
    TIME_MAX_Q,
    Activity,
    EventLog,
    FactorName,
    FactorValue,
    quanta,
)
from headway_simulators.errors import SimulatorError

FACTOR_PREFIX = "factor:"
_SHOWN = 40  # characters of an offending cell


@dataclass(frozen=True, slots=True)
class _Refusal(Exception):  # noqa: N818 - one row's, counted and not shown as a failure
    kind: str
    cell: str


def read(path: Path, lines: Iterable[str]) -> EventLog:
    """Return the log. Raises SimulatorError: no such columns, no usable row, CSV that cannot be split into cells."""
    log = EventLog(path)
    rows = csv.reader(lines, skipinitialspace=True)
    try:
        columns = _Columns(path, next(rows, []))
        log.factors = [name for name, _ in columns.factors]
        for row in rows:
            if not row:
                continue
            try:
                log.add(columns.activity(row))
            except _Refusal as refusal:
                log.losses.add(refusal.kind, f"line {rows.line_num}, {refusal.cell[:_SHOWN]!r}")
    except csv.Error as error:
        raise SimulatorError(f"{path}, line {rows.line_num}: {error}. Is it CSV with commas?") from None
    log.finish()
    return log


class _Columns:
    def __init__(self, path: Path, header: list[str]) -> None:
        names = [name.strip().lstrip("\ufeff") for name in header]
        doubled = sorted({name for name in names if names.count(name) > 1 and name})
        if doubled:
            raise SimulatorError(f"{path}, line 1: the column {doubled[0]!r} is there twice. Remove one.")
        self._at = {name: i for i, name in enumerate(names)}
        self._width = len(names)
        missing = [name for name in ("customer", "activity") if name not in self._at]
        if missing or sum(name in self._at for name in ("start", "end", "duration_h")) < 2:
            found = ", ".join(names[:12]) or "nothing"
            raise SimulatorError(
                f"{path}, line 1: a log needs the columns customer, activity and two of start, end and duration_h; "
                f"there is {found}. See `headway forecast evaluate --help`."
            )
        self.factors = [(_factor_name(path, name), i) for name, i in self._at.items() if name.startswith(FACTOR_PREFIX)]

    def activity(self, row: list[str]) -> Activity:
        """Return a row's activity. Raises _Refusal."""
        if len(row) != self._width:
            raise _Refusal("cells_other_than_columns", f"{len(row)} cells, {self._width} columns")
        start_ms, end_ms, time_ms = self._times(row)
        if time_ms < 0:
            raise _Refusal("ends_before_it_starts", self._cell(row, "end") or self._cell(row, "duration_h"))
        time_q = quanta(time_ms)
        if time_q > TIME_MAX_Q:
            raise _Refusal("longer_than_10485_h", self._cell(row, "duration_h") or self._cell(row, "end"))
        customer, activity = self._cell(row, "customer"), self._cell(row, "activity")
        if not customer or not activity:
            raise _Refusal("customer_missing" if not customer else "activity_missing", "")
        factors = tuple(factor_value(row[i]) for _, i in self.factors)
        case, resource = self._cell(row, "case"), self._cell(row, "resource")
        return Activity(start_ms, end_ms, time_q, customer, activity, case, resource, factors)

    def _times(self, row: list[str]) -> tuple[int, int, int]:
        # (start, end, time taken), each in milliseconds.
        start_ms, end_ms = self._moment(row, "start"), self._moment(row, "end")
        text = self._cell(row, "duration_h")
        if text:
            time_ms = _hours_ms(text)
            if start_ms is None and end_ms is None:
                raise _Refusal("time_missing", "")
            if start_ms is None and end_ms is not None:
                start_ms = end_ms - time_ms
            if end_ms is None and start_ms is not None:
                end_ms = start_ms + max(time_ms, 0)
        elif start_ms is None or end_ms is None:
            raise _Refusal("time_missing", "")
        assert start_ms is not None and end_ms is not None  # noqa: S101, PT018 - for the type checker
        if end_ms < start_ms:
            raise _Refusal("ends_before_it_starts", self._cell(row, "end"))
        return start_ms, end_ms, time_ms if text else end_ms - start_ms

    def _moment(self, row: list[str], column: str) -> int | None:
        text = self._cell(row, column)
        if not text:
            return None
        moment_ms = unix_ms(text)
        if moment_ms is None:
            raise _Refusal("time_unreadable", text)
        return moment_ms

    def _cell(self, row: list[str], column: str) -> str:
        i = self._at.get(column)
        return "" if i is None else row[i].strip()


def _factor_name(path: Path, column: str) -> FactorName:
    kind, colon, name = column.removeprefix(FACTOR_PREFIX).partition(":")
    if not kind or not colon or not name:
        raise SimulatorError(f"{path}, line 1: {column!r} is no factor; write factor:CLASS:NAME.")
    return FactorName(kind, name)


def factor_value(text: str) -> FactorValue:
    """Return a cell as a number where it is a finite one, as a name otherwise, None where it is empty."""
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        return text or None
    return number if math.isfinite(number) else text


def unix_ms(text: str) -> int | None:
    """Return an ISO 8601 time in milliseconds since 1970, UTC where no offset is given; None for no time."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return int(moment.timestamp() * 1000 + 0.5)
    except (ValueError, OverflowError):
        return None


def _hours_ms(text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        raise _Refusal("duration_unreadable", text) from None
    if not math.isfinite(number) or abs(number) > 2 * TIME_MAX_Q:
        raise _Refusal("duration_unreadable", text)
    return math.floor(number * HOUR_MS + 0.5)
