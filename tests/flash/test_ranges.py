"""Ranges of records, settled and lost, against sets of them; and the two copies of what must not be lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.flash.log_segment import pack_state, unpack_state
from headway_edge.flash.loss_list import DAMAGED, STORAGE_FULL, LossList
from headway_edge.flash.settled_ranges import RANGES_MAX, SettledRanges
from headway_edge.flash.two_copies import TwoCopies
from headway_simulators.simulated_flash import COMMITTED, INPUT_OUTPUT, SimulatedFlash

BOOTS, SEQS = range(1, 4), range(1, 13)
Range = tuple[int, int, int]
ranges = st.tuples(st.sampled_from(BOOTS), st.sampled_from(SEQS), st.sampled_from(SEQS)).map(
    lambda item: (item[0], min(item[1:]), max(item[1:]))
)


def members(item: Range) -> set[tuple[int, int]]:
    return {(item[0], seq) for seq in range(item[1], item[2] + 1)}


def told(ranges_: SettledRanges | LossList) -> set[tuple[int, int]]:
    """Ask step by step, as a ledger does."""
    found = set()
    for boot in BOOTS:
        seq = SEQS[0]
        while seq <= SEQS[-1]:
            inside, end = ranges_.step(boot, seq, SEQS[-1])
            assert seq <= end <= SEQS[-1]
            if inside:
                found |= members((boot, seq, end))
            seq = end + 1
    return found


@given(st.lists(st.tuples(st.booleans(), ranges), max_size=25))
def test_settled_ranges_are_the_set_of_what_was_settled_and_not_opened_again(
    steps: list[tuple[bool, Range]],
) -> None:
    settled, model = SettledRanges(), set[tuple[int, int]]()

    def open_between(low: tuple[int, int], high: tuple[int, int]) -> bool:
        return any(low < (boot, seq) < high and (boot, seq) not in model for boot in BOOTS for seq in SEQS)

    for adds, item in steps:
        if adds:
            model |= members(item)
            settled.add(*item, open_between)
        else:
            model -= members(item)
            settled.remove(*item)
        assert told(settled) == model
        assert settled.ranges == sorted(settled.ranges)
        assert settled.ranges[0][:2] == (0, 0)


def test_one_range_spans_boots_that_are_settled_and_many_at_both_ends_stay_two() -> None:
    settled = SettledRanges()
    for boot in range(1, 100):
        settled.add(boot, 1, 5, lambda *_: False)
    assert settled.ranges == [(0, 0, 99, 5)]
    settled = SettledRanges()
    for boot in range(99, 50, -1):  # the newest first; those before 51 are open
        settled.add(boot, 1, 5, lambda low, _: low < (51, 1))
    assert settled.ranges == [(0, 0, 0, 0), (51, 1, 99, 5)]


def test_too_many_ranges_forget_the_shortest_and_say_so() -> None:
    settled = SettledRanges()
    for seq in range(1, 4 * RANGES_MAX, 4):
        settled.add(7, seq, seq + (seq == 41), lambda *_: True)
    assert len(settled.ranges) == RANGES_MAX
    assert settled.forgotten == 1
    assert settled.step(7, 41, 42) == (True, 42)


@given(st.lists(st.tuples(st.sampled_from(["lose", "settle"]), ranges, st.integers(0, 1)), max_size=25))
def test_losses_are_the_set_of_what_is_lost_and_not_settled(steps: list[tuple[str, Range, int]]) -> None:
    losses, model = LossList(1000), set[tuple[int, int]]()
    for what, (boot, first, last), reason in steps:
        if what == "settle":
            known = losses.settle(boot, first, last)
            assert {key for item in known for key in members(item)} == model & members((boot, first, last))
            model -= members((boot, first, last))
        else:
            for seq in range(first, last + 1):  # none of it is in the list
                if (boot, seq) not in model:
                    losses.add(boot, seq, seq, (STORAGE_FULL, DAMAGED)[reason])
            model |= members((boot, first, last))
        assert told(losses) == model
        assert {key for entry in losses.undeclared() for key in members(tuple(entry[:3]))} == model


def test_what_touches_is_one_loss_and_is_to_be_declared_anew() -> None:
    losses = LossList()
    losses.add(1, 5, 9, STORAGE_FULL)
    losses.declare(1, 5, 9, 2, 3)
    assert losses.undeclared() == []
    losses.add(1, 10, 12, STORAGE_FULL)
    assert [entry[:3] for entry in losses.undeclared()] == [[1, 5, 12]]
    losses.declare(1, 5, 12, 2, 4)
    losses.dropped(2, 1, 3)
    assert losses.undeclared() == []
    losses.dropped(2, 4, 4)
    assert [entry[:3] for entry in losses.undeclared()] == [[1, 5, 12]]
    losses.declare(1, 1, 12, 2, 9)
    assert losses.settle(2, 1, 9) == [(1, 5, 12)]
    assert losses.entries == []


def test_more_losses_than_there_is_room_for_are_counted() -> None:
    losses = LossList(2)
    for seq in (1, 5, 10):
        losses.add(1, seq, seq + 1, DAMAGED)
    assert (len(losses.entries), losses.unnamed) == (2, 2)
    losses.add(1, 3, 4, DAMAGED)  # what closes a gap finds room
    assert [entry[:3] for entry in losses.entries] == [[1, 1, 6]]


@given(st.dictionaries(st.text(max_size=20), st.none() | st.binary(max_size=50), max_size=8))
def test_state_is_packed_and_unpacked(state: dict[str, bytes | None]) -> None:
    assert dict(unpack_state(pack_state(state))) == state


@pytest.mark.parametrize("copies_made", [1, 2])
def test_the_only_copy_is_not_written_over_because_it_cannot_be_read_for_a_while(copies_made: int) -> None:
    files: dict[str, bytes] = {}
    copies = TwoCopies(SimulatedFlash(files), "it")
    for _ in range(copies_made):
        copies.save(b"good")
    files.pop(f"it.{copies_made - 1}", None)
    only = f"it.{copies_made % 2}"
    medium = SimulatedFlash(files, fail_at=1, error=OSError(INPUT_OUTPUT, "fails"), persistent=True, only=("read",))
    copies = TwoCopies(medium, "it")
    with pytest.raises(OSError, match="fails"):
        copies.load()
    with pytest.raises(OSError, match="fails"):
        copies.save(b"new")
    assert TwoCopies(SimulatedFlash(files), "it").load() == b"good"
    copies.pass_over()
    copies.save(b"new")
    assert files[only][8:] == b"good"
    assert TwoCopies(SimulatedFlash(files), "it").load() == b"new"


def test_a_copy_that_cannot_be_read_is_not_taken_for_the_older_one() -> None:
    files: dict[str, bytes] = {}
    copies = TwoCopies(SimulatedFlash(files), "it")
    for number in range(5):
        copies.save(b"%d" % number)
    newest = max(files, key=lambda name: files[name][-1])
    medium = SimulatedFlash(files, COMMITTED)
    read = medium.open

    def refuse(name: str, mode: str) -> object:
        if name == newest and mode == "rb":
            raise OSError(INPUT_OUTPUT, "unreadable")
        return read(name, mode)

    medium.open = refuse  # type: ignore[method-assign,assignment]
    copies = TwoCopies(medium, "it")
    assert copies.load() == b"3"
    copies.save(b"new")
    # It went over the one that cannot be read, and counts more than both.
    assert TwoCopies(SimulatedFlash(files), "it").load() == b"new"
    assert sorted(content[8:] for content in files.values()) == [b"3", b"new"]
