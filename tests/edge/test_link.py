"""The link against a broker on a real socket: versions of MQTT, presence, what is asked for, and what is in whose hands."""

import pytest
from tests.edge.fake_broker import Behaviour, FakeBroker, until
from tests.edge.linked import Linked, payload

from headway_edge.mqtt import protocol_choice
from headway_edge.mqtt.link import Connected, Disconnected, Message, Trouble
from headway_edge.mqtt.link_events import EventQueue
from headway_edge.mqtt.mqtt_connection import IN_FLIGHT_MAX
from headway_protocol import ack, state, topics

TOPIC = "headway/v1/depot-7/bus-0142/"
V5, V311 = 5, 4


@pytest.mark.parametrize("versions", [(V311, V5), (V5,)])
def test_version_5_is_spoken_where_the_broker_knows_it(versions: tuple[int, ...]) -> None:
    with FakeBroker(Behaviour(versions=versions)) as broker, Linked(broker.port) as linked:
        linked.connected()
        assert [connect.version for connect in broker.connects] == [V5]
        assert linked.pauses == []


@pytest.mark.parametrize("unknown", ["refuse", "close", "wait"])
def test_a_broker_that_knows_3_1_1_only_is_spoken_to_at_once_and_remembered(
    unknown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol_choice, "ANSWER_MAX_S", 0.1)
    with FakeBroker(Behaviour(versions=(V311,), unknown=unknown)) as broker, Linked(broker.port) as linked:
        linked.connected()
        assert [connect.version for connect in broker.connects] == [V5, V311]
        assert linked.pauses == []
        broker.drop_all()
        linked.disconnected()
        linked.connected()
        assert [connect.version for connect in broker.connects] == [V5, V311, V311]


def test_a_broker_that_is_far_away_is_spoken_to_in_version_5_from_the_second_connection_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(protocol_choice, "ANSWER_MAX_S", 0.1)
    monkeypatch.setattr(protocol_choice, "_SLOW_S", 0.05)
    with FakeBroker(Behaviour(answers_after_s=0.8)) as broker, Linked(broker.port) as linked:
        for _ in range(3):
            linked.connected()
            broker.drop_all()
            linked.disconnected()
        versions = [connect.version for connect in broker.connects]
        assert versions[:4] == [V5, V311, V5, V5]


def test_a_broker_that_learnt_version_5_and_forgot_3_1_1_is_found_again() -> None:
    with FakeBroker(Behaviour(versions=(V311,))) as broker, Linked(broker.port) as linked:
        linked.connected()
        broker.behaviour.versions = (V5,)
        broker.drop_all()
        linked.disconnected()
        linked.connected()
        assert [connect.version for connect in broker.connects] == [V5, V311, V311, V5]


@pytest.mark.parametrize(("protocol", "version"), [("5", V5), ("3.1.1", V311)])
def test_a_version_that_is_set_is_the_only_one_tried(protocol: str, version: int) -> None:
    behaviour = Behaviour(versions=tuple({V5, V311} - {version}))
    with FakeBroker(behaviour) as broker, Linked(broker.port, protocol=protocol) as linked:
        event = linked.disconnected()
        assert "does not speak this MQTT version" in event.reason
        assert event.next_step == 'set broker_protocol = "auto"'
        linked.disconnected()
        assert {connect.version for connect in broker.connects} == {version}


@pytest.mark.parametrize("versions", [(V5,), (V311,)])
def test_presence_tells_the_boot_and_the_ends_and_the_will_takes_it_back(versions: tuple[int, ...]) -> None:
    with FakeBroker(Behaviour(versions=versions)) as broker:
        with Linked(broker.port, boot=7, ends=lambda: [(7, 2), (6, 40)]) as linked:
            linked.connected()
            until(lambda: broker.published)
            connect = broker.connects[-1]
            assert (connect.client_id, connect.clean, connect.keepalive_s) == ("depot-7:bus-0142", True, 60)
            assert connect.will == (TOPIC + "state", state.encode(7, online=False))
            assert broker.published == [(TOPIC + "state", state.encode(7, True, [(7, 2), (6, 40)]), True)]
            assert broker.subscribed == [TOPIC + name for name in ("ack", "bench", "pack", "cmd")]
        assert broker.published[-1] == (TOPIC + "state", state.encode(7, online=False), True)


