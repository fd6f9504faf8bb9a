"""The simulated disk keeps what was synced, and nothing else for certain."""

import errno

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.chaos.simulated import a_disk, dice

from headway_simulators.chaos.disk import Disk, PowerCut
from headway_simulators.chaos.disk_faults import LOOKS, MOMENTS, Cut, Flip, Moment, Refusal, nth


def durable_file(on: Disk, path: str, data: bytes) -> None:
    file = on.open(path)
    file.write(0, data)
    file.sync()
    on.sync_folder(path.rpartition("/")[0])


def test_what_was_synced_with_its_name_survives_and_the_rest_need_not() -> None:
    on = a_disk()
    durable_file(on, "/a", b"kept")
    on.open("/a").write(4, b" or not")
    on.open("/b").write(0, b"nameless")
    on.restart(kept=0)
    assert on.names() == ["/a"]
    assert on.content("/a") == b"kept"


def test_without_a_synced_folder_a_synced_file_may_be_gone() -> None:
    on = a_disk()
    file = on.open("/folder/a")
    file.write(0, b"bytes")
    file.sync()
    on.restart(kept=0)
    assert on.names() == []


def test_everything_may_survive() -> None:
    on = a_disk()
    durable_file(on, "/a", b"old")
    on.open("/a").write(0, b"new")
    on.rename("/a", "/b")
    on.restart(kept=1)
    assert on.names() == ["/b"]
    assert on.content("/b") == b"new"


def test_a_killed_process_leaves_the_page_cache() -> None:
    on = a_disk()
    on.open("/a").write(0, b"bytes")
    on.cut(power=False)
    on.restart(kept=0)
    assert on.content("/a") == b"bytes"
    on.restart(kept=0)
    assert on.names() == []


def test_a_renaming_is_whole_or_not_at_all() -> None:
    seen = set()
    for seed in range(40):
        on = a_disk(seed)
        durable_file(on, "/f/old", b"1")
        durable_file(on, "/f/new", b"2")
        on.rename("/f/old", "/f/new")
        on.restart()
        seen.add(tuple((name, on.content(name)) for name in on.names()))
    assert seen == {(("/f/new", b"2"), ("/f/old", b"1")), (("/f/new", b"1"),)}


def test_a_name_is_durable_when_both_of_its_folders_are() -> None:
    on = a_disk()
    durable_file(on, "/f/a", b"1")
    on.rename("/f/a", "/g/a")
    on.sync_folder("/g")
    on.restart(kept=0)
    assert on.names() == ["/f/a"]
    on.rename("/f/a", "/g/a")
    on.sync_folder("/g")
    on.sync_folder("/f")
    on.restart(kept=0)
    assert on.names() == ["/g/a"]


def test_writes_survive_each_by_itself_and_some_are_torn() -> None:
    seen = set()
    for seed in range(300):
        on = a_disk(seed)
        durable_file(on, "/a", b"....")
        file = on.open("/a")
        file.write(0, b"AB")
        file.write(2, b"CD")
        on.restart()
        seen.add(on.content("/a"))
    assert {b"....", b"AB..", b"..CD", b"ABCD", b"A...", b".BCD", b"ABC."} <= seen
    assert all(byte in pair for found in seen for byte, pair in zip(found, (b".A", b".B", b".C", b".D"), strict=True))


@given(st.lists(st.tuples(st.integers(0, 3000), st.binary(min_size=1, max_size=1500)), max_size=8), st.integers())
def test_a_power_cut_changes_nothing_outside_of_what_was_being_written(
    writes: list[tuple[int, bytes]], seed: int
) -> None:
    on = a_disk(seed)
    before = dice(seed).randbytes(3000)
    durable_file(on, "/a", before)
    file = on.open("/a")
    touched = set()
    for offset, data in writes:
        file.write(offset, data)
        touched.update(range(offset, offset + len(data)))
    on.restart()
    after = on.content("/a")
    assert len(after) >= len(before)
    assert all(after[at] == before[at] for at in range(3000) if at not in touched)


