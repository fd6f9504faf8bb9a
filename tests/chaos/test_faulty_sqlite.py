"""SQLite on the simulated disk keeps its own promise, and breaks it where it does not give it."""

import sqlite3
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.chaos.simulated import a_medium

from headway_simulators.chaos.disk import PowerCut
from headway_simulators.chaos.disk_faults import LOOKS, MOMENTS, Cut, Fault, Flip, Refusal, nth
from headway_simulators.chaos.faulty_sqlite import FaultyConnection
from headway_simulators.chaos.medium import SimulatedMedium

PATH = Path("/store/a.db")
TRANSACTIONS = 12


def opened(medium: SimulatedMedium, journal: str, synchronous: str) -> FaultyConnection:
    db = medium.connect(PATH)
    db.execute(f"PRAGMA journal_mode = {journal}")
    db.execute(f"PRAGMA synchronous = {synchronous}")
    db.execute("PRAGMA wal_autocheckpoint = 6")
    return db


def life(medium: SimulatedMedium, journal: str, synchronous: str, committed: list[int]) -> None:
    """Commit pairs of rows until the power fails; `committed` has those whose COMMIT returned."""
    db = opened(medium, journal, synchronous)
    db.execute("CREATE TABLE IF NOT EXISTS pair (n INTEGER, half INTEGER, filler BLOB)")
    for n in range(TRANSACTIONS):
        db.execute("BEGIN IMMEDIATE")
        for half in (1, 2):
            db.execute("INSERT INTO pair VALUES (?, ?, ?)", (n, half, bytes([n]) * 1500))
        db.execute("COMMIT")
        committed.append(n)
    db.close()


def lost_at(number: int, fault: Fault, kept: float, journal: str, synchronous: str) -> tuple[bool, int]:
    """Run a life with one fault; return whether it was met, and how many committed pairs are gone or torn afterwards."""
    medium = a_medium(number)
    medium.disk.plan = nth(number, fault)
    committed: list[int] = []
    try:
        life(medium, journal, synchronous, committed)
    except PowerCut:
        medium.disk.plan = None
        medium.restart(kept)
    else:
        return False, 0
    rows: list[tuple[int, int, int]] = []
    db = medium.connect(PATH)
    try:
        damaged = db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]
        rows = db.execute("SELECT n, count(*), sum(half) FROM pair GROUP BY n").fetchall()
    except sqlite3.DatabaseError as error:
        damaged = "no such table" not in str(error)
    found = {n for n, count, halves in rows if (count, halves) == (2, 3)}
    in_flight = {len(committed)}
    wrong = {n for n, count, halves in rows if (count, halves) != (2, 3)} | (found - set(committed) - in_flight)
    db.close()
    return True, len(set(committed) - found) + len(wrong) + damaged


def cuts(journal: str, synchronous: str, step: int) -> tuple[int, int]:
    """Cut the power at every `step`-th operation; return how many cuts there were, and what was lost by all of them."""
    tried = lost = 0
    for moment in MOMENTS:
        for kept in (0, 0.5, 1):
            for number in count(1 + tried % step, step):
                met, gone = lost_at(number, Cut(moment), kept, journal, synchronous)
                if not met:
                    break
                tried, lost = tried + 1, lost + gone
    return tried, lost


@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize(("journal", "synchronous"), [("WAL", "FULL"), ("DELETE", "EXTRA")])
def test_committed_transactions_survive_every_power_cut(
    journal: str, synchronous: str, step: int, tell: Callable[[str], None]
) -> None:
    tried, lost = cuts(journal, synchronous, step)
    tell(f"{tried} power cuts of SQLite itself, {journal} and {synchronous}")
    assert tried > 1000 // step
    assert lost == 0


@pytest.mark.parametrize(("journal", "synchronous"), [("WAL", "OFF"), ("WAL", "NORMAL"), ("DELETE", "OFF")])
def test_the_disk_finds_what_less_care_loses(journal: str, synchronous: str) -> None:
    assert cuts(journal, synchronous, step=7)[1] > 5


def test_a_kill_loses_nothing_even_without_syncs() -> None:
    for number in range(1, 40):
        assert lost_at(number, Cut("inside", power=False), 0, "WAL", "OFF")[1] == 0


@pytest.mark.parametrize(
    ("kind", "number", "name"),
    [("write", 28, "SQLITE_FULL"), ("write", 5, "SQLITE_IOERR_WRITE"), ("sync", 5, "SQLITE_IOERR_FSYNC")],
)
def test_errors_are_those_of_the_standard_library(kind: str, number: int, name: str) -> None:
    medium = a_medium()
    db = opened(medium, "WAL", "FULL")
    db.execute("CREATE TABLE t (a UNIQUE)")
    db.execute("BEGIN IMMEDIATE")
    db.execute("INSERT INTO t VALUES (1)")
    medium.disk.plan = nth(1, Refusal(number), kinds=(kind,))
    with pytest.raises(sqlite3.OperationalError) as refused:
        db.execute("COMMIT")
    assert refused.value.sqlite_errorname == name
    assert refused.value.sqlite_errorcode == getattr(sqlite3, name)
    if db.in_transaction:
        db.execute("ROLLBACK")
    assert db.execute("INSERT INTO t VALUES (2)").rowcount == 1
    assert db.execute("SELECT a FROM t").fetchall() == [(2,)]
    db.close()


