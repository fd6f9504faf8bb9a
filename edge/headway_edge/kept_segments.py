"""The segments of a flash log: read when it starts, looked into when records are to be sent, dropped when room is needed.

RAM holds which records a segment has, as runs of seqs, and one record while it is read.
"""

from headway_edge.kept_state import KeptState
from headway_edge.ledger import Ledger
from headway_edge.log_folder import NO_SUCH_FILE, LogFolder
from headway_edge.log_segment import FRAME_BYTES, Segment, read_frame, segment_numbers, unpack_state
from headway_edge.loss_list import DAMAGED, STORAGE_FULL

SEGMENTS_MAX = 64
RUNS_MAX = 8  # boots in one segment
BAD_FILE = "log.bad"  # the last segment of which nothing could be read, for whoever looks into it


class KeptSegments:
    """The segments of one log, the oldest first.

    torn_bytes: found behind the whole records of segments. retired: segments that had such bytes, or could not be read to
    their end.
    """

    def __init__(self, medium: LogFolder, ledger: Ledger, states: KeptState) -> None:
        self._medium = medium
        self._ledger = ledger
        self._states = states
        self._next = 1
        self.segments = []  # type: list
        self.torn_bytes = 0
        self.retired = 0

    def scan(self) -> None:
        """Read every segment to its end, or to the first record that is not whole.

        Raises OSError if it cannot be told which segments there are; one that cannot be read is passed over.
        """
        last = (0, 0)
        for number in segment_numbers(self._medium.names()):
            self._next = number + 1
            segment, readable = self._segment(number, last)
            if segment.runs:
                last = segment.last()
            elif readable:
                self._put_aside(segment)
                continue
            self.segments.append(segment)
        self._states.compare()

    def _segment(self, number: int, before: tuple) -> tuple:
        # Returns the segment and whether it could be read: a second look, because opening may fail for once.
        for look in (1, 2):
            segment = Segment(number)
            try:
                self._read(segment, before, (0, 0))
                break
            except OSError:
                if look == 2:
                    segment.sealed = True
                    segment.size_bytes += 1  # it may be longer: there is something that is not known
                    self.retired += 1
                    return segment, False
        self.retired += segment.sealed
        return segment, True

    def _read(self, segment: Segment, before: tuple, known: tuple) -> None:
        # Records follow each other in the order they were made: what goes backwards is none of this log's.
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

    def _put_aside(self, segment: Segment) -> None:
        try:
            if self._medium.size_bytes(segment.name) == 0:
                self._medium.remove(segment.name)
            else:
                self._medium.rename(segment.name, BAD_FILE)
        except OSError:
            pass  # it stays where it is, and nothing is taken from it

    def look_again(self, known: tuple) -> Segment:
        """Read the newest segment anew, of which records up to `known` are known; return it. Raises OSError."""
        fresh = Segment(self.segments[-1].number)
        before = self.segments[-2].last() if len(self.segments) > 1 else (0, 0)
        try:
            self._read(fresh, before, known)
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

    def find_gaps(self, ends: list) -> None:
        """Note as lost what is neither there nor settled; ends: [(boot, last seq), ...] known from elsewhere."""
        ends = sorted(ends)
        boot, seq = 0, 0
        for segment in self.segments:
            for its_boot, first, last in segment.runs:
                if its_boot != boot:
                    self._missing_ends(ends, boot, seq, its_boot)
                    seq = 0
                self._ledger.lose(its_boot, seq + 1, first - 1, DAMAGED)
                boot, seq = its_boot, last
        self._missing_ends(ends, boot, seq, 0x100000000)

    def _missing_ends(self, ends: list, boot: int, seq: int, before: int) -> None:
        for its_boot, last in ends:
            if boot <= its_boot < before:
                self._ledger.lose(its_boot, seq + 1 if its_boot == boot else 1, last, DAMAGED)

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

    def oldest(self, after: tuple, limit: int, skip: list) -> list:
        """Return up to `limit` open records beyond `after` as (boot, seq, payload), the oldest first."""
        rows = []  # type: list
        for segment in self.segments:
            if len(rows) < limit and self._open(segment, after):
                rows.extend(self._rows(segment, after, limit - len(rows), skip, False))
        return rows

    def newest(self, limit: int, skip: list) -> list:
        """Return up to `limit` open records as (boot, seq, payload), the newest first."""
        rows = []  # type: list
        for segment in reversed(self.segments):
            if len(rows) < limit and self._open(segment, (0, 0)):
                rows.extend(reversed(self._rows(segment, (0, 0), limit - len(rows), skip, True)))
        return rows

    def _rows(self, segment: Segment, after: tuple, limit: int, skip: list, from_end: bool) -> list:
        rows = []  # type: list
        last, offset = (0, 0), 0
        try:
            file = self._medium.open(segment.name, "rb")
        except OSError as error:
            if error.errno != NO_SUCH_FILE:
                raise
            file = None  # type: ignore[assignment]
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
        self.segments.append(Segment(self._next))
        self._next += 1
        return self.segments[-1]

    def size_bytes(self) -> int:
        """Return the size of all segments."""
        return sum([segment.size_bytes for segment in self.segments])

    def has_settled(self) -> bool:
        """Whether there is a segment in which no record is open."""
        return self._settled() is not None

    def _settled(self) -> "Segment | None":
        for segment in self.segments:
            if segment.size_bytes and not self._open(segment, (0, 0)):
                return segment
        return None

    def drop_settled(self, newest: tuple) -> bool:
        """Remove the oldest segment in which no record is open; False if there is none. Raises OSError.

        newest: (boot, seq) of the newest record.
        """
        segment = self._settled()
        if segment is None:
            return False
        self._states.carry(segment.number, newest[0], newest[1])
        if self._ledger.unsaved:
            self._ledger.save()
        self._remove(segment)
        return True

    def drop_oldest(self, newest: tuple) -> None:
        """Remove the oldest segment and note its open records as lost; raises OSError, then it is still there."""
        segment = self.segments[0]
        self._states.carry(segment.number, newest[0], newest[1])
        for boot, first, last in segment.runs:
            self._ledger.losses.dropped(boot, first, last)
            self._ledger.dropped += self._ledger.lose(boot, first, last, STORAGE_FULL)
        self._ledger.save_twice()
        self._remove(segment)

    def _remove(self, segment: Segment) -> None:
        segment.runs = []  # whatever comes of it: nothing of this is kept any more
        segment.sealed = True
        try:
            self._medium.remove(segment.name)
        except OSError as error:
            if error.errno != NO_SUCH_FILE:
                raise
        self.segments.remove(segment)
