"""`headway serve`: the fleet server."""

from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr


def serve(
    config: Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")] = None,
    database: Annotated[
        str | None, typer.Option(help="Database URL, for example sqlite+aiosqlite:///headway.db.")
    ] = None,
    broker: Annotated[str | None, typer.Option(help="The MQTT broker: HOST or HOST:PORT.")] = None,
    embedded_broker: Annotated[
        bool | None, typer.Option("--embedded-broker", help="Run a broker inside; for trying things out.")
    ] = None,
    http_port: Annotated[int | None, typer.Option(help="Port of the page and the API.")] = None,
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
    log_json: Annotated[bool, typer.Option("--log-json", help="Logs as JSON lines, for a log collector.")] = False,
) -> None:
    """Run the fleet server until it is told to stop (Ctrl-C, SIGTERM).

    It commits what devices send, acknowledges it, compares people of one vehicle class at the end of each epoch, and
    shows the fleet on a page. Settings come from the file, environment variables `HEADWAY_SERVER_*`, and the options,
    each winning over those before; `docs/configuration.md` lists them.

    Examples:

        headway serve --embedded-broker
        headway serve --config /etc/headway/server.toml
    """
    log_to_stderr(log_level, log_json)
    with foreseen_failures():
        import asyncio

        from headway_server.service import serve as run_server
        from headway_server.settings import read_settings
        from headway_simulators.command.replay import parse_broker

        options: dict[str, object] = {
            "database_url": database,
            "embedded_broker": embedded_broker,
            "http_port": http_port,
        }
        if broker is not None:
            options["broker_host"], options["broker_port"] = parse_broker(broker)
        settings = read_settings(config, **{key: value for key, value in options.items() if value is not None})
        asyncio.run(run_server(settings, lambda url: typer.echo(f"Headway serves on {url}")))
