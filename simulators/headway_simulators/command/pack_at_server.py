"""`headway pack list|publish|offer`: packs at a fleet server."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, refused_packs
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_simulators.operator_client import OperatorClient

ServerOption = Annotated[str, typer.Option(help="The fleet server.")]
TokenOption = Annotated[
    str | None, typer.Option(envvar="HEADWAY_OPERATOR_TOKEN", help="The operator_token of the server's settings.")
]
LOCAL = "http://127.0.0.1:8000"


def list_packs(server: ServerOption = LOCAL) -> None:
    """List the packs that a server knows, with the devices that run each.

    Example:

        headway pack list --server https://fleet.example
    """
    with foreseen_failures():
        packs = _client(server, None).packs()
        width = max(len(pack["name"]) for pack in packs)
        typer.echo(f"{'name':<{width}}  version  id                kind  devices")
        for pack in packs:
            typer.echo(
                f"{pack['name']:<{width}}  {pack['version']:>7}  {pack['id']}  {pack['kind']:<4}  {pack['devices']:>7}"
            )


def publish(
    pack: Annotated[Path, typer.Argument(help="A TOML file.", metavar="PACK")],
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Give a pack to a server: it can read its trips from now on, and offer it to devices.

    A pack that the server refuses is told with every mistake and its line. The same pack again changes nothing but its
    wording.

    Example:

        headway pack publish my-pack.toml --server https://fleet.example
    """
    with refused_packs():
        try:
            source = pack.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise SimulatorError(f"{pack} is not UTF-8. Name the pack's TOML file.") from None
        except OSError as error:
            raise SimulatorError(
                f"{pack} cannot be read: {error.strerror}. Check the name and the permissions."
            ) from None
        added = _client(server, token).publish(source, pack)
        known = "is known now" if added["new"] else "was known already"
        typer.echo(f"{added['name']} version {added['version']}, id {added['id']}: {known} at {server.rstrip('/')}")
        if added["records_read"]:
            typer.echo(f"{added['records_read']} records that had waited for it are read.")


def offer(
    pack: Annotated[str, typer.Argument(help="A pack's id, or a name: then its newest version.", metavar="PACK")],
    device: Annotated[str, typer.Option(help="The device, as group/name.", metavar="GROUP/NAME")],
    server: ServerOption = LOCAL,
    token: TokenOption = None,
) -> None:
    """Offer a device another pack. It takes it when it is connected next, and runs it from the next trip on.

    The server refuses what the device could not run, and the device checks the pack as if no server had.

    Example:

        headway pack offer my-pack --device depot-7/bus-0142
    """
    with foreseen_failures():
        if not all(device.partition("/")) or device.count("/") > 1:
            raise SimulatorError(f"{device!r} is no device. Name it as group/name, for example depot-7/bus-0142.")
        client = _client(server, token)
        found = client.find_pack(pack)
        offered = client.offer(device, found["id"])
        shown = f"{found['name']} version {found['version']}, id {found['id']}"
        runs = client.device(device)["pack"]
        if runs is not None and runs["id"] == found["id"]:
            typer.echo(f"{device} runs {shown} already.")
        elif offered["published"]:
            typer.echo(f"{device} is offered {shown}; it has it when it is connected next.")
        else:
            typer.echo(f"{device} is offered {shown}; the server publishes it when it reaches its broker.")


def _client(server: str, token: str | None) -> "OperatorClient":
    from headway_simulators.operator_client import OperatorClient

    return OperatorClient(server, token)
