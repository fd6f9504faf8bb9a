"""The session hands out records in order, in a bounded window, and again when nothing settles them."""

import random
from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.edge.session_outbox import MemoryOutbox, MemoryServer, key_of

from headway_edge.session import RESEND_FIRST_MS, RESEND_MAX_MS, RETRY_MS, SENDS_MAX, WINDOW, Session
from headway_protocol import ack
from headway_protocol.errors import DecodeError

HOUR_MS = 3_600_000


def highest(_low: int, high: int) -> int:
    return high


def session(outbox: MemoryOutbox, window: int = 4) -> Session:
    return Session(outbox, highest, window)


def test_nothing_is_handed_out_before_the_link_is_up() -> None:
    assert session(MemoryOutbox({1: 3})).take(0) == []


def test_what_fits_is_sent_in_order() -> None:
    s = session(MemoryOutbox({1: 2, 2: 2}))
    s.connected()
    assert s.take(0) == [b"1/1", b"1/2", b"2/1", b"2/2"]
    assert s.take(1) == []
    assert (s.in_flight, s.idle) == (4, False)


def test_of_more_than_fits_the_oldest_go_and_a_quarter_of_the_window_is_for_the_newest() -> None:
    s = session(MemoryOutbox({1: 2, 2: 5}))
    s.connected()
    assert s.take(0) == [b"1/1", b"1/2", b"2/1", b"2/5"]
    assert s.take(1) == []


def test_an_acknowledgement_opens_the_window() -> None:
    s = session(MemoryOutbox({1: 2, 2: 5}))
    s.connected()
    s.take(0)
    s.receive(ack.encode(1, 2, []), 10)
    assert s.take(11) == [b"2/2", b"2/3"]


def test_what_is_stored_above_a_gap_is_settled_too() -> None:
    outbox = MemoryOutbox({1: 9})
    s = session(outbox)
    s.connected()
    assert s.take(0) == [b"1/1", b"1/2", b"1/3", b"1/9"]
    s.receive(ack.encode(1, 0, [], [(2, 3), (9, 9)]), 10)
    assert outbox.waiting == [(1, 1), (1, 4), (1, 5), (1, 6), (1, 7), (1, 8)]
    assert s.take(11) == [b"1/4", b"1/5"]


def test_a_rejection_settles_its_record_too() -> None:
    s = session(MemoryOutbox({1: 6}), 8)
    s.connected()
    assert len(s.take(0)) == 6
    assert s.receive(ack.encode(1, 0, [(3, 1)]), 10) == [(3, 1)]
    assert s.in_flight == 5


def test_a_silent_server_is_asked_with_one_record_at_growing_intervals() -> None:
    s = session(MemoryOutbox({1: 2}))
    s.connected()
    now, intervals, asked = 0, [], []
    assert s.take(now) == [b"1/1", b"1/2"]
    for _ in range(7):
        start = now
        while not (sent := s.take(now)):
            now += 1000
        intervals.append(now - start)
        asked += sent
    assert intervals == [10_000, 20_000, 40_000, 80_000, 160_000, 300_000, 300_000]
    assert asked == [b"1/1", b"1/2"] * 3 + [b"1/1"]
    assert s.resends == 7
    assert (intervals[0], intervals[-1]) == (RESEND_FIRST_MS, RESEND_MAX_MS)


def test_the_first_answer_after_a_silence_brings_everything_that_was_lost_before_it() -> None:
    outbox = MemoryOutbox({1: 4})
    s = session(outbox)
    s.connected()
    s.take(0)
    assert s.take(10_000) == [b"1/1"]
    s.receive(ack.encode(1, 1, []), 10_100)
    assert s.take(20_099) == []
    assert s.take(20_100) == [b"1/2", b"1/3", b"1/4"]


@given(seed=st.integers(0, 2**32), worst=st.booleans(), cuts=st.lists(st.integers(0, HOUR_MS), max_size=30))
def test_a_server_that_never_answers_gets_few_messages_an_hour(seed: int, worst: bool, cuts: list[int]) -> None:
    """The window once, one record for each new connection, and one now and then; also with the worst of luck."""
    generator = random.Random(seed)  # noqa: S311 - jitter
    outbox = MemoryOutbox({1: 500})
    s = Session(outbox, (lambda low, _high: low) if worst else generator.randint)
    s.connected()
    sent = len(s.take(0))
    assert sent == WINDOW
    cuts = sorted(cuts)
    for now in range(0, HOUR_MS, 500):
        while cuts and cuts[0] <= now:
            cuts.pop(0)
            s.disconnected()
            s.connected()
        if generator.random() < 0.001:
            outbox.append()
        sent += len(s.take(now))
        assert s.in_flight <= WINDOW
    assert sent <= WINDOW + 30 + 125


def test_progress_resets_the_interval() -> None:
    s = session(MemoryOutbox({1: 2}))
    s.connected()
    s.take(0)
    assert s.take(10_000) == [b"1/1"]  # the next interval would be twice as long
    s.receive(ack.encode(1, 0, [], [(2, 2)]), 12_000)
    assert s.take(21_999) == []
    assert s.take(22_000) == [b"1/1"]


