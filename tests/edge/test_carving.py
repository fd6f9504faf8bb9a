"""Rows are found in the pages of a file that SQLite wrote, and rubbish raises nothing."""

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from headway_edge.store import carving

INTEGERS = st.one_of(st.integers(0, 3), st.integers(-(2**63), 2**63 - 1))
ROWS = st.dictionaries(INTEGERS, st.tuples(INTEGERS, st.binary(max_size=900)), min_size=1, max_size=60)


@given(rows=ROWS)
def test_every_row_of_a_table_is_found(rows: dict[int, tuple[int, bytes]]) -> None:
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE t (key INTEGER PRIMARY KEY, number INTEGER, data BLOB) WITHOUT ROWID")
    db.execute("CREATE TABLE other (a INTEGER PRIMARY KEY, b INTEGER) WITHOUT ROWID")
    db.execute("INSERT INTO other VALUES (1, 2)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?)", [(key, *row) for key, row in rows.items()])
    found = list(carving.rows(db.serialize(), 3))
    db.close()
    assert {key: (number, data) for key, number, data in found} == rows
    assert len(found) == len(rows)


@given(data=st.binary(max_size=3000), kind=st.sampled_from([2, 10]), cells=st.integers(0, 65535))
def test_rubbish_in_a_page_raises_nothing(data: bytes, kind: int, cells: int) -> None:
    page = bytes([kind, 0, 0]) + cells.to_bytes(2, "big") + data
    for columns in (1, 3, 7):
        list(carving.rows(bytes(4096) + page.ljust(4096, b"\x07"), columns))


@given(data=st.binary(min_size=100, max_size=9000))
def test_rubbish_in_a_file_raises_nothing(data: bytes) -> None:
    list(carving.rows(data, 7))


def test_a_file_is_read_with_the_size_of_its_own_pages(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "db", isolation_level=None)
    db.execute("PRAGMA page_size = 1024")
    db.execute("CREATE TABLE t (key INTEGER PRIMARY KEY, data BLOB) WITHOUT ROWID")
    db.executemany("INSERT INTO t VALUES (?, ?)", [(key, bytes(100)) for key in range(100)])
    db.close()
    assert len(list(carving.rows((tmp_path / "db").read_bytes(), 2))) == 100