@given(st.lists(st.tuples(st.integers(0, 300), st.binary(max_size=150)), max_size=8), st.integers())
def test_after_a_sync_a_power_cut_changes_nothing(writes: list[tuple[int, bytes]], seed: int) -> None:
    on = a_disk(seed)
    file = on.open("/a")
    expected = bytearray()
    for offset, data in writes:
        file.write(offset, data)
        expected.extend(bytes(max(offset - len(expected), 0)) if data else b"")
        expected[offset : offset + len(data)] = data
    file.truncate(len(expected) // 2)
    file.sync()
    on.sync_folder("")
    on.restart()
    assert on.content("/a") == expected[: len(expected) // 2]


@pytest.mark.parametrize("moment", MOMENTS)
def test_after_a_cut_nothing_happens_until_the_restart(moment: Moment) -> None:
    on = a_disk()
    durable_file(on, "/a", b"1")
    file = on.open("/a")
    on.plan = nth(1, Cut(moment))
    with pytest.raises(PowerCut):
        file.write(0, b"2")
    with pytest.raises(PowerCut):
        on.open("/a")
    with pytest.raises(PowerCut):
        file.sync()
    on.restart(kept=1)
    assert on.content("/a") == {"before": b"1", "after": b"2"}.get(moment, on.content("/a"))
    with pytest.raises(PowerCut):
        file.read(1, 0)


def test_a_full_disk_takes_what_fits_and_goes_on_when_there_is_room() -> None:
    on = a_disk(capacity_bytes=10)
    file = on.open("/a")
    file.write(0, b"12345678")
    with pytest.raises(OSError, match="No space") as refused:
        file.write(8, b"1234")
    assert refused.value.errno == errno.ENOSPC
    assert on.content("/a") == b"1234567812"
    file.write(0, b"overwriting needs no room"[:10])
    file.truncate(2)
    file.write(2, b"12345678")
    assert on.used_bytes == 10
    on.open("/b")
    on.remove("/a")
    assert on.used_bytes == 0


def test_what_a_failed_sync_dropped_no_later_one_writes() -> None:
    lost = 0
    for seed in range(20):
        on = a_disk(seed)
        durable_file(on, "/a", b"old")
        file = on.open("/a")
        file.write(0, b"new")
        on.plan = nth(1, Refusal(), kinds=("sync",))
        with pytest.raises(OSError, match="Input/output error"):
            file.sync()
        assert on.content("/a") == b"new"
        file.sync()
        on.restart()
        lost += on.content("/a") == b"old"
    assert 0 < lost < 20


def test_where_the_cache_reverts_a_failed_sync_shows_the_old_bytes() -> None:
    on = a_disk(3)
    durable_file(on, "/a", b"old")
    file = on.open("/a")
    file.write(0, b"new")
    on.plan = nth(1, Refusal(reverts=True), kinds=("sync",))
    with pytest.raises(OSError, match="Input/output error"):
        file.sync()
    seen = on.content("/a")
    on.restart(kept=1)
    assert on.content("/a") == seen


def test_a_flipped_bit_is_read_once() -> None:
    on = a_disk()
    durable_file(on, "/a", bytes(4))
    on.plan = nth(2, Flip(8 * 4 + 9), kinds=LOOKS)
    file = on.open("/a")
    assert file.read(4, 0) == b"\0\2\0\0"
    assert file.read(4, 0) == bytes(4)


def test_the_same_seed_loses_the_same() -> None:
    def run(seed: int) -> bytes:
        on = a_disk(seed)
        durable_file(on, "/a", bytes(4000))
        file = on.open("/a")
        for part in range(4):
            file.write(1000 * part, bytes([part + 1]) * 1000)
        on.restart()
        return on.content("/a")

    assert run(5) == run(5)
    assert len({run(seed) for seed in range(20)}) > 10
