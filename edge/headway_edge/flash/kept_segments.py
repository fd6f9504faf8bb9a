"""The segments of a flash log: looked into when records are to be sent, dropped when room is needed.

RAM holds which records a segment has, as runs of seqs, and one record while it is read.
"""

from headway_edge.flash import forget
from headway_edge.flash.log_folder import NO_SUCH_FILE
from headway_edge.flash.log_segment import FAILURES_MAX, FRAME_BYTES, Segment, read_frame
from headway_edge.flash.loss_list import DAMAGED
from headway_protocol import const

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.kept_state import KeptState
    from headway_edge.flash.ledger import Ledger
    from headway_edge.flash.log_folder import LogFolder

SEGMENTS_MAX = 64
_RUNS_MAX = const(8)  # boots in one segment


class KeptSegments:
    """The segments of one log, the oldest first.

    next_number: of the next one. torn_bytes: found behind the whole records of segments. retired: segments that had such bytes,
    or could not be read to their end.
    """

    def __init__(self, medium: "LogFolder", ledger: "Ledger", states: "KeptState") -> None:
        self.medium = medium
        self.ledger = ledger
        self.states = states
        self.next_number = 1
        self.segments = []  # type: list
        self.torn_bytes = 0
        self.retired = 0

    def runs(self) -> list:
        """Return [boot, first_seq, last_seq] of all that is kept, in order."""
        return [run for segment in self.segments for run in segment.runs]

    def open_between(self, low: tuple, high: tuple) -> bool:
        """Whether a record that is kept, or one that is lost, lies between two (boot, seq)."""
        if self.ledger.losses.unnamed:
            return True  # nobody knows where
        for boot, first, last in self.runs():
            if (boot, last) > low and (boot, first) < high:
                return True
        for entry in self.ledger.losses.entries:
            if (entry[0], entry[2]) > low and (entry[0], entry[1]) < high:
                return True
        return False

    def backlog(self) -> int:
        """How many kept records are open."""
        return sum([self.open_in(segment, (0, 0)) for segment in self.segments])

    def open_in(self, segment: Segment, after: tuple) -> int:
        """How many open records beyond `after`, a (boot, seq), a segment has."""
        count = 0
        for boot, first, last in segment.runs:
            if boot == after[0]:
                first = max(first, after[1] + 1)  # noqa: PLW2901
            if boot >= after[0]:
                for start, end in self.ledger.open_ranges(boot, first, last):
                    count += end - start + 1
        return count

    def rows(self, after: tuple, limit: int, skip: list, from_end: bool) -> list:
        """Return up to `limit` open records beyond `after` and not in `skip`, as (boot, seq, payload).

        The oldest first; from_end: the newest first. What the medium has spoilt is noted as lost. Raises OSError; but a segment
        that cannot be read again and again is passed over, until the next start finds whether it can.
        """
        found = []  # type: list
        for segment in reversed(self.segments) if from_end else self.segments:
            if len(found) < limit and self.open_in(segment, after):
                try:
                    rows = self._rows(segment, after, limit - len(found), skip, from_end)
                except OSError:
                    segment.failures += 1
                    if segment.failures < FAILURES_MAX:
                        raise
                    continue
                segment.failures = 0
                if from_end:
                    rows.reverse()
                found.extend(rows)
        return found

    def _rows(self, segment: Segment, after: tuple, limit: int, skip: list, from_end: bool) -> list:
        rows = []  # type: list
        last, offset = (0, 0), 0
        try:
            file = self.medium.open(segment.name, "rb")
        except OSError as error:
            if error.errno != NO_SUCH_FILE:
                raise
            file = None
        if file is not None:
            with file:
                while last < segment.last():
                    frame = read_frame(file, offset)
                    if frame is None or frame[:2] <= last:
                        break
                    last = frame[:2]
                    offset += FRAME_BYTES + len(frame[2]) + len(frame[3])
                    if last > after and last not in skip and self.ledger.open_ranges(last[0], last[1], last[1]):
                        rows.append(last + (frame[2],))
                        if len(rows) > limit:
                            rows.pop(0)
                        elif len(rows) == limit and not from_end:
                            return rows
        if last < segment.last():
            # It was whole when it was written or read before: the medium has spoilt it.
            for run in segment.cut(last):
                self.ledger.lose(run[0], run[1], run[2], DAMAGED)
            self.states.leave(segment.number, offset)
            self.retired += 1
        return rows

    def for_append(self, boot: int, size_bytes: int, segment_bytes: int) -> Segment:
        """Return the segment for a frame of this size: the newest, or another one that has no file yet."""
        if self.segments:
            newest = self.segments[-1]
            room = not newest.size_bytes or newest.size_bytes + size_bytes <= segment_bytes
            if room and not newest.sealed and (newest.last()[0] == boot or len(newest.runs) < _RUNS_MAX):
                return newest
        self.segments.append(Segment(self.next_number))
        self.next_number += 1
        return self.segments[-1]

    def size_bytes(self) -> int:
        """Return the size of all segments."""
        return sum([segment.size_bytes for segment in self.segments])

    def drop(self, last: tuple, settled_only: bool) -> bool:
        """Make room as `headway_edge.flash.segment_drop` describes it; return whether there is more. Raises OSError."""
        from headway_edge.flash.segment_drop import drop  # noqa: PLC0415 - once in a segment

        try:
            return drop(self, last, settled_only)
        finally:
            forget("segment_drop")
