"""A store, and devices whose real agents make the records that are put into it."""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from tests.edge.signing_server import SigningServer

from headway_edge.agent import Agent
from headway_edge.core.process import Process
from headway_edge.mqtt.link import Event
from headway_edge.store.outbox import Outbox
from headway_protocol import counts as packed
from headway_protocol import record
from headway_server.audit.device_audit import audit
from headway_server.audit.device_samples import DeviceSamples
from headway_server.audit.findings import Audit, Finding, Verdict
from headway_server.ingest.arrival import Received
from headway_server.ingest.ingest import Ingest
from headway_server.packs.processes import Processes
from headway_server.recounting.verification import verify
from headway_server.store.database import Database
from headway_simulators.fleet_replay import FleetSetup, Vehicle, VehicleSource
from headway_simulators.offline_replay import wanted
from headway_simulators.recorded_device import device_samples
from headway_simulators.recording import Recording
from headway_simulators.recordings import read

NOW_MS = 1_780_000_000_000
DEVICE = "depot/one"


class Store:
    """A server's database, filled as its ingest fills it."""

    def __init__(self, database: Database, processes: Processes, url: str) -> None:
        self.database, self.processes, self.url = database, processes, url
        self._ingest = Ingest(database, lambda: NOW_MS, processes)

    @classmethod
    async def open(cls, path: Path) -> "Store":
        url = f"sqlite+aiosqlite:///{path}"
        database = await Database.open(url, lambda: NOW_MS)
        return cls(database, await Processes.open(database, NOW_MS), url)

    async def take(self, payloads: Iterable[bytes], device: str = DEVICE) -> None:
        await self._ingest.commit([Received(f"headway/v1/{device}/up", payload) for payload in payloads])
        assert self._ingest.counts.refused == 0

    async def audit(self, samples: DeviceSamples, device: str = DEVICE, **how: object) -> Audit:
        return await audit(self.database, self.processes, device, samples, **how)  # type: ignore[arg-type]

    async def is_consistent(self) -> bool:
        """Whether the store is what its own records say."""
        return [one async for one in verify(self.database, self.processes)] == []


def replayed(folder: Path, process: Process, vehicle_class: str, files: Sequence[Path]) -> list[bytes]:
    """The records that an agent makes of a replay, in order."""
    source = VehicleSource("one", vehicle_class, files, process)
    vehicle = Vehicle(source, FleetSetup("depot", folder, None))
    vehicle.feed(len(vehicle.samples))
    found = payloads_of(vehicle.agent.outbox)
    vehicle.close()
    return found


def payloads_of(outbox: Outbox) -> list[bytes]:
    """All births and trips that an outbox has kept, in order."""
    kept = outbox.payloads(record.BIRTH) + outbox.payloads(record.EPISODE)
    return sorted(kept, key=record.identity)


class Clock:
    """The device's clock: off the recording's time by so much, or never set."""

    def __init__(self, off_ms: int | None = 0) -> None:
        self.off_ms = off_ms
        self.now_ms = 0

    def mono_ms(self) -> int:
        return self.now_ms % (1 << 40)

    def wall(self) -> tuple[int | None, int]:
        return (None, record.UNSYNCED) if self.off_ms is None else (self.now_ms + self.off_ms, record.SYNCED)


class _Link:
    # Events that a test puts in; nothing comes of what is published.

    def __init__(self) -> None:
        self.events: deque[Event] = deque()

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        return self.events.popleft() if self.events else None

    def publish(self, payload: bytes) -> bool:
        return True


class Device:
    """A device whose source tells no local time: its agent puts it in by the device's clock."""

    def __init__(
        self,
        path: Path,
        process: Process,
        vehicle_class: str,
        recording: Recording,
        offset_min: int = 0,
        off_ms: int | None = 0,
        ahead_ms: int = 0,
    ) -> None:
        """off_ms: as of `Clock`. ahead_ms: how far the recording's times are ahead of UTC."""
        self.recording = recording
        self._ahead_ms = ahead_ms
        self.clock = Clock(off_ms)
        self.clock.now_ms = recording.samples[0].wall_ms - ahead_ms
        self.outbox = Outbox(path)
        self.link = _Link()
        self.server = SigningServer()
        self.agent = Agent(
            self.outbox,
            self.link,  # type: ignore[arg-type]
            self.clock,
            max,
            process,
            vehicle_class,
            recording.period_ms,
            recorded=True,
            utc_offset_min=lambda _wall_ms: offset_min,
            server_keys=self.server.keys(),
        )

    def live(self, begin: int = 0, end: int | None = None, offer: tuple[bytes, str] | None = None) -> None:
        """Feed samples; offer: a pack with its texts that the server offers before the first of them."""
        if offer is not None:
            self.link.events.append(self.server.offer(*offer))
            self.agent.step(0)
        process, rows = self.agent.process, self._rows()
        for i in range(begin, len(rows) if end is None else end):
            if self.agent.process is not process:
                process, rows = self.agent.process, self._rows()
            self.clock.now_ms = self.recording.samples[i].wall_ms - self._ahead_ms
            self.agent.on_sample(self.clock.now_ms, rows[i])
        if end is None:
            self.agent.finish()

    def _rows(self) -> list[tuple[int, ...]]:
        return list(self.recording.signals(wanted(self.agent.process), Counter(), utc_as_local=False))

    def payloads(self) -> list[bytes]:
        """The records so far."""
        return payloads_of(self.outbox)


def changed(payload: bytes, process: Process, numbers: dict[int, int], start_by_ms: int = 0, gate: int = -1) -> bytes:
    """A trip's record with other numbers on the wire by place, begun later, or with one more of a gate."""
    item = record.decode(payload)
    pack_id, ago_ms, counts, gates, *rest = record.parse_episode(item.body)
    wire = packed.unpack(counts, len(process.pack.cells))
    for place, more in numbers.items():
        wire[place] += more
    counted = packed.unpack(gates, 8)
    if gate >= 0:
        counted[gate] += 1
    item.body = record.episode_body(pack_id, ago_ms - start_by_ms, packed.pack(wire), packed.pack(counted), *rest)
    return record.encode(item)


def is_trip(payload: bytes) -> bool:
    return record.decode(payload).kind == record.EPISODE


def verdicts(found: Audit) -> dict[Verdict, int]:
    return dict(found.counts())


def only(found: Audit, verdict: Verdict) -> Finding:
    (one,) = [finding for finding in found.findings if finding.verdict is verdict]
    return one


def part(samples: DeviceSamples, begin: int, end: int) -> DeviceSamples:
    """A recording that begins later and ends earlier; still one file."""
    return replace(
        samples,
        times_ms=samples.times_ms[begin:end],
        files=[0],
        signals=lambda pack: [None if column is None else column[begin:end] for column in samples.signals(pack)],
    )


def samples_of(*files: Path, is_local: bool = False) -> DeviceSamples:
    return device_samples(files, is_local)


def csv(path: Path, header: str, rows: Iterable[str]) -> Recording:
    path.write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    return read(path)
