"""`headway agent`: the agent of one device, live."""

from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr


def agent(
    config: Annotated[Path | None, typer.Option(help="TOML file with the device's settings.")] = None,
    source: Annotated[
        str, typer.Option(help="Where samples come from: a file or FIFO with CSV lines, - for standard input.")
    ] = "-",
    group: Annotated[str | None, typer.Option(help="Overrides the settings.")] = None,
    device: Annotated[str | None, typer.Option(help="Overrides the settings.")] = None,
    store: Annotated[Path | None, typer.Option(help="Overrides the settings: the outbox file.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as JSON lines, for a log collector.")] = False,
) -> None:
    """Run the agent of one device until it is told to stop (Ctrl-C, SIGTERM) or its source ends.

    It reads samples as CSV lines with a header, as `headway replay` does, but live: a sample counts at the moment it
    arrives, whatever its `timestamp` says. Whatever reads your vehicle (OBD, CAN, a databroker) writes such lines.
    A stop or a crash loses at most the last minute of the open trip; the trip goes on at the next start.

    Settings come from the file, environment variables `HEADWAY_AGENT_*`, and the options, each winning over those
    before; `docs/configuration.md` lists them.

    Example:

        read-obd --csv | headway agent --config /etc/headway/agent.toml
    """
    log_to_stderr(log_level, log_json)
    with foreseen_failures():
        from headway_edge.settings import read_settings
        from headway_simulators.live_agent import run_live

        run_live(read_settings(config, group=group, device=device, store=store), source)
