"""Puts a damaged outbox aside and the one that was salvaged from it in its place, so that a power cut leaves either.

The new file is made beside the old one as `<name>.salvaging` and renamed to `<name>.salvaged` when it is complete. From then
on the old one goes, with what belongs to it, into the folder `quarantine`, and the new one takes its name; an opening that
finds a complete one finishes this. The newest KEPT damaged files stay, as `quarantine/<name>-<boot>`, for a person to look at.
"""

from pathlib import Path

from headway_edge.store.medium import Medium

KEPT = 3
_FOLDER = "quarantine"
_PARTS = ("-wal", "-shm", "-journal", "")  # the database goes last: until then the rest is known to belong to it


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to `path`."""
    return path.with_name(path.name + suffix)


def salvaging(path: Path) -> Path:
    """Return where the new file is made."""
    return beside(path, ".salvaging")


def folder(path: Path) -> Path:
    """Return the folder that damaged files of this outbox go to."""
    return path.parent / _FOLDER


def discard_unfinished(path: Path, medium: Medium) -> None:
    """Remove a new file that was never completed. Raises OSError."""
    for part in _PARTS:
        medium.remove(beside(salvaging(path), part))


def complete(path: Path, medium: Medium) -> None:
    """Declare the new file, closed and synced, to be complete. Raises OSError."""
    medium.move(salvaging(path), beside(path, ".salvaged"))


def finish(path: Path, medium: Medium, number: int) -> bool:
    """Put a complete new file in place of the old one, which goes into quarantine; return whether there was one.

    number: of the boot that wrote the old one. Raises OSError; then it is finished another time.
    """
    new = beside(path, ".salvaged")
    if medium.exists(new):
        _set_aside(path, medium, number)
        medium.move(new, path)
        return True
    if medium.size(path) == 0 and medium.exists(beside(path, "-wal")):
        # The WAL of a database that is gone: SQLite would remove it with the next one.
        _set_aside(path, medium, number)
    return False


def _set_aside(path: Path, medium: Medium, number: int) -> None:
    for part in _PARTS:
        if medium.exists(beside(path, part)):
            medium.move(beside(path, part), folder(path) / f"{path.name}-{number}{part}")
    numbers = kept(path, medium)
    for old in numbers[:-KEPT]:
        for part in _PARTS:
            medium.remove(folder(path) / f"{path.name}-{old}{part}")


def kept(path: Path, medium: Medium) -> list[int]:
    """Return the numbers of the files in quarantine, ascending. Raises OSError."""
    numbers = set()
    for name in medium.names(folder(path)):
        for part in _PARTS:
            number = name.removeprefix(f"{path.name}-").removesuffix(part)
            if f"{path.name}-{number}{part}" == name and number.isdigit():
                numbers.add(int(number))
    return sorted(numbers)
