"""The outbox in plain files: the same promises as far as files can keep them."""

from pathlib import Path

import pytest

from headway_edge.outbox_file import FileOutbox
from headway_protocol import record

LOSS = record.loss_body(1, 1, 1, "test")


def append(outbox: FileOutbox) -> bytes | None:
    return outbox.append(record.LOSS, 1000, None, record.UNSYNCED, LOSS)


def keys(outbox: FileOutbox) -> list[tuple[int, int]]:
    return [(boot, seq) for boot, seq, _ in outbox.to_send((0, 0), 1000)]


def test_records_survive_a_restart_and_each_boot_counts_from_one(tmp_path: Path) -> None:
    for boot in (1, 2):
        outbox = FileOutbox(str(tmp_path))
        assert outbox.boot == boot
        append(outbox)
        append(outbox)
    assert keys(FileOutbox(str(tmp_path))) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_acknowledgement_survives_a_restart_and_an_empty_log_starts_anew(tmp_path: Path) -> None:
    outbox = FileOutbox(str(tmp_path))
    for _ in range(3):
        append(outbox)
    outbox.acknowledge(1, 2, [])
    assert keys(FileOutbox(str(tmp_path))) == [(1, 3)]
    outbox.acknowledge(1, 3, [])
    assert not (tmp_path / "log").exists()
    append(outbox)
    assert keys(FileOutbox(str(tmp_path))) == [(1, 4)]


def test_every_cut_of_the_log_leaves_whole_records_and_goes_on(tmp_path: Path) -> None:
    outbox = FileOutbox(str(tmp_path))
    for _ in range(3):
        append(outbox)
    whole = (tmp_path / "log").read_bytes()
    size = len(whole) // 3
    for cut in range(len(whole)):
        (tmp_path / "log").write_bytes(whole[:cut])
        found = FileOutbox(str(tmp_path))
        assert keys(found) == [(1, seq) for seq in range(1, cut // size + 1)]
        assert found.torn == cut % size
        append(found)
        assert keys(FileOutbox(str(tmp_path)))[-1] == (found.boot, 1)


def test_a_flipped_bit_is_found_and_what_came_before_it_is_kept(tmp_path: Path) -> None:
    outbox = FileOutbox(str(tmp_path))
    for _ in range(3):
        append(outbox)
    whole = (tmp_path / "log").read_bytes()
    size = len(whole) // 3
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= 0x10
        (tmp_path / "log").write_bytes(damaged)
        assert keys(FileOutbox(str(tmp_path))) == [(1, seq) for seq in range(1, position // size + 1)]


@pytest.mark.parametrize("copy", ["boot.0", "boot.1"])
def test_losing_either_copy_of_the_boot_number_never_uses_one_twice(tmp_path: Path, copy: str) -> None:
    boots = []
    for _ in range(6):
        outbox = FileOutbox(str(tmp_path))
        append(outbox)
        boots.append(outbox.boot)
        (tmp_path / copy).write_bytes(b"rubbish")
    assert len(set(boots)) == 6
    assert boots == sorted(boots)


def test_a_full_log_refuses_counts_and_recovers_when_records_are_settled(tmp_path: Path) -> None:
    outbox = FileOutbox(str(tmp_path), log_bytes_max=150)
    made = 0
    while append(outbox) is not None:
        made += 1
    assert made == 4
    assert outbox.dropped == 1
    outbox.acknowledge(1, 4, [])
    assert append(outbox) is not None
    assert keys(outbox) == [(1, 5)]


def test_damaged_state_is_as_if_it_had_never_been_saved(tmp_path: Path) -> None:
    outbox = FileOutbox(str(tmp_path))
    outbox.save("totals", b"\x01\x02")
    assert outbox.load("totals") == b"\x01\x02"
    (tmp_path / "state.totals").write_bytes(b"\x00\x00\x00\x00\x01\x02")
    assert outbox.load("totals") is None
    assert outbox.load("never") is None
