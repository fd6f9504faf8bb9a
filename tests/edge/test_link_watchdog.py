"""A connection counts while it makes progress, whatever the client library says of it."""

import socket
import threading
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from tests.edge.fake_broker import FakeBroker, until
from tests.edge.linked import Linked, payload

from headway_edge.mqtt import link as link_module
from headway_edge.mqtt.link import Message
from headway_edge.mqtt.mqtt_connection import MqttConnection


def test_a_half_open_connection_is_found_within_one_and_a_half_keep_alive_times() -> None:
    now_s = [1000.0]
    with FakeBroker() as broker, Linked(broker.port, keepalive_s=60, clock=lambda: now_s[0]) as linked:
        linked.connected()
        until(lambda: broker.published)
        assert linked.link.poll(0.2) is None
        broker.behaviour.deaf = True
        now_s[0] += 90.0
        assert linked.link.poll(2.5) is None
        now_s[0] += 0.5
        assert "not a byte for one and a half keep-alive times" in linked.disconnected().reason
        broker.behaviour.deaf = False
        linked.connected()
        assert linked.link.publish(payload(1))
        linked.see(Message)


def test_an_idle_connection_is_kept_by_pings() -> None:
    with FakeBroker() as broker, Linked(broker.port, keepalive_s=2) as linked:
        linked.connected()
        until(lambda: broker.pings >= 2)
        assert linked.link.poll(0) is None
        assert len(broker.connects) == 1


def test_a_broker_that_takes_the_connection_and_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "OPEN_MAX_S", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener, Linked(listener.getsockname()[1]) as linked:
        assert "no connection within the time allowed" in linked.disconnected().reason


def test_a_thread_that_dies_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    killed = threading.Event()
    ended: list[bool] = []

    def die(self: MqttConnection) -> None:
        if not killed.is_set():
            killed.set()
            self.ended = threading.Event()  # as if its last words were never said
            ended.append(True)
            return
        run(self)

    run = MqttConnection._run
    monkeypatch.setattr(MqttConnection, "_run", die)
    with FakeBroker() as broker, Linked(broker.port) as linked:
        assert "thread died" in linked.disconnected().reason
        linked.connected()
    assert ended == [True]


def test_a_thread_that_hangs_is_left_behind_and_says_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    release, hung = threading.Event(), threading.Event()
    loop_read = mqtt.Client.loop_read

    def hang(self: mqtt.Client, max_packets: int = 1) -> Any:
        result = loop_read(self, max_packets)
        if armed.is_set() and not hung.is_set():
            hung.set()
            release.wait(20)
        return result

    armed = threading.Event()
    monkeypatch.setattr(mqtt.Client, "loop_read", hang)
    with FakeBroker() as broker, Linked(broker.port, keepalive_s=1) as linked:
        linked.connected()
        armed.set()
        broker.send("bench", b"hang")
        assert "keep-alive" in linked.disconnected().reason
        linked.connected()
        assert linked.link.publish(payload(1))
        linked.see(Message, lambda message: message.channel == "ack")
        assert len(linked.link._left_behind) == 1
        release.set()
        until(lambda: not linked.link._left_behind[0].alive)
        assert linked.link.poll(0.2) is None


def test_threads_that_hang_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def getaddrinfo(*_arguments: object, **_keywords: object) -> list[Any]:
        release.wait(30)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(link_module, "OPEN_MAX_S", 0.05)
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    with Linked(1883, host="broker.example", keepalive_s=1) as linked:
        reasons = [linked.disconnected().reason for _ in range(7)]
        names = [thread.name for thread in threading.enumerate()]
        assert names.count("mqtt depot-7/bus-0142") == 4
        assert [reason.endswith("still hang in this machine's network") for reason in reasons] == [False] * 4 + [
            True
        ] * 3
        release.set()
        until(lambda: "cannot be resolved" in linked.disconnected().reason)


def test_a_callback_that_raises_does_not_end_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    on_message = MqttConnection._on_message

    def fail(self: MqttConnection, client: Any, data: Any, message: Any) -> None:
        if message.payload == b"fail":
            raise ValueError("in a callback")
        on_message(self, client, data, message)

    monkeypatch.setattr(MqttConnection, "_on_message", fail)
    with FakeBroker() as broker, Linked(broker.port) as linked:
        linked.connected()
        broker.send("bench", b"fail")
        broker.send("bench", b"good")
        assert linked.see(Message).payload == b"good"
        assert len(broker.connects) == 1


def test_no_thread_to_be_had_is_a_cause_and_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start

    def refuse(self: threading.Thread) -> None:
        if self.name.startswith("mqtt "):
            raise RuntimeError("can't start new thread")
        start(self)

    with FakeBroker() as broker, monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with Linked(broker.port) as linked:
            assert "can't start new thread" in linked.disconnected().reason
            patch.undo()
            linked.connected()
