"""`headway doctor`: what this machine has, lacks, and should not have."""

from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr


def doctor(
    broker: Annotated[str, typer.Option(help="The broker to look for: HOST or HOST:PORT.")] = "127.0.0.1:1883",
    server: Annotated[str, typer.Option(help="The server to look for.")] = "http://127.0.0.1:8000",
    store: Annotated[
        Path | None, typer.Option(help="An agent's store, or the folder of several. Unset: that of --config, else var.")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with a device's settings: its store is looked into.")
    ] = None,
) -> None:
    """Look for what commonly goes wrong and say what to do about it. Exit code 1 if something must be done.

    A store is looked into by a copy, so its agent may be running: whether it is sound and complete, what waits in it, what was
    lost, refused or put aside.
    """
    log_to_stderr("error", as_json=False)
    with foreseen_failures():
        from rich.console import Console

        from headway_edge.settings import read_settings
        from headway_edge.store.retention import BUDGET_BYTES
        from headway_simulators.command.replay import parse_broker
        from headway_simulators.diagnosis import diagnose

        console = Console()
        host, port = parse_broker(broker)
        budget_bytes = BUDGET_BYTES
        if config is not None:
            settings = read_settings(config, store=store)
            store, budget_bytes = settings.store, settings.store_bytes_max
        findings = diagnose(host, port, server, store or Path("var"), budget_bytes)
        for finding in findings:
            mark = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "bad": "[red]bad[/] "}[finding.grade]
            console.print(f"{mark} {finding.what}", highlight=False, soft_wrap=True)
            if finding.next_step:
                console.print(f"       {finding.next_step}", highlight=False, soft_wrap=True)
        if any(finding.grade == "bad" for finding in findings):
            raise typer.Exit(1)
