"""`headway forecast devices`: how good the forecasts of a fleet's devices were."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_edge.core.process import Process
    from headway_server.factors.person_classes import PersonClasses
    from headway_server.reading.forecast_accuracy import Accuracy

_Found = list[tuple["Process", int, list["Accuracy"]]]


def devices(
    database: Annotated[
        str, typer.Option("--from", help="The server's database, for example sqlite+aiosqlite:///headway.db.")
    ],
    pack: Annotated[
        str | None, typer.Option(help="A pack's name or id; without it, each that there are trips of.")
    ] = None,
    factors: Annotated[
        Path | None,
        typer.Option(help="CSV with the persons' classes, as for `headway pack tune`, for packs with factors."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line for each series.")] = False,
) -> None:
    """Say how good the forecasts of a fleet's devices were, series by series.

    Worked out again from the stored trips, by the code that devices run; nothing of forecasts is sent. MASE is 1 for the naive
    forecast; the interval that persons are told is to hold 80 % of what comes.

    Example:

        headway forecast devices --from sqlite+aiosqlite:///headway.db
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        import asyncio

        from headway_server.factors.person_classes import read_person_classes

        told = None if factors is None else read_person_classes(factors)
        found = asyncio.run(_followed(database, pack, told))
        if not found:
            raise SimulatorError(f"the database has no trips of {'any pack' if pack is None else f'a pack {pack}'}.")
        for process, count, series in found:
            if as_json:
                _print_objects(process, count, series)
            else:
                _print_table(process, count, series)


async def _followed(database: str, pack: str | None, told: "PersonClasses | None") -> _Found:
    from headway_server.packs.processes import Processes
    from headway_server.reading.device_trips import device_trips
    from headway_server.reading.forecast_accuracy import Together, follow
    from headway_server.store.database import Database

    processes = Processes()
    found: _Found = []
    stored = await Database.open_to_read(database)
    try:
        async with stored.read() as connection:
            await processes.refresh(connection)
            for known in processes.all():
                process = known.process
                if pack not in (None, process.name, process.id.hex()):
                    continue
                together = Together(process)
                async for one in device_trips(connection, process):
                    classes = None if told is None else told.places(process.pack, one.person)
                    together.add(follow(process, one.trips, classes))
                if together.devices:
                    found.append((process, together.devices, together.accuracy()))
    finally:
        await stored.close()
    return found


def _print_objects(process: "Process", count: int, series: list["Accuracy"]) -> None:
    import json

    from headway_edge.core.forecast import error_ledger

    for item in series:
        mase = error_ledger.mase(item.ledger)
        typer.echo(
            json.dumps(
                {
                    "pack": process.id.hex(),
                    "name": process.name,
                    "version": process.version,
                    "devices": count,
                    "characteristic": item.characteristic.key,
                    "each": item.noun,
                    "forecasts": item.forecasts,
                    "mase": None if mase is None else mase / 1000,
                    "held_pct": None if item.held_permille is None else item.held_permille / 10,
                    "adapted": item.adapted,
                }
            )
        )


def _print_table(process: "Process", count: int, series: list["Accuracy"]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from headway_edge.core.forecast import error_ledger
    from headway_edge.core.process import decimal_text

    title = f"{process.name} version {process.version}, {count} device{'' if count == 1 else 's'}"
    table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    for column in ("next", "of", "forecasts", "MASE", "in the interval of 80 %"):
        table.add_column(column, justify="left" if column in {"next", "of"} else "right")
    for item in series:
        held = "-" if item.held_permille is None else decimal_text(item.held_permille, 1) + " %"
        mase = decimal_text(error_ledger.mase(item.ledger), 3)
        table.add_row(item.noun, item.characteristic.title, f"{item.forecasts:,}", mase, held)
    Console(markup=False).print(table)
