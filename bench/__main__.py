"""`make bench`: figures of this machine, in one run. Ratios mean more than numbers; the machine is printed with them.

`python -m bench forecast packs` runs those two only.
"""

import platform
import sqlite3
import sys

from rich.console import Console
from rich.table import Table

from bench import (
    bulk,
    control,
    core,
    factors,
    flash,
    fleet,
    forecast,
    heap,
    herd,
    ingest,
    link,
    packs,
    privacy,
    restore,
    store,
    wire,
)

PARTS = {
    part.__name__.removeprefix("bench."): part
    for part in (
        core,
        packs,
        heap,
        bulk,
        wire,
        store,
        flash,
        link,
        ingest,
        restore,
        fleet,
        herd,
        privacy,
        forecast,
        control,
        factors,
    )
}


def main(names: list[str]) -> None:
    """Run the benchmarks named, or every one, and print one table."""
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        sys.exit(f"there is no benchmark {unknown[0]!r}. Known: {', '.join(PARTS)}.")
    console = Console(width=110)
    console.print(
        f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        highlight=False,
    )
    table = Table(title="Headway on this machine")
    for heading in ("what", "figure", "unit", "how"):
        table.add_column(heading, justify="right" if heading == "figure" else "left")
    for part in [PARTS[name] for name in names or PARTS]:
        with console.status(f"measuring {part.__name__} ..."):
            for row in part.figures():
                table.add_row(*row)
    console.print(table)


main(sys.argv[1:])
