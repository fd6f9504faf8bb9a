"""A full disk and a full budget: what the server has goes first, what it has not is named, and nothing else is lost."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.edge.failing_medium import FULL, NO_SPACE, FailingMedium, UnsyncedMedium, always, once
from tests.edge.outbox_records import append, filled, keys, losses

from headway_edge.errors import AgentError
from headway_edge.store import ballast, outbox_database, retention
from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_protocol.record_names import KIND_NAMES

BUDGET = 256 * 1024


def fails_while(full: Callable[[], bool]) -> Callable[[str], int | None]:
    """The disk of `full`: nothing is committed, no small file grows."""

    def fail(sql: str) -> int | None:
        if not full():
            return None
        return NO_SPACE if sql.startswith("write") else FULL if sql == "COMMIT" else None

    return fail


def kept(outbox: Outbox) -> list[tuple[int, int]]:
    return [record.identity(payload) for kind in KIND_NAMES for payload in outbox.payloads(kind)]


def test_on_a_full_disk_the_ballast_and_the_oldest_settled_records_make_room(tmp_path: Path) -> None:
    medium = UnsyncedMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    reserve = tmp_path / "outbox.db.ballast"
    assert reserve.stat().st_size == ballast.BALLAST_BYTES
    for _ in range(250):
        append(outbox)
    outbox.acknowledge(1, 200, [])
    medium.fail = fails_while(reserve.exists)
    assert append(outbox) == (1, 251)
    assert not reserve.exists()
    assert min(kept(outbox)) == (1, 101)
    assert outbox.backlog() == 51
    assert losses(outbox) == []
    outbox.close()


def test_an_acknowledgement_is_taken_on_a_full_disk(tmp_path: Path) -> None:
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    for _ in range(3):
        append(outbox)
    medium.fail = fails_while((tmp_path / "outbox.db.ballast").exists)
    assert outbox.acknowledge(1, 3, []) == 3
    assert outbox.backlog() == 0
    outbox.close()


def test_the_ballast_is_made_again_when_there_is_room(tmp_path: Path) -> None:
    now_ms = 0
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium, mono_ms=lambda: now_ms)
    reserve = tmp_path / "outbox.db.ballast"
    medium.fail = fails_while(reserve.exists)
    append(outbox)
    medium.fail = always(NO_SPACE, "write outbox.db.ballast")
    now_ms += outbox_database.LOOK_AGAIN_MS
    append(outbox)
    assert not reserve.exists()
    medium.fail = lambda _sql: None
    now_ms += outbox_database.LOOK_AGAIN_MS
    append(outbox)
    assert reserve.exists()
    outbox.close()


def test_a_disk_that_stays_full_uses_up_no_seq_and_loses_nothing(tmp_path: Path) -> None:
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    append(outbox)
    medium.fail = fails_while(lambda: True)
    for _ in range(5):
        with pytest.raises(sqlite3.OperationalError, match="failure 13"):
            append(outbox)
        with pytest.raises(sqlite3.OperationalError, match="failure 13"):
            outbox.save("checkpoint", b"x")
    medium.fail = lambda _sql: None
    assert append(outbox) == (1, 2)
    assert keys(outbox) == [(1, 1), (1, 2)]
    assert (outbox.produced, outbox.backlog()) == (2, 2)
    assert medium.connections == 1  # nobody doubts the file
    outbox.close()


def test_a_disk_that_is_full_at_the_start_is_one_line_unless_there_is_a_ballast(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 2)
    medium = FailingMedium()
    medium.fail = fails_while(Path(f"{path}.ballast").exists)
    outbox = Outbox(path, medium)
    assert outbox.boot == 2
    outbox.close()
    Path(f"{path}.ballast").unlink(missing_ok=True)
    medium.fail = fails_while(lambda: True)
    with pytest.raises(AgentError, match=r"the disk is full\. Free some space on it\."):
        Outbox(path, medium)
    medium.fail = lambda _sql: None
    outbox = Outbox(path, medium)
    assert keys(outbox) == [(1, 1), (1, 2)]
    outbox.close()


def test_settled_records_stay_until_the_budget_needs_their_place_and_then_go_oldest_first(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=BUDGET)
    append(outbox)  # never settled
    sizes = []
    for seq in range(2, 3000):
        append(outbox)
        outbox.acknowledge(1, 0, [], [(seq, seq)])
        if seq % 100 == 0:
            sizes.append(retention.used_bytes(outbox._file.db))
    there = kept(outbox)
    assert there[0] == (1, 1)
    assert there[1:] == [(1, seq) for seq in range(there[1][1], 3000)]
    assert 500 < there[1][1] < 2500
    assert max(sizes) > BUDGET * 0.9
    assert max(sizes) <= BUDGET + 8192  # the record that finds it full is written all the same
    assert outbox.backlog() == 1
    assert losses(outbox) == []
    outbox.close()
    assert (tmp_path / "outbox.db").stat().st_size <= BUDGET + 16384


@pytest.mark.parametrize("declared", [True, False])
def test_without_settled_records_the_oldest_episodes_go_and_are_named(tmp_path: Path, declared: bool) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 50)
    outbox = Outbox(path, UnsyncedMedium(), budget_bytes=BUDGET)
    valued = [append(outbox, kind) for kind in (record.BIRTH, record.SERVICE, record.AGREEMENT)]
    declarations = 0
    while declarations < 5 and outbox.produced < 20_000:
        append(outbox)
        for loss in outbox.undeclared() if declared else []:
            body = record.loss_body(loss.boot, loss.first_seq, loss.last_seq, loss.reason)
            outbox.append(record.LOSS, 0, None, record.UNSYNCED, body, {loss.key: None})
            declarations += 1
        if not declared:
            declarations = len(outbox.undeclared())
    there = kept(outbox)
    assert set(valued) <= set(there)
    gone = [record.parse_loss(record.decode(data).body)[:3] for data in outbox.payloads(record.LOSS)] + losses(outbox)
    lost = {(boot, seq) for boot, first, last in gone for seq in range(first, last + 1)}
    assert len(there) + len(lost) == outbox.produced == len({*there, *lost})
    assert len(lost) == sum(last - first + 1 for _, first, last in gone)
    assert {(1, seq) for seq in range(1, 51)} <= lost
    episodes = [key for key in there if key not in valued and key > max(lost)]
    assert len(episodes) > 500  # the newest ones
    assert outbox.backlog() == len(there)
    assert outbox.produced / len(gone) > 20  # in ranges, not one by one
    assert retention.used_bytes(outbox._file.db) <= BUDGET + 8192
    outbox.close()


def test_what_a_person_told_goes_after_everything_measured_and_losses_never(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=BUDGET)
    for _ in range(200):
        append(outbox)
        append(outbox, record.SERVICE)
        append(outbox, record.LOSS)
    with outbox:
        room = retention.make_room(outbox._file.db, outbox.boot, 8192)
    assert room.settled == 0
    assert len(outbox.payloads(record.EPISODE)) == 0
    assert len(outbox.payloads(record.SERVICE)) == 0
    assert len(outbox.payloads(record.LOSS)) == 200
    assert room.dropped == 400
    assert sum(last - first + 1 for _, first, last in losses(outbox)) <= 400
    outbox.close()


def test_refused_records_which_are_evidence_outlive_settled_ones(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", UnsyncedMedium(), budget_bytes=BUDGET)
    for _ in range(300):
        append(outbox)
    outbox.acknowledge(1, 300, [(seq, 1) for seq in range(1, 31)])
    with outbox:
        assert retention.forget_settled(outbox._file.db, 1000) == 270
    assert [seq for _, seq, _ in outbox.refusals()] == list(range(1, 31))
    with outbox:
        assert retention.forget_settled(outbox._file.db, 1000) == 30
    outbox.close()


def test_a_transaction_that_fails_for_want_of_room_once_is_done_once(tmp_path: Path) -> None:
    medium = FailingMedium()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    medium.fail = once(FULL, "INSERT INTO record")
    assert append(outbox, n=b"1") == (1, 1)
    assert (keys(outbox), outbox.load("n")) == ([(1, 1)], b"1")
    outbox.close()
