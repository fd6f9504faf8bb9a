"""A damaged store goes into quarantine, what can be read of it goes on, the rest is named, and collection continues."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from tests.edge.failing_medium import CORRUPT, IOERR, IOERR_FSYNC, FailingMedium, always, once
from tests.edge.outbox_records import EPISODE, append, filled, keys, losses

from headway_edge.errors import AgentError
from headway_edge.store import outbox_database, retention
from headway_edge.store.outbox import Outbox
from headway_edge.store.seq_ranges import missing
from headway_protocol import record
from headway_protocol.codes import CONFLICT

PAGE = 4096


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two boots with 60 and 40 records; settled are 1..20 of the first, refused is its 21st, undeliverable its 22nd."""
    folder = tmp_path_factory.mktemp("store")
    path = folder / "outbox.db"
    outbox = Outbox(path)
    for _ in range(60):
        append(outbox, totals=b"of boot 1" * 10)
    outbox.acknowledge(1, 20, [(21, CONFLICT)])
    outbox.close()
    outbox = Outbox(path)
    for _ in range(40):
        append(outbox)
    outbox.set_undeliverable(1, 22)
    outbox.close()
    return path


def copy_of(store: Path, folder: Path) -> Path:
    for name in ("outbox.db", "outbox.db.mark"):
        shutil.copy(store.parent / name, folder / name)
    return folder / "outbox.db"


def kept_rows(outbox: Outbox) -> set[tuple[int, int]]:
    return {record.identity(payload) for payload in outbox.payloads(record.EPISODE)}


def test_a_file_that_is_no_database_is_put_aside_as_it_is_and_a_new_boot_begins(store: Path, tmp_path: Path) -> None:
    path = copy_of(store, tmp_path)
    path.write_bytes(b"no database at all, and short")
    outbox = Outbox(path)
    assert outbox.boot == 3
    assert losses(outbox) == [(1, 21, 60), (2, 1, 40)]
    assert append(outbox) == (3, 1)
    outbox.close()
    assert [item.name for item in (tmp_path / "quarantine").iterdir()] == ["outbox.db-2"]


@pytest.mark.parametrize("data", [None, b""])
def test_a_database_that_is_gone_or_empty_is_a_loss_of_what_was_not_settled(
    store: Path, tmp_path: Path, data: bytes | None
) -> None:
    path = copy_of(store, tmp_path)
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    outbox = Outbox(path)
    assert losses(outbox) == [(1, 21, 60), (2, 1, 40)]
    outbox.close()


def test_each_page_in_turn_is_broken_and_costs_no_more_than_its_own_records(store: Path, tmp_path: Path) -> None:
    whole = store.read_bytes()
    lost_in_all = 0
    for page in range(len(whole) // PAGE):
        folder = tmp_path / str(page)
        folder.mkdir()
        path = copy_of(store, folder)
        path.write_bytes(whole[: page * PAGE] + b"\xa5" * PAGE + whole[(page + 1) * PAGE :])
        outbox = Outbox(path)
        assert outbox.boot == 3
        kept = kept_rows(outbox)
        lost = losses(outbox)
        # Unsettled is what was, and of that what is not kept is named, exactly.
        expected = []
        for boot, first, last in ((1, 21, 60), (2, 1, 40)):
            there = sorted(seq for its_boot, seq in kept if its_boot == boot and seq >= first)
            expected += [(boot, *run) for run in missing(there, first, last)]
        assert lost == expected, page
        assert {key for key in keys(outbox) if key[0] == 1 and key[1] < 21} == set()
        assert outbox.produced == 100
        lost_in_all += sum(last - first + 1 for _, first, last in lost)
        assert sum(last - first + 1 for _, first, last in lost) <= 45  # as many as a page has; also where it is a root
        outbox.close()
        again = Outbox(path)
        assert losses(again) == lost
        again.close()
    assert 0 < lost_in_all < 150


def test_what_is_salvaged_is_as_it_was(store: Path, tmp_path: Path) -> None:
    path = copy_of(store, tmp_path)
    path.write_bytes(b"\xa5" * PAGE + path.read_bytes()[PAGE:])  # the first page, without which SQLite reads nothing
    outbox = Outbox(path)
    assert losses(outbox) == []
    assert keys(outbox) == [*((1, seq) for seq in range(22, 61)), *((2, seq) for seq in range(1, 41))]
    assert outbox.refusals() == [(1, 21, "conflict")]
    assert outbox.load("totals") == b"of boot 1" * 10
    assert outbox.ends(8) == [(2, 40), (1, 60)]
    assert outbox.resend([(1, 1, 20)]) == (20, [])
    outbox.close()


def test_what_was_settled_and_deleted_does_not_come_back_from_free_pages(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 300)
    older = path.read_bytes()
    outbox = Outbox(path)
    outbox.acknowledge(1, 250, [])
    with outbox:
        retention.forget_settled(outbox._file.db, 200)
    outbox.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:PAGE] + bytes(PAGE) + whole[2 * PAGE :])  # the root of the records

    class FreePagesKept(FailingMedium):
        """Whether free pages show what they had is up to how SQLite was built."""

        def read(self, path: Path) -> bytes | None:
            return older if path.name == "outbox.db" else super().read(path)

    outbox = Outbox(path, FreePagesKept())
    assert kept_rows(outbox) == {(1, seq) for seq in range(251, 301)}
    assert losses(outbox) == []
    outbox.close()


