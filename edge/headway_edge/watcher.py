"""Watches one process: puts times to what the core finds, and keeps what a restart needs to go on.

The core knows only differences of time. The watcher knows when its trip began and when its events happened, on the
source's clock (monotonic on a device, the recorded time in a replay); wall time is put to it when a record is made.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from headway_edge.core import data_quality
from headway_edge.core.data_quality import CLOSED, OPENED, wire_gates
from headway_edge.core.day import DayCore
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_protocol import cbor
from headway_protocol import counts as packed

EVENTS_MAX = 500  # of one trip, for feedback on the device; the counts go on beyond
_FIRST_EVENT_BIT = 4


@dataclass(frozen=True)
class Trip:
    """One closed episode of a process: a trip, a day.

    start_ms: on the source's clock; may lie before this boot. counts, gates: packed for the wire.
    events: (index in the pack, time_ms) of each, in the order they were counted, at most EVENTS_MAX.
    """

    process: Process
    start_ms: int
    counts: bytes
    gates: bytes
    events: tuple[tuple[int, int], ...]

    def numbers(self) -> list[int]:
        """The counts in the pack's order, with their signs, times in tenths of a second."""
        return self.process.numbers(self.counts)

    def quality(self) -> list[int]:
        """The gate counters in the order of `data_quality`, the time in tenths of a second."""
        return packed.unpack(self.gates, data_quality.GATES)

    @property
    def elapsed_ms(self) -> int:
        """From the first sample to the last, to the tenth of a second."""
        return self.numbers()[0] * 100


def core_of(pack: Pack, vehicle_class: str, period_ms: int) -> EpisodeCore | DayCore:
    """Return the core that runs a pack of its kind. Raises ValueError for a class it does not know, or a period."""
    if pack.kind == "day":
        return DayCore(pack, vehicle_class, period_ms)
    return EpisodeCore(pack, vehicle_class, period_ms)


@dataclass
class Watcher:
    """One vehicle's trips, or one person's days, from samples. vehicle_class, period_ms: as in `EpisodeCore`."""

    process: Process
    vehicle_class: str
    period_ms: int = 1000
    _core: EpisodeCore | DayCore = field(init=False)
    _last_ms: int | None = field(default=None, init=False)
    _start_ms: int = field(default=0, init=False)
    _events: list[tuple[int, int]] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Make the core; raises ValueError for a class the pack does not know, or a period."""
        pack = self.process.pack
        self._core = core_of(pack, self.vehicle_class, self.period_ms)

    def push(self, time_ms: int, signals: Sequence[int]) -> Trip | None:
        """Fold in one sample taken at `time_ms`; return the trip that it closed, if it closed one.

        signals: one integer for each signal of the pack, in its quanta; MISSING where there is none.
        """
        core, last = self._core, self._last_ms
        self._last_ms = time_ms
        into = core.signals
        for i in range(len(into)):
            into[i] = signals[i]
        flags = core.update(time_ms - last if last is not None else 0)
        return self._handle(flags, time_ms) if flags else None

    def finish(self) -> Trip | None:
        """Close the open trip as at the end of a recording; return it, None if there was none."""
        return self._handle(self._core.finish(), self._last_ms or 0)

    def _handle(self, flags: int, now_ms: int) -> Trip | None:
        core = self._core
        if flags & ~(OPENED | CLOSED):
            for event in range(len(self.process.events)):
                if flags & (_FIRST_EVENT_BIT << event):
                    self._events.extend((event, now_ms - age_ms) for age_ms in core.firings(event))
        closed = None
        if flags & CLOSED:
            events = tuple(self._events[:EVENTS_MAX])
            counts = wire_cells(core)  # type: ignore[arg-type]
            closed = Trip(self.process, self._start_ms, counts, wire_gates(core.closed_gates), events)
            self._events = []
        if flags & OPENED:
            self._start_ms = now_ms - core.lead_ms
            # An event is counted after it fired: those of the trip that closed have been handed over with it.
            self._events = [event for event in self._events if event[1] >= self._start_ms]
        return closed

    @property
    def is_open(self) -> bool:
        """Whether a trip is under way."""
        return self._core.is_open

    def state(self) -> bytes:
        """The watcher as bytes, for a checkpoint."""
        events = [number for event in self._events[:EVENTS_MAX] for number in event]
        # Machine integers, because it is made every minute; it never leaves this machine.
        core = array("i", self._core.state()).tobytes()
        return cbor.encode([self.process.id, self._last_ms, self._start_ms, events, core])

    def restore(self, state: bytes, shift_ms: int) -> None:
        """Go on from `state`; shift_ms: what to add to its times to have them on the source's clock of today.

        Raises ValueError or DecodeError for the state of another pack or version; the watcher is then as new.
        """
        items = cbor.decode(state)
        if not isinstance(items, list) or len(items) != 5 or items[0] != self.process.id:
            raise ValueError("not a checkpoint of this pack")
        _, last, start, events, core = items
        numbers = array("i")
        numbers.frombytes(core)
        self._core.restore(numbers.tolist())
        self._last_ms = None if last is None else last + shift_ms
        self._start_ms = start + shift_ms
        self._events = [(events[i], events[i + 1] + shift_ms) for i in range(0, len(events), 2)]
