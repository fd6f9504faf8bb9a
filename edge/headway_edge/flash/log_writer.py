"""The writing end of a flash log: one record at a time. What to do when the medium does not take it is in `write_repair`."""

from headway_edge.flash import forget
from headway_edge.flash.kept_segments import SEGMENTS_MAX
from headway_edge.flash.log_folder import MEDIUM_FULL, SpareRoom, write_all
from headway_edge.flash.log_segment import STATE_BYTES_MAX, frame, pack_state, unpack_state
from headway_protocol.errors import EncodeError
from headway_protocol.record import LOSS, Record, encode

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.kept_segments import KeptSegments
    from headway_edge.flash.log_segment import Segment


class LogWriter:
    """Appends records of one boot to segments; `headway_edge.flash.flash_log.FlashLog` is one that also hands them out.

    segment_bytes: beyond it another segment is begun. log_bytes_max: of all segments. sync_every: records from one close of the
    file to the next. boot, last_seq: of the newest record, seq 0 if there is none.
    """

    def __init__(
        self,
        kept: "KeptSegments",
        boot: int,
        log_bytes_max: int,
        segment_bytes: int,
        sync_every: int,
    ) -> None:
        self._kept = kept
        self._log_bytes_max = log_bytes_max
        self._segment_bytes = segment_bytes
        self._sync_every = sync_every
        self._file = None  # type: object
        self._unsynced = 0
        self._doubted = None  # type: bytes | None  # the payload of which it is not known whether it was stored
        self._full = 0
        self._spare = SpareRoom(kept.medium, segment_bytes)
        self.boot = boot
        self.last_seq = 0

    def last(self) -> tuple:
        """Return (boot, seq) of the newest record."""
        return self.boot, self.last_seq

    def append(
        self, kind: int, mono_ms: int, wall_ms: "int | None", clock: int, body: list, state: "dict | None" = None
    ) -> bytes:
        """Store a record as the next of this boot, and `state` with it; return its frozen bytes.

        state: {key: bytes, None to remove the key, or a function of (boot, seq) that returns either}. Other arguments as in
        `headway_protocol.record.Record`. A LOSS declares what `undeclared` tells; its key in `state` is passed over.

        Raises EncodeError for a field out of range or a state over STATE_BYTES_MAX; OSError and MemoryError as the medium does.
        Then it is not stored as far as anybody knows; the same record, given again, is stored once even if it was.
        """
        record = Record(kind, self.boot, self.last_seq, mono_ms, wall_ms, clock, body)
        doubted = self._doubted
        if doubted is not None and self._after_a_fault("was_stored"):
            record.seq = self.last_seq
            if encode(record) == doubted:
                self._note(record)
                return doubted
        record.seq = self.last_seq + 1
        payload, packed = encode(record), self._packed(state or {}, record.seq)
        data = frame(record.boot, record.seq, payload, packed)
        try:
            self._put(data, payload, packed)
        except OSError as error:
            if error.errno != MEDIUM_FULL or self._doubted is not None or not self._after_a_fault("make_way"):
                raise
            self._put(data, payload, packed)
        self._full = 0
        self._spare.take()
        self._note(record)
        return payload

    def _packed(self, state: dict, seq: int) -> bytes:
        values = {}
        for key, value in state.items():
            if key[:5] != "loss/":  # what is declared is known by the record itself
                values[key] = value(self.boot, seq) if callable(value) else value
        packed = pack_state(values)
        if len(packed) > STATE_BYTES_MAX:
            raise EncodeError("a state of %d bytes; the limit is %d" % (len(packed), STATE_BYTES_MAX))
        return packed

    def _put(self, data: bytes, payload: bytes, packed: bytes) -> None:
        # Raises, unless the frame is in the log.
        if self._kept.ledger.unsaved:
            self._kept.ledger.save()
        segment = self._room_for(len(data))
        if self._file is None and self._sync_every > 1:
            self._kept.ledger.mark = (self.boot, self.last_seq + self._sync_every)
            self._kept.ledger.save()
        self._doubted = payload
        try:
            if self._file is None:
                self._file = self._kept.medium.open(segment.name, "ab")
            write_all(self._file, data)  # type: ignore[arg-type]
            self._unsynced += 1
            if self._unsynced >= self._sync_every:
                self._close()
        except (OSError, MemoryError):
            if not self._found_stored():
                raise
            return
        self._doubted = None
        self.last_seq += 1
        for key, _ in unpack_state(packed):
            self._kept.states.note(key, self.boot, self.last_seq, segment.number, segment.size_bytes)
        segment.extend(self.boot, self.last_seq, len(data))

    def _room_for(self, size_bytes: int) -> "Segment":
        while True:
            segment = self._kept.for_append(self.boot, size_bytes, self._segment_bytes)
            total_bytes = self._kept.size_bytes() + size_bytes
            full = total_bytes > self._log_bytes_max or len(self._kept.segments) > SEGMENTS_MAX
            if segment.size_bytes == 0 or full:
                self.sync()  # the segment before, if it is still open
            if not full or not self._kept.drop(self.last(), False):
                return segment

    def _close(self) -> None:
        file, self._file, self._unsynced = self._file, None, 0
        file.close()  # type: ignore[attr-defined]

    def _found_stored(self) -> bool:
        # After a write that ended in an error: whether the frame is there all the same. Nobody can tell: no, for now.
        try:
            if self._file is not None:
                self._close()
        except (OSError, MemoryError):
            pass
        try:
            return self._after_a_fault("look") > 0
        except (OSError, MemoryError):
            return False

    def _after_a_fault(self, what: str, *arguments: int) -> int:
        # Does what `headway_edge.flash.write_repair` has under that name.
        from headway_edge.flash import write_repair  # noqa: PLC0415 - a medium seldom refuses

        try:
            return getattr(write_repair, what)(self, *arguments)
        finally:
            forget("write_repair", "segment_reading")

    def _note(self, record: Record) -> None:
        if record.kind == LOSS:
            self._kept.ledger.losses.declare(record.body[0], record.body[1], record.body[2], self.boot, self.last_seq)
        if self._file is None:
            self._save_mark()

    def _save_mark(self) -> None:
        # The record is stored whatever comes of this; the next one waits until this is saved.
        self._kept.ledger.mark = self.last()
        try:
            self._kept.ledger.save()
        except (OSError, MemoryError):
            pass

    def sync(self) -> None:
        """With `sync_every`: put on the medium what is not there yet. Raises OSError; what is gone then is noted as lost."""
        if self._file is None:
            return
        self._doubted = b""
        try:
            self._close()
        except (OSError, MemoryError):
            self._found_stored()
            raise
        self._doubted = None
        self._save_mark()

    def skip(self, count: int = 1) -> int:
        """Use up `count` seqs for records that the medium refused for too long: they become a loss to be declared.

        Returns how many that are: one fewer where the last one turns out to have been stored after all.
        """
        return self._after_a_fault("skip", count)
