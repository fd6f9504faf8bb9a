"""Gives a database whose first page is broken that of a new one, so that the rest of it can be read.

The first page has the header and the schema, and is written more often than any other; without it SQLite reads nothing. But
every outbox of one schema version is made by the same statements, so its tables begin at the same pages as a new one's.
The file is fit for salvage only: its free pages are no longer known.

Layout: https://www.sqlite.org/fileformat2.html, section 1.3.
"""

from pathlib import Path

from headway_edge.store.medium import Medium

_PAGE_SIZE = slice(16, 18)
_PAGES = 28
_FREE_PAGES = slice(32, 40)  # first trunk page of the free list, number of free pages


def replace_first_page(path: Path, new: Path, medium: Medium) -> None:
    """Overwrite the first page of the database at `path` with that of `new`, closed and of the same schema. Raises OSError."""
    page = bytearray(medium.read(new) or b"")
    size = int.from_bytes(page[_PAGE_SIZE], "big")
    if not size or len(page) < size:
        return
    del page[size:]
    page[_PAGES : _PAGES + 4] = (medium.size(path) // size).to_bytes(4, "big")
    page[_FREE_PAGES] = bytes(8)
    medium.write(path, 0, bytes(page))
