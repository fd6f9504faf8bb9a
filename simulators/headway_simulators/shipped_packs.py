"""Makes the packs that come with the agent from the server's library: compiled, with the texts of a display.

`python -m headway_simulators.shipped_packs FOLDER` writes them; a test holds them to be current.
"""

import json
import sys
from pathlib import Path

from headway_server.packs import library
from headway_server.packs.catalogue import for_device
from headway_server.packs.compile import compile_file


def files() -> dict[str, bytes]:
    """Return the content of each file by its name."""
    found = {}
    for name in library.names():
        compiled = compile_file(library.path(name))
        texts = json.dumps(for_device(compiled.catalogue), ensure_ascii=False, indent=1, sort_keys=True)
        found[f"{name}.cbor"] = compiled.data
        found[f"{name}.json"] = (texts + "\n").encode()
    return found


if __name__ == "__main__":
    for file_name, content in files().items():
        (Path(sys.argv[1]) / file_name).write_bytes(content)
