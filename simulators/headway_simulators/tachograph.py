"""Reads the files of Korean digital tachographs: one record a second, fixed widths, text in EUC-KR, padded with `#`.

A file is a header of 79 bytes (recorder model 20, VIN 17, vehicle type 2, plate 12, operator 10, driver code 18), then
records of 57 bytes, or of 68 that begin with the day's distance (4) and the total distance (7); some recorders write these
two once, after the header. Line ends may stand anywhere between. The layout is known from public implementations, not from the
decree itself; docs/recordings.md has the fields.

The header is skipped unread and positions are matched but never taken out: who drove which vehicle where stays in the file.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from headway_edge.core.program import MISSING
from headway_simulators.recorded_clock import CLOCK_SIGNALS, local_reading
from headway_simulators.recorded_signals import HEADING, RPM, SPEED, SignalQuantum, SignalReader
from headway_simulators.samples import UNKNOWN, Sample

SIGNALS = frozenset({SPEED, RPM, HEADING})

_HEADER_BYTES = 79
_DISTANCES_BYTES = 11
_SHORT_BYTES = 57
_LONG_BYTES = _SHORT_BYTES + _DISTANCES_BYTES
_SNIFF_BYTES = 4096  # sixty records, of which one in good order is enough
_KOREA_AHEAD = timedelta(hours=9)  # all year: there has been no summer time since 1988
_DISTANCES = rb"[\d#]{11}"
_RECORD = (
    rb"(?P<minute>\d{10})(?P<second>\d\d)(?P<hundredth>\d\d)"  # YYMMDDhhmm ss 1/100 s
    rb"(?P<speed>\d{3}|#{3})(?P<rpm>\d{4}|#{4})"
    rb"[01#][-+.\d#]{18}"  # brake, longitude, latitude
    rb"(?P<heading>\d{3}|#{3})"
    rb"(?:[-+0]\d{3}\.\d|#{6}){2}"  # two accelerations, whose points and signs tell where a record is
    rb"(?P<status>\d\d|##)"
)
_SHORT = re.compile(_RECORD)
_LONG = re.compile(_DISTANCES + _RECORD)
# A signal's field, the status under which its sensor is at fault, and its highest value.
_FIELDS = {SPEED: ("speed", b"12", 999), RPM: ("rpm", b"13", 9999), HEADING: ("heading", b"11", 359)}

_Match = re.Match[bytes]


def recognizes(data: bytes) -> bool:
    """Whether the content is a tachograph's: a record in good order near its beginning, behind a header."""
    return _SHORT.search(_without_line_ends(data[: _SNIFF_BYTES + _HEADER_BYTES]), _HEADER_BYTES) is not None


def samples(data: bytes, problems: Counter[str]) -> Iterator[Sample]:
    """Yield the samples of a file's content: time, speed, engine speed.

    Counted in `problems`: `record_damaged`, `record_cut_off` and `record_time_impossible` (skipped), and for each signal
    `…_sensor_error` and `…_out_of_range` (missing in that sample).
    """
    for wall_ms, match in _records(data, problems):
        speed_kmh = _field(match, SPEED, problems)
        yield Sample(wall_ms, UNKNOWN if speed_kmh == UNKNOWN else speed_kmh * 100, _field(match, RPM, problems))


def signals(data: bytes, wanted: Sequence[SignalQuantum], problems: Counter[str]) -> Iterator[tuple[int, ...]]:
    """Return for each of `samples` the signals asked for in their quanta, MISSING for those not in SIGNALS.

    The local minute and weekday are the recorder's. Counts in `problems` the readings it drops, not the records, which
    `samples` counts. Raises ValueError for a quantum that is none.
    """
    known = SIGNALS | CLOCK_SIGNALS
    return _signal_rows(
        data, [(item.name if item.name in known else None, SignalReader(item)) for item in wanted], problems
    )


