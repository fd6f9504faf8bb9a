"""`headway verify`: whether a server's totals are what its records say."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr

if TYPE_CHECKING:
    from rich.console import Console

    from headway_server.settings import ServerSettings
    from headway_server.verification import Difference

_SHOWN_MAX = 50


def verify(
    config: Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")] = None,
    database: Annotated[
        str | None, typer.Option(help="Database URL, for example sqlite+aiosqlite:///headway.db.")
    ] = None,
) -> None:
    """Read every stored record again and compare what follows from them with what the database says.

    Compared are the trips and which of them count, the totals of epochs and days, the devices' counters, how far each
    boot is complete, and the records' hashes. Nothing is written, and the server may be running. Exit code 1 if anything
    differs, with a table of it.

    Settings are those of the server (`headway serve`).

    Example:

        headway verify --config /etc/headway/server.toml
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        import asyncio

        from headway_server.settings import read_settings

        options = {} if database is None else {"database_url": database}
        if not asyncio.run(_verify(read_settings(config, **options))):
            raise typer.Exit(1)


async def _verify(settings: "ServerSettings") -> bool:
    from collections import Counter

    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar
    from sqlalchemy.exc import DBAPIError

    from headway_server.database import Database
    from headway_server.errors import ServerError
    from headway_server.processes import Processes
    from headway_server.verification import Progress
    from headway_server.verification import verify as differences

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

    from headway_server.verification import RECORD

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