def test_a_salvage_that_was_interrupted_is_finished_or_begun_again(store: Path, tmp_path: Path) -> None:
    path = copy_of(store, tmp_path)
    sound = path.read_bytes()
    path.write_bytes(b"\xa5" * PAGE + sound[PAGE:])
    Path(f"{path}.salvaging").write_bytes(b"half a file")
    outbox = Outbox(path)
    assert len(keys(outbox)) == 79
    outbox.close()
    # The new file is complete, and the damaged one still has its name.
    Path(f"{path}.salvaged").write_bytes(path.read_bytes())
    path.write_bytes(b"damaged")
    Path(f"{path}-wal").write_bytes(b"of the damaged one")
    outbox = Outbox(path)
    assert (outbox.boot, len(keys(outbox)), losses(outbox)) == (4, 79, [])
    outbox.close()
    names = {item.name for item in (tmp_path / "quarantine").iterdir()}
    assert names == {"outbox.db-2", "outbox.db-3", "outbox.db-3-wal"}


def test_quarantine_keeps_the_newest_three(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    other = tmp_path / "quarantine" / "outbox.db-notes.txt"
    for boot in range(1, 7):
        filled(path, 2)
        path.write_bytes(b"damage %d" % boot)
        other.parent.mkdir(exist_ok=True)
        other.write_text("somebody's own")
    Outbox(path).close()
    names = sorted(item.name for item in (tmp_path / "quarantine").iterdir())
    assert names == ["outbox.db-4", "outbox.db-5", "outbox.db-6", "outbox.db-notes.txt"]


def changed(path: Path, sql: str, *parameters: object) -> None:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute(sql, parameters)
    db.close()


def test_a_record_whose_bytes_have_changed_is_not_sent_but_named(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 5)
    other = record.encode(record.Record(record.EPISODE, 1, 3, 999, None, record.UNSYNCED, EPISODE))
    changed(path, "UPDATE record SET payload = ? WHERE seq = 3", other)
    outbox = Outbox(path)
    assert keys(outbox) == [(1, 1), (1, 2), (1, 4), (1, 5)]
    assert losses(outbox) == [(1, 3, 3)]
    assert outbox.backlog() == 4
    outbox.close()


def test_a_piece_of_state_that_has_changed_is_as_if_it_never_was(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    outbox = Outbox(path)
    outbox.save("totals", b"right")
    outbox.close()
    changed(path, "UPDATE state SET value = ?", b"wrong")
    outbox = Outbox(path)
    assert outbox.load("totals") is None
    outbox.save("totals", b"new")
    assert outbox.load("totals") == b"new"
    outbox.close()


class Minutes:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


@pytest.mark.parametrize("code", [IOERR, IOERR_FSYNC])
@pytest.mark.parametrize("done", [True, False])
def test_a_commit_that_failed_is_looked_for_before_its_seq_is_used_again(tmp_path: Path, code: int, done: bool) -> None:
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    append(outbox)
    fail = once(code, "COMMIT")
    if done:
        medium.after = lambda: fail("COMMIT")
    else:
        medium.fail = fail

    def store() -> bytes:
        return outbox.append(record.EPISODE, 7, None, record.UNSYNCED, EPISODE, {"n": b"7"})

    with pytest.raises(sqlite3.OperationalError):
        store()
    assert record.identity(store()) == (1, 2)  # given again, it is stored once
    assert append(outbox) == (1, 3)
    assert keys(outbox) == [(1, 1), (1, 2), (1, 3)]
    assert (outbox.produced, outbox.backlog(), outbox.load("n")) == (3, 3, b"7")
    assert medium.connections == 2  # and not a third time
    outbox.close()


def test_a_record_that_was_given_up_but_stored_keeps_its_seq(tmp_path: Path) -> None:
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    fail = once(IOERR_FSYNC, "COMMIT")
    medium.after = lambda: fail("COMMIT")
    with pytest.raises(sqlite3.OperationalError):
        outbox.append(record.EPISODE, 7, None, record.UNSYNCED, EPISODE)
    payload = outbox.append(record.EPISODE, 8, None, record.UNSYNCED, EPISODE)
    assert record.identity(payload) == (1, 2)
    assert [record.decode(data).mono_ms for _, _, data in outbox.to_send((0, 0), 9)] == [7, 8]
    assert outbox.produced == 2
    assert outbox.skip(3) == 3
    assert losses(outbox) == [(1, 3, 5)]
    outbox.close()


def test_a_disk_that_fails_for_good_is_looked_at_once_a_minute(tmp_path: Path) -> None:
    medium, clock = FailingMedium(), Minutes()
    outbox = Outbox(tmp_path / "outbox.db", medium, mono_ms=clock)
    append(outbox, totals=b"known")
    medium.fail = always(IOERR)
    for _ in range(5):
        for _ in range(10):
            with pytest.raises(sqlite3.Error):
                append(outbox)
            with pytest.raises(sqlite3.Error):
                outbox.to_send((0, 0), 1)
            assert outbox.load("totals") == b"known"  # from memory
        clock.now_ms += outbox_database.LOOK_AGAIN_MS
    assert medium.connections == 1 + 5
    medium.fail = lambda _sql: None
    assert append(outbox) == (1, 2)
    assert keys(outbox) == [(1, 1), (1, 2)]
    assert outbox.backlog() == 2
    outbox.close()


def test_damage_that_is_met_while_running_is_salvaged_and_the_boot_goes_on(tmp_path: Path) -> None:
    medium, clock = FailingMedium(), Minutes()
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, medium, mono_ms=clock)
    for _ in range(60):
        append(outbox)
    outbox.acknowledge(1, 10, [])
    outbox._file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    found = data.index(b"\x88\x01\x02\x01\x18\x1e")  # the 30th record
    data[found // PAGE * PAGE : (found // PAGE + 1) * PAGE] = bytes(PAGE)
    path.write_bytes(data)
    medium.fail = once(CORRUPT, "SELECT boot, seq")
    there = [seq for _, seq in keys(outbox)]
    assert 30 not in there
    assert losses(outbox) == [(1, first, last) for first, last in missing(there, 11, 60)]
    assert append(outbox) == (1, 61)
    assert outbox.produced == 61
    outbox.close()
    assert [item.name for item in (tmp_path / "quarantine").iterdir()] == ["outbox.db-1"]


def test_committed_records_that_a_reopened_file_lacks_are_named(tmp_path: Path) -> None:
    medium = FailingMedium()
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, medium)
    append(outbox)
    outbox._file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    older = path.read_bytes()
    for _ in range(4):
        append(outbox)
    outbox._file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path.write_bytes(older)
    medium.fail = once(IOERR, "BEGIN")
    with pytest.raises(sqlite3.OperationalError):
        append(outbox)
    assert append(outbox) == (1, 6)
    assert losses(outbox) == [(1, 2, 5)]
    assert keys(outbox) == [(1, 1), (1, 6)]
    outbox.close()


def test_a_mark_that_cannot_be_written_loses_no_record(tmp_path: Path) -> None:
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    medium.fail = always(5, "write outbox.db.mark")
    for _ in range(3):
        append(outbox)
    outbox.close()
    medium.fail = lambda _sql: None
    outbox = Outbox(tmp_path / "outbox.db", medium)
    assert keys(outbox) == [(1, 1), (1, 2), (1, 3)]
    assert losses(outbox) == []
    outbox.close()


@pytest.mark.parametrize(
    ("number", "text"), [(13, "Permission denied"), (30, "Read-only file system"), (20, "Not a dir")]
)
def test_a_folder_that_may_not_be_written_is_one_line(tmp_path: Path, number: int, text: str) -> None:
    class Refusing(FailingMedium):
        def lock(self, path: Path):
            raise OSError(number, f"{text}", str(path))

    with pytest.raises(AgentError, match=f"cannot keep records in .*{text}.*Name a file") as caught:
        Outbox(tmp_path / "outbox.db", Refusing())
    assert "\n" not in str(caught.value)


def test_a_file_of_another_owner_is_one_line_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 1)
    medium = FailingMedium()
    medium.fail = always(8)
    with pytest.raises(AgentError, match="cannot keep records"):
        Outbox(path, medium)
    outbox = Outbox(path)  # the lock was given back
    assert keys(outbox) == [(1, 1)]
    outbox.close()


