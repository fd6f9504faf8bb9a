"""Keeps records while the disk refuses them, and puts them into the outbox in their order when it takes them again."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from headway_edge.clock import Clock
from headway_edge.outbox import Outbox
from headway_protocol import record

log = structlog.get_logger("headway.agent")

UNSAVED_MAX = 100  # records kept in memory while the disk refuses them

State = Mapping[str, bytes | None]


@dataclass(frozen=True)
class _Unsaved:
    kind: int
    mono_ms: int
    wall_ms: int | None
    clock: int
    body: list[object]
    state: State


class RecordKeeper:
    """Appends records to an outbox, each with the time at which it was made. `dropped` counts those lost for good."""

    def __init__(self, outbox: Outbox, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self._unsaved: list[_Unsaved] = []
        self.dropped = 0

    @property
    def waiting(self) -> bool:
        """Whether there are records that are not on disk."""
        return self._unsaved != []

    def append(self, kind: int, body: list[object], state: State) -> tuple[int, int] | None:
        """Store a record and `state` together; return its (boot, seq), None while the disk refuses it.

        What waits for too long is dropped, the oldest first, and counted. Raises EncodeError.
        """
        wall_ms, quality = self._clock.wall()
        self._unsaved.append(_Unsaved(kind, self._clock.mono_ms(), wall_ms, quality, body, state))
        if len(self._unsaved) > UNSAVED_MAX:
            self._unsaved.pop(0)
            self.dropped += 1
            log.error("agent.record_dropped", dropped=self.dropped, reason="the disk refused it for too long")
        return self.save()

    def save(self) -> tuple[int, int] | None:
        """Try again with what waits; return the (boot, seq) of the last record, None if any still waits or none did."""
        identity = None
        while self._unsaved:
            item = self._unsaved[0]
            try:
                payload = self._outbox.append(item.kind, item.mono_ms, item.wall_ms, item.clock, item.body, item.state)
            except sqlite3.Error as error:
                log.error(
                    "agent.store_failed",
                    error=str(error),
                    waiting=len(self._unsaved),
                    next_step="free space on the disk",
                )
                return None
            self._unsaved.pop(0)
            identity = record.identity(payload)
        return identity
