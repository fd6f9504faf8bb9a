"""The packs that ship with Headway, as their authors' TOML.

>>> names()
['commercial-driving', 'eco-driving', 'private-driving', 'wellness']
"""

from pathlib import Path

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of the packs that ship, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.toml"))


def path(name: str) -> Path:
    """Return where the source of a pack that ships is. Raises KeyError if there is none of that name."""
    if name not in names():
        raise KeyError(name)
    return _FOLDER / f"{name}.toml"
