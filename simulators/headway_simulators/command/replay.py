"""`headway replay`: recorded trips through the device's own code, with or without a server."""

from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Generic, Protocol, TypeVar

import typer

from headway_simulators.command.terminal import complain, foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_simulators.recordings import Recording


class VehicleClass(StrEnum):
    """Classes with thresholds of their own."""

    CAR = "car"
    TAXI = "taxi"
    BUS = "bus"
    TRUCK = "truck"


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(help="Recordings, in order of time: CSV, CSV in gzip, or tachograph files.", metavar="FILE…"),
    ],
    pack: Annotated[
        str | None,
        typer.Option(
            help="With --offline: the process to compute; the name of a pack that ships, or a .toml or .cbor file."
        ),
    ] = None,
    vehicle_class: Annotated[VehicleClass, typer.Option("--class", help="Whose thresholds apply.")] = VehicleClass.CAR,
    offline: Annotated[bool, typer.Option("--offline", help="Compute only: no store, no broker.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each trip.")] = False,
    group: Annotated[str, typer.Option(help="Group of the device that replays.")] = "replay",
    device: Annotated[str, typer.Option(help="Id of the device that replays.")] = "unit-1",
    store: Annotated[
        Path, typer.Option(help="Folder of the device's outbox; a replay goes on where it stopped.")
    ] = Path("var/replay"),
    broker: Annotated[str, typer.Option(help="Where the records go: HOST or HOST:PORT.")] = "127.0.0.1:1883",
    speed: Annotated[float, typer.Option(min=0, help="Times real time; 0 is as fast as it goes.")] = 0.0,
    timeout_s: Annotated[float, typer.Option(min=1, help="How long to wait for the server at the end.")] = 60.0,
) -> None:
    """Replay recorded trips through the device's own code.

    A recording is a CSV with a column `timestamp` (ISO 8601 or Unix seconds, fractions allowed) and signals named and
    measured as in COVESA VSS: `Vehicle.Speed` (km/h), and where there are any
    `Vehicle.Powertrain.CombustionEngine.Speed` (rpm), `Vehicle.LowVoltageSystemState` (ON, OFF…). An empty cell is a
    missing value. NREL's day files are read as well.

    With `--offline` each file is a vehicle of its own and every trip is told in full; without it all files are one
    vehicle's, whose agent sends its records to the broker and waits until the server has them.

    Examples:

        headway replay trip.csv --offline --json
        headway replay trip.csv --offline --json --pack commercial-driving --class truck
        headway replay monday.csv tuesday.csv --device van-7 --broker localhost:1883
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        if offline:
            _offline(files, vehicle_class.value, pack, as_json)
        elif pack is not None:
            raise SimulatorError("--pack goes with --offline: the agent of this version computes its built-in process.")
        else:
            _sync(files, vehicle_class.value, as_json, group, device, store, broker, speed, timeout_s)


def _offline(files: list[Path], vehicle_class: str, pack: str | None, as_json: bool) -> None:
    from rich.console import Console

    from headway_simulators import offline_replay, pack_replay
    from headway_simulators.trip_table import pack_trip_table, trip_table

    console = Console()
    if pack is None:
        built_in = _Told(as_json, lambda recording: offline_replay.episodes(recording, vehicle_class))
        built_in.tell(files)
        if built_in.episodes:
            console.print(trip_table(built_in.episodes))
        failed = built_in.failed
    else:
        named = pack_replay.find_pack(pack)
        by_pack = _Told(as_json, lambda recording: pack_replay.episodes(recording, named, vehicle_class))
        by_pack.tell(files)
        if by_pack.episodes:
            console.print(pack_trip_table(by_pack.episodes))
        failed = by_pack.failed
    if failed:
        raise typer.Exit(1)


class _Line(Protocol):
    def as_json_line(self) -> str: ...


EpisodeT = TypeVar("EpisodeT", bound=_Line)


class _Told(Generic[EpisodeT]):
    # Trips of files, one after the other: printed at once as JSON, or kept for a table. A bad file does not stop the rest.

    def __init__(self, as_json: bool, compute: "Callable[[Recording], Iterator[EpisodeT]]") -> None:
        self._as_json = as_json
        self._compute = compute
        self.episodes: list[EpisodeT] = []
        self.failed = 0

    def tell(self, files: list[Path]) -> None:
        for path in files:
            try:
                self._tell(path)
            except SimulatorError as error:
                complain(str(error))
                self.failed += 1

    def _tell(self, path: Path) -> None:
        from headway_simulators.recordings import read

        recording, trips = read(path), 0
        for episode in self._compute(recording):
            trips += 1
            if self._as_json:
                print(episode.as_json_line())  # noqa: T201
            else:
                self.episodes.append(episode)
        if recording.problems and not self._as_json:
            problems = ", ".join(f"{kind} {count}" for kind, count in sorted(recording.problems.items()))
            complain(f"{path}: read with losses: {problems}")
        if not trips:
            complain(f"{path}: {len(recording.samples)} samples, but no trip: nothing moved long or far enough.")


def parse_broker(text: str) -> tuple[str, int]:
    """Return (host, port) of "HOST" or "HOST:PORT". Raises SimulatorError."""
    host, colon, port = text.rpartition(":")
    if not colon:
        return text, 1883
    if not port.isdigit() or not 1 <= int(port) <= 65535 or not host:
        raise SimulatorError(f"{text!r} is no broker: use HOST or HOST:PORT, for example localhost:1883.")
    return host, int(port)


def _sync(
    files: list[Path],
    vehicle_class: str,
    as_json: bool,
    group: str,
    device: str,
    store: Path,
    broker: str,
    speed: float,
    timeout_s: float,
) -> None:
    import json

    from rich.console import Console

    from headway_edge.face import comparison_lines, trip_lines
    from headway_edge.link import Broker
    from headway_edge.settings import read_settings
    from headway_simulators.fleet_replay import FleetReplay, FleetSetup, VehicleSource
    from headway_simulators.replay_progress import replay_progress

    host, port = parse_broker(broker)
    settings = read_settings(None, group=group, device=device, vehicle_class=vehicle_class)
    source = VehicleSource(settings.device, settings.vehicle_class, files)
    setup = FleetSetup(settings.group, store, Broker(host, port, back_off_max_s=5), speed=speed)
    console = Console(stderr=True)
    with replay_progress(console) as tell, FleetReplay([source], setup, tell) as fleet:
        tell.total(fleet.samples_total)
        agent = fleet.vehicles[0].agent
        if not as_json:
            agent.on_trip = lambda trip: console.print("\n".join(trip_lines(trip, trip.start_ms)), highlight=False)
        fleet.run()
        fleet.settle(timeout_s)
        summary = {"records": agent.outbox.produced, "settled": agent.settled, "refused": agent.outbox.refused}
        comparison = comparison_lines(agent.compare(), agent.benchmark, agent.totals.both())
    if as_json:
        print(json.dumps(summary))  # noqa: T201
    else:
        console.print("\n".join(comparison), highlight=False)
        console.print(f"{summary['records']} records made, all settled by the server, {summary['refused']} refused.")