def _signal_rows(
    data: bytes, readers: list[tuple[str | None, SignalReader]], problems: Counter[str]
) -> Iterator[tuple[int, ...]]:
    for wall_ms, match in _records(data, Counter()):
        row = []
        for name, reader in readers:
            if name in CLOCK_SIGNALS:
                local = datetime.fromtimestamp(wall_ms // 1000, UTC) + _KOREA_AHEAD
                row.append(reader.quanta(local_reading(name, local), problems))
                continue
            value = UNKNOWN if name is None else _field(match, name, problems)
            row.append(MISSING if value == UNKNOWN else reader.quanta(value, problems))
        yield tuple(row)


def _without_line_ends(data: bytes) -> bytes:
    return data.translate(None, b"\r\n")


def _records(data: bytes, problems: Counter[str]) -> Iterator[tuple[int, _Match]]:
    # Records are found by their shape, so that a byte lost or added costs one record and not all that follow.
    data = _without_line_ends(data).rstrip(b" \t\x00\x1a")
    pattern, width = (_LONG, _LONG_BYTES) if _has_long_records(data) else (_SHORT, _SHORT_BYTES)
    end = _HEADER_BYTES
    if pattern is _SHORT and _LONG.match(data, end):
        end += _DISTANCES_BYTES  # the distances once, after the header
    minutes = _Minutes()
    first = True
    for match in pattern.finditer(data, end):
        gap = match.start() - end
        lost = (gap + width // 2) // width
        # A few bytes more: before the first record a longer header, later perhaps this record's, whose digits then are
        # not where they seem.
        doubtful = gap > 0 and lost == 0 and not first
        if lost or doubtful:
            problems["record_damaged"] += max(lost, 1)
        end, first = match.end(), False
        if doubtful:
            continue
        wall_ms = minutes.wall_ms(match)
        if wall_ms is None:
            problems["record_time_impossible"] += 1
        else:
            yield wall_ms, match
    damaged, cut_off = divmod(len(data) - end, width)
    if damaged:
        problems["record_damaged"] += damaged
    if cut_off:
        problems["record_cut_off"] += 1


def _has_long_records(data: bytes) -> bool:
    # By the steps between records near the beginning; with too few in good order by what is left of the file.
    head = data[: _HEADER_BYTES + _SNIFF_BYTES]
    starts = [match.start() for match in _SHORT.finditer(head, _HEADER_BYTES)]
    steps = [later - earlier for earlier, later in pairwise(starts)]
    long, short = (sum(step % width == 0 for step in steps) for width in (_LONG_BYTES, _SHORT_BYTES))
    if long == short:
        content_bytes = len(data) - _HEADER_BYTES
        long, short = content_bytes % _LONG_BYTES == 0, content_bytes % _SHORT_BYTES in (0, _DISTANCES_BYTES)
    return long > short if long != short else _LONG.search(head, _HEADER_BYTES) is not None


class _Minutes:
    # A calendar for recorded times, asked once a minute.
    def __init__(self) -> None:
        self._minute = b""
        self._unix_ms: int | None = None

    def wall_ms(self, match: _Match) -> int | None:
        minute, second = match["minute"], int(match["second"])
        if minute != self._minute:
            self._minute, self._unix_ms = minute, _unix_ms(minute)
        if self._unix_ms is None or second > 59:
            return None
        return self._unix_ms + second * 1000 + int(match["hundredth"]) * 10


def _unix_ms(minute: bytes) -> int | None:
    year, month, day, hour, minute_of_hour = (int(minute[i : i + 2]) for i in range(0, 10, 2))
    try:
        local = datetime(2000 + year, month, day, hour, minute_of_hour, tzinfo=UTC)
    except ValueError:
        return None
    return int((local - _KOREA_AHEAD).timestamp()) * 1000


def _field(match: _Match, name: str, problems: Counter[str]) -> int:
    group, error_status, highest = _FIELDS[name]
    digits = match[group]
    if match["status"] == error_status:
        problems[f"{name}_sensor_error"] += 1
        return UNKNOWN
    if digits.startswith(b"#"):
        return UNKNOWN
    value = int(digits)
    if value > highest:
        problems[f"{name}_out_of_range"] += 1
        return UNKNOWN
    return value
