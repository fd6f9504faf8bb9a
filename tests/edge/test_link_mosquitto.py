"""The link against mosquitto, the broker that fleets run: what it says of itself, and what it says of nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.edge.fake_broker import until
from tests.edge.linked import Linked, payload
from tests.edge.session_outbox import MemoryOutbox
from tests.system.mosquitto import Mosquitto

from headway_edge.mqtt.link import Connected, Disconnected, Trouble
from headway_edge.session import Session

pytestmark = pytest.mark.full

Start = Callable[[str], Mosquitto]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running = []

    def with_settings(extra: str) -> Mosquitto:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        one = Mosquitto(tmp_path, port, extra)
        one.start()
        running.append(one)
        return one

    yield with_settings
    for one in running:
        one.kill()


@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
def test_it_connects_and_pings(start: Start, protocol: str) -> None:
    with Linked(start("").port, protocol=protocol, keepalive_s=2) as linked:
        linked.connected()
        deadline = time.monotonic() + 7
        while time.monotonic() < deadline:
            assert not isinstance(linked.link.poll(0.2), Disconnected)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_one_that_wants_a_password_is_not_hammered(start: Start, tmp_path: Path, protocol: str) -> None:
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    broker = start("per_listener_settings false\n")
    broker.kill()
    broker._config.write_text(
        f"listener {broker.port} 127.0.0.1\nallow_anonymous false\npassword_file {passwords}\nuser root\n"
    )
    broker.start()
    with Linked(broker.port, protocol=protocol, pause_s=60) as linked:
        event = linked.disconnected()
        assert event.refused
        assert "not authorized" in event.reason
        assert linked.pauses == [(720.0, 1080.0)]


def test_without_a_server_there_is_nobody_to_give_records_to(start: Start) -> None:
    with Linked(start("").port) as linked:
        linked.connected()
        assert linked.link.publish(payload(1))
        assert linked.see(Trouble).cause == "the broker has nobody to give records to"


def acl(tmp_path: Path) -> str:
    rules = tmp_path / "rules.acl"
    rules.write_text("topic read headway/v1/#\ntopic write headway/v1/depot-7/bus-0142/state\n")
    rules.chmod(0o644)
    return f"acl_file {rules}\nuser root\n"


def test_an_access_rule_that_forbids_records_is_named_in_version_5(start: Start, tmp_path: Path) -> None:
    with Linked(start(acl(tmp_path)).port) as linked:
        linked.connected()
        assert linked.link.publish(payload(1))
        trouble = linked.see(Trouble, lambda trouble: "takes no" in trouble.cause)
        assert trouble.cause == "the broker takes no records: not authorized"


def test_in_3_1_1_it_takes_them_and_drops_them_and_the_session_keeps_them(start: Start, tmp_path: Path) -> None:
    outbox = MemoryOutbox({1: 3}, lambda boot, seq: payload(seq, boot))
    session = Session(outbox, lambda low, _high: low)
    with Linked(start(acl(tmp_path)).port, protocol="3.1.1") as linked:
        linked.connected()
        session.connected()
        sent = 0
        for now_ms in range(0, 60_000, 500):
            for data in session.take(now_ms):
                assert linked.link.publish(data)
                sent += 1
            assert linked.link.poll(0.001) is None, "it said that it took them"
        assert len(outbox.waiting) == 3
        assert 3 < sent < 12, "and it is asked now and then"


def test_two_of_one_identity_find_out_although_version_2_0_does_not_tell(start: Start) -> None:
    broker = start("")
    with Linked(broker.port, pause_s=0.02) as first, Linked(broker.port, pause_s=0.02):
        first.see(Disconnected, lambda event: "another unit uses this device's identity" in event.reason)
        assert first.pauses[-1] == (30.0, 60.0)


def test_the_largest_packet_that_it_takes_is_kept_to(start: Start) -> None:
    with Linked(start("max_packet_size 200\n").port) as linked:
        linked.connected()
        assert linked.link.publish(bytes(300))
        assert "too large for the broker" in linked.see(Trouble, lambda trouble: "large" in trouble.cause).cause
        assert linked.link.publish(payload(2, text=""))
        linked.see(Trouble, lambda trouble: "nobody" in trouble.cause)


def test_a_broker_that_is_killed_and_comes_back(start: Start) -> None:
    broker = start("")
    with Linked(broker.port, pause_s=0.05) as linked:
        linked.connected()
        for _ in range(3):
            broker.kill()
            linked.disconnected()
            broker.start()
            linked.see(Connected)
        until(lambda: linked.link.publish(payload(1)))
