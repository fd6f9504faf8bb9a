"""The outbox on a microcontroller: every record until the server has said that it is committed, in segments of a log.

    log = FlashLog(LogFolder("/flash/headway"), minutes_since_2026)

Runs on MicroPython and CPython, with the interface that `Session` needs. Records are appended to files that are never
rewritten (`log_segment`); what is settled or lost stands beside them (`ledger`); boots are counted in a file of their own. So a
power cut takes at most what was being written; what is missing at a start is noted as lost and is to be declared; what the
medium spoils later as well. Not for Linux: `headway_edge.outbox` has transactions and a larger window.

Settled records stay until their room is needed, so that the server may ask for them again.
"""

from headway_edge.asked_again import reopen
from headway_edge.boot_counter import BootCounter
from headway_edge.kept_segments import KeptSegments
from headway_edge.kept_state import KeptState
from headway_edge.ledger import Ledger
from headway_edge.log_folder import LogFolder
from headway_edge.log_writer import LogWriter
from headway_edge.loss_list import LOSSES_MAX, REASONS, SEGMENT_BYTES_PER_LOSS, SKIPPED
from headway_protocol.record import Record

LOG_BYTES_MAX = 65536  # about 500 trips
SEGMENT_BYTES = 4096  # a block of most flash chips
ASIDE_MAX = 32
_SEQ_MAX = 0xFFFFFFFF


