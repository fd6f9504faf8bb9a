"""`headway verify`: whether a server's totals are what its records say, and its records what the devices' samples give."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from rich.console import Console

    from headway_server.recounting.verification import Difference
    from headway_server.settings import ServerSettings

_SHOWN_MAX = 50


def verify(
    config: Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")] = None,
    database: Annotated[
        str | None, typer.Option(help="Database URL, for example sqlite+aiosqlite:///headway.db.")
    ] = None,
    samples: Annotated[
        list[str] | None,
        typer.Option(help="A device's own recording: a file, or a folder of them. Repeatable.", metavar="DEVICE=PATH"),
    ] = None,
    vehicle_class: Annotated[
        str | None, typer.Option("--class", help="With --samples: whose thresholds apply, if not as the device told.")
    ] = None,
    clock_s: Annotated[
        float, typer.Option("--clock", min=0, help="With --samples: seconds that the device's clock may have been off.")
    ] = 0.0,
    local_times: Annotated[
        bool, typer.Option("--local-times", help="With --samples: the recordings' times are local, not UTC.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="With --samples: one JSON object a line for each device.")
    ] = False,
) -> None:
    """Read every stored record again and compare what follows from them with what the database says.

    Compared are the trips and which of them count, the totals of epochs and days, the devices' counters, how far each
    boot is complete, and the records' hashes. Nothing is written, and the server may be running. Exit code 1 if anything
    differs, with a table of it.

    With `--samples` the records themselves are compared with what a device's own samples give: start, counts and gates of
    each stored trip or day against those computed again. DEVICE is group/name. Exit code 1 also if nothing could be compared.

    Settings are those of the server (`headway serve`).

    Examples:

        headway verify --config /etc/headway/server.toml
        headway verify --samples depot-7/bus-0142=tachograph/ --samples band/anna=anna.csv
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        import asyncio

        from headway_server.settings import read_settings
        from headway_simulators.command.verify_samples import verify_samples

        if not samples and (vehicle_class is not None or clock_s or local_times or as_json):
            raise SimulatorError(
                "--class, --clock, --local-times and --json go with --samples: name a recording with it."
            )
        settings = read_settings(config, **({} if database is None else {"database_url": database}))
        if samples:
            agrees = verify_samples(settings, samples, vehicle_class, round(clock_s * 1000), local_times, as_json)
        else:
            agrees = asyncio.run(_verify(settings))
        if not agrees:
            raise typer.Exit(1)


async def _verify(settings: "ServerSettings") -> bool:
    from collections import Counter

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from sqlalchemy.exc import DBAPIError

    from headway_server.errors import ServerError
    from headway_server.packs.processes import Processes
    from headway_server.recounting.verification import Progress
    from headway_server.recounting.verification import verify as differences
    from headway_server.store.database import Database

    shown: list[Difference] = []
    kinds: Counter[str] = Counter()
    reached = Progress()
    stored = await Database.open_to_read(settings.database_url)
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TextColumn("devices"), TimeElapsedColumn())
    try:
        terminal = Console(stderr=True)
        with Bar(*columns, console=terminal, transient=True, disable=not terminal.is_terminal) as bar:
            task = bar.add_task("verifying", total=None)

            def tell(progress: Progress) -> None:
                nonlocal reached
                reached = progress
                bar.update(task, total=progress.devices_total, completed=progress.devices)

            async for difference in differences(stored, Processes(), tell):
                kinds[difference.what] += 1
                if len(shown) < _SHOWN_MAX:
                    shown.append(difference)
    except (DBAPIError, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        raise ServerError(f"the database stopped answering: {reason}", "run the command again") from error
    finally:
        await stored.close()
    console = Console(markup=False)  # names of persons may be anything
    what = ", ".join(
        f"{count} {noun}{'' if count == 1 else 's'}"
        for count, noun in ((reached.devices, "device"), (reached.records, "record"), (reached.trips, "trip"))
    )
    if not kinds:
        console.print(f"{what}: everything derived from the records is what they say.", highlight=False, soft_wrap=True)
        return True
    _print(console, shown, kinds, what)
    return False


def _print(console: "Console", shown: "list[Difference]", kinds: "dict[str, int]", what: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from headway_server.recounting.verification import RECORD

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("device", "what", "of", "stored", "by the records"):
        table.add_column(heading, overflow="fold")
    for item in shown:
        table.add_row(item.device, item.what, item.key, item.stored, item.computed)
    console.print(table)
    total = sum(kinds.values())
    if total > len(shown):
        console.print(f"and {total - len(shown)} more.", highlight=False, soft_wrap=True)
    by_kind = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    console.print(
        f"{what}: {total} {'thing differs' if total == 1 else 'things differ'} ({by_kind}).",
        highlight=False,
        soft_wrap=True,
    )
    if RECORD in kinds:
        console.print(
            "Records themselves are not as they came: the disk failed, or the database was changed by hand. Restore a "
            "backup that verifies. Records that are not read yet are read at the server's next start.",
            highlight=False,
            soft_wrap=True,
        )
    else:
        console.print(
            "The records are as they came. What is derived from them was changed by hand, or Headway has a defect: keep a "
            "copy of the database and report this table; restoring a backup that verifies mends it.",
            highlight=False,
            soft_wrap=True,
        )
