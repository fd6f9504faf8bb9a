"""`headway consumables`: how long oil, tyres, a battery and filters last at the way recorded days are driven."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_simulators.consumables.simulated_use import SimulatedUse

_IMAGES = {".svg": "svg", ".png": "png"}


def consumables(
    files: Annotated[
        list[Path], typer.Argument(help="Recordings of one vehicle, in order of time, as for replay.", metavar="FILE…")
    ],
    days: Annotated[
        int, typer.Option(min=1, max=36_500, help="How many days to simulate; the recorded ones are repeated.")
    ] = 120,
    seed: Annotated[int | None, typer.Option(help="Draw the recorded days at random with this seed.")] = None,
    out: Annotated[Path | None, typer.Option(help="Draw the chart into this .svg or .png.")] = None,
    chart_of: Annotated[str, typer.Option("--of", help="Which consumable the chart shows.")] = "oil",
    pack: Annotated[
        str, typer.Option(help="The process: a pack that ships, or a .toml or .cbor file.")
    ] = "private-driving",
    vehicle_class: Annotated[str, typer.Option("--class", help="A class of the pack.")] = "car",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each consumable.")] = False,
) -> None:
    """Say how many days are left until oil, tyres, battery and filters should be replaced.

    The recorded days are driven again and again, in their order or drawn at random. Everything is new on the first day, and
    replaced on the day it is due. Each consumable has two lines, what was driven and what that was worth in wear; a regression
    line through the latter says when its limit is reached. Before two weeks there is no number.

    Example:

        headway consumables monday.csv tuesday.csv --days 200 --out oil.svg
    """
    with foreseen_failures():
        from headway_simulators.consumables.chart import draw
        from headway_simulators.consumables.recorded_days import recorded_days
        from headway_simulators.consumables.simulated_use import simulated_use
        from headway_simulators.processes import find_process

        image = _IMAGES.get(out.suffix.lower()) if out is not None else None
        if out is not None and image is None:
            raise SimulatorError(f"{out}: a chart is drawn as .svg or .png.")
        process = find_process(pack)
        if vehicle_class not in process.pack.classes:
            known = ", ".join(process.pack.classes)
            raise SimulatorError(f"the pack {process.name} knows the classes {known}, not {vehicle_class}.")
        recorded = recorded_days(files, process, vehicle_class)
        found = {use.definition.key: use for use in simulated_use(process, recorded, days, seed)}
        if not found:
            raise SimulatorError(f"the pack {process.name} names nothing that wears out: try private-driving.")
        if out is not None and image is not None:
            if chart_of not in found:
                raise SimulatorError(f"{chart_of!r} is none of {', '.join(found)}.")
            try:
                out.write_bytes(draw(found[chart_of], image))
            except OSError as error:
                raise SimulatorError(f"{out} cannot be written: {error.strerror}.") from error
        if as_json:
            for use in found.values():
                print(json.dumps(_as_object(use), separators=(",", ":")))  # noqa: T201
        else:
            how = "repeated" if seed is None else "drawn at random"
            many = "" if len(recorded) == 1 else "s"
            _tell(list(found.values()), f"{len(recorded)} recorded day{many}, {how} for {days}")


def _as_object(use: "SimulatedUse") -> dict[str, object]:
    from headway_edge.core.consumable import REASON_NAMES

    item, stretch = use.definition, use.stretches[-1]
    outlook = stretch.outlooks[-1]
    return {
        "consumable": item.key,
        "id": item.id,
        "replacements": use.replacements,
        "days_since": len(stretch.real),
        "unit": item.unit,
        "real": stretch.real[-1] / item.unit_size,
        "adjusted": stretch.adjusted[-1] / item.unit_size,
        "limit": item.limit / item.unit_size,
        "reason": REASON_NAMES[outlook.reason],
        "days_left": outlook.days,
        "fewest": outlook.fewest,
        "most": outlook.most,
        "days_left_real": outlook.real_days,
        "days_left_calendar": outlook.calendar_days,
    }


def _tell(found: "list[SimulatedUse]", heading: str) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from headway_edge.core.consumable_words import sentence

    console = Console()
    table = Table(title=heading, box=SIMPLE_HEAD, pad_edge=False)
    for column in ("", "replaced", "days since", "real", "adjusted", "limit", ""):
        table.add_column(column, justify="right" if column else "left")
    for use in found:
        item, stretch = use.definition, use.stretches[-1]
        amounts = (stretch.real[-1], stretch.adjusted[-1], item.limit)
        shown = (f"{amount / item.unit_size:,.0f}" for amount in amounts)
        table.add_row(item.title, str(use.replacements), str(len(stretch.real)), *shown, item.unit)
    console.print(table)
    for use in found:
        console.print(sentence(use.definition.title, use.stretches[-1].outlooks[-1]), highlight=False)
