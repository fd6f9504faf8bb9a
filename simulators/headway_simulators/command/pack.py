"""`headway pack`: check, compile, show, compare, explain and publish packs, the definitions of customer processes."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command import pack_at_server, pack_tune
from headway_simulators.command.terminal import refused_packs
from headway_simulators.errors import SimulatorError

if TYPE_CHECKING:
    from headway_server.packs.compile import Compiled

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
Check, compile, show, compare and explain packs; publish them at a fleet server and offer them to devices.

A pack is the definition of one customer process as data: which signals, what is counted, which events, which numbers
people read. Authors write TOML; devices run the compiled form, whose hash is the pack's id. `docs/packs.md` is the
author's guide. Wherever a file is asked for, the name of a pack that ships does as well.

**First steps**: `headway pack explain private-driving`, then copy a pack of the library, change it, and
`headway pack check my-pack.toml`.
""",
)
_Pack = Annotated[str, typer.Argument(help="A TOML file, or the name of a pack that ships.", metavar="PACK")]


@app.command()
def check(
    packs: Annotated[list[str], typer.Argument(help="TOML files, or names of packs that ship.", metavar="PACK…")],
) -> None:
    """Say whether packs are right; exit code 1 and every mistake, with its line, if one is not.

    Checked are the form, every expression with its units, and the limits of the device that is to run it.

    Example:

        headway pack check my-pack.toml
    """
    refused = 0
    for pack in packs:
        try:
            with refused_packs():
                compiled = _compiled(pack)
                typer.echo(f"{pack}: right; {_summary(compiled)}")
        except typer.Exit:
            refused += 1
    if refused:
        raise typer.Exit(1)


@app.command()
def build(
    pack: _Pack,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write; NAME.cbor in this folder otherwise.")
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(help="Write the texts here as well, as JSON: titles, units, formulas, sources.")
    ] = None,
) -> None:
    """Compile a pack to the bytes that devices run: NAME.cbor, after the name in the pack.

    The same definition always gives the same bytes; a better wording does not change them.

    Example:

        headway pack build my-pack.toml --catalogue my-pack.json
    """
    with refused_packs():
        import json

        compiled = _compiled(pack)
        target = output or Path(f"{compiled.parts[1]}.cbor")
        _write(target, compiled.data)
        if catalogue:
            _write(catalogue, (json.dumps(compiled.catalogue, ensure_ascii=False, indent=1) + "\n").encode())
        typer.echo(f"{target}: {_summary(compiled)}")


@app.command()
def show(
    pack: Annotated[
        str, typer.Argument(help="A TOML file, a compiled pack, or the name of one that ships.", metavar="PACK")
    ],
) -> None:
    """Show a compiled pack in diagnostic notation, part by part, with the bytes each takes.

    Example:

        headway pack show private-driving
    """
    with refused_packs():
        import hashlib

        from headway_edge.core.pack_limits import PACK_DEPTH_MAX
        from headway_protocol import cbor
        from headway_protocol.diagnostic import diagnostic

        parts, data = _parts(pack)
        titles = (
            "format", "name", "version", "kind", "classes", "signals", "rules", "parameters", "values", "accumulators",
            "events", "period", "characteristics", "contexts", "score", "enough", "series", "consumables",
            "factors", "warnings",
        )  # fmt: skip
        typer.echo(f"id {hashlib.sha256(data).digest()[:8].hex()}, {len(data)} bytes")
        for title, part in zip(titles, parts, strict=True):
            size = len(cbor.encode(part, PACK_DEPTH_MAX))
            count = f", {len(part)} entries" if isinstance(part, list) else ""
            typer.echo(f"\n{title}: {size} byte{'s' if size > 1 else ''}{count}")
            for item in part if isinstance(part, list) else [part]:
                typer.echo("  " + diagnostic(item))


@app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A TOML file, or the name of a pack that ships.")],
    after: Annotated[str, typer.Argument(help="What it is compared with.")],
) -> None:
    """Say what changed between two packs, what they mean apart from how they read.

    Values of different definitions are never compared or merged: look here before you roll a change out.

    Example:

        headway pack diff private-driving my-pack.toml
    """
    with refused_packs():
        from headway_server.packs.diff import difference

        typer.echo(difference(_compiled(before), _compiled(after)).text(), nl=False)


@app.command()
def explain(pack: _Pack) -> None:
    """Tell a pack in words: every signal, value, accumulator, event and characteristic, with unit and source.

    Example:

        headway pack explain commercial-driving
    """
    with refused_packs():
        from headway_server.packs.explain import explained

        typer.echo(explained(_compiled(pack).catalogue), nl=False)


app.command("list")(pack_at_server.list_packs)
app.command()(pack_at_server.publish)
app.command()(pack_at_server.offer)
app.command()(pack_tune.tune)


def _path(pack: str) -> Path:
    from headway_server.packs import library

    if pack in library.names():
        return library.path(pack)
    path = Path(pack)
    if not path.is_file():
        ships = ", ".join(library.names())
        raise SimulatorError(f"{pack!r} is neither a file nor a pack that ships. Packs that ship: {ships}.")
    return path


def _compiled(pack: str) -> "Compiled":
    from headway_server.packs.compile import compile_file

    path = _path(pack)
    try:
        return compile_file(path)
    except OSError as error:
        raise SimulatorError(f"{path} cannot be read: {error.strerror}. Check the name and the permissions.") from None


def _parts(pack: str) -> tuple[list[object], bytes]:
    path = _path(pack)
    if path.suffix != ".cbor":
        compiled = _compiled(pack)
        return compiled.parts, compiled.data
    from headway_edge.core.pack import Pack
    from headway_edge.core.pack_limits import PACK_DEPTH_MAX
    from headway_protocol import cbor
    from headway_protocol.errors import ProtocolError

    data = path.read_bytes()
    try:
        Pack(data)
        parts = cbor.decode(data, PACK_DEPTH_MAX)
    except (ValueError, ProtocolError) as error:
        raise SimulatorError(f"{path} is no pack that a device would take: {error}. Build it again.") from None
    return parts, data  # type: ignore[return-value]


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise SimulatorError(f"{path} cannot be written: {error.strerror}. Choose another place.") from None


def _summary(compiled: "Compiled") -> str:
    name, version = compiled.parts[1], compiled.parts[2]
    return f"{name} version {version}, id {compiled.id.hex()}, {len(compiled.data)} bytes"