def test_a_boot_that_begins_while_it_is_connected_is_in_the_next_presence_and_will() -> None:
    with FakeBroker() as broker:
        with Linked(broker.port, boot=7) as linked:
            linked.connected()
            assert broker.connects[-1].will == (TOPIC + "state", state.encode(7, online=False))
            linked.link.begin_boot(8)
            linked.disconnected()
            linked.connected()
            assert broker.connects[-1].will == (TOPIC + "state", state.encode(8, online=False))
        assert (TOPIC + "state", state.encode(8, online=True), True) in broker.published
        assert broker.published[-1] == (TOPIC + "state", state.encode(8, online=False), True)


def test_ends_that_cannot_be_read_cost_the_ends_and_not_the_presence() -> None:
    def ends() -> list[tuple[int, int]]:
        raise OSError("no disk")

    with FakeBroker() as broker, Linked(broker.port, ends=ends) as linked:
        linked.connected()
        until(lambda: broker.published)
        assert broker.published == [(TOPIC + "state", state.encode(1, online=True), True)]


def test_user_and_password_are_given() -> None:
    with FakeBroker() as broker, Linked(broker.port, username="bus-0142", password="secret") as linked:  # noqa: S106
        linked.connected()
        assert (broker.connects[0].username, broker.connects[0].password) == ("bus-0142", "secret")


def test_ids_that_read_the_same_when_joined_are_two_clients() -> None:
    from headway_edge.mqtt.link import Broker, Link

    with FakeBroker() as broker:
        names = [("a-b", "c"), ("a", "b-c")]
        links = [Link(Broker(port=broker.port), *name, 1, lambda low, _high: low) for name in names]
        for link in links:
            link.start()
            assert link.poll(5) == Connected()
        assert len({connect.client_id for connect in broker.connects}) == 2
        for link in links:
            link.stop()


def test_messages_come_by_channel_and_what_nobody_sends_is_left_out() -> None:
    kept = [(TOPIC + name, name.encode()) for name in ("bench", "pack", "cmd", "ack")]
    with FakeBroker(Behaviour(retained=kept)) as broker, Linked(broker.port) as linked:
        linked.connected()
        linked.see(
            Message, lambda message: message.payload == b"pack"
        )  # the broker gives what it kept, then what is new
        broker.send(topics.CMD, b"now")
        linked.see(Message, lambda message: message.payload == b"now")
        messages = [event for event in linked.events if isinstance(event, Message)]
        # A command or an acknowledgement that a broker kept may be of any age, and from anybody.
        assert [(m.channel, m.payload) for m in messages] == [("bench", b"bench"), ("pack", b"pack"), ("cmd", b"now")]


def test_a_record_goes_out_and_its_acknowledgement_comes_back() -> None:
    with FakeBroker() as broker, Linked(broker.port) as linked:
        assert not linked.link.publish(payload(1)), "there is no connection yet, or nobody to hear what comes back"
        linked.connected()
        assert linked.link.publish(payload(1))
        message = linked.see(Message)
        assert (message.channel, ack.decode(message.payload)) == (topics.ACK, (1, 1, []))


def test_no_more_than_twenty_records_are_in_the_brokers_hands() -> None:
    with FakeBroker() as broker, Linked(broker.port) as linked:
        linked.connected()
        until(lambda: broker.published)
        broker.behaviour.deaf = True
        taken = 0
        while linked.link.publish(payload(taken + 1)):
            taken += 1
        assert taken in {IN_FLIGHT_MAX, IN_FLIGHT_MAX - 1}  # presence may still count


def test_a_broker_that_takes_fewer_at_once_gets_fewer() -> None:
    properties = b"\x21\x00\x03"  # Receive Maximum 3
    with FakeBroker(Behaviour(versions=(V5,), properties=properties)) as broker, Linked(broker.port) as linked:
        linked.connected()
        until(lambda: broker.published)
        broker.behaviour.deaf = True
        assert [linked.link.publish(payload(seq)) for seq in range(1, 6)].count(True) in {2, 3}


