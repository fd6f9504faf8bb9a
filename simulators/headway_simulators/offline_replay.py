"""Replays recordings through the device's own watcher without server, broker or store, and tells every number.

The record printed is the record a device would send as its first boot's, byte for byte.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from headway_edge.core.gate_names import GATE_NAMES
from headway_edge.core.process import Characteristic, Process
from headway_edge.own.local_time import LocalTime
from headway_edge.watcher import Trip, Watcher
from headway_protocol import record
from headway_simulators.errors import SimulatorError
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recording import Recording
from headway_simulators.virtual_clock import VirtualClock

JsonObject = dict[str, object]
UTC_OFFSET_MIN = 0  # a recording's times are taken as the person's own


@dataclass(frozen=True)
class Episode:
    """One trip of a recording: what the device computed, and its record's bytes. `recording` is where it came from."""

    recording: Recording
    vehicle_class: str
    trip: Trip
    payload: bytes

    @property
    def start_ms(self) -> int:
        """Unix time in milliseconds of the trip's first sample."""
        return self.trip.start_ms

    @property
    def end_ms(self) -> int:
        """Unix time in milliseconds of the trip's last sample."""
        return self.trip.start_ms + self.trip.elapsed_ms

    def as_json_line(self) -> str:
        """Every number of the trip, under names that scripts may rely on (docs/recordings.md), on one line."""
        process, numbers = self.trip.process, self.trip.numbers()
        gates = dict(zip(GATE_NAMES, self.trip.quality(), strict=True))
        events = sorted(self.trip.events, key=lambda event: event[1])
        trip = {
            "file": str(self.recording.path),
            "pack": {"name": process.name, "version": process.version, "id": process.id.hex()},
            "class": self.vehicle_class,
            "start": iso(self.start_ms),
            "end": iso(self.end_ms),
            "characteristics": {
                c.key: {"id": c.id, "value": number(c, c.value(numbers)), "unit": c.unit} for c in process.trip
            },
            "contexts": {name: bool(process.context(numbers) >> i & 1) for i, name in enumerate(process.contexts)},
            "events": [{"event": process.events[kind], "time": iso(time_ms)} for kind, time_ms in events],
            "gates": gates | {"gap_s": gates["gap_s"] / 10},
            "unreadable": dict(sorted(self.recording.problems.items())),
            "record": self.payload.hex(),
        }
        return json.dumps(trip, separators=(",", ":"), ensure_ascii=False)


def number(item: Characteristic, value: int | None) -> float | int | None:
    """A characteristic's integer as the number people mean: 125 per mille becomes 12.5."""
    if value is None or item.decimals == 0:
        return value
    return float(value / 10**item.decimals)


def iso(time_ms: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC; the fraction only where there is one."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds").replace("+00:00", "Z")


def wanted(process: Process) -> list[SignalQuantum]:
    """Return the signals that a process asks a recording for, in its order and quanta."""
    return [SignalQuantum(signal[0], signal[2], signal[3]) for signal in process.pack.signals]


def rows_of(recording: Recording, process: Process) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield (Unix ms, one integer for each signal of the process) of each sample. Raises SimulatorError."""
    signals = recording.signals(wanted(process), recording.problems)
    for sample, row in zip(recording.samples, signals, strict=True):
        yield sample.wall_ms, row


def episodes(recording: Recording, process: Process, vehicle_class: str) -> Iterator[Episode]:
    """Yield the trips of one recording as a process counts them, as of a device that was new before it.

    Raises SimulatorError for a class the pack does not know, or a recording that cannot be read again for its signals.
    """
    clock = VirtualClock(recording.samples[0].wall_ms)
    try:
        watcher = Watcher(process, vehicle_class, recording.period_ms)
    except ValueError as error:
        raise SimulatorError(f"{recording.path}: {error}. Choose another --class or --pack.") from error
    for seq, trip in enumerate(trips_of(rows_of(recording, process), watcher, clock), start=1):
        wall_ms, quality = clock.wall()
        ago_ms = wall_ms - trip.start_ms
        body = record.episode_body(process.id, ago_ms, trip.counts, trip.gates, UTC_OFFSET_MIN)
        payload = record.encode(record.Record(record.EPISODE, 1, seq, clock.mono_ms(), wall_ms, quality, body))
        yield Episode(recording, vehicle_class, trip, payload)


def trips_of(rows: Iterable[tuple[int, tuple[int, ...]]], watcher: Watcher, clock: VirtualClock) -> Iterator[Trip]:
    """Yield the trips of samples as `rows_of` gives them, the last one ended with them."""
    local_time = LocalTime(watcher.process.pack, lambda _wall_ms: UTC_OFFSET_MIN)
    for wall_ms, row in rows:
        clock.advance(wall_ms)
        trip = watcher.push(wall_ms, local_time.filled(row, wall_ms))
        if trip is not None:
            yield trip
    last = watcher.finish()
    if last is not None:
        yield last
