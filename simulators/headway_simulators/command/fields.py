"""`headway fields`: every field that may leave a device, from the code and from a pack."""

from typing import TYPE_CHECKING, Annotated

import typer

from headway_simulators.command.terminal import refused_packs

if TYPE_CHECKING:
    from headway_simulators.leaving.pack_fields import PackFields


def fields(
    pack: Annotated[
        str, typer.Option(help="Whose counts to list: a pack that ships, or a .toml or .cbor file.")
    ] = "private-driving",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object, the tables by their keys.")] = False,
) -> None:
    """List every field that may leave a device: its messages, what MQTT itself tells, and the counts of a pack.

    Whatever is not in the list stays on the device. The same, of the packs that ship, is in docs/fields.md.

    Example:

        headway fields --pack my-pack.toml
    """
    with refused_packs():
        from headway_simulators.leaving.field_tables import as_objects, message_tables, mqtt_tables, pack_tables

        found = _fields_of(pack)
        tables = [*message_tables(), *mqtt_tables(), *pack_tables(found, found.name)]
        if as_json:
            import json

            typer.echo(json.dumps(as_objects(tables) | {"signals": found.signals}, ensure_ascii=False, indent=1))
            return
        from rich.console import Console
        from rich.table import Table

        console = Console()
        for item in tables:
            table = Table(title=item.title, caption=item.about or None, title_justify="left", caption_justify="left")
            for heading in item.head:
                table.add_column(heading, no_wrap=heading == "field")
            for row in item.rows:
                table.add_row(*row)
            console.print(table)
        console.print(f"Read, and kept on the device: {', '.join(found.signals)}.", highlight=False)
        if found.warning_signal is not None:
            console.print(f"Values of {found.warning_signal} leave as codes of incidents.", highlight=False)


def _fields_of(pack: str) -> "PackFields":
    from headway_simulators.leaving.pack_fields import PackFields

    if pack.endswith(".cbor"):
        from headway_simulators.processes import find_process

        return PackFields(find_process(pack))
    from pathlib import Path

    from headway_edge.core.pack import Pack
    from headway_edge.core.process import Process
    from headway_server.packs import library
    from headway_server.packs.compile import compile_file
    from headway_simulators.errors import SimulatorError

    path = library.path(pack) if pack in library.names() else Path(pack)
    if not path.is_file():
        known = ", ".join(library.names())
        raise SimulatorError(f"there is no pack {pack!r}. Known: {known}; or name a .toml or .cbor file.")
    compiled = compile_file(path)
    return PackFields(Process(Pack(compiled.data), compiled.catalogue), compiled.catalogue)
