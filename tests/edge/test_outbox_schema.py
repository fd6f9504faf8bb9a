"""An outbox of an older version is brought up to date or left as it was; others' files are left alone."""

import sqlite3
from pathlib import Path

import pytest
from tests.edge.failing_medium import FULL, IOERR, FailingMedium
from tests.edge.outbox_records import EPISODE, append, filled, keys, losses

from headway_edge.errors import AgentError
from headway_edge.store import outbox_schema
from headway_edge.store.medium import SystemMedium
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.codes import MALFORMED
from headway_protocol.record import Record, encode

# Word for word what version 1 made.
VERSION_1 = """
CREATE TABLE record (
    boot INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    payload BLOB NOT NULL,
    done INTEGER NOT NULL DEFAULT 0,   -- 1: committed by the server, or refused for good
    code INTEGER NOT NULL DEFAULT 0,   -- why it was refused; 0: it was not
    PRIMARY KEY (boot, seq)
) WITHOUT ROWID;
CREATE INDEX record_to_send ON record (boot, seq) WHERE done = 0;
CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version = 1;
"""


def payload(boot: int, seq: int) -> bytes:
    return encode(Record(record.EPISODE, boot, seq, 5, None, record.UNSYNCED, EPISODE))


def made_by_version_1(path: Path) -> dict[tuple[int, int], bytes]:
    """Boots 2 (its first two records long gone), 3 and 5, the last; return what is to be sent."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript(VERSION_1)
    rows = [(2, 3, 1, 0), (2, 4, 1, MALFORMED), (2, 5, 1, 0), (3, 1, 1, 0), (3, 2, 0, 0), (5, 1, 0, 0)]
    for boot, seq, done, code in rows:
        db.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, ?)", (boot, seq, 2, payload(boot, seq), done, code))
    state = {"boot": (5).to_bytes(8, "big"), "produced": (9).to_bytes(8, "big"), "checkpoint": b"open trip"}
    db.executemany("INSERT INTO state VALUES (?, ?)", list(state.items()))
    db.close()
    return {(boot, seq): payload(boot, seq) for boot, seq, done, _ in rows if not done}


def test_an_outbox_of_version_1_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    unsettled = made_by_version_1(path)
    outbox = Outbox(path)
    assert outbox.boot == 6
    assert {(boot, seq): data for boot, seq, data in outbox.to_send((0, 0), 100)} == unsettled
    assert (outbox.produced, outbox.backlog(), outbox.refused) == (9, 2, 1)
    assert outbox.refusals() == [(2, 4, "malformed")]
    assert outbox.load("checkpoint") == b"open trip"
    assert outbox.ends(8) == [(5, 1), (3, 2), (2, 5)]
    assert losses(outbox) == []
    assert [key for key in outbox.keys("") if not key.startswith(outbox_schema.OWN_KEYS)] == ["checkpoint"]
    # Nobody knows how far boot 4 went, or whether it made a record at all.
    assert outbox.resend([(2, 1, 5), (4, 1, 2)]) == (3, [(2, 1, 2), (4, 1, 2)])
    outbox.close()


@pytest.mark.parametrize("code", [FULL, IOERR])
def test_a_migration_that_fails_at_any_statement_changes_nothing(tmp_path: Path, code: int) -> None:
    path = tmp_path / "outbox.db"
    unsettled = made_by_version_1(path)
    before = path.read_bytes()
    number = 0
    while True:
        number += 1
        medium = FailingMedium()
        db = medium.connect(path)
        seen: list[str] = []
        medium.fail = lambda sql, seen=seen, number=number: seen.append(sql) or (code if len(seen) == number else None)
        try:
            outbox_schema.migrate(db)
        except sqlite3.Error:
            medium.fail = lambda _sql: None
            assert db.execute("PRAGMA user_version").fetchone()[0] == 1
            assert "crc" not in {row[1] for row in db.execute("PRAGMA table_info(record)")}
            db.close()
            assert path.read_bytes() == before
        else:
            break
    assert number > 10
    db.close()
    outbox = Outbox(path)
    assert set(keys(outbox)) == set(unsettled)
    outbox.close()


def test_a_new_outbox_has_the_tables_of_a_migrated_one_in_the_same_places(tmp_path: Path) -> None:
    made_by_version_1(tmp_path / "old.db")
    found = []
    for name in ("old.db", "new.db"):
        Outbox(tmp_path / name).close()
        db = sqlite3.connect(tmp_path / name)
        found.append(db.execute("SELECT type, name, rootpage, sql FROM sqlite_master ORDER BY rootpage").fetchall())
        db.close()
    assert [row[:3] for row in found[0]] == [row[:3] for row in found[1]]
    assert len(found[0]) == 5


def test_a_newer_schema_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 3)
    db = sqlite3.connect(path)
    outbox_schema.put_number(db, outbox_schema.VERSION, 99)
    db.execute("PRAGMA user_version = 99")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(AgentError, match="written by a newer agent"):
        Outbox(path)
    assert path.read_bytes() == before
    assert not (tmp_path / "quarantine").exists()


@pytest.mark.parametrize("version", [0, 1, 3, 2 + 2**16])
def test_a_version_in_the_header_that_was_never_written_is_damage(tmp_path: Path, version: int) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 3)
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    outbox = Outbox(path)
    assert keys(outbox) == [(1, 1), (1, 2), (1, 3)]
    assert losses(outbox) == []
    outbox.close()


def test_another_programs_database_is_refused_and_untouched(tmp_path: Path) -> None:
    path = tmp_path / "headway.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE trips (id INTEGER)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(AgentError, match="another program's database"):
        Outbox(path)
    assert path.read_bytes() == before


def test_a_database_that_another_program_has_open_is_named(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 1)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("BEGIN EXCLUSIVE")

    class Impatient(SystemMedium):
        def connect(self, path: Path) -> sqlite3.Connection:
            return sqlite3.connect(path, isolation_level=None, timeout=0)

    with pytest.raises(AgentError, match="database is locked"):
        Outbox(path, Impatient())
    db.close()
    outbox = Outbox(path)
    append(outbox)
    outbox.close()


def test_an_index_that_lacks_rows_is_found(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 3)
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA writable_schema = ON")
    db.execute("UPDATE sqlite_master SET sql = replace(sql, 'done = 0', 'done = 1') WHERE name = 'record_to_send'")
    db.close()
    db = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.DatabaseError, match="record_to_send"):
        outbox_schema.check(db)
    db.close()
