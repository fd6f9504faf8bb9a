"""The outbox on a microcontroller: every record until the server has said that it is committed, in segments of a log.

    log = FlashLog(LogFolder("/flash/headway"), minutes_since_2026)

Runs on MicroPython and CPython, with the interface that `Session` needs. Records are appended to files that are never
rewritten (`log_segment`); what is settled or lost stands beside them (`ledger`); boots are counted in a file of their own. So a
power cut takes at most what was being written; what is missing at a start is noted as lost and is to be declared; what the
medium spoils later as well. Not for Linux: `headway_edge.store.outbox` has transactions and a larger window.

Settled records stay until their room is needed, so that the server may ask for them again.
"""

from headway_edge.flash import forget
from headway_edge.flash.kept_segments import KeptSegments
from headway_edge.flash.kept_state import KeptState
from headway_edge.flash.ledger import Ledger
from headway_edge.flash.log_writer import LogWriter
from headway_edge.flash.loss_list import LOSSES_MAX, REASONS, SEGMENT_BYTES_PER_LOSS
from headway_protocol import const

try:
    from typing import TYPE_CHECKING
except ImportError:  # MicroPython
    TYPE_CHECKING = False  # type: ignore[misc]
if TYPE_CHECKING:
    from headway_edge.flash.log_folder import LogFolder

LOG_BYTES_MAX = 65536  # about 500 trips
SEGMENT_BYTES = 4096  # a block of most flash chips
ASIDE_MAX = 32
_SEQ_MAX = const(0xFFFFFFFF)


class FlashLog(LogWriter):
    """Records of one device; each opening is a new boot.

    medium: an empty folder, or one that a log was in. first_boot: 1..2**31-1, for a folder in which no boot can be read:
    something that grows, or random, so that a device whose memory was wiped does not use a (boot, seq) again. log_bytes_max: of
    all segments. segment_bytes: of one, a multiple of 256, at most a quarter of that. sync_every: records from one sync of the
    medium to the next; what a power cut may take is up to `sync_every - 1` records that `append` returned. They are then
    declared lost, with up to as many that were never made.

    Raises OSError when the medium refuses, here and in every method, and MemoryError; what was stored stays so.

    `refused` counts records that the server turned down since the start.
    """

    def __init__(
        self,
        medium: "LogFolder",
        first_boot: int,
        log_bytes_max: int = LOG_BYTES_MAX,
        segment_bytes: int = SEGMENT_BYTES,
        sync_every: int = 1,
    ) -> None:
        if log_bytes_max < 4 * segment_bytes or sync_every < 1:
            raise ValueError("log_bytes_max %d is under four segments, or sync_every %d" % (log_bytes_max, sync_every))
        from headway_edge.flash.log_start import start  # noqa: PLC0415

        ledger = Ledger(medium, min(LOSSES_MAX, segment_bytes // SEGMENT_BYTES_PER_LOSS))
        states = KeptState(medium)
        kept = KeptSegments(medium, ledger, states)
        counter = start(medium, kept, states, ledger, first_boot)
        super().__init__(kept, counter.boot, log_bytes_max, segment_bytes, sync_every)
        self._ends, self._since = counter.ends, counter.since
        self._start = (counter.guessed, counter.damaged)
        self._aside = []  # type: list
        self.refused = 0
        forget("log_start", "boot_counter", "ledger_reading", "segment_reading")

    # --- sending ------------------------------------------------------------------------------------------------

    def to_send(self, after: tuple, limit: int) -> list:
        """Return up to `limit` open records beyond (boot, seq), the oldest first, as (boot, seq, payload)."""
        self.sync()
        return self._kept.rows(after, limit, self._aside, False)

    def newest(self, limit: int) -> list:
        """Return up to `limit` open records, the newest first, as (boot, seq, payload)."""
        self.sync()
        return self._kept.rows((0, 0), limit, self._aside, True)

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
            if seq <= end and self._kept.ledger.open_ranges(boot, seq, seq):
                self.refused += 1
                self._kept.ledger.settle(boot, seq, seq, self._kept.open_between)
        for first, last in [(1, upto)] + list(stored):
            self._kept.ledger.settle(boot, first, min(last, end), self._kept.open_between)
        if self._kept.ledger.losses.unnamed:
            self._kept.ledger.losses.unnamed = 0  # there may be room for them now
            from headway_edge.flash.log_start import find_gaps  # noqa: PLC0415

            find_gaps(self._kept, self._kept.ledger, self.ends(_SEQ_MAX))
            forget("log_start", "boot_counter", "ledger_reading", "segment_reading")
        if self._kept.ledger.unsaved:
            self._kept.ledger.save()
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
        own = [self.last()] if self.last_seq else []
        return (own + self._ends)[:limit]

    def resend(self, ranges: list) -> tuple:
        """Make settled records open again that the server asks for; return (how many, what is missing). Raises OSError.

        ranges, missing: [(boot, first, last), ...]; what is missing was made and is not kept any more: the caller declares it.
        """
        from headway_edge.flash.asked_again import reopen  # noqa: PLC0415

        found = reopen(self._kept, self._kept.ledger, ranges, [self.last()] + self._ends, self._since)
        forget("asked_again")
        for boot, first, last in ranges:
            self._aside = [item for item in self._aside if not (boot, first) <= item <= (boot, last)]
        if self._kept.ledger.unsaved:
            self._kept.ledger.save_twice()  # the older copy says that they are settled
        return found

    # --- losses and state ---------------------------------------------------------------------------------------

    def undeclared(self) -> list:
        """Return (key, boot, first_seq, last_seq, reason) of losses that no LOSS record declares yet.

        Appending the LOSS record of one declares it. After an append that had to drop older records there may be more.
        """
        found = []
        for boot, first, last, reason, _, _ in self._kept.ledger.losses.undeclared():
            found.append(("loss/%d/%d" % (boot, first), boot, first, last, REASONS[reason]))
        return found

    def save(self, key: str, value: bytes) -> None:
        """Store a piece of state: the old one or the new one survives a power cut, never a mixture.

        key: what a file may be named after.
        """
        self._kept.states.save(key, value, self.boot, self.last_seq)

    def load(self, key: str) -> "bytes | None":
        """Return a piece of state, saved alone or with a record; None if there is none or it is damaged."""
        self.sync()
        return self._kept.states.load(key)

    @property
    def may_have_losses(self) -> bool:
        """Whether `undeclared` is worth asking."""
        return self._kept.ledger.losses.undeclared() != []

    @property
    def dropped(self) -> int:
        """Records given up for want of room, ever."""
        return self._kept.ledger.dropped

    def counters(self) -> dict:
        """Return what went wrong, by name, for whoever looks after the device.

        unnamed: lost records that the list of losses has no room for until the server has settled others. torn_bytes,
        retired_segments, damaged_copies: found since this start. forgotten: ranges of settled records that will be sent again
        because there were too many. refused: by the server, since this start. boot_guessed: whether the number of this boot
        was taken from what is left.
        """
        return {
            "unnamed": self._kept.ledger.losses.unnamed,
            "torn_bytes": self._kept.torn_bytes,
            "retired_segments": self._kept.retired,
            "damaged_copies": self._kept.ledger.damaged + self._start[1],
            "forgotten": self._kept.ledger.settled.forgotten,
            "refused": self.refused,
            "boot_guessed": int(self._start[0]),
        }
