"""Records wait in memory while the disk refuses them; what finds no place there is declared lost, in its own seqs."""

import sqlite3
from pathlib import Path

import pytest
from tests.edge.failing_medium import FULL, IOERR_FSYNC, FailingMedium, always, once
from tests.edge.outbox_records import EPISODE, filled, losses

from headway_edge.store import boot_table, record_keeper
from headway_edge.store.outbox import Outbox
from headway_edge.store.record_keeper import UNSAVED_MAX, RecordKeeper
from headway_protocol import record
from headway_protocol.errors import EncodeError


class Clock:
    def __init__(self) -> None:
        self.now_ms = 0
        self.memory = True

    def mono_ms(self) -> int:
        return self.now_ms

    def wall(self) -> tuple[int | None, int]:
        if not self.memory:
            raise MemoryError
        return None, record.UNSYNCED


class Kept:
    """A keeper over an outbox on a disk that a test lets fail; each record is made one millisecond after the other."""

    def __init__(self, path: Path) -> None:
        self.medium = FailingMedium()
        self.clock = Clock()
        self.outbox = Outbox(path, self.medium, mono_ms=self.clock.mono_ms)
        self.keeper = RecordKeeper(self.outbox, self.clock)

    def append(self, count: int = 1) -> object:
        found = None
        for _ in range(count):
            self.clock.now_ms += 1
            found = self.keeper.append(record.EPISODE, EPISODE, {"newest": b"%d" % self.clock.now_ms})
        return found

    def times(self) -> list[int]:
        return [record.decode(data).mono_ms for data in self.outbox.payloads(record.EPISODE)]

    def declared(self) -> list[tuple[int, ...]]:
        return [record.parse_loss(record.decode(data).body) for data in self.outbox.payloads(record.LOSS)]


@pytest.fixture
def kept(tmp_path: Path):
    kept = Kept(tmp_path / "outbox.db")
    yield kept
    kept.outbox.close()


def test_records_wait_in_their_order_with_the_time_at_which_they_were_made(kept: Kept) -> None:
    assert kept.append() == (1, 1)
    kept.medium.fail = always(FULL, "COMMIT")
    assert kept.append(3) is None
    assert kept.keeper.waiting
    kept.medium.fail = lambda _sql: None
    kept.clock.now_ms = 999
    assert kept.keeper.save() == (1, 4)
    assert kept.times() == [1, 2, 3, 4]
    assert kept.outbox.load("newest") == b"4"
    assert not kept.keeper.waiting
    assert kept.declared() == []


def test_what_finds_no_place_uses_up_its_seqs_and_is_declared(kept: Kept) -> None:
    kept.append(2)
    kept.medium.fail = always(FULL, "COMMIT")
    kept.append(UNSAVED_MAX + 3)
    assert kept.keeper.dropped == 3
    kept.medium.fail = lambda _sql: None
    assert kept.append() == (1, 2 + UNSAVED_MAX + 4)
    assert kept.keeper.dropped == 4  # the oldest made place for the last one, too
    assert kept.times() == [1, 2, *range(7, UNSAVED_MAX + 7)]
    assert kept.declared() == [(1, 3, 6, "the disk refused it for too long")]
    assert kept.outbox.produced == 2 + 4 + UNSAVED_MAX + 1
    assert losses(kept.outbox) == []


def test_a_dropped_record_that_was_stored_all_the_same_is_not_declared(kept: Kept) -> None:
    kept.append()
    fail = once(IOERR_FSYNC, "COMMIT")
    kept.medium.after = lambda: fail("COMMIT")
    kept.append()  # committed, and nobody was told
    kept.medium.fail = always(FULL, "COMMIT")
    kept.append(UNSAVED_MAX)
    assert kept.keeper.dropped == 1
    kept.medium.fail = lambda _sql: None
    kept.keeper.save()
    assert kept.times() == list(range(1, UNSAVED_MAX + 3))
    assert kept.declared() == []


