"""`headway dead-letters`: what came to a fleet server and is no record: list, show, replay, drop."""

from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.pack_at_server import LOCAL, ServerOption, TokenOption
from headway_simulators.command.terminal import foreseen_failures
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_simulators.operator_client import OperatorClient

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
What came to a fleet server and is no record: list it, look at it, read it again, drop it.

A dead letter costs nobody anything: nothing else was held up by it, and a sender that could be told was told. Read them
again after an upgrade, or once a defect is mended. Every command needs the server's operator token.

**First steps**: `headway dead-letters list`, then `headway dead-letters show` with the first digits of a hash.
""",
)
_Hashes = Annotated[list[str] | None, typer.Argument(help="First digits of their hashes.", metavar="[HASH]…")]
_All = Annotated[bool, typer.Option("--all", help="Every letter.")]


@app.command("list")
def list_letters(
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = 50,
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """List dead letters, the last received first.

    Example:

        headway dead-letters list --server https://fleet.example
    """
    with foreseen_failures():
        letters, total = _client(server, token).dead_letters(limit)
        for letter in letters:
            cut = "" if letter["whole"] else ", not kept whole"
            kept = ", kept by the broker" if letter["retained"] else ""
            typer.echo(
                f"{letter['hash'][:12]}  {letter['received'] or '':<20.20}  {letter['count']:>6} x  "
                f"{letter['payload_bytes']:>6} bytes{cut}{kept}  {_shown(letter['topic'])}  {_shown(letter['reason'])}"
            )
        typer.echo(f"{len(letters)} of {total} dead letter{'' if total == 1 else 's'}.")


@app.command()
def show(
    letter: Annotated[str, typer.Argument(help="First digits of its hash.", metavar="HASH")],
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Show a dead letter with its bytes.

    Example:

        headway dead-letters show 3f2a9c
    """
    with foreseen_failures():
        found = _client(server, token).dead_letter(letter)
        for name in ("hash", "topic", "received", "count", "code", "reason", "payload_bytes", "whole", "retained"):
            typer.echo(f"{name + ':':<15}{_shown(str(found[name]))}")
        typer.echo(f"{'payload:':<15}{found['payload']}")
        if found["diagnostic"] is not None:
            typer.echo(f"{'as CBOR:':<15}{found['diagnostic']}")


@app.command()
def replay(
    letters: _Hashes = None,
    every: _All = False,
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Read dead letters again. Those that are taken now are letters no more; exit code 1 if any is not.

    What was stored meanwhile is not stored twice.

    Example:

        headway dead-letters replay --all
    """
    with foreseen_failures():
        client = _client(server, token)
        outcomes = client.replay(_chosen(client, letters, every))
        for item in outcomes:
            why = f": {_shown(item['why'])}" if item["why"] else ""
            typer.echo(f"{item['hash'][:12]}  {item['outcome']}{why}")
        taken = sum(item["outcome"] == "taken" for item in outcomes)
        typer.echo(f"{taken} of {len(outcomes)} taken.")
        if taken < len(outcomes):
            raise typer.Exit(1)


@app.command()
def drop(
    letters: _Hashes = None,
    every: _All = False,
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Delete dead letters for good.

    Example:

        headway dead-letters drop 3f2a9c 77b0e1
    """
    with foreseen_failures():
        client = _client(server, token)
        dropped = client.drop(_chosen(client, letters, every))
        typer.echo(f"{dropped} dead letter{'' if dropped == 1 else 's'} dropped.")


def _chosen(client: "OperatorClient", letters: list[str] | None, every: bool) -> list[str]:
    if every == bool(letters):
        raise SimulatorError("which letters? Name them by the first digits of their hashes, or say --all.")
    if every:
        return [letter["hash"] for letter in client.dead_letters()[0]]
    return [client.dead_letter(prefix)["hash"] for prefix in letters or []]


def _shown(text: str) -> str:
    """Return what anybody may have sent, without what a terminal would take for a command."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def _client(server: str, token: str | None) -> "OperatorClient":
    from headway_simulators.operator_client import OperatorClient

    return OperatorClient(server, token)
