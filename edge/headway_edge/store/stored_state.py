"""What an agent keeps on its disk, read while it is stopped; nothing is changed, not even a boot counted."""

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from headway_edge.errors import AgentError
from headway_edge.store.outbox_schema import is_whole


def read_state(path: Path, keys: Iterable[str]) -> dict[str, bytes]:
    """Return the pieces of state under these keys that there are; damaged ones are left out.

    path: of the outbox. Raises AgentError where it cannot be read, as while an agent holds it.
    """
    if not path.is_file():
        raise AgentError(f"there is no store {path}. Give the one that the agent writes: --store, or its settings.")
    found = {}
    try:
        db = sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=0.5)
        try:
            for key in keys:
                row = db.execute("SELECT value, crc FROM state WHERE key = ?", (key,)).fetchone()
                if row is not None and is_whole(*row):
                    found[key] = row[0]
        finally:
            db.close()
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise AgentError(
                f"{path} cannot be read: {error}. Start the agent once, which mends or renews it."
            ) from error
        raise AgentError(
            f"{path} is in use by an agent. Stop it, look, start it again: it goes on with the trip."
        ) from error
    except sqlite3.Error as error:
        raise AgentError(f"{path} cannot be read: {error}. Start the agent once, which mends or renews it.") from error
    return found
