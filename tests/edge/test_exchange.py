"""The agent's talk with its server: what it does when asked for records again, and how it says how it stands."""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from headway_edge import agent_status
from headway_edge.agent_status import AgentStatus
from headway_edge.exchange import Exchange
from headway_edge.mqtt.link_events import Connected, Disconnected, Event, Message, Trouble
from headway_edge.session import WINDOW
from headway_edge.store.outbox import Outbox
from headway_edge.store.record_keeper import RecordKeeper
from headway_protocol import ack, command, record, topics
from headway_protocol.cbor import encode
from headway_protocol.errors import DecodeError


class Clock:
    def mono_ms(self) -> int:
        return 1000

    def wall(self) -> tuple[int | None, int]:
        return None, record.UNSYNCED


class FakeLink:
    def __init__(self) -> None:
        self.events: deque[Event] = deque()
        self.published: list[bytes] = []
        self.room = 1000

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        return self.events.popleft() if self.events else None

    def publish(self, payload: bytes) -> bool:
        if self.room == 0:
            return False
        self.room -= 1
        self.published.append(payload)
        return True

    def take(self) -> list[tuple[int, int]]:
        """The records published since the last call, by (boot, seq)."""
        found = [record.identity(payload) for payload in self.published]
        self.published.clear()
        return found


class Device:
    def __init__(self, folder: Path, linked: bool = True) -> None:
        self.outbox = Outbox(folder / "outbox.db")
        self.link = FakeLink()
        self.keeper = RecordKeeper(self.outbox, Clock())
        self.heard: list[bytes] = []
        hearers: dict[str, Callable[[bytes], None]] = {topics.BENCH: self.heard.append, topics.PACK: self.refuse}
        link = self.link if linked else None
        self.exchange = Exchange(self.outbox, link, lambda _low, high: high, self.keeper, hearers)

    def refuse(self, data: bytes) -> None:
        raise DecodeError(1, "no pack")

    def make(self, count: int) -> None:
        for _ in range(count):
            self.keeper.append(record.SERVICE, [1, 0, None, None], {})

    def step(self, *events: Event, now_ms: int = 0) -> list[tuple[int, int]]:
        self.link.events.extend(events)
        while self.exchange.step(now_ms):
            pass
        return self.link.take()

    def acknowledge(self, upto: int, now_ms: int = 0, boot: int = 1) -> list[tuple[int, int]]:
        return self.step(Message(topics.ACK, ack.encode(boot, upto, [])), now_ms=now_ms)


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Device]:
    found = Device(tmp_path)
    yield found
    found.outbox.close()


def asked(*ranges: tuple[int, int, int]) -> Message:
    return Message(topics.CMD, command.resend(list(ranges)))


def losses(device: Device) -> list[tuple[int, int, int, str]]:
    return [record.parse_loss(record.decode(payload).body) for payload in device.outbox.payloads(record.LOSS)]


def test_settled_records_that_the_server_asks_for_are_sent_again(device: Device) -> None:
    device.make(5)
    assert len(device.step(Connected())) == 5
    assert device.acknowledge(5) == []
    assert device.step(asked((1, 2, 3))) == [(1, 2), (1, 3)]
    assert device.exchange.status().backlog == 2
    device.acknowledge(5)
    assert device.exchange.status().backlog == 0


def test_asking_twice_sends_twice_and_harms_nothing(device: Device) -> None:
    device.make(3)
    device.step(Connected())
    device.acknowledge(3)
    assert device.step(asked((1, 1, 3)), asked((1, 1, 3))) == [(1, 1), (1, 2), (1, 3)]
    assert losses(device) == []


