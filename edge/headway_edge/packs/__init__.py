"""The packs that come with the agent: compiled, with the texts a display needs. Made from the server's library.

`make packs` makes the files; a test holds them to be current. A device gets other packs
from its server, or from a file that its settings name.
"""

import json
from functools import cache
from pathlib import Path

from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_edge.errors import AgentError
from headway_protocol import pack_offer

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the packs that come with the agent."""
    return sorted(path.stem for path in _FOLDER.glob("*.cbor"))


def load(name: str) -> Process:
    """Return a process by the name of a pack that comes with the agent, or by the path of a compiled one.

    Beside FILE.cbor, FILE.json is its catalogue; without it, things are called by their numbers. Raises AgentError that
    says what there is, or why a file is none.
    """
    path = _FOLDER / f"{name}.cbor" if name in names() else Path(name)
    if not path.is_file():
        raise AgentError(
            f"there is no pack {name!r}. Known: {', '.join(names())}; or give the path of a compiled one "
            "(`headway pack build` makes it)."
        )
    texts = path.with_suffix(".json")
    try:
        catalogue = json.loads(texts.read_bytes()) if texts.is_file() else None
        return process(path.read_bytes(), catalogue)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AgentError(f"{path} is no pack this device takes: {error}. Build it again.") from error


@cache
def shipped() -> dict[bytes, Process]:
    """Return the processes of the packs that come with the agent, by pack id; a quarter of a second, once."""
    return {one.id: one for one in map(load, names())}


def of_offer(data: bytes) -> Process:
    """Return the process of an offer as a device gets and keeps it. Raises ValueError, with the reason, for what none takes."""
    pack, texts = pack_offer.decode(data)
    return process(pack, json.loads(texts))


def process(data: bytes, catalogue: object) -> Process:
    """Return the process of a compiled pack and its catalogue, which is passed over where it is of another pack.

    Raises ValueError, with the reason, for what no device takes.
    """
    pack = Pack(data)
    ours = isinstance(catalogue, dict) and catalogue.get("pack_id") == pack.id.hex()
    return Process(pack, catalogue if ours else None)  # type: ignore[arg-type]
