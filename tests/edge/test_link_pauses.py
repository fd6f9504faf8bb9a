"""When the link tries again: soon after a drop, slowly where it is not let in, growing where two units are one."""

import threading
import time

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.edge.fake_broker import Behaviour, FakeBroker, until
from tests.edge.linked import Linked, payload

from headway_edge.mqtt import link as link_module
from headway_edge.mqtt.back_off import BackOff
from headway_edge.mqtt.link import Disconnected, Message


@given(most=st.floats(1, 1000), count=st.integers(1, 30), draws=st.data())
def test_a_pause_is_between_the_least_and_a_limit_that_doubles(most: float, count: int, draws: st.DataObject) -> None:
    back_off = BackOff(1.0, most, lambda low, high: draws.draw(st.floats(low, high)))
    for number in range(1, count + 1):
        assert 1.0 <= back_off.next_s() <= max(1.0, min(most, 2.0**number))
    back_off.reset()
    assert back_off.next_s() <= max(1.0, min(most, 2.0))


def test_a_broker_that_accepts_and_drops_is_not_hammered() -> None:
    behaviour = Behaviour(versions=(4,), acknowledges=False, drops_after=1)
    with FakeBroker(behaviour) as broker, Linked(broker.port, back_off_max_s=300.0) as linked:
        for _ in range(2):
            linked.connected()
            assert linked.link.publish(payload(1))
            linked.disconnected()
        assert linked.pauses == [(1.0, 2.0), (1.0, 4.0)]


def test_an_application_acknowledgement_makes_the_next_pause_short_again() -> None:
    with FakeBroker(Behaviour(closes_at_accept=True)) as broker, Linked(broker.port) as linked:
        for _ in range(6):
            linked.disconnected()
        assert linked.pauses[5] == (1.0, 64.0)
        broker.behaviour.closes_at_accept = False
        linked.connected()
        assert linked.link.publish(payload(1))
        linked.see(Message)
        before = len(linked.pauses)
        broker.drop_all()
        linked.disconnected()
        assert linked.pauses[before] == (1.0, 2.0)


def test_the_longest_pause_is_the_one_that_is_set() -> None:
    with FakeBroker(Behaviour(closes_at_accept=True)) as broker, Linked(broker.port, back_off_max_s=5) as linked:
        for _ in range(6):
            linked.disconnected()
        assert linked.pauses[:6] == [(1.0, 2.0), (1.0, 4.0), (1.0, 5), (1.0, 5), (1.0, 5), (1.0, 5)]


@pytest.mark.parametrize("versions", [(5,), (4,)])
@pytest.mark.parametrize(("code", "cause"), [(0x86, "bad user name or password"), (0x87, "not authorized")])
def test_a_broker_that_does_not_let_us_in_is_asked_every_quarter_of_an_hour(
    versions: tuple[int, ...], code: int, cause: str
) -> None:
    with FakeBroker(Behaviour(versions=versions, connack=code)) as broker, Linked(broker.port, pause_s=60) as linked:
        event = linked.disconnected()
        assert event == Disconnected(f"refused: 127.0.0.1:{broker.port}: {cause}", event.next_step, refused=True)
        assert event.next_step
        assert linked.pauses == [(720.0, 1080.0)]
        attempts = broker.accepted
        time.sleep(0.2)
        assert broker.accepted == attempts
        broker.behaviour.connack = 0
        linked.link.retry_now()
        linked.connected()


@pytest.mark.parametrize("code", [0x85, 0x8A])
def test_so_is_one_that_bans_us(code: int) -> None:
    with FakeBroker(Behaviour(connack=code)) as broker, Linked(broker.port) as linked:
        assert linked.disconnected().refused
        assert linked.pauses[0] == (720.0, 1080.0)


def test_a_busy_broker_is_not_one_that_refuses() -> None:
    with FakeBroker(Behaviour(connack=0x89)) as broker, Linked(broker.port) as linked:
        event = linked.disconnected()
        assert (event.refused, event.reason) == (False, f"127.0.0.1:{broker.port}: the broker is busy")


def test_a_packet_that_ends_the_connection_is_named() -> None:
    with FakeBroker() as broker, Linked(broker.port) as linked:
        linked.connected()
        for connection in broker._connections:
            connection.end(0x95)
        assert "the packet is too large for the broker" in linked.disconnected().reason


@pytest.mark.parametrize("versions", [(5,), (4,)])
def test_two_units_of_one_identity_do_not_throw_each_other_out_for_ever(versions: tuple[int, ...]) -> None:
    """Pauses are cut to 1/2000 of what was drawn, so an hour and a half of the two takes some seconds."""
    squeeze = 2000
    start = time.monotonic()
    pauses: list[float] = []
    with structlog.testing.capture_logs() as logs, FakeBroker(Behaviour(versions=versions)) as broker:
        links = []
        for low_share in (0.2, 0.9):

            def uniform(low: float, high: float, share: float = low_share) -> float:
                pauses.append(low + share * (high - low))
                return pauses[-1] / squeeze

            broker_settings = link_module.Broker(port=broker.port)
            links.append(link_module.Link(broker_settings, "depot-7", "bus-0142", 1, uniform))
        for link in links:
            link.start()
        time.sleep(2.7)  # one and a half hours
        connects = len(broker.connects)
        hours = (time.monotonic() - start) * squeeze / 3600
        for link in links:
            link.stop(1)
    alarms = [entry for entry in logs if entry["event"] == "link.identity_shared"]
    assert alarms
    assert alarms[0]["alarm"] == "another unit uses this device's identity"
    assert connects < 60 * hours, "less than one connection a minute between the two"
    assert max(pauses) > 200, "and the pauses grow"
    print(f"{connects} connections of two units in {hours:.1f} h; pauses {[round(p) for p in pauses[:12]]} s")


def test_the_loser_is_told_which_it_is() -> None:
    with FakeBroker() as broker, Linked(broker.port, pause_s=60) as linked:
        linked.connected()
        for connection in broker._connections:
            connection.end(0x8E)
        event = linked.disconnected()
        assert event.reason.endswith("another unit uses this device's identity")
        assert "SD card" in event.next_step
        assert linked.pauses == [(30.0, 60.0)]


def test_stopping_does_not_wait_for_a_pause() -> None:
    with FakeBroker(Behaviour(connack=0x87)) as broker:
        with Linked(broker.port, pause_s=900) as linked:
            linked.disconnected()
            start = time.monotonic()
        assert time.monotonic() - start < 3
        assert not [thread for thread in threading.enumerate() if thread.name == "link depot-7/bus-0142"]
        until(lambda: not [t for t in threading.enumerate() if t.name == "mqtt depot-7/bus-0142"])
