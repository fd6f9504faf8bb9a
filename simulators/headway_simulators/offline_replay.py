"""Replays recordings through the device's own watcher without server, broker or store, and tells every number.

The record printed is the record a device would send as its first boot's, byte for byte.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from headway_edge.core import characteristics, data_quality, definition
from headway_edge.watcher import EVENT_NAMES, Trip, Watcher
from headway_protocol import record
from headway_simulators.recordings import Recording
from headway_simulators.virtual_clock import VirtualClock

JsonObject = dict[str, object]


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
        """Every number of the trip, under names that scripts may rely on, on one line."""
        counts = self.trip.numbers()
        return line_of(
            self.recording,
            {"name": definition.NAME, "version": definition.VERSION, "id": definition.pack_id().hex()},
            self.vehicle_class,
            (self.start_ms, self.end_ms),
            {
                item.key: {"id": item.id, "value": number(item, item.value(counts)), "unit": item.unit}
                for item in characteristics.TRIP
            },
            [{"event": EVENT_NAMES[kind], "time": iso(time_ms)} for kind, time_ms in self.trip.events],
            dict(zip(data_quality.GATE_NAMES, self.trip.quality(), strict=True)),
            self.payload,
        )


def line_of(
    recording: Recording,
    pack: JsonObject,
    vehicle_class: str,
    start_and_end_ms: tuple[int, int],
    values: JsonObject,
    events: list[dict[str, str]],
    gates: dict[str, int],
    payload: bytes,
) -> str:
    """Return one trip as a JSON object on one line; the keys are the same for every pack (docs/recordings.md)."""
    start_ms, end_ms = start_and_end_ms
    trip = {
        "file": str(recording.path),
        "pack": pack,
        "class": vehicle_class,
        "start": iso(start_ms),
        "end": iso(end_ms),
        "characteristics": values,
        "events": events,
        "gates": gates | {"gap_s": gates["gap_s"] / 10},
        "unreadable": dict(sorted(recording.problems.items())),
        "record": payload.hex(),
    }
    return json.dumps(trip, separators=(",", ":"), ensure_ascii=False)


def number(item: characteristics.Characteristic, value: int | None) -> float | int | None:
    """A characteristic's integer as the number people mean: 125 per mille becomes 12.5."""
    if value is None or item.decimals == 0:
        return value
    return float(value / 10**item.decimals)


def iso(time_ms: int) -> str:
    """Unix milliseconds as ISO 8601 in UTC; the fraction only where there is one."""
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds" if time_ms % 1000 else "seconds").replace("+00:00", "Z")


def episodes(recording: Recording, vehicle_class: str) -> Iterator[Episode]:
    """Yield the trips of one recording, as of a device that was new before it."""
    clock = VirtualClock(recording.samples[0].wall_ms)
    watcher = Watcher(vehicle_class, recording.period_ms)
    for seq, trip in enumerate(_trips(recording, watcher, clock), start=1):
        wall_ms, quality = clock.wall()
        body = record.episode_body(definition.pack_id(), wall_ms - trip.start_ms, trip.counts, trip.gates)
        payload = record.encode(record.Record(record.EPISODE, 1, seq, clock.mono_ms(), wall_ms, quality, body))
        yield Episode(recording, vehicle_class, trip, payload)


def _trips(recording: Recording, watcher: Watcher, clock: VirtualClock) -> Iterator[Trip]:
    for sample in recording.samples:
        clock.advance(sample.wall_ms)
        trip = watcher.push(sample.wall_ms, sample.speed_ckmh, sample.rpm, sample.ignition)
        if trip is not None:
            yield trip
    last = watcher.finish()
    if last is not None:
        yield last
