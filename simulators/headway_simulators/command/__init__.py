"""The `headway` command: demo, replay, recompute, record, fields, pack, key, forecast, consumables, agent, service,
warnings, serve, verify, chaos, soak, doctor.

Each command imports what it needs when it runs: `headway agent` on an onboard unit has no server libraries installed.
"""

import sys

import typer

from headway_simulators.command import (
    agent,
    audit,
    backup,
    chaos,
    consumables,
    dead_letters,
    demo,
    doctor,
    fields,
    forecast,
    key,
    pack,
    person,
    recompute,
    record,
    replay,
    serve,
    service,
    soak,
    verify,
    warnings,
)
from headway_simulators.command.terminal import complain

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    help="""
Headway helps people get better at what they do every day, driving first, without giving their raw data away.

An agent in the vehicle turns samples into a few numbers a trip and keeps them until the server has them; the server
compares people who are alike and sends the comparison back, so the device can show it even when it is offline.

**First steps**: `headway demo` shows all of it on real recorded trips. `headway replay trip.csv --offline --json` shows
what the device computes from a trip of yours. `headway doctor` says what this machine lacks.
""",
)
app.command()(demo.demo)
app.command()(replay.replay)
app.command()(recompute.recompute)
app.command()(record.record)
app.command()(fields.fields)
app.add_typer(pack.app, name="pack")
app.add_typer(key.app, name="key")
app.add_typer(forecast.app, name="forecast")
app.command()(consumables.consumables)
app.command()(agent.agent)
app.command()(service.service)
app.command()(warnings.warnings)
app.command()(serve.serve)
app.command()(verify.verify)
app.command()(backup.backup)
app.command()(backup.restore)
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(person.app, name="person")
app.add_typer(audit.app, name="audit")
app.command()(chaos.chaos)
app.command()(soak.soak)
app.command()(doctor.doctor)


def main() -> None:
    """Run the command line; every foreseen failure is one message and exit code 1, never a trace."""
    try:
        app()
    except ModuleNotFoundError as error:
        extra = {
            "paho": "edge",
            "cryptography": "edge",
            "fastapi": "server",
            "sqlalchemy": "server",
            "amqtt": "simulators",
            "apsw": "simulators",
            "httpx": "simulators",
        }
        name = (error.name or "").partition(".")[0]
        complain(
            f"the Python package {name!r} is not installed. "
            f"Install Headway with what this command needs: pip install 'headway[{extra.get(name, 'simulators')}]'"
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