def both(sql: str) -> list[tuple[type[BaseException], str, int]]:
    """Return how the simulated connection and the standard library's refuse a statement."""
    found = []
    for db in (a_medium().connect(PATH), sqlite3.connect(":memory:", isolation_level=None)):
        db.execute("CREATE TABLE t (a UNIQUE)")
        db.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(sqlite3.Error) as refused:
            db.execute(sql)
        found.append((refused.type, str(refused.value), refused.value.sqlite_errorcode))
        db.close()
    return found


@pytest.mark.parametrize("sql", ["SELEC", "SELECT a FROM absent", "INSERT INTO t VALUES (1)", "COMMIT"])
def test_a_refused_statement_is_refused_in_the_standard_librarys_words(sql: str) -> None:
    simulated, real = both(sql)
    assert simulated == real


def test_rows_come_as_from_the_standard_library() -> None:
    results = []
    for db in (a_medium().connect(PATH), sqlite3.connect(":memory:", isolation_level=None)):
        counts = [
            db.execute("CREATE TABLE t (a, b)").rowcount,
            db.execute("INSERT INTO t VALUES (?, ?)", (1, b"x")).rowcount,
            db.executemany("INSERT INTO t VALUES (?, ?)", [(2, None), (3, "text")]).rowcount,
            db.executemany("UPDATE t SET b = ? WHERE a = ?", [(b"", 1), (b"", 9)]).rowcount,
            db.execute("SELECT 1").rowcount,
            db.execute("DELETE FROM t WHERE a > 2").rowcount,
        ]
        cursor = db.execute("SELECT a, b FROM t ORDER BY a")
        results.append((counts, cursor.fetchone(), list(cursor), cursor.fetchone(), db.in_transaction))
        db.close()
    assert results[0] == results[1]


def test_a_failed_checkpoint_is_no_failure_of_the_commit_before_it() -> None:
    medium = a_medium()
    db = opened(medium, "WAL", "FULL")
    db.execute("CREATE TABLE t (a)")
    medium.disk.plan = lambda operation: Refusal(28) if operation.path == str(PATH) else None
    for n in range(20):
        db.execute("INSERT INTO t VALUES (?)", (n,))
    medium.disk.plan = None
    assert db.execute("SELECT count(*) FROM t").fetchone() == (20,)
    db.close()


def test_a_second_connection_is_refused_while_one_is_open() -> None:
    medium = a_medium()
    db = opened(medium, "WAL", "FULL")
    db.execute("CREATE TABLE t (a)")
    other = medium.connect(PATH)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("SELECT * FROM t")
    other.close()
    db.close()


def test_a_bit_that_flips_on_the_way_is_read_wrong() -> None:
    medium = a_medium()
    db = opened(medium, "WAL", "FULL")
    db.execute("CREATE TABLE t (a)")
    db.close()
    medium.disk.plan = nth(1, Flip(3), kinds=LOOKS[1:], lasts=None)
    db = medium.connect(PATH)
    with pytest.raises(sqlite3.DatabaseError, match="not a database"):
        db.execute("SELECT * FROM t").fetchall()
    db.close()


def test_memory_fails_before_or_after_a_statement() -> None:
    plan = iter([None, None, "before", "after", None])
    medium = a_medium(memory=lambda: next(plan))
    db = medium.connect(PATH)
    db.execute("CREATE TABLE t (a)")
    db.execute("INSERT INTO t VALUES (1)")
    for n in (2, 3):
        with pytest.raises(MemoryError):
            db.execute("INSERT INTO t VALUES (?)", (n,))
    assert db.execute("SELECT a FROM t").fetchall() == [(1,), (3,)]
    db.close()


def test_a_closed_connection_says_so() -> None:
    db = a_medium().connect(PATH)
    db.close()
    for sql in ("INSERT INTO t VALUES (1)", "SELECT 1"):
        with pytest.raises(sqlite3.ProgrammingError):
            db.execute(sql)


def test_a_held_lock_names_its_holder_and_a_restart_gives_it_back() -> None:
    medium = a_medium()
    medium.lock(PATH)
    with pytest.raises(BlockingIOError, match="in use by process"):
        medium.lock(PATH)
    medium.restart()
    medium.lock(PATH)()
    medium.lock(PATH)
