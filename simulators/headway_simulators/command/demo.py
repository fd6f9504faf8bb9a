"""`headway demo`: the whole loop on one machine, on real recorded trips."""

from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the loop instead of serving the page.")] = False,
    trips: Annotated[
        str, typer.Option(help="Which trips: nrel (recorded, fetched once), shipped (simulated), or auto.")
    ] = "auto",
    keep: Annotated[Path | None, typer.Option(help="Keep database and outboxes in this folder.")] = None,
    http_port: Annotated[int, typer.Option(help="Port of the page; 0 takes a free one.")] = 0,
) -> None:
    """Show the whole loop: 22 recorded vehicles, 22 agents, a broker, a server, a benchmark, a comparison.

    Each agent computes its trips in integers, keeps them in its outbox and sends them over MQTT; the server commits and
    acknowledges them, closes an epoch, publishes how the 22 compare; each device places itself, offline.

    With `--once` the exit code is 0 only if every trip produced is stored, byte for byte, each once.
    """
    log_to_stderr("error", as_json=False)
    with foreseen_failures():
        from headway_simulators.demo import run_demo

        if not run_demo(once, trips, keep, http_port):
            raise typer.Exit(1)