def test_what_is_not_kept_any_more_is_declared_once_however_often_the_server_asks(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    device.make(3)
    device.step(Connected())
    device.acknowledge(3)
    resend = device.outbox.resend
    gone = (1, 1, 2)

    def without_the_oldest(ranges: list[tuple[int, int, int]]) -> tuple[int, list[tuple[int, int, int]]]:
        count, missing = resend(ranges)
        return count, [*missing, gone] if gone in ranges else missing

    monkeypatch.setattr(device.outbox, "resend", without_the_oldest)
    device.step(asked(gone))
    assert losses(device) == [(*gone, "not kept any more")]
    told = max(record.decode(payload).seq for payload in device.outbox.payloads(record.LOSS))
    device.acknowledge(told)
    assert device.exchange.status().backlog == 0
    for _ in range(5):
        assert (1, told) in device.step(asked(gone)), "the record that declares it is sent again"
        device.acknowledge(told)
    assert losses(device) == [(*gone, "not kept any more")]


@pytest.mark.parametrize(
    "data",
    [b"rubbish", encode([1, 1, []]), encode([1, 1, [[0, 1, 1]]]), encode([9, 1, [[1, 1, 1]]]), encode([1, 77, "new"])],
)
def test_a_command_that_is_none_or_newer_changes_nothing(device: Device, data: bytes) -> None:
    device.make(2)
    device.step(Connected())
    device.acknowledge(2)
    assert device.step(Message(topics.CMD, data)) == []
    assert device.exchange.status().backlog == 0


def test_a_store_that_fails_is_no_end(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> list[object]:
        raise sqlite3.OperationalError("disk I/O error")

    device.make(3)
    with monkeypatch.context() as patch:
        for name in ("to_send", "acknowledge", "resend", "retry_undeliverable"):
            patch.setattr(device.outbox, name, fail)
        assert device.step(Connected()) == []
        device.acknowledge(3)
        device.step(asked((1, 1, 1)))
    assert device.step() == [(1, 1), (1, 2), (1, 3)]


def test_what_the_link_has_no_room_for_goes_when_it_has(device: Device) -> None:
    device.make(10)
    device.link.room = 4
    assert device.step(Connected()) == [(1, 1), (1, 2), (1, 3), (1, 4)]
    device.link.room = 3
    assert device.step() == [(1, 5), (1, 6), (1, 7)]
    device.link.room = 100
    assert device.step() == [(1, 8), (1, 9), (1, 10)]
    assert device.step() == []


def test_a_burst_while_a_backlog_drains_is_bounded_by_the_window(device: Device) -> None:
    device.make(100)
    assert len(device.step(Connected())) == WINDOW
    assert device.exchange.status().in_flight == WINDOW
    assert device.step() == []


def test_a_refused_message_of_another_channel_is_no_end(device: Device) -> None:
    device.step(Connected(), Message(topics.PACK, b"x"), Message(topics.BENCH, b""), Message(topics.BENCH, b"b"))
    device.step(Message("unheard-of", b"x"))
    assert device.heard == [b"b"]


def test_the_status_says_how_it_stands_and_what_to_do(device: Device) -> None:
    exchange = device.exchange
    assert exchange.status() == AgentStatus(agent_status.CONNECTING, "", "", 0, 0, 0, None)
    device.make(2)
    device.step(Disconnected("broker.example:1883: no network", "wait for the network"))
    down = exchange.status()
    assert (down.link, down.cause, down.next_step) == (
        agent_status.DOWN,
        "broker.example:1883: no network",
        "wait for the network",
    )
    assert not exchange.online
    device.step(Disconnected("refused: banned", "ask the broker's operator", refused=True))
    assert exchange.status().link == agent_status.REFUSED
    device.step(Connected())
    assert exchange.online
    assert exchange.status() == AgentStatus(agent_status.CONNECTED, "", "", 2, 2, 0, None)
    device.step(Trouble("the broker has nobody to give records to", "start the server"))
    assert exchange.status().sentence == (
        "connected, but the broker has nobody to give records to; 2 records wait; "
        "the server was not heard since the start. Next: start the server."
    )
    device.acknowledge(1, now_ms=5000)
    device.step(now_ms=7500)
    assert exchange.status() == AgentStatus(agent_status.CONNECTED, "", "", 1, 1, 0, 2500)
    assert exchange.status().sentence == "connected; 1 record waits; the server answered 2 s ago."


@pytest.mark.parametrize(
    ("age_ms", "words"),
    [
        (0, "0 s"),
        (119_000, "119 s"),
        (120_000, "2 min"),
        (7_199_000, "119 min"),
        (7_200_000, "2 h"),
        (200_000_000, "2 days"),
    ],
)
def test_ages_are_told_in_a_unit_that_reads_well(age_ms: int, words: str) -> None:
    assert f"the server answered {words} ago" in AgentStatus("connected", "", "", 0, 0, 0, age_ms).sentence


def test_without_a_link_everything_stays_here(tmp_path: Path) -> None:
    device = Device(tmp_path, linked=False)
    device.make(3)
    assert not device.exchange.step(0)
    assert device.exchange.status().sentence == "off; 3 records wait."
    device.outbox.close()
