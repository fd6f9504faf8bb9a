"""Finds the process that a command names: one that ships, a source in TOML, or a compiled pack."""

from pathlib import Path

from headway_edge import packs
from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_edge.errors import AgentError
from headway_server.packs import library
from headway_server.packs.compile import compile_file
from headway_server.packs.problems import PackRefused
from headway_simulators.errors import SimulatorError

DEFAULT = "private-driving"


def find_process(name: str = DEFAULT) -> Process:
    """Return the process of a library name, or of a .toml or .cbor file. Raises SimulatorError naming what there is.

    A name that ships is the one that devices hold, so that no compiler is needed.
    """
    try:
        if name in packs.names() or name.endswith(".cbor"):
            return packs.load(name)
        path = library.path(name) if name in library.names() else Path(name)
        if not path.is_file():
            raise SimulatorError(
                f"there is no pack {name!r}. Known: {', '.join(library.names())}; or name a .toml or .cbor file."
            )
        compiled = compile_file(path)
        return Process(Pack(compiled.data), compiled.catalogue)
    except PackRefused as error:
        raise SimulatorError(f"{name}: the pack is refused:\n{error}") from error
    except AgentError as error:
        raise SimulatorError(str(error)) from error
    except (OSError, ValueError) as error:
        raise SimulatorError(f"{name}: {error}. `headway pack check` says more of a .toml file.") from error
