"""`headway warnings`: the warning codes of one vehicle, with the condition around them, from its own device."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_edge.own.own_warnings import KeptCondition, OwnWarnings


def warnings(
    config: Annotated[Path | None, typer.Option(help="TOML file with the device's settings.")] = None,
    store: Annotated[Path | None, typer.Option(help="Overrides the settings: the outbox file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with everything.")] = False,
) -> None:
    """Show a vehicle's warning codes: how often each came, what to do, and the seven seconds kept around the latest.

    These stay on the device: run it there. The agent of this store must not be running: stop it, look, start it again; it goes
    on with the trip.

    Example:

        headway warnings --config /etc/headway/agent.toml
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        import time

        from headway_edge import packs
        from headway_edge.own.own_warnings import OwnWarnings
        from headway_edge.settings import read_settings
        from headway_edge.store.stored_state import read_state

        settings = read_settings(config, store=store)
        offered = read_state(settings.store, ["pack"]).get("pack")
        process = packs.load(settings.pack) if offered is None else packs.of_offer(offered)
        if not process.pack.warnings:
            raise SimulatorError(
                f"the pack {process.name} knows of no warning codes: docs/packs.md tells how one does."
            )
        key = f"warnings/{process.id.hex()}"
        own = OwnWarnings(process)
        own.restore(read_state(settings.store, [key]).get(key))
        now_ms = int(time.time() * 1000)
        today = (now_ms + 60_000 * settings.utc_offset_min(now_ms)) // 86_400_000
        if as_json:
            typer.echo(json.dumps(_as_object(own, today), ensure_ascii=False))
        else:
            _tell(own, today)


def _as_object(own: "OwnWarnings", today: int) -> dict[str, Any]:
    names = own.condition_names()
    return {
        "codes": [
            {"code": item.code, "trips": item.trips, "months": item.months, "rising": item.rising}
            for item in own.counts(today)
        ],
        "advice": [item.sentence for item in own.advice.values()],
        "conditions": [
            {
                "code": item.code,
                "day": _day(item),
                "seconds": [
                    {name: None if value is None else float(value) for name, value in zip(names, row, strict=True)}
                    for row in item.rows
                ],
            }
            for item in own.conditions()
        ],
    }


def _day(item: "KeptCondition") -> str | None:
    from headway_edge.calendar_periods import as_date

    return None if item.day is None else as_date(item.day).isoformat()


def _tell(own: "OwnWarnings", today: int) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from headway_edge.core.condition_ring import BEFORE_S

    console = Console(markup=False, highlight=False)
    counts = own.counts(today)
    if not counts:
        console.print("No warning code has come.")
        return
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("code", "trips", "in the last 12 months", ""):
        table.add_column(column, justify="right" if column in {"trips", "in the last 12 months"} else "left")
    for item in counts:
        months = str(sum(item.months))
        table.add_row(item.code, str(item.trips), months, "more often than before" if item.rising else "")
    console.print(table)
    for advice in own.advice.values():
        console.print(advice.sentence, soft_wrap=True)
    names = own.condition_names()
    for found in own.conditions():
        console.print(f"\nAround {found.code} on {_day(found) or 'a day that no clock told'}")
        rows = Table(box=SIMPLE_HEAD, pad_edge=False)
        for column in ("second", *names):
            # The name's last two parts, on a line each, tell them apart in 80 columns.
            rows.add_column(
                "\n".join(column.removeprefix("Vehicle.").split(".")[-2:]), justify="right", vertical="bottom"
            )
        for at, row in enumerate(found.rows):
            rows.add_row(f"{at - BEFORE_S:+d}", *("-" if value is None else f"{float(value):g}" for value in row))
        console.print(rows)
