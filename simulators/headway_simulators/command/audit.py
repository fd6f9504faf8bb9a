"""`headway audit list|verify`: what operators did at a fleet server, in an order in which nothing can be changed unseen."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.pack_at_server import LOCAL, ServerOption, TokenOption
from headway_simulators.command.terminal import foreseen_failures

if TYPE_CHECKING:
    from headway_simulators.operator_client import OperatorClient

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
What operators did at a fleet server, and what was refused to others.

Each row has the hash of the one before, so a row that is changed, taken out or put in is found. Keep the newest hash
somewhere else, for example with your backups' notes: with it, a log whose end was cut off is found as well.

**First steps**: `headway audit list`, then `headway audit verify`.
""",
)


@app.command("list")
def list_rows(
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """List the newest rows, the newest first.

    Example:

        headway audit list --limit 20
    """
    with foreseen_failures():
        for row in _client(server, token).audit(limit):
            subject = "" if row["subject"] is None else f"  {row['subject'][:12]}"
            typer.echo(
                f"{row['number']:>6}  {row['at'] or '':<20.20}  {row['actor']:<9} {row['action']:<20} "
                f"{json.dumps(row['detail'])}{subject}"
            )


@app.command()
def verify(
    expected: Annotated[
        str | None, typer.Option(help="A hash that was told before: it must still be there.", metavar="HASH")
    ] = None,
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Hold every row against the one before it. Exit code 1 if any does not fit.

    Example:

        headway audit verify --expected 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    """
    with foreseen_failures():
        found = _client(server, token).verify_audit(expected)
        for problem in found["problems"]:
            typer.echo(problem)
        typer.echo(f"{found['rows']} rows, the newest hash is {found['newest_hash']}.")
        if found["problems"]:
            raise typer.Exit(1)


def _client(server: str, token: str | None) -> "OperatorClient":
    from headway_simulators.operator_client import OperatorClient

    return OperatorClient(server, token)