def test_state_that_a_damaged_page_held_is_put_back_by_a_process_that_still_knows_it(tmp_path: Path) -> None:
    medium = FailingMedium()
    path = tmp_path / "outbox.db"
    outbox = Outbox(path, medium)
    outbox.save("totals", b"known" * 20)
    append(outbox)
    outbox._file.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = path.read_bytes()
    at = data.index(b"knownknown") // PAGE * PAGE
    path.write_bytes(data[:at] + bytes(PAGE) + data[at + PAGE :])
    medium.fail = once(CORRUPT, "BEGIN")
    with pytest.raises(sqlite3.DatabaseError):
        append(outbox)
    assert append(outbox) == (1, 2)
    outbox.close()
    outbox = Outbox(path)
    assert outbox.load("totals") == b"known" * 20
    outbox.close()


@pytest.mark.parametrize("done", [True, False])
def test_state_of_a_commit_in_doubt_is_what_the_disk_says(tmp_path: Path, done: bool) -> None:
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    outbox.save("incident", b"open")
    outbox.save("totals", b"1")
    fail = once(IOERR_FSYNC, "COMMIT")
    if done:
        medium.after = lambda: fail("COMMIT")
    else:
        medium.fail = fail
    with pytest.raises(sqlite3.OperationalError):
        outbox.append(record.EPISODE, 7, None, record.UNSYNCED, EPISODE, {"incident": None, "totals": b"2"})
    assert len(outbox.to_send((0, 0), 9)) == done  # looks
    assert (outbox.load("incident"), outbox.load("totals")) == ((None, b"2") if done else (b"open", b"1"))
    assert outbox.keys("") == (["totals"] if done else ["incident", "totals"])
    outbox.close()


def test_a_transaction_that_is_rolled_back_leaves_state_as_it_was(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db")
    outbox.save("a", b"1")
    with contextlib.suppress(ValueError), outbox:
        outbox.put("a", b"2")
        outbox.put("b", b"2")
        assert outbox.load("a") == b"2"
        raise ValueError
    assert outbox.load("a") == b"1"
    assert outbox.keys("") == ["a"]
    outbox.close()
