"""Keeps records while the disk refuses them, and puts them into the outbox in their order when it takes them again.

While a disk is full, read-only or failing, collection goes on here, in memory, for UNSAVED_MAX records: a power cut takes those.
What there is no place for any more is lost, but not silently: it uses up its seq, and a LOSS record says so as soon as the disk
takes one.
"""

import sqlite3
from dataclasses import dataclass

import structlog

from headway_edge.clock import Clock
from headway_edge.core.boot_dates import BootClock
from headway_edge.store.outbox import Outbox, State
from headway_edge.wall_time import SYNCED_MS
from headway_protocol import record
from headway_protocol.errors import EncodeError

log = structlog.get_logger("headway.agent")

UNSAVED_MAX = 100  # records kept in memory while the disk refuses them
_TELL_AGAIN_MS = 60_000


@dataclass(frozen=True)
class _Unsaved:
    kind: int
    mono_ms: int
    wall_ms: int | None
    clock: int
    body: list[object]
    state: State


class RecordKeeper:
    """Appends records to an outbox, each with the time at which it was made, and declares what the outbox found to be lost.

    With each record that a synced clock dates, that time goes into the outbox's state, as a floor for clocks of later boots.
    `boot_clock` is what the records of this boot tell of its time. `dropped` counts records of this boot that the disk refused
    for too long.
    """

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._unsaved: list[_Unsaved] = []
        self._unskipped = 0  # dropped records whose seqs are not used up yet; they come before those that wait
        self._dropped_state: dict[str, bytes | None] = {}
        self._told_ms: int | None = None
        self.dropped = 0
        self.boot_clock = BootClock()

    @property
    def waiting(self) -> bool:
        """Whether there is something that is not on disk."""
        return bool(self._unsaved or self._unskipped)

    def append(self, kind: int, body: list[object], state: State) -> tuple[int, int] | None:
        """Store a record and `state` together; return its (boot, seq), None while the disk refuses it.

        What waits for too long is dropped, the oldest first, and counted. Raises EncodeError.
        """
        try:
            wall_ms, quality = self._clock.wall()
            if wall_ms is not None and quality == record.SYNCED:
                state = {**state, SYNCED_MS: b"%d" % wall_ms}
            mono_ms = self._clock.mono_ms()
            self._unsaved.append(_Unsaved(kind, mono_ms, wall_ms, quality, body, state))
            self.boot_clock.learn(mono_ms, wall_ms, quality)
        except MemoryError:
            self._drop("no memory")
            return None
        if len(self._unsaved) > UNSAVED_MAX:
            self._dropped_state.update(_known(self._unsaved.pop(0).state))
            self._drop("the disk refused it for too long")
        identity = self.save()
        if self.waiting:
            self._outbox.unsaved_state.update(_known(state))
        return identity

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        self._unskipped += 1
        log.error(
            "agent.record_dropped", dropped=self.dropped, reason=reason, next_step="see why the disk refuses records"
        )

    def save(self) -> tuple[int, int] | None:
        """Try again with what waits; return the (boot, seq) of the last record, None if any still waits or none did.

        Then declare losses. Costs nothing when there is nothing to do. Raises EncodeError for a record that cannot be; it is not
        kept.
        """
        identity = None
        try:
            if self._unskipped:
                self._outbox.skip(self._unskipped, self._dropped_state)
                self._unskipped = 0
                self._dropped_state = {}
            while self._unsaved:
                item = self._unsaved[0]
                try:
                    payload = self._outbox.append(
                        item.kind, item.mono_ms, item.wall_ms, item.clock, item.body, item.state
                    )
                except EncodeError:
                    self._unsaved.pop(0)
                    raise
                self._unsaved.pop(0)
                identity = record.identity(payload)
        except (sqlite3.Error, MemoryError) as error:
            self._tell(error)
            return None
        self._outbox.unsaved_state.clear()
        try:
            self._declare_losses()
        except (sqlite3.Error, MemoryError) as error:
            self._tell(error)
        else:
            self._told_ms = None
        return identity

    def _declare_losses(self) -> None:
        if not self._outbox.may_have_losses:
            return
        for loss in self._outbox.undeclared():
            body = record.loss_body(loss.boot, loss.first_seq, loss.last_seq, loss.reason)
            (wall_ms, quality), mono_ms = self._clock.wall(), self._clock.mono_ms()
            self._outbox.append(record.LOSS, mono_ms, wall_ms, quality, body, {loss.key: None})
            self.boot_clock.learn(mono_ms, wall_ms, quality)
            log.warning(
                "agent.loss_declared", boot=loss.boot, first=loss.first_seq, last=loss.last_seq, reason=loss.reason
            )

    def _tell(self, error: Exception) -> None:
        now_ms = self._clock.mono_ms()
        if self._told_ms is None or now_ms - self._told_ms >= _TELL_AGAIN_MS:
            self._told_ms = now_ms
            log.error(
                "agent.store_failed",
                error=str(error) or type(error).__name__,
                waiting=len(self._unsaved),
                kept_in_memory_at_most=UNSAVED_MAX,
                next_step="free space on the disk, or check it",
            )


def _known(state: State) -> dict[str, bytes | None]:
    # Without what only a stored record has a value for.
    return {key: value for key, value in state.items() if not callable(value)}
