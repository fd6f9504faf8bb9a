"""Files of secrets: made once, whole or not at all, and never in the place of another one."""

import os
import secrets
from pathlib import Path

from headway_server.store.database_file import sync


def write_new(path: Path, text: str) -> bool:
    """Write a file that its owner alone can read, durably; return False if there is one already. text: ASCII. Raises OSError.

    Complete under another name first, and linked, not renamed: of two that start together both find one whole file, the
    first one's.
    """
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(part, path)
    except FileExistsError:
        return False
    finally:
        part.unlink(missing_ok=True)
    sync(path.parent)
    return True
