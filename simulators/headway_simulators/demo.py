"""The whole loop on one machine: recorded vehicles, real agents, real MQTT, a real server in a process of its own."""

import hashlib
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from headway_edge.core.process import text
from headway_edge.face import comparison_lines, expected_lines, score_lines, trip_lines
from headway_edge.mqtt.link import Broker
from headway_protocol import record
from headway_simulators import nrel
from headway_simulators.errors import SimulatorError
from headway_simulators.fleet_replay import FleetReplay, FleetSetup, Vehicle, VehicleSource
from headway_simulators.replay_progress import replay_progress
from headway_simulators.server_process import ServerProcess

GROUP = "demo"
_SETTLE_S = 120.0
# Table II of the founding paper, and what else fits beside it: key of the characteristic, short heading.
_COLUMNS = {
    "trips": "trips",
    "mileage_km": "km",
    "mileage_per_trip_km": "km/trip",
    "short_trip_ratio_pct": "short%",
    "low_speed_ratio_pct": "slow%",
    "oil_adverse_trips": "oil1",
    "oil_adverse_share_pct": "oil2%",
    "tyre_wear_m2ps4": "tyre",
    "idle_share_pct": "idle%",
}
_LEGEND = (
    "short: trips under 18 km; slow: time under 29 km/h, mean over trips; oil1: trips hard on the oil, oil2: their share; "
    "tyre: work of friction on the tyres, relative"
)


@dataclass(frozen=True)
class Books:
    """What was produced and what is stored, as sets of (device, boot, seq, SHA-256), and how many rows are stored."""

    produced: frozenset[tuple[str, int, int, str]]
    stored: frozenset[tuple[str, int, int, str]]
    rows: int

    @property
    def balance(self) -> bool:
        """Whether every trip produced is stored, byte for byte, each once, and nothing else is."""
        return self.produced == self.stored and self.rows == len(self.stored)


def run_demo(once: bool, trips: str, keep: Path | None, http_port: int) -> bool:
    """Run the loop, print what it shows, and serve the page until Ctrl-C unless `once`; return whether the books balance.

    trips: "nrel", "shipped", or "auto" (NREL's if they can be had). keep: folder for database and outboxes; None: a
    temporary one. http_port: 0 takes a free one. Raises SimulatorError or AgentError, saying what to do.
    """
    console = Console()
    started_s = time.monotonic()
    sources = vehicle_sources(trips, console)
    folder = keep or Path(tempfile.mkdtemp(prefix="headway-demo-"))
    token = secrets.token_urlsafe(16)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SimulatorError(f"{folder} is not empty. The demo starts from nothing: empty it, or name another.")
        with ServerProcess(folder, http_port, free_port(), token) as server:
            books = _loop(console, sources, folder, server)
            console.print(f"The demo took {time.monotonic() - started_s:.0f} s.", highlight=False)
            console.print(f"\n[bold]The fleet's page[/]: {server.url}", highlight=False)
            if not once:
                console.print("Serving until Ctrl-C.")
                server.wait()
            return books.balance
    except OSError as error:
        raise SimulatorError(f"the demo cannot use {folder}: {error}. Choose another folder with --keep.") from error
    finally:
        if keep is None:
            shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A TCP port of this machine that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def vehicle_sources(trips: str, console: Console) -> list[VehicleSource]:
    """Return the vehicles to replay. Raises SimulatorError when NREL's are asked for and cannot be had."""
    if trips not in {"auto", "nrel", "shipped"}:
        raise SimulatorError(f"--trips {trips}: use nrel, shipped or auto.")
    if trips != "shipped":
        try:
            with console.status("Fetching 241 recorded trips (12 MB, the first time only) ..."):
                found = nrel.vehicles()
        except SimulatorError as error:
            if trips == "nrel":
                raise
            console.print(f"[yellow]{error}[/]\nUsing the 14 simulated drivers that ship with Headway instead.")
        else:
            return [VehicleSource(v.name.replace("_", "-"), "car", v.day_files) for v in found]
    return shipped_sources()


def shipped_sources() -> list[VehicleSource]:
    """The 14 simulated drivers that ship with Headway, a day each."""
    shipped = resources.files("headway_simulators.trips")
    names = sorted(item.name for item in shipped.iterdir() if item.name.endswith(".csv.gz"))
    return [VehicleSource(name.removesuffix(".csv.gz"), "car", [Path(str(shipped / name))]) for name in names]


