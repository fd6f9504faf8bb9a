"""The mark beside the database survives torn writes and flipped bits, with an older value at worst."""

import errno
from pathlib import Path

import pytest
from tests.edge.failing_medium import FailingMedium, once

from headway_edge.store.boot_mark import BOOTS_MAX, BootMark, End
from headway_edge.store.medium import SystemMedium

OLDER, OLD, NEW = [[End(3, seq, 2), End(2, 40, 40)] for seq in (6, 7, 8)]


def ends(path: Path) -> list[End]:
    return BootMark(path, SystemMedium()).ends


def written(path: Path, *marks: list[End]) -> bytes:
    mark = BootMark(path, SystemMedium())
    for item in marks:
        mark.write(item)
    return path.read_bytes()


def test_what_was_written_last_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    mark = BootMark(path, SystemMedium())
    assert (mark.found, mark.ends) == (False, [])
    for seq in range(1, 20):
        mark.write([End(5, seq, seq // 2)])
        assert ends(path) == [End(5, seq, seq // 2)]
    mark = BootMark(path, SystemMedium())  # as by another process, which goes on with the other slot
    mark.write([End(6, 0, 0), End(5, 19, 9)])
    assert ends(path) == [End(6, 0, 0), End(5, 19, 9)]


def test_only_the_newest_boots_fit(tmp_path: Path) -> None:
    many = [End(boot, 1, 0) for boot in range(30, 0, -1)]
    written(tmp_path / "mark", many)
    assert ends(tmp_path / "mark") == many[:BOOTS_MAX]


def test_a_write_torn_at_any_byte_leaves_the_old_value_or_the_new_one(tmp_path: Path) -> None:
    before = written(tmp_path / "before", OLDER, OLD)
    after = written(tmp_path / "after", OLDER, OLD, NEW)
    path = tmp_path / "mark"
    seen = []
    for at in range(len(after) + 1):
        for torn in (after[:at] + before[at:], before[:at] + after[at:]):
            path.write_bytes(torn)
            found = BootMark(path, SystemMedium())
            assert found.found
            assert found.ends in (OLD, NEW)
            seen.append(found.ends)
    assert OLD in seen
    assert NEW in seen


def test_a_bit_that_flips_anywhere_takes_one_slot_at_most(tmp_path: Path) -> None:
    data = written(tmp_path / "mark", OLD, NEW)
    meant = [at for at in range(len(data)) if data[at] or at % 4096 < 108]
    for at in meant:
        (tmp_path / "mark").write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        assert ends(tmp_path / "mark") in (OLD, NEW)


@pytest.mark.parametrize("data", [b"", b"HWM1", bytes(4204), b"x" * 10_000])
def test_a_file_that_is_no_mark_is_not_found(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "mark").write_bytes(data)
    mark = BootMark(tmp_path / "mark", SystemMedium())
    assert not mark.found
    mark.write(NEW)
    assert ends(tmp_path / "mark") == NEW


def test_after_a_failed_write_the_whole_slot_stays_and_the_next_write_goes_to_the_other(tmp_path: Path) -> None:
    path = tmp_path / "mark"
    written(path, OLD, OLD)
    medium = FailingMedium()
    mark = BootMark(path, medium)
    medium.fail = once(errno.EIO, "write mark")
    with pytest.raises(OSError, match="Input/output"):
        mark.write(NEW)
    assert ends(path) == OLD
    whole = path.read_bytes()
    mark.write(NEW)
    assert ends(path) == NEW
    same = [slice(0, 108), slice(4096, 4204)]
    assert sum(path.read_bytes()[part] == whole[part] for part in same) == 1


def test_a_file_that_could_not_be_made_is_made_anew(tmp_path: Path) -> None:
    medium = FailingMedium()
    mark = BootMark(tmp_path / "mark", medium)
    medium.fail = once(errno.ENOSPC, "write mark")
    with pytest.raises(OSError, match="No space"):
        mark.write(OLD)
    assert not (tmp_path / "mark").exists()
    mark.write(NEW)
    assert ends(tmp_path / "mark") == NEW
