"""Erasing a store: afterwards nothing of before is known, and no byte of it is in any of its files."""

import sqlite3
from pathlib import Path

import pytest
from tests.edge.failing_medium import IOERR, UnsyncedMedium

from headway_edge.store import quarantine
from headway_edge.store.outbox import Outbox
from headway_protocol import record

SECRET = b"the-driver-was-here"
KEEP = ("pack",)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


def fill(outbox: Outbox, count: int = 40) -> None:
    for n in range(count):
        body = record.episode_body(bytes(8), 0, SECRET + bytes([n]) * 90, b"")
        outbox.append(record.EPISODE, n, None, record.UNSYNCED, body, {f"state-{n % 7}": SECRET * (n % 9 + 1)})
    outbox.save("pack", b"a pack")


def files_with(folder: Path, what: bytes) -> list[str]:
    return [str(file.name) for file in sorted(folder.rglob("*")) if file.is_file() and what in file.read_bytes()]


def test_nothing_of_before_is_known_and_no_byte_is_in_the_files(path: Path) -> None:
    outbox = Outbox(path, UnsyncedMedium())
    fill(outbox)
    outbox.acknowledge(outbox.boot, 30, [])
    assert files_with(path.parent, SECRET)
    outbox.wipe(KEEP, {"wiped": b"7"})
    assert outbox.scrub()
    assert files_with(path.parent, SECRET) == []
    assert (outbox.boot, outbox.last_seq, outbox.backlog(), outbox.produced) == (2, 0, 0, 0)
    assert outbox.to_send((0, 0), 10) == []
    assert outbox.keys("") == ["pack", "wiped"]
    payload = outbox.append(record.LOSS, 0, None, record.UNSYNCED, record.loss_body(1, 1, 1, "x"))
    assert record.identity(payload) == (2, 1)
    outbox.close()
    again = Outbox(path)
    assert (again.boot, again.load("pack"), again.load("wiped")) == (3, b"a pack", b"7")
    assert again.undeclared() == [], "what is erased is not lost"
    assert [row[:2] for row in again.to_send((0, 0), 10)] == [(2, 1)]
    again.close()


def test_a_store_that_is_wiped_and_stopped_at_once_never_uses_a_boot_again(path: Path) -> None:
    outbox = Outbox(path, UnsyncedMedium())
    fill(outbox, 3)
    outbox.wipe(KEEP, {})
    outbox.close()
    quarantine.beside(path, ".mark").unlink()
    again = Outbox(path)
    assert again.boot == 3
    assert again.undeclared() == []
    again.close()


def test_copies_of_damaged_stores_go_as_well(path: Path) -> None:
    outbox = Outbox(path, UnsyncedMedium())
    fill(outbox)
    outbox.close()
    data = bytearray(path.read_bytes())
    data[4096:8192] = b"\xa5" * 4096
    path.write_bytes(data)
    outbox = Outbox(path)
    assert quarantine.kept(path, outbox._medium) == [1]
    outbox.wipe(KEEP, {})
    assert outbox.scrub()
    assert files_with(path.parent, SECRET) == []
    assert quarantine.kept(path, outbox._medium) == []
    outbox.close()


def test_bytes_that_could_not_be_scrubbed_are_at_the_next_opening(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outbox = Outbox(path, UnsyncedMedium())
    fill(outbox)

    def fails(*_arguments: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr("headway_edge.store.wiping._cut_off_log", fails)
        outbox.wipe(KEEP, {})
        assert not outbox.scrub()
        outbox.close()
    again = Outbox(path)
    assert again.scrub()
    assert files_with(path.parent, SECRET) == []
    again.close()


@pytest.mark.parametrize("committed", [False, True])
def test_a_wipe_whose_commit_failed_is_found_and_done_once(path: Path, committed: bool) -> None:
    medium, now_ms = UnsyncedMedium(), [0]
    outbox = Outbox(path, medium, mono_ms=lambda: now_ms[0])
    fill(outbox, 5)
    if committed:
        medium.after = lambda: IOERR
    else:
        medium.fail = lambda sql: IOERR if sql == "COMMIT" else None
    with pytest.raises(sqlite3.Error):
        outbox.wipe(KEEP, {"wiped": b"1"})
    medium.after, medium.fail = lambda: None, lambda _sql: None
    now_ms[0] += 60_000
    outbox.wipe(KEEP, {"wiped": b"1"})
    assert (outbox.boot, outbox.backlog(), outbox.keys("")) == (2, 0, ["pack", "wiped"])
    assert outbox.scrub()
    assert files_with(path.parent, SECRET) == []
    outbox.close()
