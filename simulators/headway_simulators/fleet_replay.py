"""Replays the recordings of many vehicles at once, each through a real agent with its own outbox and MQTT connection.

One thread feeds all agents in turn, a stretch of samples each, so the order of samples is the same in every run; each
link has its network thread, as on a device. An agent that was killed goes on where its outbox says it was.
"""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from headway_edge.agent import Agent
from headway_edge.core.process import Process
from headway_edge.mqtt.link import Broker, Link
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.store.outbox import Outbox
from headway_edge.watcher import Trip
from headway_protocol.state import ENDS_MAX
from headway_simulators.errors import SimulatorError
from headway_simulators.offline_replay import rows_of
from headway_simulators.processes import find_process
from headway_simulators.recordings import read
from headway_simulators.virtual_clock import VirtualClock

STRETCH_SAMPLES = 1000  # of one vehicle before it is the next one's turn


@dataclass(frozen=True)
class VehicleSource:
    """What one vehicle replays: its device id, its class, its recordings in order of time, and what its agent computes."""

    device: str
    vehicle_class: str
    files: Sequence[Path]
    process: Process = field(default_factory=find_process)


@dataclass(frozen=True)
class FleetSetup:
    """Where and how a fleet is replayed.

    group: of all devices. folder: gets one outbox a device. broker: None replays without a link. seed: of everything
    random. speed: times real time; 0 is as fast as it goes. pack_keys: public keys of the server whose offers the devices take.
    """

    group: str
    folder: Path
    broker: Broker | None
    seed: int = 1
    speed: float = 0.0
    pack_keys: Sequence[str] = ()


class Vehicle:
    """One vehicle under replay.

    `samples` is all it will feed, as (Unix ms, signals), `done` how many it has fed, `resumed_at` where it went on,
    `last_trip` the last one it closed.
    """

    def __init__(self, source: VehicleSource, setup: FleetSetup) -> None:
        self._recordings = recordings = [read(path) for path in source.files]
        self.source = source
        self._clock = VirtualClock(recordings[0].samples[0].wall_ms)
        generator = random.Random(f"{setup.seed}/{setup.group}/{source.device}")  # noqa: S311 - jitter, not secrets
        self._outbox = Outbox(setup.folder / f"{source.device}.db")
        self.link = (
            Link(
                setup.broker,
                setup.group,
                source.device,
                self._outbox.boot,
                generator.uniform,
                lambda: self._outbox.ends(ENDS_MAX),
            )
            if setup.broker is not None
            else None
        )
        self.agent = Agent(
            self._outbox,
            self.link,
            self._clock,
            generator.randint,
            source.process,
            source.vehicle_class,
            recordings[0].period_ms,
            recorded=True,
            server_keys=ServerKeys(f"{setup.group}/{source.device}", setup.pack_keys),
        )
        self._read_for(self.agent.process)
        self.resumed_at = self.done = min(self.agent.position, len(self.samples))
        self._finished = self.done == len(self.samples)
        self.last_trip: Trip | None = None
        if self.link is not None:
            self.link.start()

    def _read_for(self, process: Process) -> None:
        self._process = process
        self.samples = [row for recording in self._recordings for row in rows_of(recording, process)]

    @property
    def finished(self) -> bool:
        """Whether every sample has been fed."""
        return self._finished

    def feed(self, until: int) -> int:
        """Feed samples up to number `until`; return how many were fed. The last one also ends the last trip."""
        until = min(until, len(self.samples))
        agent, clock, before = self.agent, self._clock, self.done
        for number in range(before, until):
            wall_ms, signals = self.samples[number]
            clock.advance(wall_ms)
            trip = agent.on_sample(wall_ms, signals, number + 1)
            self.last_trip = trip or self.last_trip
            if agent.process is not self._process:
                self._read_for(agent.process)  # its server offered another pack, which asks for other signals
        self.done = max(before, until)
        if self.done == len(self.samples) and not self._finished:
            self._finished = True
            trip = agent.finish(self.done)
            self.last_trip = trip or self.last_trip
            if trip is None:
                agent.checkpoint(self.done)
        return self.done - before

    def close(self) -> None:
        """Say good-bye to the broker and close the outbox."""
        if self.link is not None:
            self.link.stop()
        self._outbox.close()


Progress = Callable[[int, int], None]


class FleetReplay:
    """Every vehicle of `sources` under one setup; use as a context manager.

    on_progress: called with (samples fed so far, records not yet settled).
    Raises SimulatorError for a recording that cannot be read, AgentError for an outbox that cannot be used, ValueError
    for a class that the process does not know.
    """

    def __init__(
        self, sources: Sequence[VehicleSource], setup: FleetSetup, on_progress: Progress = lambda _fed, _waiting: None
    ) -> None:
        self._setup = setup
        self._on_progress = on_progress
        self.vehicles: list[Vehicle] = []
        try:
            for source in sources:
                self.vehicles.append(Vehicle(source, setup))
        except BaseException:
            self.close()
            raise
        self.samples_total = sum(len(vehicle.samples) for vehicle in self.vehicles)

    def __enter__(self) -> "FleetReplay":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End every agent; what was not settled stays in its outbox."""
        for vehicle in self.vehicles:
            vehicle.close()

    def run(self) -> None:
        """Feed every sample of every vehicle."""
        started_s = time.monotonic()
        while not all(vehicle.finished for vehicle in self.vehicles):
            for vehicle in self.vehicles:
                vehicle.feed(self._target(vehicle, time.monotonic() - started_s))
                vehicle.agent.step(_now_ms())
            self._tell()
            if self._setup.speed:
                time.sleep(0.02)

    def _target(self, vehicle: Vehicle, passed_s: float) -> int:
        if not self._setup.speed:
            return vehicle.done + STRETCH_SAMPLES
        # Recorded time, gaps between trips left out: nobody wants to wait through a recorded night.
        due = int(passed_s * self._setup.speed * 1000 / vehicle.agent.period_ms)
        return max(vehicle.done, vehicle.resumed_at + due)

    def settle(self, timeout_s: float) -> None:
        """Wait until the server has settled every record. Raises SimulatorError, saying what is missing, on timeout."""
        self._wait(lambda vehicle: vehicle.agent.settled, timeout_s, "were not acknowledged")

    def await_benchmark(self, epoch: int, timeout_s: float) -> None:
        """Wait until every device holds the benchmark of `epoch`. Raises SimulatorError on timeout."""
        self._wait(
            lambda vehicle: vehicle.agent.own.benchmark is not None and vehicle.agent.own.benchmark.epoch >= epoch,
            timeout_s,
            "got no benchmark",
        )

    def _wait(self, ready: Callable[[Vehicle], bool], timeout_s: float, complaint: str) -> None:
        deadline_s = time.monotonic() + timeout_s
        while waiting := [vehicle for vehicle in self.vehicles if not ready(vehicle)]:
            if time.monotonic() > deadline_s:
                names = ", ".join(vehicle.source.device for vehicle in waiting[:5])
                raise SimulatorError(
                    f"{len(waiting)} of {len(self.vehicles)} vehicles {complaint} within {timeout_s:g} s ({names}…). "
                    "Is the server running, and on the same broker? `headway doctor` looks. Nothing is lost: run again."
                )
            busy = [vehicle.agent.step(_now_ms()) for vehicle in self.vehicles]
            self._tell()
            if not any(busy):
                time.sleep(0.01)

    def _tell(self) -> None:
        fed = sum(vehicle.done for vehicle in self.vehicles)
        self._on_progress(fed, sum(vehicle.agent.outbox.backlog() for vehicle in self.vehicles))


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000