def test_a_record_too_large_for_the_broker_is_not_sent_but_named() -> None:
    properties = b"\x27\x00\x00\x00\x50"  # Maximum Packet Size 80
    with FakeBroker(Behaviour(versions=(V5,), properties=properties)) as broker, Linked(broker.port) as linked:
        linked.connected()
        large = payload(2, text="large" * 12)
        assert linked.link.publish(large)
        trouble = linked.see(Trouble)
        assert trouble.cause == f"a record of {len(large)} bytes is too large for the broker"
        assert linked.link.publish(payload(1, text=""))
        linked.see(Message)
        assert len(broker.connects) == 1
        assert list(broker.stored) == [(1, 1)]


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        (0x87, "the broker takes no records: not authorized"),
        (0x97, "the broker takes no records: quota exceeded at the broker"),
        (0x90, "the broker takes no records: the broker does not allow this topic"),
        (0x83, "the broker takes no records: the broker says: Implementation specific error"),
        (0x10, "the broker has nobody to give records to"),
    ],
)
def test_a_puback_with_a_reason_is_trouble_with_a_name_told_once(code: int, cause: str) -> None:
    with FakeBroker(Behaviour(versions=(V5,), puback=code)) as broker, Linked(broker.port) as linked:
        linked.connected()
        for seq in range(1, 6):
            assert linked.link.publish(payload(seq))
        trouble = linked.see(Trouble)
        assert trouble.cause == cause
        assert trouble.next_step
        until(lambda: len(broker.published) == 6)
        assert linked.link.poll(0.2) is None or code == 0x10
        assert not [event for event in linked.events if isinstance(event, Disconnected)]


@pytest.mark.parametrize("versions", [(V5,), (V311,)])
def test_a_topic_that_may_not_be_read_is_named(versions: tuple[int, ...]) -> None:
    with FakeBroker(Behaviour(versions=versions, suback={"bench": 0x87})) as broker, Linked(broker.port) as linked:
        linked.connected()
        (trouble,) = [event for event in linked.events if isinstance(event, Trouble)]
        assert trouble.cause.startswith("the broker does not let this device read its bench topic")
        assert linked.link.publish(payload(1))
        linked.see(Message)


@pytest.mark.parametrize("versions", [(V5,), (V311,)])
def test_without_the_acknowledgements_topic_there_is_no_use_in_sending(versions: tuple[int, ...]) -> None:
    with FakeBroker(Behaviour(versions=versions, suback={"ack": 0x87})) as broker, Linked(broker.port) as linked:
        event = linked.disconnected()
        assert event.refused
        assert event.reason.startswith(
            f"refused: 127.0.0.1:{broker.port}: the broker does not let this device read its ack"
        )
        assert "headway/v1/<group>/<device>/ack" in event.next_step


def test_a_server_keep_alive_counts_instead_of_ours() -> None:
    properties = b"\x13\x00\x01"  # Server Keep Alive 1 s
    with FakeBroker(Behaviour(versions=(V5,), properties=properties)) as broker, Linked(broker.port) as linked:
        linked.connected()
        until(lambda: broker.pings >= 1, 5)


def test_events_nobody_asks_for_are_bounded_and_turns_are_not_lost() -> None:
    queue = EventQueue()
    for number in range(3000):
        queue.put(Message(topics.ACK, b"%d" % number))
        if number % 100 == 0:
            queue.put(Disconnected(f"turn {number}"))
    queue.put(Connected())
    found = []
    while (event := queue.get(0)) is not None:
        found.append(event)
    assert queue.lost == 3000 - sum(isinstance(event, Message) for event in found)
    assert len(found) <= 1016
    assert found[-2:] == [Disconnected("turn 2900"), Connected()]
    for _ in range(40):
        queue.put(Message(topics.PACK, bytes(60_000)))
    kept = 0
    while queue.get(0) is not None:
        kept += 1
    assert kept == (1 << 20) // 60_000
