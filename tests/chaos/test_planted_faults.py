"""The tests of this folder would see an outbox that is careless: with a plank taken out, the books no longer add up."""

from itertools import count
from pathlib import Path

from tests.chaos.books import ANY
from tests.chaos.outbox_life import CHECKPOINT_PAGES, PATH, Life, run
from tests.chaos.simulated import a_disk

from headway_simulators.chaos.disk_faults import Cut, nth
from headway_simulators.chaos.faulty_sqlite import FaultyConnection
from headway_simulators.chaos.medium import SimulatedMedium


class Unsynced(SimulatedMedium):
    """SQLite with synchronous=OFF."""

    def connect(self, path: Path) -> FaultyConnection:
        connection = super().connect(path)
        execute = connection.execute
        connection.execute = lambda sql, *rest: execute(sql.replace("synchronous = FULL", "synchronous = OFF"), *rest)
        return connection


class Unmarked(SimulatedMedium):
    """The mark is never written."""

    def write(self, path: Path, offset: int, data: bytes) -> None:
        if not path.name.endswith(".mark"):
            super().write(path, offset, data)


class MarkFirst(SimulatedMedium):
    """The mark is not durable when `write` returns."""

    def write(self, path: Path, offset: int, data: bytes) -> None:
        self.disk.open(str(path)).write(offset, data)


def life_on(kind: type[SimulatedMedium], seed: int) -> Life:
    return Life(medium=kind(a_disk(seed), checkpoint_pages=CHECKPOINT_PAGES))


def violations_of_cuts(kind: type[SimulatedMedium]) -> int:
    """Cut the power at every seventh operation of a long life; return how many of the books do not add up."""
    wrong = 0
    for number in count(1, 7):
        life = life_on(kind, number)
        life.medium.disk.plan = nth(number, Cut())
        if not run(life, Life.long, kept=0.3):
            return wrong
        wrong += life.end() != []
    raise AssertionError


def silent_losses(kind: type[SimulatedMedium]) -> int:
    """Cut the WAL short after a crash, at many places; return how often a record is gone without a word."""
    life = life_on(kind, 1)
    outbox = life.open()
    for _ in range(10):
        life.append(outbox)
    life.medium.disk.cut()
    life.medium.restart(kept=0)
    disk = life.medium.disk
    files = {name: disk.content(name) for name in disk.names()}
    wal, silent = f"{PATH}-wal", 0
    for size in range(0, len(files[wal]), 2003):
        again = life_on(kind, size)
        again.begin_with(life.server, life.books, 10)
        for name, data in files.items():
            again.medium.disk.replace(name, data[:size] if name == wal else data)
        again.books.violations.clear()
        silent += any("without a word" in line for line in again.end(ANY, check_state=False))
        for book in (life.server.stored, life.server.lost):
            book.clear()
        for key in [key for key in life.books.told if key[0] > 1]:
            del life.books.told[key]
        del life.books.boots[1:]
    return silent


def test_the_outbox_as_it_is_has_its_books_in_order() -> None:
    assert violations_of_cuts(SimulatedMedium) == 0
    assert silent_losses(SimulatedMedium) == 0


def test_without_syncs_records_are_missed() -> None:
    assert violations_of_cuts(Unsynced) > 5


def test_without_a_mark_a_damaged_wal_takes_records_in_silence() -> None:
    assert silent_losses(Unmarked) > 5


def test_a_mark_that_is_not_synced_takes_records_in_silence() -> None:
    assert silent_losses(MarkFirst) > 0
