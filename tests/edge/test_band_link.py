"""The link of a microcontroller on this machine's sockets, against a broker that misbehaves as told."""

import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.edge.banded import Banded
from tests.edge.cut_device import Cutter
from tests.edge.fake_broker import Behaviour, FakeBroker, until
from tests.micropython.hostile_packets import CONNACK, SUBACK, ScriptedStream

from headway_edge.band import band_link
from headway_edge.band.band_link import BandLink
from headway_protocol import ack, cbor, command, record, state, topics
from headway_simulators.chaos.proxy import Cut

MakeBanded = Callable[..., Banded]
TOPIC = "headway/v1/depot-7/band-3/"


@pytest.fixture
def broker() -> Iterator[FakeBroker]:
    with FakeBroker(Behaviour(versions=(4,))) as one:
        yield one


@pytest.fixture
def banded(tmp_path: Path) -> Iterator[MakeBanded]:
    """A function of what `Banded` takes but the folder, which is the same for all."""
    made: list[Banded] = []

    def make(port: int, **settings: Any) -> Banded:
        made.append(Banded(tmp_path, port, **settings))
        return made[-1]

    yield make
    for one in made:
        one.link.stop()


def test_presence_tells_the_boot_and_the_ends_and_the_will_takes_it_back(
    broker: FakeBroker, banded: MakeBanded
) -> None:
    earlier = banded(broker.port)
    earlier.make(3)
    band = banded(broker.port, username="band-3", password="secret")  # noqa: S106
    band.make(2)
    band.settle()
    connect = broker.connects[-1]
    assert (connect.version, connect.client_id, connect.clean, connect.keepalive_s) == (4, "depot-7:band-3", True, 60)
    assert (connect.username, connect.password) == ("band-3", "secret")
    assert connect.will == (TOPIC + "state", state.encode(2, online=False))
    assert broker.published[0] == (TOPIC + "state", state.encode(2, True, [(2, 2), (1, 3)]), True)
    assert broker.subscribed == [TOPIC + name for name in ("ack", "bench", "cmd")]
    assert sorted(broker.stored) == [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    band.link.stop()
    until(lambda: broker.published[-1] == (TOPIC + "state", state.encode(2, online=False), True))
    assert band.link.poll(10**9) is None, "it connects no more"


def test_what_comes_on_each_channel_is_heard_and_what_cannot_be_read_is_counted(
    broker: FakeBroker, banded: MakeBanded
) -> None:
    band = banded(broker.port)
    band.step_until(lambda: band.link.up and len(broker.published) == 1)
    broker.send(topics.BENCH, b"a benchmark")
    band.step_until(lambda: band.heard == [b"a benchmark"])
    for channel in (topics.ACK, topics.CMD):
        broker.send(channel, b"\xff")
    broker.send(topics.CMD, cbor.encode([1, 99, 5]))
    band.step_until(lambda: band.exchange.refused == 2)
    broker.send(topics.BENCH, bytes(band_link.RECEIVED_BYTES_MAX))
    band.step_until(lambda: band.link.skipped == 1)
    band.make()
    band.settle()
    assert len(broker.connects) == 1


def test_what_the_server_asks_for_is_sent_again_and_what_is_not_kept_is_declared_once(
    broker: FakeBroker, banded: MakeBanded
) -> None:
    band = banded(broker.port, first_boot=5)
    band.make(3)
    band.settle()
    broker.stored.clear()
    # Of boot 3, which was before all that the log remembers, nothing is kept.
    asked = command.resend([(5, 1, 2), (3, 1, 4)])
    for _ in range(2):
        broker.stored.clear()
        broker.send(topics.CMD, asked)
        band.step_until(lambda: set(broker.stored) == {(5, 1), (5, 2), (5, 4)})
    assert band.log.last_seq == 4
    told = record.decode(broker.stored[5, 4])
    assert (told.kind, record.parse_loss(told.body)) == (record.LOSS, (3, 1, 4, "not kept any more"))


def test_losses_that_the_log_finds_are_declared(broker: FakeBroker, banded: MakeBanded) -> None:
    band = banded(broker.port)
    band.make(2)
    band.log.skip()
    band.make(1)
    band.step_until(lambda: (1, 5) in broker.stored)
    told = record.decode(broker.stored[1, 5])
    assert record.parse_loss(told.body)[:3] == (1, 3, 3)


@pytest.mark.parametrize(("direction", "after", "cut"), [
    ("up", 20, Cut.BLACKHOLE), ("up", 250, Cut.BLACKHOLE), ("up", 320, Cut.MUTE),
    ("down", 0, Cut.MUTE), ("down", 5, Cut.BLACKHOLE), ("down", 13, Cut.MUTE), ("down", 20, Cut.BLACKHOLE),
])  # fmt: skip
def test_a_connection_that_goes_silent_is_given_up_and_nothing_is_lost(
    broker: FakeBroker, banded: MakeBanded, direction: str, after: int, cut: Cut
) -> None:
    with Cutter(broker.port) as cutter:
        cutter.arm(direction, after, cut)
        band = banded(cutter.port)
        band.make(2)
        band.settle(step_ms=200)
        assert set(broker.stored) == {(1, 1), (1, 2)}
        assert band.link.attempts == 2
        assert broker.conflicts == []


def test_no_more_than_twenty_records_are_in_the_brokers_hands(broker: FakeBroker, banded: MakeBanded) -> None:
    band = banded(broker.port, window=40)
    band.step_until(lambda: band.link.up and not band.link.in_flight)
    broker.behaviour.deaf = True
    band.make(30)
    band.step_until(lambda: band.link.in_flight == band_link.IN_FLIGHT_MAX)
    for _ in range(50):
        band.exchange.step()
    assert band.link.in_flight == band.exchange.session.in_flight == band_link.IN_FLIGHT_MAX
    assert not band.link.publish(b"one more")


def test_a_machine_where_nothing_listens_and_a_name_that_is_none(banded: MakeBanded) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    band = banded(port)
    band.step_until(lambda: band.link.cause)
    assert band.link.cause == "nothing listens there"
    band = banded(1, host="no-such-host.invalid")
    band.step_until(lambda: band.link.cause)
    assert band.link.cause == "its name cannot be resolved"


def test_pauses_grow_to_five_minutes_and_are_short_again_after_an_acknowledgement(banded: MakeBanded) -> None:
    with FakeBroker(Behaviour(versions=(4,), closes_at_accept=True)) as broker:
        band = banded(broker.port)
        band.make()
        band.step_until(lambda: len(band.pauses) == 12, step_ms=1000)
        assert band.pauses == [(1000, min(1000 << n, 300_000)) for n in range(1, 13)]
        broker.behaviour.closes_at_accept = False
        band.settle(step_ms=1000)
        broker.drop_all()
        band.step_until(lambda: len(band.pauses) == 13)
        assert band.pauses[-1] == (1000, 2000)


def test_a_broker_that_accepts_and_drops_is_not_asked_sooner_for_that(banded: MakeBanded) -> None:
    with FakeBroker(Behaviour(versions=(4,), drops_after=1)) as broker:
        band = banded(broker.port)
        band.make()
        band.step_until(lambda: len(band.pauses) == 4, step_ms=1000)
        assert band.pauses == [(1000, 2000), (1000, 4000), (1000, 8000), (1000, 16000)]


def test_a_record_with_which_connections_end_goes_last(broker: FakeBroker, banded: MakeBanded) -> None:
    band = banded(broker.port)
    band.make(5)
    poison = band.log.to_send((1, 1), 1)[0][2]
    receive = broker.receive

    def closing(connection: Any, topic: str, payload: bytes) -> None:
        if payload == poison:
            connection.close()
        else:
            receive(connection, topic, payload)

    broker.receive = closing  # type: ignore[method-assign]
    band.step_until(lambda: band.log.backlog() == 1, step_ms=500)
    assert sorted(broker.stored) == [(1, 1), (1, 3), (1, 4), (1, 5)]


@pytest.mark.parametrize(("code", "cause"), [(0x86, "bad user name or password"), (0x87, "not authorized")])
def test_a_broker_that_lets_nobody_in_is_asked_again_after_a_quarter_of_an_hour(
    banded: MakeBanded, code: int, cause: str
) -> None:
    with FakeBroker(Behaviour(versions=(4,), connack=code)) as broker:
        band = banded(broker.port)
        band.make()
        band.step_until(lambda: band.pauses)
        assert band.link.cause == f"refused: {cause}"
        assert band.pauses == [band_link.REFUSED_PAUSE_MS]
        broker.behaviour.connack = 0
        band.settle(step_ms=10_000)


def test_a_log_that_cannot_be_read_is_counted_and_read_again(
    broker: FakeBroker, banded: MakeBanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    band = banded(broker.port)
    band.make()

    def failing(*_arguments: object) -> list[object]:
        raise OSError(5)

    with monkeypatch.context() as patch:
        patch.setattr(band.log, "to_send", failing)
        patch.setattr(band.log, "acknowledge", failing)
        band.step_until(lambda: band.exchange.failures > 3)
        assert broker.stored == {}
    band.settle()
    assert list(broker.stored) == [(1, 1)]


def test_the_largest_command_and_the_answer_to_a_window_fit_into_what_is_kept() -> None:
    most = 2**32 - 1
    topic = topics.topic("g" * 32, "d" * 32, topics.CMD).encode()
    rejections = [(most - 2 * n, most) for n in range(20)]
    stored = [(most - 2 * n - 1, most - 2 * n - 1) for n in range(20)]
    for payload in (command.resend([(most, most, most)] * command.RANGES_MAX), ack.encode(most, 1, rejections, stored)):
        assert 2 + len(topic) + 2 + len(payload) <= band_link.RECEIVED_BYTES_MAX


class Answering(ScriptedStream):
    """A broker that answers each packet of a connection that is up."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: list[int] = []
        self.waiting = CONNACK + SUBACK

    def send(self, data: bytes) -> int:
        data = bytes(data)
        if data[0] >> 4 == 3:
            at = 4 + struct.unpack(">H", data[2:4])[0]
            self.ids.append(struct.unpack(">H", data[at : at + 2])[0])
            self.waiting += b"\x40\x02" + data[at : at + 2]
        elif data == b"\xc0\x00":
            self.waiting += b"\xd0\x00"
        return len(data)


def test_packet_numbers_begin_anew_after_the_last_and_pass_over_those_in_use() -> None:
    stream = Answering()
    link = BandLink(lambda: stream, "depot-7", "band-3", 1, lambda low, _high: low, list)
    for now_ms in range(3):
        link.poll(now_ms)
    assert link.up
    held = 5
    for number in range(66_000):
        assert link.publish(b"r")
        if number == 2:
            held = stream.ids[-1]
            stream.waiting = b""  # the broker keeps that one for long
        link.poll(number // 1000)
    assert link.up
    assert stream.ids[0] == 2
    assert set(stream.ids) == set(range(1, 65536)) - {1} | {1}
    assert stream.ids.count(held) == 1, "it was in use when its turn came again"
    assert 0 not in stream.ids
    assert max(stream.ids) == 65535


def test_a_stream_that_takes_one_byte_at_a_time_is_written_to_whole() -> None:
    class Slow(ScriptedStream):
        def send(self, data: bytes) -> int:
            return super().send(bytes(data)[:1]) if len(self.written) % 2 else self._wait()

        def _wait(self) -> int:
            self.written += b"."
            return 0

    slow, fast = Slow(), ScriptedStream()
    for stream in (slow, fast):
        link = BandLink(lambda stream=stream: stream, "depot-7", "band-3", 1, lambda low, _high: low, list)
        stream.waiting = CONNACK + SUBACK
        for _ in range(600):
            link.poll(0)
        assert link.up
    assert slow.written[1::2] == fast.written
