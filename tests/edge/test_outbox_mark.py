"""What the database has lost although it was committed is named, by the mark beside it; no boot number comes twice."""

import shutil
from pathlib import Path

import pytest
from tests.edge.outbox_records import append, filled, keys, losses

from headway_edge.store import boot_table
from headway_edge.store.medium import SystemMedium
from headway_edge.store.outbox import Outbox
from headway_edge.store.seq_ranges import missing
from headway_protocol import record

PARTS = ("", "-wal", ".mark")


def copied(source: Path, target: Path) -> Path:
    """What a power cut leaves: the files as they are, while somebody has them open."""
    target.parent.mkdir()
    for part in PARTS:
        shutil.copy(f"{source}{part}", f"{target}{part}")
    return target


def cut_off(tmp_path: Path, settled: int = 0) -> Path:
    """An outbox of two boots: three records, and ten of which the first `settled` are, the second boot in the WAL."""
    filled(tmp_path / "outbox.db", 3)
    outbox = Outbox(tmp_path / "outbox.db")
    for _ in range(10):
        append(outbox)
    if settled:
        outbox.acknowledge(2, settled, [])
        append(outbox)
    path = copied(tmp_path / "outbox.db", tmp_path / "cut" / "outbox.db")
    outbox.close()
    return path


def test_what_is_complete_has_no_losses(tmp_path: Path) -> None:
    outbox = Outbox(cut_off(tmp_path))
    assert losses(outbox) == []
    assert keys(outbox) == [*((1, seq) for seq in (1, 2, 3)), *((2, seq) for seq in range(1, 11))]
    outbox.close()


def test_a_wal_that_is_gone_is_a_loss_up_to_the_mark(tmp_path: Path) -> None:
    path = cut_off(tmp_path)
    Path(f"{path}-wal").unlink()
    outbox = Outbox(path)
    assert outbox.boot == 3
    assert keys(outbox) == [(1, 1), (1, 2), (1, 3)]
    assert losses(outbox) == [(2, 1, 10)]
    assert outbox.ends(8) == [(2, 10), (1, 3)]
    assert outbox.produced == 13
    outbox.close()


def test_what_the_server_had_settled_is_not_lost_with_it(tmp_path: Path) -> None:
    path = cut_off(tmp_path, settled=6)
    Path(f"{path}-wal").unlink()
    outbox = Outbox(path)
    assert losses(outbox) == [(2, 7, 11)]
    outbox.close()


def test_a_wal_cut_anywhere_leaves_a_prefix_and_names_the_rest(tmp_path: Path) -> None:
    path = cut_off(tmp_path)
    whole = Path(f"{path}-wal").read_bytes()
    seen = set()
    for number, size in enumerate(range(0, len(whole), 3001)):
        other = tmp_path / str(number) / "outbox.db"
        copied(path, other)
        Path(f"{other}-wal").write_bytes(whole[:size])
        outbox = Outbox(other)
        kept = [seq for boot, seq in keys(outbox) if boot == 2]
        assert losses(outbox) == [(2, first, last) for first, last in missing(kept, 1, 10)]
        assert kept == list(range(1, len(kept) + 1))
        seen.add(len(kept))
        outbox.close()
    assert len(seen) > 5


def test_an_older_copy_of_the_database_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 3)
    shutil.copy(path, tmp_path / "older.db")
    for _ in range(4):
        filled(path, 2)
    shutil.copy(tmp_path / "older.db", path)
    outbox = Outbox(path)
    assert outbox.boot == 6
    assert losses(outbox) == [(boot, 1, 2) for boot in (2, 3, 4, 5)]
    outbox.close()


