"""Finds the rows of a table in the pages of a database, one page at a time, whatever leads to the pages is broken.

When the root of a tree cannot be read, SQLite reaches none of the pages below it, although each of them is whole. Rows have to
be checked by the caller, who keeps a CRC of them: pages that are free may show rows as they once were.

Layout: https://www.sqlite.org/fileformat2.html, sections 1.6 (pages of b-trees) and 2.1 (records). A table WITHOUT ROWID is
kept in an index b-tree, whose inner pages have rows as well. Rows that do not fit one page, here over 1 KB, are left out.
"""

from collections.abc import Iterator

_PAGE_BYTES = 4096  # SQLite's own, where the header does not tell
_HEADER_BYTES = 100  # of the file, in its first page
_INNER, _LEAF = 2, 10
_CELL_BYTES_MIN = 4  # with its pointer
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)  # by serial type 0 (NULL) to 6

Value = int | bytes | None  # text comes as its bytes


def rows(data: bytes, columns: int) -> Iterator[list[Value]]:
    """Yield the rows of that many columns in a database file's bytes. Never raises, whatever the bytes are."""
    size = int.from_bytes(data[16:18], "big")
    if size < 512 or size & (size - 1):
        size = _PAGE_BYTES
    for start in range(0, len(data) - size + 1, size):
        page = memoryview(data)[start : start + size]
        yield from _rows_of(page, _HEADER_BYTES if start == 0 else 0, columns)


def _rows_of(page: memoryview, head: int, columns: int) -> Iterator[list[Value]]:
    kind = page[head]
    if kind not in {_INNER, _LEAF}:
        return
    local_max = (len(page) - 12) * 64 // 255 - 23
    pointers = head + (12 if kind == _INNER else 8)
    cells = min(int.from_bytes(page[head + 3 : head + 5], "big"), len(page) // _CELL_BYTES_MIN)
    for number in range(cells):
        at = int.from_bytes(page[pointers + 2 * number : pointers + 2 * number + 2], "big")
        try:
            size, at = _varint(page, at + (4 if kind == _INNER else 0))
            if size <= local_max and at + size <= len(page):
                row = _row(page[at : at + size], columns)
                if row is not None:
                    yield row
        except (IndexError, ValueError):
            continue


def _row(record: memoryview, columns: int) -> list[Value] | None:
    header_size, at = _varint(record, 0)
    types = []
    while at < header_size:
        found, at = _varint(record, at)
        types.append(found)
    if len(types) != columns:
        return None
    values: list[Value] = []
    for found in types:
        if found >= 12:
            size = (found - 12) // 2
            values.append(bytes(record[at : at + size]))
        elif found in {8, 9}:
            size = 0
            values.append(found - 8)
        else:
            size = _INTEGER_BYTES[found]
            values.append(int.from_bytes(record[at : at + size], "big", signed=True) if found else None)
        at += size
    return values if at == len(record) else None


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    # Returns the number and where it ends. Raises IndexError.
    number = 0
    for _ in range(8):
        number = number << 7 | data[at] & 0x7F
        at += 1
        if data[at - 1] < 0x80:
            return number, at
    return number << 8 | data[at], at + 1
