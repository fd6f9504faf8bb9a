"""A single bit that flips in a store at rest never changes what the server is told: it is noticed, mended, or harmless.

Each flip is one life: the bit is turned over, the store opened, everything that it holds read and sent, what it says is lost
declared, and what the server then lacks asked for, as a server does.
"""

import contextlib
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest
import structlog
from tests.edge.made_trips import DAY_MS, PROCESS, START_MS, body_of, numbers_of
from tests.edge.outbox_records import append

from headway_edge.errors import AgentError
from headway_edge.store import pending_loss
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.codes import CONFLICT

NAMES = ("outbox.db", "outbox.db-wal", "outbox.db.mark")
Key = tuple[int, int]

AT_OPENING, AT_READING, ASKED_AGAIN, STATE_ANEW, HARMLESS, WRONG = (
    "noticed at opening",
    "noticed at reading",
    "sent when the server asked",
    "a piece of state begins anew, as its key has changed",
    "harmless",
    "silently wrong",
)
SETTLED = {(1, seq) for seq in range(1, 11)}


class Store:
    """Three boots: settled, refused, aside, waiting; a loss to be declared; state. killed: the last one by `kill -9`."""

    def __init__(self, folder: Path, *, killed: bool) -> None:
        path = folder / "outbox.db"
        outbox = Outbox(path)
        for n in range(30):
            append(outbox, totals=b"of boot 1 " * 3, **{f"key-{n % 5}": bytes([n]) * 20})
        outbox.acknowledge(1, 10, [(11, CONFLICT)])
        outbox.close()
        outbox = Outbox(path)
        for _ in range(5):
            append(outbox)
        outbox.skip(3)
        outbox.set_undeliverable(1, 12)
        outbox.close()
        outbox = Outbox(path)
        for _ in range(4):
            append(outbox)
        self.sent = {record.identity(payload): payload for payload in outbox.payloads(record.EPISODE)}
        self.state = {key: outbox.load(key) for key in outbox.keys("")}
        self.lost = {(2, 6), (2, 7), (2, 8)}
        self.ends = dict(outbox.ends(8))
        if not killed:
            outbox.close()  # the WAL goes into the database
        self.files = {name: (folder / name).read_bytes() for name in NAMES if (folder / name).exists()}
        if killed:
            outbox.close()

    @property
    def made(self) -> set[Key]:
        return self.sent.keys() | self.lost


@pytest.fixture(scope="module", params=["closed", "killed"])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"), killed=request.param == "killed")


