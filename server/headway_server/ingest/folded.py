"""What a DAY record says, read and checked: the totals of several episodes, in whose place it stands."""

from dataclasses import dataclass
from datetime import date, timedelta

from headway_edge.core.process import Process
from headway_protocol import fold
from headway_protocol.codes import IMPLAUSIBLE
from headway_protocol.errors import DecodeError
from headway_protocol.record import Record
from headway_server.ingest.plausibility import farthest_m
from headway_server.totals.periods import UNDATED
from headway_server.totals.tally import Tally

Range = tuple[int, int, int]  # boot, first_seq, last_seq


@dataclass(frozen=True, slots=True)
class Folded:
    """The totals of episodes of one day or month. day: local, the first of the span, or UNDATED. span: as in `fold`.

    ranges: the records of the same device whose place it takes, ascending; all are earlier than itself.
    """

    pack_id: bytes
    day: int
    span: int
    context: int
    tally: Tally
    ranges: tuple[Range, ...]


def pack_of(found: Record) -> bytes:
    """Return the pack that a DAY record is of. Raises DecodeError."""
    pack_id: bytes = fold.parse_day(found.body)[0]
    return pack_id


def read_fold(found: Record, process: Process) -> Folded:
    """Return what a DAY record of `process` says. Raises DecodeError."""
    pack_id, day, span, context, trips, distance_m, packed, ranges = fold.parse_day(found.body)
    totals = fold.unpack_totals(packed, len(process.pack.period))
    boot, _, last = ranges[-1]
    if (boot, last) >= (found.boot, found.seq):
        raise DecodeError(IMPLAUSIBLE, f"it takes the place of boot {boot} seq {last}, which is not before it")
    if context >> len(process.contexts):
        raise DecodeError(IMPLAUSIBLE, f"contexts {context:#b} of a pack that has {len(process.contexts)}")
    if span == fold.MONTH_SPAN and (date(1970, 1, 1) + timedelta(days=day)).day != 1:
        raise DecodeError(IMPLAUSIBLE, f"a month that begins on day {day}")
    if distance_m > trips * farthest_m(process.pack):
        raise DecodeError(IMPLAUSIBLE, f"distance of {distance_m} m in {trips} trips")
    return Folded(
        pack_id, UNDATED if day is None else day, span, context, Tally(trips, distance_m, totals), tuple(ranges)
    )
