"""Replays recordings through any pack, without server, broker or store, and tells every number under its name.

The records printed are those a device that runs the pack would send in its first boot, byte for byte.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headway_edge.core import pack_values
from headway_edge.core.data_quality import CLOSED, GATE_NAMES, GATES, OPENED, wire_gates
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_edge.core.pack import Pack
from headway_protocol import counts, record
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_server.packs.problems import PackRefused
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import JsonObject, iso, line_of
from headway_simulators.recorded_signals import SignalQuantum
from headway_simulators.recordings import Recording
from headway_simulators.virtual_clock import VirtualClock


@dataclass(frozen=True)
class NamedPack:
    """A pack with the names people know its parts by. characteristics, events: by id and by index."""

    pack: Pack
    characteristics: dict[int, tuple[str, str]]
    events: list[str]


def find_pack(name: str) -> NamedPack:
    """Return the pack of a library name, or of a .toml or .cbor file. Raises SimulatorError naming what there is."""
    path = library.path(name) if name in library.names() else Path(name)
    if not path.is_file():
        raise SimulatorError(
            f"there is no pack {name!r}. Known: {', '.join(library.names())}; or name a .toml or .cbor file."
        )
    try:
        if path.suffix == ".toml":
            compiled = compile_file(path)
            return named(Pack(compiled.data), compiled.catalogue)
        pack = Pack(path.read_bytes())
    except PackRefused as error:
        raise SimulatorError(f"{path}: the pack is refused:\n{error}") from error
    except (OSError, ValueError) as error:
        raise SimulatorError(f"{path}: {error}. `headway pack check` says more of a .toml file.") from error
    return named(pack, {"characteristics": [], "events": []})


def named(pack: Pack, catalogue: dict[str, Any]) -> NamedPack:
    """Put a catalogue's names to a pack; what it does not name is called by its number."""
    names = {item["id"]: (item["key"], item["unit"]) for item in catalogue["characteristics"]}
    events = [item["name"] for item in catalogue["events"]]
    return NamedPack(
        pack,
        {item[0]: names.get(item[0], (f"characteristic_{item[0]}", "")) for item in pack.characteristics},
        events or [f"event_{i}" for i in range(len(pack.events))],
    )


@dataclass(frozen=True)
class PackEpisode:
    """One trip as a pack counts it. start_ms, end_ms: Unix time. numbers: of the wire, with their signs."""

    recording: Recording
    named: NamedPack
    vehicle_class: str
    start_ms: int
    end_ms: int
    numbers: list[int]
    gates: list[int]
    events: list[tuple[int, int]]
    payload: bytes

    def as_json_line(self) -> str:
        """Every number of the trip, under names that scripts may rely on, on one line."""
        pack = self.named.pack
        values: JsonObject = {}
        for item in pack.characteristics:
            number, level, decimals = item[:3]
            if level == pack_values.TRIP_LEVEL:
                key, unit = self.named.characteristics[number]
                value = pack_values.read(item, self.numbers)
                scaled = value if value is None or decimals == 0 else value / 10**decimals
                values[key] = {"id": number, "value": scaled, "unit": unit}
        return line_of(
            self.recording,
            {"name": pack.name, "version": pack.version, "id": pack.id.hex()},
            self.vehicle_class,
            (self.start_ms, self.end_ms),
            values,
            [
                {"event": self.named.events[kind], "time": iso(time_ms)}
                for kind, time_ms in sorted(self.events, key=_when)
            ],
            dict(zip(GATE_NAMES, self.gates, strict=True)),
            self.payload,
        )


def _when(event: tuple[int, int]) -> tuple[int, int]:
    return event[1], event[0]


@dataclass
class _Run:
    # One recording under way.
    named: NamedPack
    vehicle_class: str
    recording: Recording
    seq: int = 0
    start_ms: int = 0
    events: list[tuple[int, int]] = field(default_factory=list)

    def episodes(self) -> Iterator[PackEpisode]:
        pack = self.named.pack
        core = EpisodeCore(pack, self.vehicle_class, self.recording.period_ms)
        clock = VirtualClock(self.recording.samples[0].wall_ms)
        wanted = [SignalQuantum(signal[0], signal[2], signal[3]) for signal in pack.signals]
        signals = self.recording.signals(wanted, self.recording.problems)
        last_ms = self.recording.samples[0].wall_ms
        for sample, row in zip(self.recording.samples, signals, strict=True):
            clock.advance(sample.wall_ms)
            for i, number in enumerate(row):
                core.signals[i] = number
            flags = core.update(sample.wall_ms - last_ms)
            last_ms = sample.wall_ms
            yield from self._handle(core, flags, last_ms, clock)
        yield from self._handle(core, core.finish(), last_ms, clock)

    def _handle(self, core: EpisodeCore, flags: int, now_ms: int, clock: VirtualClock) -> Iterator[PackEpisode]:
        for kind in range(len(core.pack.events)):
            if flags & (4 << kind):
                self.events.extend((kind, now_ms - age_ms) for age_ms in core.firings(kind))
        if flags & CLOSED:
            yield self._closed(core, clock)
        if flags & OPENED:
            self.start_ms = now_ms - core.lead_ms
            # An event is counted after it fired: those of the trip that closed have been handed over with it.
            self.events = [event for event in self.events if event[1] >= self.start_ms]

    def _closed(self, core: EpisodeCore, clock: VirtualClock) -> PackEpisode:
        self.seq += 1
        cells, gates = wire_cells(core), wire_gates(core.closed_gates)
        wall_ms, quality = clock.wall()
        body = record.episode_body(core.pack.id, wall_ms - self.start_ms, cells, gates)
        payload = record.encode(record.Record(record.EPISODE, 1, self.seq, clock.mono_ms(), wall_ms, quality, body))
        numbers = pack_values.from_wire(core.pack, counts.unpack(cells, len(core.pack.cells)))
        events, self.events = self.events, []
        return PackEpisode(
            self.recording,
            self.named,
            self.vehicle_class,
            self.start_ms,
            self.start_ms + numbers[0] * 100,
            numbers,
            counts.unpack(gates, GATES),
            events,
            payload,
        )


def episodes(recording: Recording, named_pack: NamedPack, vehicle_class: str) -> Iterator[PackEpisode]:
    """Yield the trips of one recording as the pack counts them, as of a device that was new before it.

    Raises SimulatorError for a class the pack does not know, or a recording that cannot be read again for its signals.
    """
    if vehicle_class not in named_pack.pack.classes:
        known = ", ".join(named_pack.pack.classes)
        raise SimulatorError(f"the pack {named_pack.pack.name} knows the classes {known}, not {vehicle_class}.")
    yield from _Run(named_pack, vehicle_class, recording).episodes()