def test_a_database_that_is_gone_is_named_as_far_as_the_mark_reaches(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    for _ in range(12):
        filled(path, 2)
    path.unlink()
    outbox = Outbox(path)
    assert outbox.boot == 13
    # The ends of eight boots, of which one is the last that was opened; nobody knows those before.
    assert losses(outbox) == [(boot, 1, 2) for boot in range(5, 13)]
    assert outbox.resend([(3, 1, 5)]) == (0, [(3, 1, 5)])
    assert outbox.resend([(12, 1, 2**32 - 1)]) == (0, [])  # is noted as lost
    outbox.close()


@pytest.mark.parametrize("whole", [True, False])
def test_a_loss_is_told_until_its_record_is_stored(tmp_path: Path, whole: bool) -> None:
    path = cut_off(tmp_path)
    Path(f"{path}-wal").unlink()
    Outbox(path).close()
    outbox = Outbox(path)
    (loss,) = outbox.undeclared()
    body = record.loss_body(loss.boot, loss.first_seq, loss.last_seq, loss.reason)
    if whole:
        outbox.append(record.LOSS, 0, None, record.UNSYNCED, body, {loss.key: None})
    outbox.close()
    outbox = Outbox(path)
    assert losses(outbox) == ([] if whole else [(2, 1, 10)])
    declared = [record.parse_loss(record.decode(payload).body) for payload in outbox.payloads(record.LOSS)]
    assert declared == ([(2, 1, 10, "the end of the store was lost")] if whole else [])
    outbox.close()


def test_without_a_mark_boots_go_on_from_the_database_or_from_what_the_caller_knows_to_be_unused(
    tmp_path: Path,
) -> None:
    for first_boot, boot in ((1, 2), (500_000, 500_000)):
        path = tmp_path / str(boot) / "outbox.db"
        filled(path, 2)
        Path(f"{path}.mark").unlink()
        outbox = Outbox(path, first_boot=first_boot)
        assert outbox.boot == boot
        assert losses(outbox) == []
        outbox.close()
        outbox = Outbox(path, first_boot=first_boot + 10)
        assert outbox.boot == boot + 1
        outbox.close()


def test_a_store_that_was_wiped_begins_where_the_caller_says_and_knows_nothing_of_before(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.db", first_boot=420_000)
    append(outbox)
    assert (outbox.boot, outbox.ends(8), losses(outbox)) == (420_000, [(420_000, 1)], [])
    # What the server lacks of an earlier life is gone; where it only asks what else there was, nobody knows.
    assert outbox.resend([(17, 4, 6), (17, 9, 2**32 - 1), (420_001, 1, 5)]) == (0, [(17, 4, 6)])
    outbox.close()


def test_boots_that_made_no_record_leave_no_end(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    filled(path, 2)
    for _ in range(3):
        Outbox(path).close()
    outbox = Outbox(path)
    append(outbox)
    assert outbox.ends(8) == [(5, 1), (1, 2)]
    assert outbox.resend([(3, 1, 2**32 - 1)]) == (0, [])
    assert len(outbox._read("SELECT boot FROM boot")) == 2
    outbox.close()


def test_of_many_boots_the_newest_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boot_table, "BOOTS_KEPT", 3)
    path = tmp_path / "outbox.db"
    for boot in range(1, 7):
        filled(path, boot)
        Outbox(path).close()
    outbox = Outbox(path)
    assert outbox.ends(8) == [(11, 6), (9, 5), (7, 4)]
    assert outbox.produced == 21
    outbox.acknowledge(5, 3, [])
    # Of a boot that is no longer remembered the server knows best.
    assert outbox.resend([(5, 1, 4), (6, 1, 4), (10, 1, 4)]) == (3, [(5, 4, 4), (6, 1, 4)])
    outbox.close()


def test_the_mark_is_written_before_append_returns(tmp_path: Path) -> None:
    class Watched(SystemMedium):
        def __init__(self) -> None:
            self.written: list[str] = []

        def write(self, path: Path, offset: int, data: bytes) -> None:
            self.written.append(path.name)
            super().write(path, offset, data)

    medium = Watched()
    outbox = Outbox(tmp_path / "outbox.db", medium)
    medium.written.clear()
    for _ in range(3):
        append(outbox)
    outbox.acknowledge(1, 2, [])
    assert medium.written == ["outbox.db.mark"] * 3
    outbox.close()