def _loop(console: Console, sources: Sequence[VehicleSource], folder: Path, server: ServerProcess) -> Books:
    # The embedded broker knows MQTT 3.1.1 only; not asking it for 5 first saves some seconds.
    broker = Broker("127.0.0.1", server.broker_port, back_off_max_s=5, protocol="3.1.1")
    setup = FleetSetup(GROUP, folder / "outboxes", broker, pack_keys=[server.public_key])
    with replay_progress(console) as tell, FleetReplay(sources, setup, tell) as fleet:
        tell.total(fleet.samples_total)
        started_s = time.monotonic()
        fleet.run()
        fleet.settle(_SETTLE_S)
        replayed_s = time.monotonic() - started_s
        epoch = server.close_epoch()
        fleet.await_benchmark(epoch, _SETTLE_S)
        for vehicle in fleet.vehicles:
            if vehicle.link is not None:
                vehicle.link.stop()  # what follows, the devices know by themselves
        books = take_books(fleet.vehicles, server)
        table = drivers_table(fleet.vehicles)
        panel = _feedback(fleet.vehicles)
    console.print(
        f"{fleet.samples_total:,} samples through {len(sources)} agents and MQTT, every record committed and "
        f"acknowledged: {replayed_s:.1f} s",
        highlight=False,
    )
    console.print(table)
    console.print(panel)
    verdict = "[green]equal[/], byte for byte, each once" if books.balance else "[red]NOT EQUAL[/]"
    console.print(f"Trips produced {len(books.produced)}, stored {books.rows}: {verdict}.", highlight=False)
    for device, boot, seq, _ in sorted(books.produced ^ books.stored)[:10]:
        console.print(f"  differs: {device} boot {boot} seq {seq}", style="red", highlight=False)
    return books


def take_books(vehicles: Sequence[Vehicle], server: "ServerProcess") -> Books:
    """Compare what the outboxes hold with what the server's API tells."""
    produced = set()
    for vehicle in vehicles:
        for payload in vehicle.agent.outbox.payloads(record.EPISODE):
            item = record.decode(payload)
            digest = hashlib.sha256(payload).hexdigest()
            produced.add((f"{GROUP}/{vehicle.source.device}", item.boot, item.seq, digest))
    rows = server.trips()
    stored = {(row["device"], row["boot"], row["seq"], row["record_sha256"]) for row in rows}
    return Books(frozenset(produced), frozenset(stored), len(rows))


def drivers_table(vehicles: Sequence[Vehicle]) -> Table:
    """Every driver's characteristics, as in Table II of the founding paper, from the devices' own totals."""
    title = f"What {len(vehicles)} drivers' own devices computed"
    table = Table(title=title, caption=_LEGEND, box=SIMPLE_HEAD, padding=(0, 0, 0, 1), pad_edge=False)
    table.add_column("driver", no_wrap=True)
    process = vehicles[0].agent.process
    shown = [item for item in process.period if item.key in _COLUMNS]
    for item in shown:
        table.add_column(_COLUMNS[item.key], justify="right", no_wrap=True)
    for vehicle in vehicles:
        totals = vehicle.agent.own.totals.both()
        values = [None if totals is None else item.value(totals) for item in shown]
        table.add_row(vehicle.source.device, *map(text, shown, values))
    return table


def _feedback(vehicles: Sequence[Vehicle]) -> Panel:
    # The one with most trips has most to compare.
    vehicle = max(vehicles, key=lambda v: len(v.agent.outbox.payloads(record.EPISODE)))
    agent = vehicle.agent
    lines = trip_lines(vehicle.last_trip, vehicle.last_trip.start_ms) if vehicle.last_trip is not None else []
    lines += agent.news
    lines += ["", *comparison_lines(agent.process, agent.own.compare(), agent.own.benchmark, agent.own.totals.both())]
    lines += ["", *score_lines(agent.own.score(agent.clock.wall()[0]))]
    lines += ["", *expected_lines(agent.own.series.expected())]
    return Panel("\n".join(lines), title=f"What {vehicle.source.device} sees on its display, offline", expand=False)