def test_without_memory_a_record_is_lost_and_said_to_be(kept: Kept) -> None:
    kept.append()
    kept.clock.memory = False
    assert kept.append() is None
    kept.clock.memory = True
    assert kept.append() == (1, 3)
    assert (kept.keeper.dropped, kept.times()) == (1, [1, 3])
    assert kept.declared() == [(1, 2, 2, "the disk refused it for too long")]


def test_an_outbox_without_memory_is_tried_again(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_memory(*_arguments: object) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(kept.outbox, "append", no_memory)
        assert kept.append() is None
    assert kept.keeper.save() == (1, 1)


def test_a_record_that_cannot_be_is_said_to_be_so_and_holds_up_nothing(kept: Kept) -> None:
    with pytest.raises(EncodeError):
        kept.keeper.append(999, EPISODE, {})
    assert not kept.keeper.waiting
    assert kept.append() == (1, 1)


def test_losses_that_the_outbox_found_are_declared_after_the_next_record(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 3)
    path.unlink()
    kept = Kept(path)
    assert kept.append() == (2, 1)
    assert kept.declared() == [(1, 1, 3, "the end of the store was lost")]
    assert kept.append() == (2, 3)
    assert len(kept.declared()) == 1
    kept.outbox.close()


def test_a_loss_that_cannot_be_declared_now_is_declared_later(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 3)
    path.unlink()
    kept = Kept(path)
    kept.medium.fail = always(FULL, "COMMIT")
    kept.append()
    assert losses(kept.outbox) == [(1, 1, 3)]
    kept.medium.fail = lambda _sql: None
    assert kept.keeper.save() == (2, 1)
    assert kept.declared() == [(1, 1, 3, "the end of the store was lost")]
    kept.outbox.close()


def test_a_disk_that_refuses_is_told_of_once_a_minute(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(record_keeper.log, "error", lambda event, **_fields: told.append(event))
    kept.medium.fail = always(FULL, "COMMIT")
    for _ in range(600):
        kept.clock.now_ms += 200
        kept.append() if not told else kept.keeper.save()
    assert told == ["agent.store_failed"] * 2


def test_a_store_that_fails_never_raises(kept: Kept) -> None:
    for code in (8, 10, 11, 14, 26):
        kept.medium.fail = always(code)
        assert kept.append() is None
        kept.clock.now_ms += 60_000
    kept.medium.fail = lambda _sql: None
    assert kept.keeper.save() == (1, 5)
    kept.medium.fail = always(10)
    with pytest.raises(sqlite3.Error):
        kept.outbox.to_send((0, 0), 1)
    kept.medium.fail = lambda _sql: None
    kept.clock.now_ms += 60_000


def test_folds_of_an_attempt_in_doubt_are_not_taken_for_the_records_that_were_dropped(kept: Kept) -> None:
    kept.append(3)
    outbox = kept.outbox
    fail = once(IOERR_FSYNC, "COMMIT")
    kept.medium.after = lambda: fail("COMMIT")
    # As when room is made by folding: seqs are used up, none of the caller's.
    outbox._in_doubt, outbox._doubted = True, 0
    with pytest.raises(sqlite3.Error):
        outbox._write(lambda db: boot_table.raise_end(db, 1, 5))
    assert outbox.skip(2) == 2
    assert losses(outbox) == [(1, 6, 7)]


def test_state_of_records_that_wait_is_told_and_that_of_dropped_ones_is_kept(kept: Kept) -> None:
    kept.append()
    kept.medium.fail = always(FULL, "COMMIT")
    kept.append(2)
    kept.keeper.append(record.EPISODE, EPISODE, {"only here": b"x"})
    assert (kept.outbox.load("newest"), kept.outbox.load("only here")) == (b"3", b"x")
    assert kept.outbox.keys("") == ["newest", "only here"]
    kept.append(UNSAVED_MAX)
    kept.medium.fail = lambda _sql: None
    kept.append()
    kept.outbox.close()
    again = Outbox(kept.outbox.path)
    assert (again.load("newest"), again.load("only here")) == (b"%d" % kept.clock.now_ms, b"x")
    again.close()
    kept.outbox = Outbox(kept.outbox.path)
