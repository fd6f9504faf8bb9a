"""`headway recompute`: the histories of many vehicles, or persons, at once."""

from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr, rate_text


def recompute(
    vehicles: Annotated[
        list[Path],
        typer.Argument(
            help="One vehicle or person each: a recording, or a folder of them in order of names.", metavar="VEHICLE…"
        ),
    ],
    pack: Annotated[
        str, typer.Option(help="The process to compute: the name of a pack that ships, or a .toml or .cbor file.")
    ] = "private-driving",
    vehicle_class: Annotated[str, typer.Option("--class", help="Whose thresholds apply.")] = "car",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each vehicle or person.")] = False,
) -> None:
    """Re-compute the histories of many vehicles, as when a definition has changed and its effect is wanted beforehand.

    The same numbers as from `headway replay`, to the integer, but computed for all vehicles at once: of trips, millions of
    samples a second. With a pack of days, such as wellness, the recordings are persons'; of a file with several,
    `FILE#PERSON` is one.

    Examples:

        headway recompute ~/.cache/headway/nrel-2007/*/ --pack my-pack.toml
        headway recompute anna.csv 'steps.csv#1503960366' --pack wellness --class other
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        import json

        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
        from rich.table import Table

        from headway_edge.core.process import text
        from headway_simulators.offline_replay import number
        from headway_simulators.processes import find_process
        from headway_simulators.recompute import recompute as run
        from headway_simulators.recompute import vehicles_of

        process = find_process(pack)
        is_day = process.pack.kind == "day"
        who, what, of = ("person", "days", "epochs") if is_day else ("vehicle", "trips", "samples")
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("reading files", total=None)
            done = run(
                list(vehicles_of(vehicles)),
                process,
                vehicle_class,
                lambda doing, n, total: bar.update(task, description=doing, completed=n, total=total),
            )
        if as_json:
            for history in done.histories:
                values = {
                    c.key: number(c, None if history.totals is None else c.value(history.totals))
                    for c in process.period
                }
                line = {who: history.vehicle, "pack": process.id.hex(), "class": vehicle_class}
                print(json.dumps({**line, what: history.trips, "characteristics": values}))  # noqa: T201
            return
        count = f"{len(done.histories)} {who}{'' if len(done.histories) == 1 else 's'}"
        table = Table(title=f"{count}, {process.name} version {process.version}")
        table.add_column(who, no_wrap=True)
        shown = [c for c in process.period if c.headline][:7]
        for c in shown:
            table.add_column(c.title if c.unit == "1" else f"{c.title} {c.unit}", justify="right", max_width=13)
        for history in done.histories:
            values_shown = (text(c, None if history.totals is None else c.value(history.totals)) for c in shown)
            table.add_row(history.vehicle, *values_shown)
        Console().print(table)
        trips = sum(history.trips for history in done.histories)
        rate = rate_text(done.samples, done.engine_s)
        print(f"{trips} {what} of {done.samples:,} {of}, computed in {done.engine_s:.2f} s: {rate}")  # noqa: T201
