"""`make bench`: figures of this machine, in one run. Ratios mean more than numbers; the machine is printed with them."""

import platform
import sqlite3

from rich.console import Console
from rich.table import Table

from bench import bulk, core, fleet, heap, ingest, packs, store, wire


def main() -> None:
    """Run every benchmark and print one table."""
    console = Console(width=110)
    console.print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        highlight=False,
    )
    table = Table(title="Headway on this machine")
    for heading in ("what", "figure", "unit", "how"):
        table.add_column(heading, justify="right" if heading == "figure" else "left")
    for part in (core, packs, heap, bulk, wire, store, ingest, fleet):
        with console.status(f"measuring {part.__name__} ..."):
            for row in part.figures():
                table.add_row(*row)
    console.print(table)


main()