def test_a_new_connection_starts_from_the_oldest_unsettled_record() -> None:
    s = session(MemoryOutbox({1: 3}))
    s.connected()
    s.take(0)
    s.receive(ack.encode(1, 1, []), 5)
    s.disconnected()
    assert s.take(6) == []
    s.connected()
    assert s.take(7) == [b"1/2", b"1/3"]


def test_after_a_connection_without_any_answer_the_next_begins_with_one_record_and_grows() -> None:
    outbox, server = MemoryOutbox({1: 100}), MemoryServer()
    s = Session(outbox, highest)
    s.connected()
    assert len(s.take(0)) == WINDOW
    s.disconnected()
    s.connected()
    sizes = []
    for now in range(1, 7):
        payloads = s.take(now)
        sizes.append(len(payloads))
        for answer in server.receive(payloads):
            s.receive(answer, now)
    assert sizes == [1, 2, 4, 6, 11, 15], "a quarter is kept free for what is new"


def test_bytes_that_are_no_acknowledgement_change_nothing() -> None:
    s = session(MemoryOutbox({1: 1}))
    s.connected()
    s.take(0)
    with pytest.raises(DecodeError):
        s.receive(b"rubbish", 1)
    assert not s.idle
    assert s.last_ack_ms is None


def test_what_the_link_did_not_take_is_handed_out_again() -> None:
    s = session(MemoryOutbox({1: 4}))
    s.connected()
    assert len(s.take(0)) == 4
    s.unsent(3)
    assert s.in_flight == 1
    assert s.take(1) == [b"1/2", b"1/3", b"1/4"]


def test_what_the_server_asks_for_again_is_sent_although_newer_records_went_before() -> None:
    outbox = MemoryOutbox({1: 2})
    s = session(outbox)
    s.connected()
    s.take(0)
    s.receive(ack.encode(1, 2, []), 1)
    assert s.take(2) == []
    outbox.waiting = [(1, 1)]  # settled once, open again
    s.look_again()
    assert s.take(3) == [b"1/1"]


def test_a_new_record_leaves_at_once_while_weeks_of_others_wait() -> None:
    outbox, server = MemoryOutbox({1: 10_000, 2: 0}), MemoryServer()
    s = Session(outbox, highest)
    s.connected()
    late = []
    for now in range(200):
        made = outbox.append() if now % 3 == 0 else None
        payloads = s.take(now)
        if made is not None:
            late.append(f"{made[0]}/{made[1]}".encode() not in payloads)
        for answer in server.receive(payloads):
            s.receive(answer, now)
    assert not any(late)
    assert len(server.stored) >= 200 * 15


class Road:
    """A link between a session and a server on which some records never get through."""

    def __init__(self, outbox: MemoryOutbox, poison: set[tuple[int, int]], seed: int = 1) -> None:
        self.outbox, self.poison, self.server = outbox, poison, MemoryServer()
        self.session = Session(outbox, random.Random(seed).randint)  # noqa: S311 - jitter
        self.now_ms = 0
        self.sent: list[tuple[int, int]] = []

    def drop(self, until_ms: int, step_ms: int = 1000) -> None:
        """A broker that takes the poison and drops it silently."""
        while self.now_ms < until_ms:
            self._pass_on([p for p in self._take() if key_of(p) not in self.poison])
            self.now_ms += step_ms

    def cut(self, until_ms: int, step_ms: int = 1000) -> None:
        """A broker that closes the connection when it gets the poison, before the answers to what was with it are out."""
        while self.now_ms < until_ms:
            self.session.connected()
            while self.now_ms < until_ms:
                payloads = self._take()
                self.now_ms += step_ms
                if any(key_of(p) in self.poison for p in payloads):
                    break
                self._pass_on(payloads)
            self.session.disconnected()

    def _take(self) -> list[bytes]:
        payloads: list[bytes] = self.session.take(self.now_ms)
        self.sent += [key_of(p) for p in payloads]
        return payloads

    def _pass_on(self, payloads: list[bytes]) -> None:
        for answer in self.server.receive(payloads):
            self.session.receive(answer, self.now_ms)


@given(seed=st.integers(0, 1000), at=st.integers(1, 60))
def test_a_record_that_is_dropped_again_and_again_holds_up_no_other_and_is_put_away(seed: int, at: int) -> None:
    outbox = MemoryOutbox({1: 60})
    road = Road(outbox, {(1, at)}, seed)
    road.session.connected()
    for minute in range(240):
        road.drop((minute + 1) * 60_000, 6_000)
        outbox.append()
    assert outbox.aside == [(1, at)]
    assert SENDS_MAX <= road.sent.count((1, at)) <= 5 * SENDS_MAX
    assert road.session.given_up == 1
    assert len(outbox.settled) >= 59 + 239
    assert road.sent.count((1, at)) + len(outbox.settled) == len(road.sent), "nothing else was sent twice"


