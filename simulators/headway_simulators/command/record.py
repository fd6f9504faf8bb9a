"""`headway record`: what leaves the device for one trip, beside the same in JSON and the samples it stands for."""

from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr


def record(
    file: Annotated[Path, typer.Argument(help="A recording: CSV or CSV in gzip.", metavar="FILE")],
    trip: Annotated[int, typer.Option(min=1, help="Which trip of the recording.")] = 1,
    vehicle_class: Annotated[str, typer.Option("--class", help="Whose thresholds apply.")] = "car",
    pack: Annotated[
        str, typer.Option(help="The process to compute: a pack that ships, or a .toml or .cbor file.")
    ] = "private-driving",
    all_samples: Annotated[bool, typer.Option("--all-samples", help="Print every sample, not only the first.")] = False,
) -> None:
    """Show one trip's record: its bytes, the same in diagnostic notation and with names, and what it would cost as JSON.

    Nothing else about the trip leaves the device: no position, no sample.

    Example:

        headway record trip.csv --trip 2
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        from rich.console import Console

        from headway_simulators.processes import find_process
        from headway_simulators.record_view import record_view

        Console().print(record_view(file, trip, find_process(pack), vehicle_class, all_samples))
