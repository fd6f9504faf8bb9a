"""Watches driving: puts times to what the core finds, and keeps what a restart needs to go on.

The core knows only differences of time. The watcher knows when its trip began and when its events happened, on the
source's clock (monotonic on a device, the recorded time in a replay); wall time is put to it when a record is made.
"""

from dataclasses import dataclass, field

from headway_edge.core import data_quality, definition
from headway_edge.core.data_quality import CLOSED, OPENED, wire_gates
from headway_edge.core.trip import (
    ACCELERATED_HARD,
    BRAKED_HARD,
    UNKNOWN,
    TripCore,
    wire_counts,
)
from headway_protocol import cbor
from headway_protocol import counts as packed

EVENTS_MAX = 500  # of one trip, for feedback on the device; the counts go on beyond
EVENT_NAMES = {ACCELERATED_HARD: "hard_acceleration", BRAKED_HARD: "hard_braking"}


@dataclass(frozen=True)
class Trip:
    """One closed trip.

    start_ms: on the source's clock; may lie before this boot. counts, gates: packed for the wire.
    events: (kind, time_ms) of each, oldest first, at most EVENTS_MAX.
    """

    start_ms: int
    counts: bytes
    gates: bytes
    events: tuple[tuple[int, int], ...]

    def numbers(self) -> list[int]:
        """The counts in the definition's order, times in tenths of a second."""
        return packed.unpack(self.counts, definition.COUNTS)

    def quality(self) -> list[int]:
        """The gate counters in the definition's order, the time in tenths of a second."""
        return packed.unpack(self.gates, data_quality.GATES)

    @property
    def elapsed_ms(self) -> int:
        """From the first sample to the last, to the tenth of a second."""
        return self.numbers()[definition.ELAPSED] * 100


@dataclass
class Watcher:
    """One vehicle's trips from its samples; vehicle_class and period_ms as in `TripCore`."""

    vehicle_class: str = "car"
    period_ms: int = 1000
    _core: TripCore = field(init=False)
    _last_ms: int | None = field(default=None, init=False)
    _start_ms: int = field(default=0, init=False)
    _events: list[tuple[int, int]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Make the core; raises ValueError for an unknown class or period."""
        self._core = TripCore(self.vehicle_class, self.period_ms)

    def push(self, time_ms: int, speed_ckmh: int, rpm: int = UNKNOWN, ignition: int = UNKNOWN) -> Trip | None:
        """Fold in one sample taken at `time_ms`; return the trip that it closed, if it closed one."""
        last = self._last_ms
        self._last_ms = time_ms
        flags = self._core.update(time_ms - last if last is not None else 0, speed_ckmh, rpm, ignition)
        if not flags:
            return None
        closed = self._take() if flags & CLOSED else None
        if flags & OPENED:
            self._start_ms = time_ms - self._core.lead_ms
            self._events = []
        for kind in EVENT_NAMES:
            if flags & kind and len(self._events) < EVENTS_MAX:
                self._events.append((kind, time_ms))
        return closed

    def finish(self) -> Trip | None:
        """Close the open trip as at the end of a recording; return it, None if there was none."""
        return self._take() if self._core.finish() else None

    def _take(self) -> Trip:
        core = self._core
        return Trip(self._start_ms, wire_counts(core.closed), wire_gates(core.closed_gates), tuple(self._events))

    @property
    def is_open(self) -> bool:
        """Whether a trip is under way."""
        return self._core.is_open

    def state(self) -> bytes:
        """The watcher as bytes, for a checkpoint; about 300."""
        events = [number for event in self._events for number in event]
        return cbor.encode([self._last_ms, self._start_ms, events, self._core.state()])

    def restore(self, state: bytes, shift_ms: int) -> None:
        """Go on from `state`; shift_ms: what to add to its times to have them on the source's clock of today.

        Raises ValueError or DecodeError for the state of another version; the watcher is then as new.
        """
        items = cbor.decode(state)
        if not isinstance(items, list) or len(items) != 4:
            raise ValueError("not a watcher's checkpoint")
        last, start, events, core = items
        self._core.restore(core)
        self._last_ms = None if last is None else last + shift_ms
        self._start_ms = start + shift_ms
        self._events = [(events[i], events[i + 1] + shift_ms) for i in range(0, len(events), 2)]