@settings(max_examples=15)
@given(seed=st.integers(0, 1000), dropped=st.sets(st.integers(1, 30), min_size=2, max_size=12))
def test_several_that_are_dropped_again_and_again_do_not_fill_the_window_between_them(
    seed: int, dropped: set[int]
) -> None:
    """As a broker does with what is larger than it takes, in MQTT 3.1.1, while it says that it took it."""
    outbox = MemoryOutbox({1: 30})
    road = Road(outbox, {(1, seq) for seq in dropped}, seed)
    road.session.connected()
    for minute in range(300):
        road.drop((minute + 1) * 60_000, 6_000)
        outbox.append()
    assert sorted(outbox.aside) == sorted(road.poison)
    assert len(outbox.waiting) <= 1


def test_it_is_tried_again_at_a_connection_a_day_later_and_in_a_new_boot() -> None:
    outbox = MemoryOutbox({1: 2})
    road = Road(outbox, {(1, 1)})
    road.session.connected()
    assert outbox.retries == 0
    road.drop(HOUR_MS)
    for _ in range(SENDS_MAX):
        outbox.append()
        road.drop(road.now_ms + HOUR_MS)
    assert (outbox.aside, outbox.retries) == ([(1, 1)], 1)
    road.session.disconnected()
    road.session.connected()
    road.drop(road.now_ms + 1000)
    assert outbox.retries == 1
    road.now_ms = RETRY_MS
    road.session.disconnected()
    road.session.connected()
    road.poison = set()
    road.drop(road.now_ms + HOUR_MS)
    assert (outbox.aside, outbox.waiting, outbox.retries) == ([], [], 2)
    assert (1, 1) in road.server.stored
    outbox.aside = [(1, 1)]
    Road(outbox, set()).session.connected()
    road = Road(outbox, set())
    road.session.connected()
    road.drop(1000)
    assert outbox.retries == 3


@given(seed=st.integers(0, 1000), poison=st.sets(st.integers(1, 30), max_size=3))
def test_a_record_that_ends_every_connection_holds_up_no_other(seed: int, poison: set[int]) -> None:
    """As brokers do with one that is too large, or on a topic that is not allowed."""
    outbox = MemoryOutbox({1: 30})
    road = Road(outbox, {(1, seq) for seq in poison}, seed)
    road.cut(24 * HOUR_MS, 10_000)
    assert road.server.stored == {(1, seq) for seq in range(1, 31) if seq not in poison}
    assert sorted(outbox.aside + outbox.waiting) == sorted((1, seq) for seq in poison)


def test_a_server_that_takes_so_many_a_minute_is_not_sent_the_same_ones_over_and_over() -> None:
    outbox, server = MemoryOutbox({1: 600}), MemoryServer()
    s = Session(outbox, random.Random(1).randint)  # noqa: S311 - jitter
    s.connected()
    sent, tokens, now = 0, 10.0, 0
    while outbox.waiting and now < 6 * HOUR_MS:
        payloads = s.take(now)
        sent += len(payloads)
        taken = payloads[: int(tokens)]
        tokens -= len(taken)
        for answer in server.receive(taken):
            s.receive(answer, now)
        now += 100
        tokens = min(10.0, tokens + 0.1)  # sixty a minute
    assert not outbox.waiting
    assert not outbox.aside
    assert sent < 3 * 600
    print(f"600 records at 60 a minute: {sent} sends, {now / 60_000:.1f} min")


@given(st.lists(st.sampled_from(["take", "deliver", "lose", "down", "up", "append", "unsent"]), max_size=80), st.data())
def test_whatever_the_network_does_everything_arrives_once_it_lets_things_through(
    script: list[str], data: st.DataObject
) -> None:
    """A server that keeps a set of what it got, over a network that drops, repeats and disconnects."""
    outbox, server = MemoryOutbox({1: 3, 2: 7}), MemoryServer()
    s = session(outbox)
    wire: deque[bytes] = deque()
    now = 0
    s.connected()
    for action in script:
        now += 7_000
        if action == "take":
            payloads = s.take(now)
            assert s.in_flight <= 4
            wire.extend(payloads)
        elif action == "deliver" and wire:
            for answer in server.receive([wire.popleft()]):
                if data.draw(st.booleans()):
                    s.receive(answer, now)
        elif action == "lose" and wire:
            wire.popleft()
        elif action == "down":
            s.disconnected()
        elif action == "up":
            s.connected()
        elif action == "append":
            outbox.append()
        elif action == "unsent" and (payloads := s.take(now)):
            s.unsent(len(payloads))
    everything = {(1, seq) for seq in range(1, 4)} | {(2, seq) for seq in range(1, outbox.last_seq + 1)}
    assert set(outbox.waiting) | set(outbox.aside) | server.stored == everything
    assert set(outbox.settled) <= server.stored, "forgotten before it was stored"
    now += RETRY_MS
    s.connected()
    for _ in range(200):
        now += RESEND_MAX_MS
        for answer in server.receive(s.take(now)):
            s.receive(answer, now)
    assert outbox.waiting == outbox.aside == []
    assert server.stored == everything
