"""`headway soak`: real processes, killed over and over, whose books must balance."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headway_simulators.command.terminal import foreseen_failures

if TYPE_CHECKING:
    from headway_simulators.soak.storm import Soak

_ROUND_S = 300.0  # of storm and calm, after which everything has to arrive once
_CALM_SHARE = 1 / 3
_SHOWN_MAX = 20


def soak(
    minutes: Annotated[float, typer.Option(min=0.1, help="For how long.")] = 1.0,
    devices: Annotated[int, typer.Option(min=1, max=50, help="Agents at a time.")] = 4,
    seed: Annotated[int, typer.Option(help="Of when whom is killed; the rest is up to the machine.")] = 1,
    keep: Annotated[
        Path | None, typer.Option(help="Folder for databases and logs, which are deleted otherwise.", file_okay=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Kill a real server, real agents and a real broker over and over, and check that nothing is lost, doubled or leaked.

    Two thirds of the time agents and server die by SIGKILL at random instants, and the broker is restarted, killed or wiped; the
    last third only the broker is disturbed, and memory and file descriptors are watched. Then everything has to arrive. Needs
    mosquitto. Exit code 1 if a record whose append returned is missing, one that was settled is not at the server, something
    counts twice, or a process grows. docs/soak.md says what each line means.

    Examples:

        headway soak --minutes 1

        headway soak --minutes 30 --devices 8 --keep /tmp/soak
    """
    with foreseen_failures():
        import json
        import shutil
        import tempfile

        from headway_simulators.errors import SimulatorError
        from headway_simulators.soak.report import report
        from headway_simulators.soak.storm import Soak

        if keep is not None and keep.exists() and any(keep.iterdir()):
            raise SimulatorError(f"{keep} is not empty: name another folder for what the soak leaves.")
        folder = Path(tempfile.mkdtemp(prefix="headway-soak-")) if keep is None else keep
        folder.mkdir(parents=True, exist_ok=True)
        with Soak(folder, seed, devices) as one:
            left_s = minutes * 60
            while left_s > 0:
                length_s = min(left_s, _ROUND_S)
                left_s -= length_s
                _round(one, length_s, left_s)
            told = report(one, one.settle())
        if as_json:
            print(json.dumps(told, indent=1))  # noqa: T201
        else:
            _print(told)
        if told["violations"]:
            typer.echo(f"What the processes left is in {folder}.", err=True)
            raise typer.Exit(1)
        if keep is None:
            shutil.rmtree(folder)


def _round(one: "Soak", length_s: float, left_s: float) -> None:
    typer.echo(f"killing for {length_s * (1 - _CALM_SHARE):.0f} s ...", err=True)
    one.storm(length_s * (1 - _CALM_SHARE))
    typer.echo(f"watching for {length_s * _CALM_SHARE:.0f} s ...", err=True)
    one.calm(length_s * _CALM_SHARE)
    kills = sum(device.kills for device in one.devices)
    typer.echo(f"{kills} agents and {one.server.kills} servers killed so far; {left_s / 60:.1f} min left", err=True)


def _print(told: dict[str, Any]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    from headway_simulators.soak.report import rows

    console = Console(markup=False, highlight=False)
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("what", "of", "number"):
        table.add_column(heading, justify="right" if heading == "number" else "left", overflow="fold")
    for row in rows(told):
        table.add_row(*row)
    console.print(table)
    violations = told["violations"]
    for violation in violations[:_SHOWN_MAX]:
        console.print(f"VIOLATION: {violation}", soft_wrap=True)
    if len(violations) > _SHOWN_MAX:
        console.print(f"and {len(violations) - _SHOWN_MAX} more.")
