"""The server's order to wipe: obeyed once, by the device that it is for, and told in every birth record from then on."""

import sqlite3
from pathlib import Path

import pytest
from tests.edge.signing_server import SigningServer
from tests.edge.test_agent import SERVER, Device, bench, births, offer, trips_of

from headway_edge.mqtt.link import Connected, Message
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.orders.wipe_orders import KEPT, KEY
from headway_edge.wall_time import SYNCED_MS
from headway_protocol import ack, codes, record, topics, wipe

ADDRESS = SERVER.keys().address


@pytest.fixture
def device(tmp_path: Path):
    device = Device(tmp_path)
    yield device
    device.outbox.close()


def order(version: int, address: str = ADDRESS, server: SigningServer = SERVER) -> Message:
    return Message(topics.CMD, wipe.order(address, version, server.signing.signer(address)))


def told(device: Device) -> list[tuple[int, tuple[int, int] | None]]:
    """(boot, wiped) of the birth records that the store has."""
    found = [record.decode(payload) for payload in device.outbox.payloads(record.BIRTH)]
    return [(item.boot, record.wiped_of(item.body)) for item in found]


def hear(device: Device, *messages: Message) -> None:
    device.link.events.extend(messages)
    while device.agent.step(device.clock.now_ms):
        pass


def lived(device: Device) -> None:
    device.link.events.append(Connected())
    device.trip()
    device.trip()
    hear(device, Message(topics.BENCH, bench()))
    device.drive(200)
    device.agent.checkpoint()


def test_everything_of_the_person_goes_and_the_new_boot_says_so(device: Device) -> None:
    lived(device)
    old = [payload for _, _, payload in device.outbox.to_send((0, 0), 100)]
    hear(device, order(1000))
    assert device.outbox.boot == 2
    assert told(device) == [(2, (1000, 2))]
    assert device.outbox.keys("") == ["checkpoint", SYNCED_MS, KEY]
    assert device.agent.own.totals.both() is None
    assert device.agent.own.benchmark is None
    assert not device.agent.own.watcher.is_open
    assert trips_of(device) is None
    files = b"".join(one.read_bytes() for one in device.path.parent.rglob("*") if one.is_file())
    assert old
    assert not any(payload in files for payload in old)
    hear(device)
    assert record.identity(device.link.published[-1]) == (2, 1)
    device.trip()
    assert trips_of(device) == 1
    device.restart()
    assert told(device)[-1] == (3, (1000, 2))
    assert trips_of(device) == 1


def test_a_pack_that_was_taken_stays_and_the_next_offer_is_newer_still(device: Device) -> None:
    device.link.events.append(Connected())
    hear(device, offer())
    assert births(device)[-1] == "commercial-driving"
    hear(device, order(1000))
    assert births(device) == ["commercial-driving"]
    assert device.agent.process.name == "commercial-driving"
    device.restart()
    assert device.agent.process.name == "commercial-driving"
    assert {key for key in device.outbox.keys("") if key != "checkpoint"} <= KEPT | {KEY}


@pytest.mark.parametrize(
    "message",
    [
        order(1000, "depot-7/another"),
        order(1000, server=SigningServer(2)),
        Message(topics.CMD, SERVER.signed(b"", 1000)),
        Message(topics.CMD, order(1000).payload[:-1]),
        Message(topics.CMD, order(1000).payload[:-1] + b"\x00"),
        Message(topics.CMD, b"\x85\x02" + bytes(400)),
    ],
)
def test_an_order_that_is_not_genuine_changes_nothing(device: Device, message: Message) -> None:
    lived(device)
    before = device.outbox.backlog(), device.outbox.keys("")
    hear(device, message)
    assert device.outbox.boot == 1
    assert (device.outbox.backlog(), device.outbox.keys("")) == before


def test_without_the_servers_key_no_order_is_obeyed(tmp_path: Path) -> None:
    device = Device(tmp_path)
    device.server_keys = ServerKeys(ADDRESS)
    device.restart()
    hear(device, Connected(), order(1000))
    assert device.outbox.boot == 2
    device.outbox.close()


def test_an_order_that_comes_again_or_is_older_wipes_nothing(device: Device) -> None:
    lived(device)
    hear(device, order(1000))
    device.trip()
    hear(device, order(999), order(1000), order(1000))
    assert device.outbox.boot == 2
    assert trips_of(device) == 1
    assert told(device) == [(2, (1000, 2))]
    device.clock.now_ms += 3_600_001
    hear(device, order(1000), order(1000))
    assert told(device) == [(2, (1000, 2))] * 2, "a server that asks again has lost it; it is told once an hour at most"
    hear(device, order(1001))
    assert told(device) == [(3, (1001, 3))]


def test_that_the_server_has_not_heard_of_the_wipe_is_no_verdict(device: Device) -> None:
    lived(device)
    hear(device, order(1000))
    device.trip()
    backlog = device.outbox.backlog()
    hear(device, Message(topics.ACK, ack.encode(2, 0, [(1, codes.ERASED), (2, codes.ERASED)])))
    assert device.outbox.backlog() == backlog
    hear(device, Message(topics.ACK, ack.encode(2, 2, [])))
    assert device.outbox.backlog() == backlog - 2


def test_before_the_wipe_it_is_a_verdict(device: Device) -> None:
    lived(device)
    backlog = device.outbox.backlog()
    hear(device, Message(topics.ACK, ack.encode(1, 0, [(1, codes.ERASED)])))
    assert device.outbox.backlog() == backlog - 1
    assert device.outbox.refusals() == [(1, 1, "erased")]


def test_the_link_is_told_of_the_boot_that_begins(device: Device) -> None:
    boots: list[int] = []
    device.agent._on_new_boot = boots.append
    lived(device)
    hear(device, order(1000))
    assert boots == [2]


def test_while_the_disk_refuses_nothing_is_done_until_it_is_wiped(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(device)

    def fails(*_arguments: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr(device.outbox, "wipe", fails)
        hear(device, order(1000))
        device.trip()
        assert device.outbox.boot == 1
    hear(device)
    device.agent.step(device.clock.now_ms)
    assert told(device) == [(2, (1000, 2))]
    assert device.agent.own.totals.both() is None


def test_a_wipe_whose_old_bytes_are_not_gone_is_not_told(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(device)

    def fails(*_arguments: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as broken:
        broken.setattr("headway_edge.store.wiping._cut_off_log", fails)
        hear(device, order(1000))
        assert told(device) == [(2, None)]
        device.clock.now_ms += 60_000
        hear(device)
        assert told(device) == [(2, None)]
    device.clock.now_ms += 60_000
    hear(device)
    assert told(device) == [(2, None), (2, (1000, 2))]


def test_a_trip_that_a_restart_interrupted_does_not_go_on_after_a_wipe(device: Device) -> None:
    lived(device)
    device.restart()
    hear(device, Connected(), order(1000))
    device.drive(1, 0)
    device.trip()
    assert trips_of(device) == 1
    device.restart()
    assert not device.agent.own.watcher.is_open
