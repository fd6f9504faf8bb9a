"""`headway person`: what a fleet server holds on a person, and its end: export, erase, certificate, verify."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
What a fleet server holds on a person: hand it out, erase it, and certify that.

A person is known by a pseudonymous id, as the fleet's page shows it: the device's address until told otherwise. Every
command but `verify` needs the server's operator token, and is in the audit log.

**First steps**: `headway person export depot-7/bus-0142 --out person.json`.
""",
)
_Person = Annotated[str, typer.Argument(help="The person's id.")]
_Number = Annotated[int, typer.Argument(min=1, help="The erasure's number.")]
_Out = Annotated[Path | None, typer.Option("--out", help="Where to write it; without it, to standard output.")]


@app.command()
def export(
    person: _Person,
    out: _Out = None,
    csv: Annotated[bool, typer.Option("--csv", help="The trips only, for a spreadsheet.")] = False,
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Write everything that the server holds on a person, as one JSON document.

    Examples:

        headway person export depot-7/bus-0142 --out person.json
        headway person export depot-7/bus-0142 --csv --out trips.csv
    """
    with foreseen_failures():
        client = _client(server, token)
        if out is None:
            client.export(person, sys.stdout.buffer, as_csv=csv)
            sys.stdout.buffer.flush()
            return
        # Complete under another name first: half an export looks like one.
        part = out.with_name(f"{out.name}.part")
        try:
            with part.open("wb") as file:
                size = client.export(person, file, as_csv=csv)
            part.replace(out)
        except OSError as error:
            raise SimulatorError(f"{out} cannot be written: {error.strerror}. Check its folder.") from None
        finally:
            part.unlink(missing_ok=True)
        typer.echo(f"{out}: {size} bytes.")


@app.command()
def erase(
    person: _Person,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Erase a person at the server and the broker, and have the devices wiped. It cannot be undone.

    Example:

        headway person erase depot-7/bus-0142
    """
    with foreseen_failures():
        client = _client(server, token)
        if not yes and not typer.confirm(f"Erase everything of {person}, for good?"):
            raise typer.Exit(1)
        done = client.erase(person)
        typer.echo(f"Erased with number {done['number']}: {sum(done['rows'].values())} rows.")
        devices = done["devices"]
        typer.echo(
            f"{devices} device{'' if devices == 1 else 's'} to be wiped: each is told when it speaks. Delete backups and copies "
            f"of before in time; `headway person certificate {done['number']}` says how far it is."
        )


@app.command()
def erasures(server: ServerOption = LOCAL, token: TokenOption = None) -> None:
    """List erasures, the newest first.

    Example:

        headway person erasures
    """
    with foreseen_failures():
        for one in _client(server, token).erasures():
            typer.echo(
                f"{one['number']:>6}  {one['erased'] or '':<20.20}  {one['wiped']} of {one['devices']} devices wiped"
            )


@app.command()
def wiped(
    number: _Number,
    device: Annotated[str, typer.Argument(help="Its address, as it was.", metavar="GROUP/DEVICE")],
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Say of a device of an erasure that it was reflashed or destroyed: it cannot say so itself, as a band cannot.

    Example:

        headway person wiped 3 depot-7/band-1
    """
    with foreseen_failures():
        _client(server, token).wiped(number, device)
        typer.echo(f"Noted: erasure {number} does not wait for this device any more.")


@app.command()
def certificate(number: _Number, out: _Out = None, server: ServerOption = LOCAL, token: TokenOption = None) -> None:
    """Write the signed certificate of an erasure, as it stands now.

    Example:

        headway person certificate 3 --out erasure-3.json
    """
    with foreseen_failures():
        document = _client(server, token).certificate(number)
        text = json.dumps(document, indent=1) + "\n"
        if out is None:
            typer.echo(text, nl=False)
            return
        try:
            out.write_text(text, encoding="utf-8")
        except OSError as error:
            raise SimulatorError(f"{out} cannot be written: {error.strerror}. Check its folder.") from None
        _tell(document["certificate"])


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="What `headway person certificate` wrote.", metavar="FILE")],
    key: Annotated[
        str | None, typer.Option(help="The server's public key, as `headway key show` prints it there.")
    ] = None,
) -> None:
    """Check a certificate: that the server's key signed it and nobody changed it. Exit code 1 if not.

    Without the key it is checked with the one that the certificate names, which says only that nobody changed it since.

    Example:

        headway person verify erasure-3.json --key 3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29
    """
    with foreseen_failures():
        from headway_server.reading import certificate as certificates

        try:
            document = json.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise SimulatorError(f"{file} cannot be read: {error.strerror}. Check the name.") from None
        except ValueError:
            raise SimulatorError(
                f"{file} is not JSON. Name the file that `headway person certificate` wrote."
            ) from None
        try:
            public = None if key is None else bytes.fromhex(key)
        except ValueError:
            raise SimulatorError("--key is 64 hexadecimal digits, as `headway key show` prints them.") from None
        said = certificates.verify(document, public)
        _tell(said)
        if key is None:
            typer.echo(f"Signed by {document['key']}: compare `headway key show` at the server.")


def _tell(said: dict[str, Any]) -> None:
    typer.echo(f"Erasure {said['number']} of {said['erased']}, as of {said['made']}:")
    for place in said["places"]:
        until = f" {place['until']}" if place["state"] == "until" else ""
        typer.echo(f"  {place['place'] + ':':<24}{place['state']}{until}")
    typer.echo("It is complete." if said["complete"] else "It is not complete yet.")


def _client(server: str, token: str | None) -> "OperatorClient":
    from headway_simulators.operator_client import OperatorClient

    return OperatorClient(server, token)
