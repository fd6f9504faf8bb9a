"""A power cut inside of a migration leaves the old file or the new one, and inside of a salvage loses nothing more."""

import copy
import errno
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tests.chaos.books import ANY, Books, Key, Server
from tests.chaos.outbox_life import BODY, PATH, Life, run
from tests.chaos.test_outbox_damage import DATABASE, MARK, WAL, Store, blank
from tests.chaos.test_outbox_refusals import counted

from headway_edge.store.outbox_schema import SCHEMA_VERSION
from headway_protocol import record
from headway_protocol.record import Record, encode
from headway_simulators.chaos.disk_faults import CHANGES, LOOKS, MOMENTS, Cut, Fault, Refusal, nth

# As version 1 made it.
VERSION_1 = (
    "CREATE TABLE record (boot INTEGER NOT NULL, seq INTEGER NOT NULL, kind INTEGER NOT NULL, payload BLOB NOT NULL, "
    "done INTEGER NOT NULL DEFAULT 0, code INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (boot, seq)) WITHOUT ROWID",
    "CREATE INDEX record_to_send ON record (boot, seq) WHERE done = 0",
    "CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID",
    "PRAGMA user_version = 1",
)
SETTLED_OF_VERSION_1 = 4
STEPS = [9, pytest.param(1, marks=pytest.mark.full)]  # between the operations at which something happens


def store_of_version_1(closed: bool) -> Life:
    """Return a life whose outbox an agent of version 1 has left: boot 2, twelve records, four of them settled."""
    life = Life()
    server, books = Server(), Books(boots=[1, 2])
    db = life.medium.connect(PATH)
    db.execute("PRAGMA journal_mode = WAL")
    for statement in VERSION_1:
        db.execute(statement)
    for n in range(1, 13):
        boot, seq = (1, n) if n <= 5 else (2, n - 5)
        payload = encode(Record(record.EPISODE, boot, seq, n, None, record.UNSYNCED, BODY))
        settled = n <= SETTLED_OF_VERSION_1
        db.execute("INSERT INTO record VALUES (?, ?, ?, ?, ?, 0)", (boot, seq, record.EPISODE, payload, int(settled)))
        books.told[boot, seq] = payload
        books.tried.add(n)
        if settled:
            server.take(boot, seq, payload)
    for key, value in (("boot", 2), ("produced", 12), ("newest", 12)):
        db.execute("INSERT INTO state VALUES (?, ?)", (key, value.to_bytes(8, "big")))
    if closed:
        db.close()
    life.medium.disk.sync_folder(str(PATH.parent))
    life.medium.disk.cut()
    life.medium.restart(kept=1)
    life.begin_with(server, books, 12)
    return life


def versions(life: Life) -> tuple[int, bool, bool]:
    """Return the version of the file as it lies there, and whether it has a table of boots and a column of CRCs."""
    looking = Life()
    for name in life.medium.disk.names():
        looking.medium.disk.replace(name, life.medium.disk.content(name))
    db = looking.medium.connect(PATH)
    version = db.execute("PRAGMA user_version").fetchone()[0]
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
    columns = {row[1] for row in db.execute("PRAGMA table_info(record)")}
    db.close()
    return version, "boot" in tables, "crc" in columns


def openings(
    make: Callable[[], Life], fault: Fault, kinds: tuple[str, ...], step: int = 1
) -> Iterator[tuple[int, Life]]:
    """Yield a life with a fault at every `step`-th operation of its opening."""
    for number in count(1, step):
        life = make()
        met: list[int] = []
        life.medium.disk.plan = counted(nth(number, fault, kinds), met)
        if not run(life, lambda life: life.open(check_state=False) and None):
            life.stop()
        if not met:
            return
        yield number, life


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "wal"])
def test_a_power_cut_in_a_migration_leaves_the_old_file_or_the_new_one(
    closed: bool, step: int, tell: Callable[[str], None]
) -> None:
    tried = 0
    seen = set()
    for moment in MOMENTS:
        for _, life in openings(lambda: store_of_version_1(closed), Cut(moment), CHANGES, step):
            version, has_boots, has_crcs = versions(life)
            assert has_boots == has_crcs == (version == SCHEMA_VERSION)
            seen.add(version)
            assert life.end() == []
            tried += 1
    tell(f"{tried} power cuts in a migration")
    assert seen == {1, SCHEMA_VERSION}
    assert tried > 60 // step


