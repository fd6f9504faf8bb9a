"""What damage at rest takes from an outbox is never gone without a word: it is salvaged, or declared lost."""

import copy
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from tests.chaos.books import ANY, Books, Server
from tests.chaos.outbox_life import PATH, Life

from headway_edge.store.outbox import Outbox
from headway_protocol import record

DATABASE, WAL, MARK = (f"{PATH}{part}" for part in ("", "-wal", ".mark"))
Files = dict[str, bytes]
Damage = Callable[[bytes, int], bytes]


def flip(data: bytes, at: int) -> bytes:
    """One bit is another."""
    return data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :]


def cut_off(data: bytes, at: int) -> bytes:
    """The file ends early."""
    return data[:at]


def blank(data: bytes, at: int) -> bytes:
    """A sector is zeros."""
    return data[:at] + bytes(len(data[at : at + 512])) + data[at + 512 :]


DAMAGES = [pytest.param(damage, id=damage.__name__) for damage in (flip, cut_off, blank)]


class Store:
    """An outbox of two boots, some of it with the server, left as by a power cut.

    The second boot is in the WAL, and so are the pages that it changed; the oldest records are in the database alone.
    """

    def __init__(self) -> None:
        life = Life()
        outbox = life.open()
        for _ in range(120):
            life.append(outbox)
        life.send(outbox, 40)
        outbox.close()
        outbox = life.open()
        for _ in range(10):
            life.append(outbox)
        life.send(outbox, 5)
        life.medium.disk.cut()
        life.medium.restart(kept=0)
        disk = life.medium.disk
        self.files: Files = {name: disk.content(name) for name in disk.names()}
        self._server, self._books, self._n = life.server, life.books, len(life.books.tried)

    def known(self) -> tuple[Server, Books, int]:
        """Return what the server has, what was told, and how many records there were."""
        return copy.deepcopy(self._server), copy.deepcopy(self._books), self._n

    def after(self, changed: Files) -> tuple[Life, list[str]]:
        """Return a life gone on with from these files, and what does not add up in it."""
        life = Life()
        life.begin_with(*self.known())
        for name, data in {**self.files, **changed}.items():
            life.medium.disk.replace(name, data)
        return life, life.end(ANY, check_state=False)

    def lost_after(self, changed: Files) -> int:
        """Return how many records told are lost after all; they are declared."""
        life, violations = self.after(changed)
        assert violations == []
        return len(life.books.told.keys() & life.server.lost.keys() - life.server.stored.keys())


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


def sweep(store: Store, name: str, damage: Damage, step: int) -> tuple[int, int]:
    """Damage a file at every `step`-th byte; return how often, and how many records that cost, all declared."""
    tried = lost = 0
    for at in range(0, len(store.files[name]), step):
        changed = {name: damage(store.files[name], at)}
        try:
            lost += store.lost_after(changed)
        except AssertionError as error:
            raise AssertionError(f"{damage.__name__} at byte {at} of {name}") from error
        tried += 1
    return tried, lost


def test_what_is_not_damaged_is_complete(store: Store) -> None:
    assert store.lost_after({}) == 0
    assert {DATABASE, WAL, MARK} < set(store.files)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize(("name", "step"), [(WAL, 61 * 67), (DATABASE, 61 * 19), (MARK, 61 * 7)])
def test_some_damage(store: Store, name: str, damage: Damage, step: int) -> None:
    assert sweep(store, name, damage, step)[0] > 5


@pytest.mark.full
@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", [WAL, DATABASE, MARK])
def test_damage_at_every_61st_byte(store: Store, name: str, damage: Damage, tell: Callable[[str], None]) -> None:
    tried, lost = sweep(store, name, damage, step=61)
    tell(f"{tried} damages of {name}, {damage.__name__}: {lost} records lost, declared")
    assert tried > 60
    assert (lost > 0) == (name != MARK)


@pytest.mark.parametrize("name", [WAL, DATABASE, MARK])
@pytest.mark.parametrize("data", [b"", b"no database at all " * 100])
def test_a_file_that_is_something_else(store: Store, name: str, data: bytes) -> None:
    lost = store.lost_after({name: data})
    assert (lost > 0) == (name != MARK)


@pytest.mark.parametrize("name", [WAL, DATABASE])
def test_a_file_that_is_missing(store: Store, name: str) -> None:
    files = dict(store.files)
    del files[name]
    found = Store.__new__(Store)
    found.__dict__.update(store.__dict__, files=files)
    assert found.lost_after({}) > 0


def test_a_wal_of_another_day_brings_nothing_back(store: Store) -> None:
    """As after a restored backup of one of the files: SQLite's salts tell that it does not belong."""
    life, violations = store.after({WAL: flip(store.files[WAL], 16)})
    assert violations == []
    assert life.server.lost


@pytest.mark.full
def test_two_damages_at_once(store: Store) -> None:
    for at in range(0, len(store.files[DATABASE]), 61 * 7):
        for other in range(0, len(store.files[WAL]), 61 * 67):
            changed = {
                DATABASE: flip(store.files[DATABASE], at),
                WAL: cut_off(store.files[WAL], other),
            }
            assert store.after(changed)[1] == [], f"bytes {at} and {other}"


def test_the_books_would_show_a_record_gone_without_a_word(store: Store) -> None:
    server, books = Server(), Books()
    life = Life()
    life.begin_with(server, books, 0)
    outbox = life.open()
    life.append(outbox)
    life.append(outbox)
    outbox.close()
    life.medium.disk.replace(MARK, b"")
    db = life.medium.connect(PATH)
    db.execute("DELETE FROM record WHERE seq = 2")
    db.execute("UPDATE boot SET last_seq = 1")
    db.close()
    assert "(1, 2) is gone without a word" in life.end(ANY)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("last_seq", b"\3"),
        ("last_seq", 2.5),
        ("last_seq", 1 << 40),
        ("last_seq", -1),
        ("settled", 9),
        ("boot", 1 << 33),
    ],
)
def test_a_boot_whose_row_is_not_one_does_not_keep_the_device_from_starting(
    tmp_path: Path, column: str, value: object
) -> None:
    # As a bit that flips in the row's header makes it: SQLite finds nothing wrong with that.
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    made = [outbox.append(record.SERVICE, 1000 + n, None, record.UNSYNCED, [1, 0]) for n in range(3)]
    boot = outbox.boot
    outbox.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"UPDATE boot SET {column} = ?", (value,))  # noqa: S608
    outbox = Outbox(path)
    assert outbox.boot > boot
    assert list(outbox.payloads(record.SERVICE)) == made
    assert [loss for loss in outbox.undeclared() if loss.boot == boot] == []
    outbox.close()
