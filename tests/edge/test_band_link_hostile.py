"""Whatever comes instead of a good broker's packets ends the connection with a cause, and never the device."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.edge.hostile_bytes import HARMLESS, HOSTILE, STALE, mutated, publish
from tests.micropython.hostile_packets import CONNACK, POLLS_MAX, SUBACK, TOPIC, Met

from headway_edge.band.band_link import CONNECTED, DISCONNECTED, MESSAGE, RECEIVED_BYTES_MAX

GOOD = [
    CONNACK,
    SUBACK,
    b"\x40\x02\x00\x02",
    b"\x40\x02\x00\x03",
    publish(TOPIC + b"ack", b"\x85\x01\x03\x11\x80\x80"),
    publish(TOPIC + b"cmd", bytes(700)),
    publish(TOPIC + b"bench", b"x", 0x31),
]
PIECES = st.integers(1, 300)


def judged(met: Met, data: bytes) -> None:
    assert met.polls <= POLLS_MAX + len(data) + 10
    ends = [event for event in met.events if event[0] == DISCONNECTED]
    assert len(ends) == met.stream.closed
    if ends:
        assert met.events[-1] is ends[0]
        assert met.link.cause == ends[0][1] != ""
        assert not met.link.publish(b"x")
    assert all(event[0] != MESSAGE or len(event[2]) <= RECEIVED_BYTES_MAX for event in met.events)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("piece_bytes", [1, 256])
def test_what_no_broker_may_send_ends_the_connection_with_a_cause(name: str, piece_bytes: int) -> None:
    stage, data, cause = HOSTILE[name]
    met = Met(stage, data, piece_bytes)
    judged(met, data)
    assert met.events[-1] == (DISCONNECTED, cause, False)
    assert met.link.attempts == 1


@pytest.mark.parametrize(
    ("code", "cause", "refused"),
    [
        (1, "the broker does not speak MQTT 3.1.1", True),
        (2, "client identifier not valid", True),
        (3, "the broker is unavailable", False),
        (4, "bad user name or password", True),
        (5, "not authorized", True),
    ],
)
def test_a_refusal_has_a_name(code: int, cause: str, refused: bool) -> None:
    met = Met(0, b"\x20\x02\x00" + bytes([code]))
    assert met.events == [(DISCONNECTED, f"refused: {cause}", refused)]


def test_without_the_acknowledgements_topic_there_is_no_use_in_sending() -> None:
    met = Met(1, b"\x90\x05\x00\x01\x80\x01\x01")
    assert met.events == [(DISCONNECTED, "refused: the broker does not let this device read its ack topic", True)]
    assert Met(1, b"\x90\x05\x00\x01\x01\x80\x80").events[0] == (CONNECTED,)


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("piece_bytes", [1, 256])
def test_what_is_odd_and_allowed_ends_nothing(name: str, piece_bytes: int) -> None:
    data, messages = HARMLESS[name]
    met = Met(2, data, piece_bytes)
    assert [event[0] for event in met.events] == [CONNECTED, *[MESSAGE] * messages, DISCONNECTED]
    assert "PINGREQ" in met.link.cause, "it was up to the end of the bytes"
    assert met.link.skipped == ("thousand bytes" in name or "eight thousand" in name)
    # Each at QoS 1 has its answer, that which was passed over too.
    assert met.stream.written.count(b"\x40\x02\x00\x05") == data.count(b"\x00\x05", 0, 40) * max(1, messages)


def test_a_broker_that_answers_pings_and_takes_nothing_over_is_left() -> None:
    class Pinged(Met):
        def _poll(self) -> bool:
            if self.stream.written.endswith(b"\xc0\x00") and not self.stream.waiting:
                self.stream.waiting = b"\xd0\x00"
                self.stream.written += b"answered"
            return super()._poll()

    met = Pinged(2, b"\x40\x02\x00\x02")
    assert met.events[-1] == (DISCONNECTED, STALE, False)


@given(stage=st.integers(0, 2), data=st.binary(max_size=400), piece_bytes=PIECES)
def test_any_bytes(stage: int, data: bytes, piece_bytes: int) -> None:
    judged(Met(stage, data, piece_bytes), data)


@given(stage=st.integers(0, 2), packets=st.lists(st.sampled_from(GOOD), max_size=6), data=st.data(), piece_bytes=PIECES)
def test_good_packets_in_any_order_with_damage(
    stage: int, packets: list[bytes], data: st.DataObject, piece_bytes: int
) -> None:
    stream = bytearray(b"".join(packets))
    for _ in range(data.draw(st.integers(0, 3)) if stream else 0):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    whole, cut = Met(stage, bytes(stream)), Met(stage, bytes(stream), piece_bytes)
    judged(whole, bytes(stream))
    assert whole.events == cut.events, "how the network cuts a stream into pieces means nothing"
    # What waits to be written when the connection ends is not written any more.
    longer, shorter = sorted((whole.stream.written, cut.stream.written), key=len, reverse=True)
    assert longer.startswith(shorter)


def test_the_largest_packet_takes_no_more_memory_than_the_smallest() -> None:
    largest = b"\x30\xff\xff\xff\x7f" + len(TOPIC + b"ack").to_bytes(2, "big") + TOPIC + b"ack"

    class Endless(Met):
        left = 2_000_000

        def _poll(self) -> bool:
            if not self.stream.waiting and self.left and self.stream.written:
                self.stream.waiting, self.left = bytes(4096), self.left - 4096
            return super()._poll()

    Endless.left = 0
    Endless(2, largest)
    Endless.left = 4096 * 400
    tracemalloc.start()
    met = Endless(2, largest)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert met.events[-1][0] == DISCONNECTED
    assert most < 40_000, "1.6 MB went through"


@settings(max_examples=30)
@given(seed=st.integers(0, 1 << 30))
def test_what_the_other_hosts_are_given_is_judged_here_too(seed: int) -> None:
    for stage, data, piece_bytes in mutated(20, seed):
        judged(Met(stage, data, piece_bytes), data)


def test_a_broker_that_sends_and_does_not_read_fills_no_memory_and_is_left() -> None:
    class Deaf(Met):
        most = 0

        def _poll(self) -> bool:
            if self.link.up:
                self.stream.send = lambda _data: 0  # type: ignore[method-assign]
                if not self.stream.waiting:
                    self.stream.waiting = 50 * publish(TOPIC + b"bench", b"x")
            happened = super()._poll()
            self.most = max(self.most, len(self.link._connection._waiting) if self.link._connection else 0)
            if self.link.up:
                self._now_ms += 100
            return happened

    met = Deaf(2, b"")
    assert met.events[-1][0] == DISCONNECTED
    assert 4 < met.most <= 16
    assert sum(event[0] == MESSAGE for event in met.events) <= 16
