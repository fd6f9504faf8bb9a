"""The trip that is under way, on disk, so that a restart goes on with it."""

import structlog

from headway_edge.clock import Clock
from headway_edge.core.process import Process
from headway_edge.store.outbox import Outbox
from headway_edge.watcher import Watcher
from headway_protocol import cbor
from headway_protocol.errors import DecodeError

log = structlog.get_logger("headway.agent")

KEY = "checkpoint"
UNKNOWN_SILENCE_MS = 86_400_001  # longer than any trip or day goes on without a sample


class OpenTrip:
    """The latest checkpoint of a store, of this boot or, until the first sample, of the one before.

    recorded: the samples' times go on over a restart; else `clock` must say how long the agent was away. `position` is the one
    of the checkpoint: where the source stood.
    """

    def __init__(self, outbox: Outbox, clock: Clock, recorded: bool) -> None:
        self._clock = clock
        self._recorded = recorded
        self.position = 0
        self._before: tuple[int, int | None, bytes] | None = None  # time_ms, wall_ms, the watcher's state
        data = outbox.load(KEY)
        if data is not None:
            try:
                self.position, time_ms, wall_ms, state = cbor.decode(data)  # type: ignore[misc]
            except (DecodeError, ValueError, TypeError) as error:
                _unreadable(error)
            else:
                self._before = (time_ms, wall_ms, state) if state else None  # type: ignore[has-type]

    def encoded(self, position: int, time_ms: int, watcher: Watcher) -> bytes:
        """Return a checkpoint of what is open now. time_ms: on the source's clock."""
        return cbor.encode([position, time_ms, self._clock.wall()[0], watcher.state()])

    @staticmethod
    def nothing_open(position: int) -> bytes:
        """Return a checkpoint without a trip, for whichever pack comes next."""
        return cbor.encode([position, 0, None, b""])

    def resume(self, watcher: Watcher, time_ms: int) -> None:
        """Go on with what the boot before had open, with the first sample: then it is known how much time has passed."""
        if self._before is None:
            return
        time_then_ms, wall_then_ms, state = self._before
        self._before = None
        if self._recorded:
            shift_ms = 0
        else:
            wall_ms = self._clock.wall()[0]
            passed_ms = UNKNOWN_SILENCE_MS  # if nobody knows how long it was: too long to be the same trip
            if wall_ms is not None and wall_then_ms is not None and wall_ms >= wall_then_ms:
                passed_ms = wall_ms - wall_then_ms
            shift_ms = time_ms - passed_ms - time_then_ms
        try:
            watcher.restore(state, shift_ms)
        except (DecodeError, ValueError, TypeError) as error:
            _unreadable(error)

    def waits(self, process: Process, vehicle_class: str, period_ms: int) -> bool:
        """Whether the boot before had a trip open that has not gone on yet."""
        if self._before is None:
            return False
        before = Watcher(process, vehicle_class, period_ms)
        try:
            before.restore(self._before[2], 0)
        except (DecodeError, ValueError, TypeError):
            return False  # it will be said when it is to go on
        return before.is_open

    def forget(self) -> None:
        """Do not go on with it."""
        self._before = None


def _unreadable(error: Exception) -> None:
    log.error("agent.checkpoint_unreadable", error=str(error), lost="the trip that was under way")
