"""An acknowledgement tells what is committed above a gap, so that one record that is lost on the way holds up no other."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_protocol import ack
from headway_server.ingest.sequence import ranges_of

pytestmark = pytest.mark.anyio


@given(st.lists(st.integers(1, 200)))
def test_ranges_hold_the_same_numbers_in_order_and_do_not_touch(seqs):
    ranges = ranges_of(seqs)
    assert [seq for first, last in ranges for seq in range(first, last + 1)] == sorted(set(seqs))
    assert all(last + 1 < first for (_, last), (first, _) in itertools.pairwise(ranges))


async def told(store, *messages):
    return [ack.decode_all(answer.payload) for answer in await store.ingest.commit(messages)]


async def test_what_lies_above_a_gap_is_told_and_told_again_when_it_comes_again(store, make):
    first, *others = [make.up(make.birth(1)), *(make.up(make.trip(1, seq)) for seq in (4, 3, 7))]
    assert await told(store, first, *others) == [(1, 1, [], [(3, 4), (7, 7)])]
    assert await told(store, others[0]) == [(1, 1, [], [(4, 4)])]
    assert await told(store, make.up(make.trip(1, 2))) == [(1, 4, [], [])]
    assert await told(store, others[2]) == [(1, 4, [], [(7, 7)])]


async def test_without_a_gap_there_is_nothing_more_to_tell(store, make):
    assert await told(store, make.up(make.birth(1)), make.up(make.trip(1, 2))) == [(1, 2, [], [])]


async def test_what_is_refused_is_told_as_refused_only(store, make):
    other = make.up(make.trip(1, 5, km=99))
    assert await told(store, make.up(make.trip(1, 5)), other) == [(1, 0, [(5, 3)], [])]
    broken = make.up(make.trip(1, 8)[:-1])
    assert await told(store, broken, make.up(make.trip(1, 9))) == [(1, 0, [(8, 1)], [(9, 9)])]


async def test_more_ranges_than_a_message_holds_are_told_when_they_come_again(store, make):
    messages = [make.up(make.birth(2, seq)) for seq in range(3, 3 + 2 * (ack.STORED_MAX + 5), 2)]
    ((_, _, _, stored),) = await told(store, *messages)
    assert len(stored) == ack.STORED_MAX
    ((_, _, _, again),) = await told(store, *messages[ack.STORED_MAX :])
    assert [first for first, _ in again] == [3 + 2 * number for number in range(ack.STORED_MAX, ack.STORED_MAX + 5)]
