"""`headway replay`: recorded trips through the device's own code, with or without a server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import complain, foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_edge.core.process import Process
    from headway_simulators.offline_replay import Episode


def replay(
    files: Annotated[
        list[Path],
        typer.Argument(help="Recordings, in order of time: CSV, CSV in gzip, or tachograph files.", metavar="FILE…"),
    ],
    pack: Annotated[
        str, typer.Option(help="The process to compute: the name of a pack that ships, or a .toml or .cbor file.")
    ] = "private-driving",
    vehicle_class: Annotated[
        str, typer.Option("--class", help="Whose thresholds apply: car, taxi, bus, truck, or another of the pack.")
    ] = "car",
    offline: Annotated[bool, typer.Option("--offline", help="Compute only: no store, no broker.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each trip.")] = False,
    group: Annotated[str, typer.Option(help="Group of the device that replays.")] = "replay",
    device: Annotated[str, typer.Option(help="Id of the device that replays.")] = "unit-1",
    store: Annotated[
        Path, typer.Option(help="Folder of the device's outbox; a replay goes on where it stopped.")
    ] = Path("var/replay"),
    broker: Annotated[str, typer.Option(help="Where the records go: HOST or HOST:PORT.")] = "127.0.0.1:1883",
    key: Annotated[
        list[str] | None,
        typer.Option(help="Public key of the server, as `headway key show` prints it: its offers are taken."),
    ] = None,
    speed: Annotated[float, typer.Option(min=0, help="Times real time; 0 is as fast as it goes.")] = 0.0,
    timeout_s: Annotated[float, typer.Option(min=1, help="How long to wait for the server at the end.")] = 60.0,
) -> None:
    """Replay recorded trips through the device's own code.

    A recording is a CSV with a column `timestamp` (ISO 8601 or Unix seconds, fractions allowed) and signals named and
    measured as in COVESA VSS: `Vehicle.Speed` (km/h), and where there are any
    `Vehicle.Powertrain.CombustionEngine.Speed` (rpm), `Vehicle.LowVoltageSystemState` (ON, OFF…). An empty cell is a
    missing value. NREL's day files are read as well, and for packs of days recordings of wearables; of a file with several
    persons, `FILE#PERSON` is one.

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
            _offline(files, vehicle_class, pack, as_json)
        else:
            _sync(files, vehicle_class, pack, as_json, group, device, store, broker, key or [], speed, timeout_s)


def _offline(files: list[Path], vehicle_class: str, pack: str, as_json: bool) -> None:
    from rich.console import Console

    from headway_simulators.processes import find_process
    from headway_simulators.trip_table import trip_table

    process = find_process(pack)
    if vehicle_class not in process.pack.classes:
        known = ", ".join(process.pack.classes)
        raise SimulatorError(f"the pack {process.name} knows the classes {known}, not {vehicle_class}.")
    shown: list[Episode] = []
    failed = 0
    for path in files:  # a bad file does not stop the rest
        try:
            _tell(path, process, vehicle_class, None if as_json else shown)
        except SimulatorError as error:
            complain(str(error))
            failed += 1
    if shown:
        console = Console()
        console.print(trip_table(shown, console.width))
    if failed:
        raise typer.Exit(1)


def _tell(path: Path, process: "Process", vehicle_class: str, shown: "list[Episode] | None") -> None:
    # Trips of one file: printed at once as JSON, or added to what is shown at the end.
    from headway_simulators.offline_replay import episodes
    from headway_simulators.recordings import read

    recording, trips = read(path), 0
    for episode in episodes(recording, process, vehicle_class):
        trips += 1
        if shown is None:
            print(episode.as_json_line())  # noqa: T201
        else:
            shown.append(episode)
    if recording.problems and shown is not None:
        problems = ", ".join(f"{kind} {count}" for kind, count in sorted(recording.problems.items()))
        complain(f"{path}: read with losses: {problems}")
    if not trips:
        why = "none was long enough" if process.pack.kind == "day" else "nothing moved long or far enough"
        complain(f"{path}: {len(recording.samples)} samples, but no {process.pack.kind}: {why}.")


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
    pack: str,
    as_json: bool,
    group: str,
    device: str,
    store: Path,
    broker: str,
    keys: list[str],
    speed: float,
    timeout_s: float,
) -> None:
    import json

    from rich.console import Console

    from headway_edge.face import comparison_lines, expected_lines, score_lines, trip_lines
    from headway_edge.mqtt.link import Broker
    from headway_edge.settings import read_settings
    from headway_simulators.fleet_replay import FleetReplay, FleetSetup, VehicleSource
    from headway_simulators.processes import find_process
    from headway_simulators.replay_progress import replay_progress

    host, port = parse_broker(broker)
    settings = read_settings(None, group=group, device=device, vehicle_class=vehicle_class, pack_keys=keys or None)
    source = VehicleSource(settings.device, settings.vehicle_class, files, find_process(pack))
    link = Broker(host, port, back_off_max_s=5)
    setup = FleetSetup(settings.group, store, link, speed=speed, pack_keys=settings.pack_keys)
    console = Console(stderr=True)
    with replay_progress(console) as tell, FleetReplay([source], setup, tell) as fleet:
        tell.total(fleet.samples_total)
        agent = fleet.vehicles[0].agent
        if not as_json:
            agent.on_trip = lambda trip: console.print(
                "\n".join([*trip_lines(trip, trip.start_ms), *agent.news]), highlight=False
            )
        fleet.run()
        fleet.settle(timeout_s)
        summary = {"records": agent.outbox.produced, "settled": agent.settled, "refused": agent.outbox.refused}
        comparison = comparison_lines(agent.process, agent.own.compare(), agent.own.benchmark, agent.own.totals.both())
        comparison += score_lines(agent.own.score(agent.clock.wall()[0]))
        comparison += expected_lines(agent.own.series.expected())
        if agent.process.id != source.process.id:
            offered = f"{agent.process.name} version {agent.process.version}"
            comparison.insert(0, f"{settings.device} runs {offered}, as its server offered.")
        status = agent.status()
        if status.pack_cause:
            comparison.append(f"An offered pack does not run: {status.pack_cause}. Next: {status.pack_next_step}.")
    if as_json:
        print(json.dumps(summary))  # noqa: T201
    else:
        console.print("\n".join(comparison), highlight=False)
        console.print(f"{summary['records']} records made, all settled by the server, {summary['refused']} refused.")
