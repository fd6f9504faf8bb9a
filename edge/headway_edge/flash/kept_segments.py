"""The segments of a flash log: looked into when records are to be sent, dropped when room is needed.

RAM holds which records a segment has, as runs of seqs, and one record while it is read.
"""

from headway_edge.flash.log_folder import NO_SUCH_FILE
from headway_edge.flash.log_segment import FRAME_BYTES, Segment, read_frame, unpack_state
from headway_edge.flash.loss_list import DAMAGED, STORAGE_FULL

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.kept_state import KeptState
    from headway_edge.flash.ledger import Ledger
    from headway_edge.flash.log_folder import LogFolder

SEGMENTS_MAX = 64
RUNS_MAX = 8  # boots in one segment
FAILURES_MAX = 3  # then others are looked at in its place


class KeptSegments:
    """The segments of one log, the oldest first.

    next_number: of the next one. torn_bytes: found behind the whole records of segments. retired: segments that had such bytes,
    or could not be read to their end.
    """

    def __init__(self, medium: "LogFolder", ledger: "Ledger", states: "KeptState") -> None:
        self._medium = medium
        self._ledger = ledger
        self._states = states
        self.next_number = 1
        self.segments = []  # type: list
        self.torn_bytes = 0
        self.retired = 0

    def read(self, segment: Segment, before: tuple, known: tuple) -> None:
        """Fill in what a segment has, up to its end or to the first record that is not whole. Raises OSError.

        before: (boot, seq) of the record before it. Records follow each other in the order they were made: what goes backwards is
        none of this log's. known: up to which record the states are known.
        """
        last, offset = before, 0
        with self._medium.open(segment.name, "rb") as file:
            frame = read_frame(file, 0)
            while frame is not None and frame[:2] > last:
                last = frame[:2]
                size_bytes = FRAME_BYTES + len(frame[2]) + len(frame[3])
                segment.extend(last[0], last[1], size_bytes)
                if last > known:
                    for key, _ in unpack_state(frame[3]):
                        self._states.note(key, last[0], last[1], segment.number, offset)
                offset += size_bytes
                frame = read_frame(file, offset)
        size_bytes = self._medium.size_bytes(segment.name)
        if size_bytes != offset:
            segment.sealed = True
            segment.size_bytes = size_bytes
            self.torn_bytes += size_bytes - offset

    def look_again(self, known: tuple) -> Segment:
        """Read the newest segment anew, of which records up to `known` are known; return it. Raises OSError."""
        fresh = Segment(self.segments[-1].number)
        before = self.segments[-2].last() if len(self.segments) > 1 else (0, 0)
        try:
            self.read(fresh, before, known)
        except OSError as error:
            if error.errno != NO_SUCH_FILE:
                raise
        self.retired += fresh.sealed
        if fresh.sealed and not fresh.runs:
            try:
                self._medium.remove(fresh.name)  # a part of one record, on a medium that may be full of such parts
                fresh = Segment(fresh.number)
            except OSError:
                pass
        self.segments[-1] = fresh
        return fresh

    def runs(self) -> list:
        """Return [boot, first_seq, last_seq] of all that is kept, in order."""
        return [run for segment in self.segments for run in segment.runs]

    def open_between(self, low: tuple, high: tuple) -> bool:
        """Whether a record that is kept, or one that is lost, lies between two (boot, seq)."""
        if self._ledger.losses.unnamed:
            return True  # nobody knows where
        for boot, first, last in self.runs():
            if (boot, last) > low and (boot, first) < high:
                return True
        for entry in self._ledger.losses.entries:
            if (entry[0], entry[2]) > low and (entry[0], entry[1]) < high:
                return True
        return False

    def backlog(self) -> int:
        """How many kept records are open."""
        return sum([self._open(segment, (0, 0)) for segment in self.segments])

    def _open(self, segment: Segment, after: tuple) -> int:
        # How many open records beyond `after` it has.
        count = 0
        for boot, first, last in segment.runs:
            if boot == after[0]:
                first = max(first, after[1] + 1)  # noqa: PLW2901
            if boot >= after[0]:
                for start, end in self._ledger.open_ranges(boot, first, last):
                    count += end - start + 1
        return count

    def rows(self, after: tuple, limit: int, skip: list, from_end: bool) -> list:
        """Return up to `limit` open records beyond `after` and not in `skip`, as (boot, seq, payload).

        The oldest first; from_end: the newest first. What the medium has spoilt is noted as lost. Raises OSError; but a segment
        that cannot be read again and again is passed over, until the next start finds whether it can.
        """
        found = []  # type: list
        for segment in reversed(self.segments) if from_end else self.segments:
            if len(found) < limit and self._open(segment, after):
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
            file = self._medium.open(segment.name, "rb")
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
                    if last > after and last not in skip and self._ledger.open_ranges(last[0], last[1], last[1]):
                        rows.append(last + (frame[2],))
                        if len(rows) > limit:
                            rows.pop(0)
                        elif len(rows) == limit and not from_end:
                            return rows
        if last < segment.last():
            # It was whole when it was written or read before: the medium has spoilt it.
            for run in segment.cut(last):
                self._ledger.lose(run[0], run[1], run[2], DAMAGED)
            self._states.leave(segment.number, offset)
            self.retired += 1
        return rows

    def for_append(self, boot: int, size_bytes: int, segment_bytes: int) -> Segment:
        """Return the segment for a frame of this size: the newest, or another one that has no file yet."""
        if self.segments:
            newest = self.segments[-1]
            room = not newest.size_bytes or newest.size_bytes + size_bytes <= segment_bytes
            if room and not newest.sealed and (newest.last()[0] == boot or len(newest.runs) < RUNS_MAX):
                return newest
        self.segments.append(Segment(self.next_number))
        self.next_number += 1
        return self.segments[-1]

    def size_bytes(self) -> int:
        """Return the size of all segments."""
        return sum([segment.size_bytes for segment in self.segments])

    def drop(self, last: tuple, settled_only: bool) -> bool:
        """Remove the oldest segment in which no record is open, so that nothing is lost; return whether one was removed.

        If there is none, and not settled_only: the oldest, and its open records are lost. last: (boot, seq) of the newest record.
        Raises OSError; then the segment is still there, or nothing is kept in it any more. One that cannot be removed again and
        again is passed over.
        """
        victim, lost = None, False
        for segment in self.segments:
            if segment.size_bytes and (segment.runs or segment.failures < FAILURES_MAX):
                if not self._open(segment, (0, 0)):
                    victim, lost = segment, False
                    break
                if victim is None and not settled_only:
                    victim, lost = segment, True
        if victim is None:
            return False
        self._states.carry(victim.number, last[0], last[1])
        if lost:
            for boot, first, end in victim.runs:
                self._ledger.losses.dropped(boot, first, end)
                self._ledger.dropped += self._ledger.lose(boot, first, end, STORAGE_FULL)
            self._ledger.save()  # and once more below: the older copy does not know that it is lost
            self._ledger.unsaved = True
        if self._ledger.unsaved:
            self._ledger.save()
        victim.runs = []
        victim.sealed = True
        try:
            self._medium.remove(victim.name)
        except OSError as error:
            if error.errno != NO_SUCH_FILE:
                victim.failures += 1
                raise
        self.segments.remove(victim)
        return True
