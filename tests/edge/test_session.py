"""The session hands out records in order, in a bounded window, and again when nothing settles them."""

from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headway_edge.session import RESEND_FIRST_MS, RESEND_MAX_MS, Session
from headway_protocol import ack
from headway_protocol.errors import DecodeError


class MemoryOutbox:
    """What a session needs of an outbox, in memory."""

    def __init__(self, boots: dict[int, int]) -> None:
        self.waiting = [(boot, seq) for boot, last in sorted(boots.items()) for seq in range(1, last + 1)]

    def to_send(self, after: tuple[int, int], limit: int) -> list[tuple[int, int, bytes]]:
        return [(b, s, f"{b}/{s}".encode()) for b, s in self.waiting if (b, s) > after][:limit]

    def acknowledge(self, boot: int, upto: int, rejections: list[tuple[int, int]]) -> None:
        refused = [seq for seq, _ in rejections]
        self.waiting = [(b, s) for b, s in self.waiting if b != boot or (s > upto and s not in refused)]


def session(outbox: MemoryOutbox, window: int = 4) -> Session:
    return Session(outbox, lambda _low, high: high, window)


def test_nothing_is_handed_out_before_the_link_is_up() -> None:
    assert session(MemoryOutbox({1: 3})).take(0) == []


def test_oldest_first_and_no_more_than_the_window() -> None:
    s = session(MemoryOutbox({1: 2, 2: 5}))
    s.connected()
    assert s.take(0) == [b"1/1", b"1/2", b"2/1", b"2/2"]
    assert s.take(1) == []


def test_an_acknowledgement_opens_the_window() -> None:
    s = session(MemoryOutbox({1: 2, 2: 5}))
    s.connected()
    s.take(0)
    s.receive(ack.encode(1, 2, []), 10)
    assert s.take(11) == [b"2/3", b"2/4"]


def test_a_rejection_settles_its_record_too() -> None:
    s = session(MemoryOutbox({1: 6}))
    s.connected()
    s.take(0)
    assert s.receive(ack.encode(1, 0, [(3, 1)]), 10) == [(3, 1)]
    assert s.take(11) == [b"1/5"]


def test_without_acknowledgement_the_window_is_sent_again_at_growing_intervals() -> None:
    s = session(MemoryOutbox({1: 2}))
    s.connected()
    now, intervals = 0, []
    assert s.take(now) == [b"1/1", b"1/2"]
    for _ in range(7):
        start = now
        while not s.take(now):
            now += 1000
        intervals.append(now - start)
    assert intervals == [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]
    assert s.resends == 14
    assert intervals[0] == RESEND_FIRST_MS
    assert intervals[-1] == RESEND_MAX_MS


def test_progress_resets_the_interval() -> None:
    s = session(MemoryOutbox({1: 2}))
    s.connected()
    s.take(0)
    s.take(10_000)  # once more, and the next interval is twice as long
    s.receive(ack.encode(1, 1, []), 12_000)
    assert s.take(21_999) == []
    assert s.take(22_000) == [b"1/2"]


def test_a_new_connection_starts_from_the_oldest_unsettled_record() -> None:
    s = session(MemoryOutbox({1: 3}))
    s.connected()
    s.take(0)
    s.receive(ack.encode(1, 1, []), 5)
    s.disconnected()
    assert s.take(6) == []
    s.connected()
    assert s.take(7) == [b"1/2", b"1/3"]


def test_bytes_that_are_no_acknowledgement_change_nothing() -> None:
    s = session(MemoryOutbox({1: 1}))
    s.connected()
    s.take(0)
    with pytest.raises(DecodeError):
        s.receive(b"rubbish", 1)
    assert not s.idle


@given(st.lists(st.sampled_from(["take", "deliver", "lose", "down", "up"]), max_size=80), st.data())
def test_whatever_the_network_does_everything_arrives_once_it_lets_things_through(
    script: list[str], data: st.DataObject
) -> None:
    """A server that keeps a set of what it got, over a network that drops, repeats and disconnects."""
    outbox = MemoryOutbox({1: 3, 2: 7})
    everything = set(outbox.waiting)
    s = session(outbox)
    stored: set[tuple[int, int]] = set()
    wire: deque[bytes] = deque()
    now = 0

    def deliver(payload: bytes) -> None:
        boot, seq = map(int, payload.decode().split("/"))
        stored.add((boot, seq))
        upto = 0
        while (boot, upto + 1) in stored:
            upto += 1
        if data.draw(st.booleans()):
            s.receive(ack.encode(boot, upto, []), now)

    s.connected()
    for action in script:
        now += 7_000
        if action == "take":
            wire.extend(s.take(now))
        elif action == "deliver" and wire:
            deliver(wire.popleft())
        elif action == "lose" and wire:
            wire.popleft()
        elif action == "down":
            s.disconnected()
        elif action == "up":
            s.connected()
    assert set(outbox.waiting) | stored == everything
    assert not (everything - set(outbox.waiting)) - stored, "forgotten before it was stored"
    s.connected()
    for _ in range(40):
        now += RESEND_MAX_MS
        for payload in s.take(now):
            boot, seq = map(int, payload.decode().split("/"))
            stored.add((boot, seq))
        for boot in (1, 2):
            upto = 0
            while (boot, upto + 1) in stored:
                upto += 1
            s.receive(ack.encode(boot, upto, []), now)
    assert outbox.waiting == []
    assert stored == everything
