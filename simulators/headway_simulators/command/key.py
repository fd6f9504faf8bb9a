"""`headway key`: what a server signs with, and what its devices know it by."""

from pathlib import Path
from typing import Annotated

import typer

from headway_simulators.command.terminal import foreseen_failures, log_to_stderr
from headway_simulators.errors import SimulatorError

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="""
The keys by which devices know their server: what it offers them counts only with its signature.

The server makes its key at the first start. **First steps**: `headway key show`, and its line into each device's settings.
""",
)
_Config = Annotated[Path | None, typer.Option(help="TOML file with the server's settings.")]
_Database = Annotated[str | None, typer.Option(help="Database URL, for example sqlite+aiosqlite:///headway.db.")]


@app.command("show")
def show(
    config: _Config = None,
    database: _Database = None,
    public: Annotated[bool, typer.Option("--public", help="Only the public keys, one a line, for scripts.")] = False,
    band: Annotated[
        str | None, typer.Option(help="GROUP/DEVICE of a microcontroller: print its own key, which is a secret.")
    ] = None,
) -> None:
    """Print the public keys of a server, as the settings of its devices take them.

    Examples:

        headway key show --config /etc/headway/server.toml
        headway key show --band bands/band-3
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        from headway_protocol import topics
        from headway_server.settings import read_settings
        from headway_server.signing import key_id, key_paths, read_key

        overrides = {} if database is None else {"database_url": database}
        paths = key_paths(read_settings(config, **overrides))
        keys = [read_key(path) for path in paths]
        if band is not None:
            if band.count("/") != 1 or not all(map(topics.valid_id, band.split("/"))):
                raise SimulatorError(f"{band!r} is no device: write GROUP/DEVICE, as its topics have it.")
            typer.echo(keys[0].band_key(band).hex())
            return
        if public:
            typer.echo("\n".join(one.public.hex() for one in keys))
            return
        for number, (path, one) in enumerate(zip(paths, keys, strict=True)):
            typer.echo(f"{path}: key {key_id(one.public).hex()}, {'held' if number else 'signs'}")
        typer.echo("In the settings of each device:")
        typer.echo("pack_keys = [" + ", ".join(f'"{one.public.hex()}"' for one in keys) + "]")


@app.command("new")
def new(
    file: Annotated[Path, typer.Argument(help="Where to write; it must not be there.", metavar="FILE")],
    config: _Config = None,
    database: _Database = None,
    new_bands: Annotated[
        bool,
        typer.Option("--new-bands", help="Also a new master for microcontrollers: each must be given its key again."),
    ] = False,
) -> None:
    """Make a key that is to take the place of the server's present one, or its first.

    Devices must hold the new public key before it signs: `docs/operations.md` says in which order.

    Example:

        headway key new --config /etc/headway/server.toml /var/lib/headway/key-2027
    """
    log_to_stderr("warning", as_json=False)
    with foreseen_failures():
        from headway_server.settings import read_settings
        from headway_server.signing import SigningKey, key_id, key_paths, read_key, write_key

        overrides = {} if database is None else {"database_url": database}
        present = key_paths(read_settings(config, **overrides))[0]
        master = read_key(present).band_master if present.exists() and not new_bands else None
        made = SigningKey.new(master)
        if not write_key(file, made):
            raise SimulatorError(f"{file} is there already, and may be all there is of a key. Name another file.")
        typer.echo(f"{file}: key {key_id(made.public).hex()}, public {made.public.hex()}")
        typer.echo(
            "Add the public key to pack_keys of each device; then put the file first in signing_key and start the server anew."
        )