class Server:
    """What it was sent and told; it has the settled records already, and holds what comes to what was made."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: set[Key] = set()
        self.has = set(SETTLED) | {(1, 11)}  # refused, so handled
        self.lost: set[Key] = set()
        self.wrong: list[str] = []

    def look_into(self, outbox: Outbox) -> None:
        """Know what is there, whole, so that no loss names it."""
        self._kept = {record.identity(payload) for payload in outbox.payloads(record.EPISODE)}

    def take(self, boot: int, seq: int, payload: bytes) -> None:
        identity = record.identity(payload)
        if self._store.sent.get(identity) != payload:
            self.wrong.append(f"{(boot, seq)}: {payload.hex()}")
        self.has.add(identity)

    def is_told(self, boot: int, first: int, last: int) -> None:
        named = {(boot, seq) for seq in range(first, min(last, first + 1000) + 1)}
        if not named <= self._store.made:
            self.wrong.append(f"boot {boot} seq {first}..{last} is told lost and was never made")
        self.lost |= named
        if named & self._kept:
            self.wrong.append(f"{sorted(named & self._kept)} are told lost and are there")

    @property
    def lacks(self) -> set[Key]:
        return self._store.made - self.has - self.lost


def drain(outbox: Outbox, server: Server) -> None:
    for loss in outbox.undeclared():
        server.is_told(loss.boot, loss.first_seq, loss.last_seq)
        outbox.append(
            record.LOSS,
            0,
            None,
            record.UNSYNCED,
            record.loss_body(loss.boot, loss.first_seq, loss.last_seq, loss.reason),
            {loss.key: None},
        )
    for boot, seq, payload in outbox.to_send((0, 0), 1000):
        if record.decode(payload).kind != record.LOSS:
            server.take(boot, seq, payload)
    for loss in outbox.undeclared():  # what was found at reading
        server.is_told(loss.boot, loss.first_seq, loss.last_seq)


def life_after(store: Store, folder: Path, name: str, bit: int) -> tuple[str, list[str]]:
    """Turn a bit of a file over, live on, and return what became of it and what is wrong."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for other, data in store.files.items():
        changed = bytearray(data)
        if other == name:
            changed[bit // 8] ^= 1 << bit % 8
        (folder / other).write_bytes(changed)
    with structlog.testing.capture_logs() as logs:
        try:
            outbox = Outbox(folder / "outbox.db")
        except AgentError as error:
            return WRONG, [f"the agent does not start: {error}"]
        opened = len([line for line in logs if line["log_level"] == "error"])
        server = Server(store)
        with contextlib.closing(outbox):
            state = {key: outbox.load(key) for key in store.state}
            wrong = [f"state {key}" for key, found in state.items() if found not in {None, store.state[key]}]
            wrong += [f"boot {boot} ends at {seq}" for boot, seq in outbox.ends(8) if store.ends.get(boot, 0) < seq]
            server.look_into(outbox)
            drain(outbox, server)
            asked = server.lacks
            if asked:
                for boot, last in store.ends.items():
                    _, missing = outbox.resend([(boot, 1, last)])
                    for gone in missing:
                        server.is_told(*gone)
                drain(outbox, server)
        wrong += server.wrong
        wrong += [f"nobody knows of {sorted(server.lacks)}"] if server.lacks else []
        errors = [line for line in logs if line["log_level"] == "error"]
    if wrong:
        return WRONG, wrong
    if opened:
        return AT_OPENING, []
    if errors:
        return AT_READING, []
    if asked:
        return ASKED_AGAIN, []
    return (STATE_ANEW if None in state.values() else HARMLESS), []


def sweep(store: Store, folder: Path, bits: Iterable[tuple[str, int]]) -> tuple[dict[str, Counter[str]], list[str]]:
    found: dict[str, Counter[str]] = {name: Counter() for name in store.files}
    wrong = []
    for name, bit in bits:
        what, why = life_after(store, folder, name, bit)
        found[name][what] += 1
        wrong += [f"{name} byte {bit // 8} bit {bit % 8}: {one}" for one in why]
    return found, wrong


def bits_of(store: Store, step: int) -> list[tuple[str, int]]:
    """One bit of every `step`-th byte of every file, each of the eight in turn."""
    return [(name, 8 * at + at // step % 8) for name, data in store.files.items() for at in range(0, len(data), step)]


def test_a_store_without_damage_tells_what_it_held(store: Store, tmp_path: Path) -> None:
    (tmp_path / "life").mkdir()
    for name, data in store.files.items():
        (tmp_path / "life" / name).write_bytes(data)
    server = Server(store)
    with contextlib.closing(Outbox(tmp_path / "life/outbox.db")) as outbox:
        drain(outbox, server)
    assert (server.wrong, server.lacks, server.lost) == ([], set(), store.lost)


def test_some_flips(store: Store, tmp_path: Path) -> None:
    data = store.files["outbox.db"]
    used = [at for at, byte in enumerate(data) if byte]
    bits = [("outbox.db", 8 * at + number % 8) for number, at in enumerate(used[::17])]
    bits += [
        ("outbox.db", bit) for bit in range(8 * 16, 8 * 24)
    ]  # of the header, where SQLite looks before anything else
    bits += [("outbox.db.mark", bit) for bit in range(0, 8 * 112, 61)]
    found, wrong = sweep(store, tmp_path / "life", bits)
    assert wrong == []
    assert found["outbox.db"][AT_OPENING] > 20


def test_a_noted_loss_whose_bytes_changed_is_told_by_its_key(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    append(outbox)
    outbox.skip(3)
    outbox.close()
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        like = pending_loss.PREFIX + "%"
        (value,) = db.execute("SELECT value FROM state WHERE key LIKE ?", (like,)).fetchone()
        changed = value.replace(b"\x02\x04", b"\x16\x04")
        assert changed != value
        db.execute("UPDATE state SET value = ? WHERE key LIKE ?", (changed, like))
    outbox = Outbox(path)
    assert [loss[1:] for loss in outbox.undeclared()] == [(1, 2, 4, pending_loss.DAMAGED)]
    outbox.close()


def test_how_far_a_boot_went_is_put_right_by_its_records_and_the_mark(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    for count in (3, 4):
        outbox = Outbox(path)
        for _ in range(count):
            append(outbox)
        outbox.close()
    for changed in (
        "UPDATE boot SET last_seq = 71 WHERE boot = 1",
        "UPDATE boot SET last_seq = 1 WHERE boot = 1",
        "UPDATE boot SET boot = 64 WHERE boot = 2",
    ):
        copy = tmp_path / "copy" / "outbox.db"
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        for name in ("outbox.db", "outbox.db.mark"):
            shutil.copy(tmp_path / name, copy.parent / name)
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as db:
            db.execute(changed)
        with contextlib.closing(Outbox(copy)) as outbox:
            assert (outbox.ends(8), outbox.undeclared()) == ([(2, 4), (1, 3)], []), changed


def test_a_fold_whose_bytes_changed_is_lost_and_takes_nothing_with_it_that_is_there(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, budget_bytes=40_000)
    outbox.find = lambda pack_id: PROCESS if pack_id == PROCESS.id else None
    for n in range(400):
        body = body_of(numbers_of(PROCESS, 6000 + n, 5000 + n, 3))
        outbox.append(record.EPISODE, n, START_MS + n * DAY_MS // 10, record.SYNCED, body)
    (place, payload), *_ = [(record.identity(data), data) for data in outbox.payloads(record.DAY)]
    outbox.close()
    told = 0
    for bit in range(8 * (len(payload) - 12), 8 * len(payload)):  # the ranges are at its end
        copy = tmp_path / "copy" / "outbox.db"
        shutil.rmtree(copy.parent, ignore_errors=True)
        copy.parent.mkdir()
        for name in ("outbox.db", "outbox.db.mark"):
            shutil.copy(tmp_path / name, copy.parent / name)
        changed = bytearray(payload)
        changed[bit // 8] ^= 1 << bit % 8
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as db:
            db.execute("UPDATE record SET payload = ? WHERE (boot, seq) = (?, ?)", (bytes(changed), *place))
        with contextlib.closing(Outbox(copy, budget_bytes=40_000)) as outbox:
            sent = {(boot, seq) for boot, seq, _ in outbox.to_send((0, 0), 10_000)}
            ends = dict(outbox.ends(8))
            lost = {
                (loss.boot, seq) for loss in outbox.undeclared() for seq in range(loss.first_seq, loss.last_seq + 1)
            }
        assert place in lost
        assert not lost & sent
        assert all(seq <= ends[boot] for boot, seq in lost)
        told += len(lost) > 1
    assert told > 3, "some changed names still read as names"


@pytest.mark.full
@pytest.mark.timeout(600)
def test_a_flip_in_every_byte_changes_nothing_that_is_told(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, wrong = sweep(store, tmp_path / "life", bits_of(store, 7))
    with capsys.disabled():
        for name, counter in found.items():
            print(f"\n{name}: " + ", ".join(f"{what} {count}" for what, count in counter.most_common()))
    assert wrong == []
    assert found["outbox.db"][AT_OPENING] > 0
    if "outbox.db-wal" not in found:  # whose newer pages stand before those of the database
        assert found["outbox.db"][AT_READING] > 0