class FlashLog:
    """Records of one device; each opening is a new boot.

    medium: an empty folder, or one that a log was in. first_boot: 1..2**31-1, for a folder in which no boot can be read: something
    that grows, or random, so that a device whose memory was wiped does not use a (boot, seq) again. log_bytes_max: of all
    segments. sync_every: records from one sync of the medium to the next; what a power cut may take is up to
    `sync_every - 1` records that `append` returned, which are then declared lost, up to as many too many.

    Raises OSError when the medium refuses, here and in every method, and MemoryError; what was stored stays so.
    """

    def __init__(
        self,
        medium: LogFolder,
        first_boot: int,
        log_bytes_max: int = LOG_BYTES_MAX,
        segment_bytes: int = SEGMENT_BYTES,
        sync_every: int = 1,
    ) -> None:
        self._ledger = Ledger(medium, min(LOSSES_MAX, segment_bytes // SEGMENT_BYTES_PER_LOSS))
        self._states = KeptState(medium)
        self._kept = KeptSegments(medium, self._ledger, self._states)
        self._counter = BootCounter(medium)
        self._aside = []  # type: list
        self.refused = 0
        self._start(first_boot)
        self._writer = LogWriter(
            medium,
            self._kept,
            self._ledger,
            self._states,
            self._counter.boot,
            log_bytes_max,
            segment_bytes,
            sync_every,
        )

    def _start(self, first_boot: int) -> None:
        self._ledger.load()
        self._counter.load()
        self._kept.scan()
        known = self._counter.ends + ([self._ledger.mark] if self._ledger.mark[1] else [])
        self._kept.find_gaps(known)
        ends = {}  # type: dict
        for boot, last in known + [(run[0], run[2]) for run in self._kept.runs()]:
            ends[boot] = max(last, ends.get(boot, 0))
        self._counter.begin(sorted(ends.items(), reverse=True), first_boot)

    @property
    def boot(self) -> int:
        """The number of this boot."""
        return self._writer.boot

    @property
    def last_seq(self) -> int:
        """The seq of the last record of this boot; 0 if it has made none."""
        return self._writer.last_seq

    # --- writing ------------------------------------------------------------------------------------------------

    def append(
        self, kind: int, mono_ms: int, wall_ms: "int | None", clock: int, body: list, state: "dict | None" = None
    ) -> bytes:
        """Store a record as the next of this boot, and `state` with it; return its frozen bytes.

        state: {key: bytes, None to remove the key, or a function of (boot, seq) that returns either}. Other arguments as in
        `headway_protocol.record.Record`. A LOSS declares what `undeclared` tells; its key in `state` is passed over.

        Raises EncodeError for a field out of range or a state over STATE_BYTES_MAX; OSError and MemoryError as the medium does.
        Then it is not stored as far as anybody knows; the same record, given again, is stored once even if it was.
        """
        record = Record(kind, self.boot, self.last_seq + 1, mono_ms, wall_ms, clock, body)
        return self._writer.append(record, state or {})

    def skip(self, count: int = 1) -> int:
        """Use up `count` seqs for records that the medium refused for too long: they become a loss to be declared.

        Returns how many that are: one fewer where the last one turns out to have been stored after all.
        """
        return self._writer.skip(count, SKIPPED)

    def sync(self) -> None:
        """With `sync_every`: put on the medium what is not there yet. Raises OSError; what is gone then is noted as lost."""
        self._writer.sync()

    # --- sending ------------------------------------------------------------------------------------------------

    def to_send(self, after: tuple, limit: int) -> list:
        """Return up to `limit` open records beyond (boot, seq), the oldest first, as (boot, seq, payload)."""
        self.sync()
        return self._kept.oldest(after, limit, self._aside)

    def newest(self, limit: int) -> list:
        """Return up to `limit` open records, the newest first, as (boot, seq, payload)."""
        self.sync()
        return self._kept.newest(limit, self._aside)

    def backlog(self) -> int:
        """How many records the server has not settled yet, those that were found undeliverable too."""
        return self._kept.backlog()

    def acknowledge(self, boot: int, upto: int, rejections: list, stored: "list | tuple" = ()) -> int:
        """Settle what the server has committed or refused; return how many records that settles.

        upto: every seq of `boot` up to it. rejections: (seq, code) refused for good, which may lie above. stored: (first, last)
        committed above `upto`. Raises OSError where this could not be saved: it counts until the next start, and is saved
        with the next record.
        """
        if boot > self.boot:
            return 0
        end = self.last_seq if boot == self.boot else _SEQ_MAX
        before = self._kept.backlog()
        for seq, _ in rejections:
            if seq <= end and self._ledger.open_ranges(boot, seq, seq):
                self.refused += 1
                self._ledger.settle(boot, seq, seq, self._kept.open_between)
        for first, last in [(1, upto)] + list(stored):
            self._ledger.settle(boot, first, min(last, end), self._kept.open_between)
        if self._ledger.losses.unnamed:
            self._ledger.losses.unnamed = 0  # there may be room for them now
            self._kept.find_gaps(self.ends(_SEQ_MAX))
        if self._ledger.unsaved:
            self._ledger.save()
        return before - self._kept.backlog()

    def set_undeliverable(self, boot: int, seq: int) -> None:
        """Hand a record out no more, until `retry_undeliverable`, the next start, or until the server asks for it."""
        if (boot, seq) not in self._aside:
            self._aside.append((boot, seq))
        if len(self._aside) > ASIDE_MAX:
            self._aside.pop(0)

    def retry_undeliverable(self) -> int:
        """Hand those records out again; return how many there are."""
        count, self._aside = len(self._aside), []
        return count

    def ends(self, limit: int) -> list:
        """Return [(boot, last seq), ...] of up to `limit` boots that made a record, this one too, the newest first."""
        own = [self._writer.newest()] if self.last_seq else []
        return (own + self._counter.ends)[:limit]

    def resend(self, ranges: list) -> tuple:
        """Make settled records open again that the server asks for; return (how many, what is missing). Raises OSError.

        ranges, missing: [(boot, first, last), ...]; what is missing was made and is not kept any more: the caller declares it.
        """
        own = [(self.boot, self.last_seq)]
        found = reopen(self._kept, self._ledger, ranges, own + self._counter.ends, self._counter.since)
        for boot, first, last in ranges:
            self._aside = [item for item in self._aside if not (boot, first) <= item <= (boot, last)]
        if self._ledger.unsaved:
            self._ledger.save_twice()  # the older copy says that they are settled
        return found

    # --- losses and state ---------------------------------------------------------------------------------------

    def undeclared(self) -> list:
        """Return (key, boot, first_seq, last_seq, reason) of losses that no LOSS record declares yet.

        Appending the LOSS record of one declares it. After an append that had to drop older records there may be more.
        """
        found = []
        for boot, first, last, reason, _, _ in self._ledger.losses.undeclared():
            found.append(("loss/%d/%d" % (boot, first), boot, first, last, REASONS[reason]))
        return found

    def save(self, key: str, value: bytes) -> None:
        """Store a piece of state: the old one or the new one survives a power cut, never a mixture.

        key: what a file may be named after.
        """
        self._states.save(key, value, self.boot, self.last_seq)

    def load(self, key: str) -> "bytes | None":
        """Return a piece of state, saved alone or with a record; None if there is none or it is damaged."""
        self.sync()
        return self._states.load(key)

    @property
    def may_have_losses(self) -> bool:
        """Whether `undeclared` is worth asking."""
        return self._ledger.losses.undeclared() != []

    @property
    def dropped(self) -> int:
        """Records given up for want of room, ever."""
        return self._ledger.dropped

    def counters(self) -> dict:
        """Return what went wrong, by name, for whoever looks after the device.

        unnamed: lost records that the list of losses has no room for until the server has settled others. torn_bytes,
        retired_segments, damaged_copies: found since this start. forgotten: ranges of settled records that will be sent again
        because there were too many. refused: by the server, since this start. boot_guessed: whether the number of this boot
        was taken from what is left.
        """
        return {
            "unnamed": self._ledger.losses.unnamed,
            "torn_bytes": self._kept.torn_bytes,
            "retired_segments": self._kept.retired,
            "damaged_copies": self._ledger.damaged + self._counter.damaged,
            "forgotten": self._ledger.settled.forgotten,
            "refused": self.refused,
            "boot_guessed": int(self._counter.guessed),
        }
