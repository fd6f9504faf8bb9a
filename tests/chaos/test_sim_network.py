"""The simulated broker and link: they take what real ones take, and lose what real ones lose."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from headway_edge.mqtt.link import Connected, Disconnected, Message
from headway_protocol import ack, state, topics
from headway_server.ingest.arrival import Received
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.people import dice_of
from headway_simulators.chaos.script import Fault
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.chaos.sim_link import SimLink
from headway_simulators.chaos.timeline import DAY_MS, MINUTE_MS, SECOND_MS, Timeline, when
from headway_simulators.chaos.weather import DOWN, UP, Weather

RECORD = bytes(range(80))
ACKNOWLEDGEMENT = ack.encode(1, 1, [])
ACK_TOPIC = topics.topic("test", "unit-000", topics.ACK)


@dataclass
class Server:
    """A server that keeps what it gets."""

    broker: SimBroker
    got: list[Received] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    losses: int = 0

    def receive(self, number: int, message: Received) -> None:
        self.got.append(message)
        self.numbers.append(number)

    def broken(self) -> None:
        self.losses += 1

    def records(self) -> int:
        return sum(message.topic.endswith(topics.UP) for message in self.got)

    def presences(self) -> list[tuple[int, bool, list[tuple[int, int]]]]:
        return [state.decode(message.payload) for message in self.got if message.topic.endswith(topics.STATE)]


class Net:
    """One device, a broker and a server."""

    def __init__(self) -> None:
        self.timeline = Timeline()
        self.broker = SimBroker(self.timeline, Journal(), "test")
        self.weather = Weather(self.timeline, dice_of(1, "weather"))
        self.acknowledgements: list[bytes] = []
        self.link = SimLink(
            "unit-000",
            self.timeline,
            self.broker,
            self.weather,
            dice_of(1, "link"),
            lambda: None,
            self.acknowledgements.append,
        )
        self.server = Server(self.broker)

    def pass_ms(self, ms: int) -> None:
        asyncio.run(self.timeline.run(self.timeline.now_ms + ms))

    def events(self) -> list[object]:
        found = []
        while (event := self.link.poll()) is not None:
            found.append(event)
        return found

    def lasting(self, kind: str, n: int = 0, for_ms: int = DAY_MS) -> Fault:
        fault = Fault(self.timeline.now_ms, kind, 0, for_ms, n)
        self.weather.begin(fault)
        return fault


@pytest.fixture
def net() -> Net:
    net = Net()
    net.broker.connect_server(net.server)
    net.link.start(1, lambda: [(1, 4)])
    net.pass_ms(MINUTE_MS)
    assert net.events() == [Connected()]
    return net


def test_a_record_arrives_and_is_given_again_until_the_server_has_acknowledged_it(net: Net) -> None:
    assert net.server.presences() == [(1, True, [(1, 4)])]
    assert net.link.publish(RECORD)
    net.pass_ms(MINUTE_MS)
    assert net.server.records() == 1
    net.broker.disconnect_server()
    net.broker.connect_server(net.server)
    net.pass_ms(MINUTE_MS)
    assert net.server.records() == 2
    for number in net.server.numbers:
        net.broker.acknowledge(number)
    assert net.broker.waiting == 0
    net.broker.publish_to_device(ACK_TOPIC, ACKNOWLEDGEMENT)
    net.pass_ms(MINUTE_MS)
    assert net.events() == [Message(topics.ACK, ACKNOWLEDGEMENT)]
    assert net.acknowledgements == [ACKNOWLEDGEMENT]


@pytest.mark.parametrize("size", [0, 40, len(RECORD) - 1, len(RECORD), 200])
def test_a_cut_at_any_byte_delivers_all_of_a_message_or_nothing_and_both_look_the_same(net: Net, size: int) -> None:
    net.weather.cut(UP, 1, size)
    assert net.link.publish(RECORD)
    net.pass_ms(2 * MINUTE_MS)
    assert net.server.records() == (1 if size >= len(RECORD) else 0)
    assert net.events() == [Disconnected("the connection broke"), Connected()]
    assert (1, False, []) in net.server.presences()  # the last will of the connection that broke


@pytest.mark.parametrize("size", [0, len(ACKNOWLEDGEMENT)])
def test_what_comes_down_is_cut_as_well(net: Net, size: int) -> None:
    net.weather.cut(DOWN, 2, size)
    for _ in range(2):
        net.broker.publish_to_device(ACK_TOPIC, ACKNOWLEDGEMENT)
    net.pass_ms(2 * MINUTE_MS)
    arrived = [event for event in net.events() if isinstance(event, Message)]
    assert len(arrived) == (2 if size else 1)


def test_a_half_open_connection_takes_everything_and_is_noticed_late(net: Net) -> None:
    net.lasting("half-open", for_ms=5 * MINUTE_MS)
    net.link.half_open()
    assert net.link.publish(RECORD)
    net.broker.publish_to_device(ACK_TOPIC, ACKNOWLEDGEMENT)
    net.pass_ms(80 * SECOND_MS)
    assert net.events() == []
    net.pass_ms(20 * SECOND_MS)
    assert net.events() == [Disconnected("no answer")]
    assert not net.link.publish(RECORD)
    assert net.server.records() == 0


@pytest.mark.parametrize(
    ("kind", "n", "least", "most"),
    [
        ("lossy", 500, 60, 140),
        ("duplicating", 500, 260, 340),
        ("slow", 30_000, 200, 200),
        ("reordering", 90_000, 200, 200),
    ],
)
def test_weather_loses_doubles_delays_and_reorders(net: Net, kind: str, n: int, least: int, most: int) -> None:
    fault = net.lasting(kind, n)
    for i in range(200):
        net.link.publish(bytes([i]))
    net.pass_ms(n)
    if kind in {"slow", "reordering"}:
        assert net.server.records() < 200
    net.pass_ms(5 * MINUTE_MS)
    assert least <= net.server.records() <= most
    order = [message.payload[0] for message in net.server.got if message.topic.endswith(topics.UP)]
    assert (order == sorted(order)) is (kind != "reordering")
    net.weather.end(fault)
    net.link.publish(RECORD)
    net.pass_ms(MINUTE_MS)
    assert net.server.got[-1].payload == RECORD


def test_without_a_network_the_link_waits_for_it(net: Net) -> None:
    fault = net.lasting("offline", for_ms=DAY_MS)
    net.link.cut()
    net.pass_ms(DAY_MS)
    assert net.events() == [Disconnected("no network")]
    net.weather.end(fault)
    net.pass_ms(10 * MINUTE_MS)
    assert net.events() == [Connected()]


def test_a_full_queue_for_an_absent_server_drops_what_it_has_acknowledged(net: Net) -> None:
    net.broker.disconnect_server()
    net.broker.queue_max = 3
    for _ in range(5):
        assert net.link.publish(RECORD)
    net.pass_ms(MINUTE_MS)
    net.broker.connect_server(net.server)
    net.pass_ms(MINUTE_MS)
    assert net.server.records() == 2  # the presence of the first connection was never acknowledged


@pytest.mark.parametrize(("forget", "records"), [(False, 1), (True, 0)])
def test_a_broker_that_restarts_may_forget_what_it_took(net: Net, forget: bool, records: int) -> None:
    net.broker.disconnect_server()
    net.link.publish(RECORD)
    net.broker.publish_to_device(topics.topic("test", "unit-000", topics.BENCH), b"table", retain=True)
    net.pass_ms(MINUTE_MS)
    net.broker.go_down(forget=forget)
    assert not net.link.publish(RECORD)
    net.pass_ms(MINUTE_MS)
    net.broker.come_up()
    net.broker.connect_server(net.server)
    net.pass_ms(10 * MINUTE_MS)
    assert net.server.records() == records
    told = [event.payload for event in net.events() if isinstance(event, Message)]
    assert told == ([b"table"] if forget else [b"table", b"table"])


def test_a_late_will_does_not_speak_for_a_newer_connection(net: Net) -> None:
    net.link.stop(say_goodbye=False)
    net.link.start(2, list)
    net.pass_ms(5 * MINUTE_MS)
    # Taken over, the old connection's will comes first; when its time is out, nobody asks any more.
    assert net.server.presences()[1:] == [(1, False, []), (2, True, [])]


@pytest.mark.parametrize("denied", ["access denied", None])
def test_what_an_access_rule_denies_is_taken_and_dropped(net: Net, denied: str | None) -> None:
    rule: Callable[[str, int], str | None] = lambda _device, size: denied if size == len(RECORD) else None  # noqa: E731
    net.broker.is_denied = rule
    assert net.link.publish(RECORD)
    assert net.link.publish(RECORD[1:])
    net.pass_ms(MINUTE_MS)
    assert net.server.records() == (1 if denied else 2)


def test_things_happen_by_time_and_then_in_the_order_they_were_planned() -> None:
    timeline, done = Timeline(), []
    for name, at_ms in (("c", 20), ("a", 10), ("d", 20), ("b", 10)):
        timeline.at(at_ms, lambda name=name: done.append(name))  # type: ignore[misc]

    async def later() -> None:
        done.append("awaited")
        timeline.at(0, lambda: done.append("at once"))

    timeline.at(15, later)
    asyncio.run(timeline.run(20))
    assert (done, timeline.now_ms) == (["a", "b", "awaited", "at once"], 20)
    asyncio.run(timeline.run(21))
    assert done[-2:] == ["c", "d"]
    assert when(timeline.now_ms) == "0d 00:00:00.021"