def damaged(changed: dict[str, bytes | None], store: Store) -> Life:
    """Return a life whose files are these instead of the store's; None for one that is gone."""
    life = Life()
    life.begin_with(*store.known())
    for name, data in {**store.files, **changed}.items():
        if data is not None:
            life.medium.disk.replace(name, data)
    return life


@pytest.fixture(scope="module")
def store() -> Store:
    return Store()


def wrecks(store: Store) -> dict[str, dict[str, bytes | None]]:
    """Return what may have become of the files, by name."""
    database = store.files[DATABASE]
    leaf = database.index(next(iter(store.known()[1].told.values()))) // 4096 * 4096
    return {
        "a page of records is blank": {DATABASE: blank(database, leaf)},
        "no database": {DATABASE: b"no database at all " * 300},
        "the database is gone": {DATABASE: None},
        "the database is gone, and the WAL": {DATABASE: None, WAL: None},
        "the header is blank": {DATABASE: blank(database, 0)},
        "a page is blank and the mark is gone": {DATABASE: blank(database, leaf), MARK: None},
    }


WRECKS = [
    "a page of records is blank",
    "no database",
    "the database is gone",
    "the database is gone, and the WAL",
    "the header is blank",
    "a page is blank and the mark is gone",
]


def left(life: Life) -> set[Key]:
    """Return which of the records told by now the server has in the end."""
    told = set(life.books.told)
    assert life.end(ANY, check_state=False) == []
    return told & set(life.server.stored)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("wreck", WRECKS)
def test_a_power_cut_in_a_salvage_loses_nothing_more(
    store: Store, wreck: str, step: int, tell: Callable[[str], None]
) -> None:
    changed = wrecks(store)[wreck]
    whole = left(damaged(changed, store))
    tried = 0
    for _, life in openings(lambda: damaged(changed, store), Cut("inside"), CHANGES, step):
        assert left(life) == whole
        tried += 1
    tell(f"{tried} power cuts in a salvage of a store where {wreck}")
    assert tried >= 15 // step


@pytest.mark.full
@pytest.mark.parametrize("wreck", WRECKS)
def test_two_power_cuts_in_a_salvage_lose_nothing_more(store: Store, wreck: str, tell: Callable[[str], None]) -> None:
    changed = wrecks(store)[wreck]
    whole = left(damaged(changed, store))
    tried = 0
    for _, once in openings(lambda: damaged(changed, store), Cut("inside"), CHANGES):
        files = {name: once.medium.disk.content(name) for name in once.medium.disk.names()}

        def again(files: dict[str, bytes] = files) -> Life:
            life = Life(seed=len(files))
            life.begin_with(*store.known())
            for name, data in files.items():
                life.medium.disk.replace(name, data)
            return life

        for _, life in openings(again, Cut("inside"), CHANGES):
            assert left(life) == whole
            tried += 1
    tell(f"{tried} pairs of power cuts in a salvage of a store where {wreck}")
    assert tried > 200


REFUSALS = [
    pytest.param(Refusal(errno.ENOSPC), CHANGES, id="full"),
    pytest.param(Refusal(errno.EIO), CHANGES, id="failing"),
    pytest.param(Refusal(errno.EIO), LOOKS, id="unreadable"),
    pytest.param(Refusal(errno.EMFILE), ("create", "open"), id="no-handles"),
]


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("refusal", "kinds"), REFUSALS)
@pytest.mark.parametrize("wreck", WRECKS)
def test_a_disk_that_refuses_once_in_a_salvage_loses_nothing_more(
    store: Store, wreck: str, refusal: Refusal, kinds: tuple[str, ...], step: int
) -> None:
    changed = wrecks(store)[wreck]
    whole = left(damaged(changed, store))
    for number, life in openings(lambda: damaged(changed, store), refusal, kinds, step):
        assert left(life) == whole, f"{refusal} at operation {number} of {kinds}"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize(("refusal", "kinds"), REFUSALS)
def test_a_disk_that_refuses_once_in_a_migration_loses_nothing(
    refusal: Refusal, kinds: tuple[str, ...], step: int
) -> None:
    for _, life in openings(lambda: store_of_version_1(closed=False), refusal, kinds, step):
        assert life.end() == []


def test_copies_of_the_store_are_apart(store: Store) -> None:
    known = store.known()
    before = copy.deepcopy(known)
    left(damaged({}, store))
    assert store.known() == before
