"""A broker's PUBACK is no receipt: mosquitto acknowledges what it drops, in every way that it has of dropping something.

Each cell of the matrix puts one obstacle into a real mosquitto, in one version of MQTT, between a real agent and a real server.
Held: nothing leaves the device on the broker's word, the agent names the cause where the broker tells any, and once the
obstacle is gone everything is at the server, each record once. The table that is printed is what was measured.
"""

import random
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.mqtt.broker import Broker
from headway_edge.mqtt.link import Link
from headway_edge.store.outbox import Outbox
from headway_protocol import service
from headway_protocol.state import ENDS_MAX
from headway_simulators.demo import free_port
from headway_simulators.errors import SimulatorError
from headway_simulators.soak.broker import BrokerProcess
from headway_simulators.soak.device_child import GROUP, drive
from headway_simulators.soak.nursery import Nursery
from headway_simulators.soak.server import SoakedServer, counted, stored
from headway_simulators.virtual_clock import VirtualClock

pytestmark = pytest.mark.full

FASTER = 400  # the session's clock; a record is given up after some twenty minutes of losses
START_MS = 1_767_225_600_000
DEVICE = "car-1"
QUEUED = 5
LARGEST = 50  # bytes: a service fits, a trip and the birth do not
LOGGED = "log_type all\nmax_inflight_messages 0\n"


class Device:
    """A real agent, store and link in this process; its session lives FASTER."""

    def __init__(self, path: Path, port: int, protocol: str) -> None:
        self.outbox = Outbox(path)
        chance = random.Random(1)  # noqa: S311 - jitter
        self.clock = VirtualClock(START_MS + self.outbox.boot * 86_400_000)
        broker = Broker(port=port, protocol=protocol, back_off_least_s=0.02, back_off_max_s=0.2)  # type: ignore[arg-type]
        self.link = Link(broker, GROUP, DEVICE, self.outbox.boot, chance.uniform, lambda: self.outbox.ends(ENDS_MAX))
        self.agent = Agent(self.outbox, self.link, self.clock, chance.randint, packs.load("private-driving"))
        self.causes: list[str] = []
        self.link.start()

    def trip(self) -> None:
        drive(self.agent, self.clock)

    def service(self) -> None:
        self.clock.advance(self.clock.wall()[0] + 60_000)
        self.agent.serviced(service.OIL_CHANGED)

    def live(self, until: Callable[[], bool], seconds: float = 30.0, what: str = "") -> None:
        deadline_s = time.monotonic() + seconds
        while not until():
            status = self.agent.status()
            assert time.monotonic() < deadline_s, f"{what}: {status}; causes: {self.causes}; {self.outbox.refusals()}"
            self.agent.step(int(time.monotonic() * 1000 * FASTER), 0.01)
            cause = self.agent.status().cause
            if cause and cause not in self.causes:
                self.causes.append(cause)

    def close(self) -> None:
        self.link.stop(1)
        self.outbox.close()


@dataclass
class Cell:
    """What was measured. acked: PUBACKs without an error for records; stored: how many of these the server had then."""

    obstacle: str
    protocol: str
    sent: int = 0
    acked: int = 0
    refused: int = 0
    stored: int = 0
    kept: int = 0
    causes: list[str] = field(default_factory=list)
    undeliverable: int = 0
    delivered: int = 0


class Between:
    """A broker with an obstacle, a server behind it, a device before it."""

    def __init__(self, folder: Path, nursery: Nursery, obstacle: str, protocol: str) -> None:
        self.folder, self.cell = folder, Cell(obstacle, protocol)
        try:
            self.broker = BrokerProcess(folder, free_port(), LOGGED, persistent=True)
        except SimulatorError as error:
            pytest.fail(str(error))
        self.server = SoakedServer(nursery, folder, self.broker.port)
        self.device: Device | None = None

    def begin(self, extra: str) -> Device:
        """Start all three, with the obstacle in the broker's configuration."""
        self.broker.configure(LOGGED + extra)
        self.broker.start()
        self.start_server()
        self.device = Device(self.folder / "outbox.db", self.broker.port, self.cell.protocol)
        return self.device

    def start_server(self) -> None:
        subscribed = self.log().count("Received SUBSCRIBE from headway-server")
        self.server.start()
        self.server.await_ready()
        deadline_s = time.monotonic() + 20
        while self.log().count("Received SUBSCRIBE from headway-server") == subscribed:
            assert time.monotonic() < deadline_s, "the server did not subscribe"
            time.sleep(0.02)

    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def count(self) -> None:
        """Read from the broker's log what it took of the device's records, and what it said."""
        up, cell = {}, self.cell
        for line in self.log().splitlines():
            if (
                found := re.search(rf"PUBLISH from {GROUP}:{DEVICE} \(d\d, q1, r0, m(\d+), '[^']*/up'", line)
            ) is not None:
                up[found[1]] = True
                cell.sent += 1
            elif f"PUBLISH from {GROUP}:{DEVICE}" in line and (found := re.search(r", m(\d+),", line)) is not None:
                up[found[1]] = False
            elif (found := re.search(rf"Sending PUBACK to {GROUP}:{DEVICE} \(m(\d+), rc(\d+)\)", line)) is not None:
                # The broker's log has the reason in both versions; on the wire there is one in version 5 only.
                is_error = int(found[2]) >= 0x80 and cell.protocol == "5"
                if up.get(found[1]):
                    cell.acked += not is_error
                    cell.refused += is_error
        assert self.device is not None
        cell.stored = len(stored(self.server.database_url).get(f"{GROUP}/{DEVICE}", {}))
        cell.kept = self.device.outbox.backlog()
        cell.undeliverable = sum(name == "undeliverable" for _, _, name in self.device.outbox.refusals())
        cell.causes = self.device.causes

    def mend(self, *, anew: bool = True) -> Cell:
        """Take the obstacle away and see all arrive. anew: restart the device as well, as an operator or a driver would."""
        assert self.device is not None
        if anew:
            self.broker.stop()
            self.broker.configure(LOGGED)
            self.broker.start()
            self.device.close()
            self.device = Device(self.folder / "outbox.db", self.broker.port, self.cell.protocol)
        device = self.device
        device.live(lambda: device.agent.settled, what="after the obstacle")
        self.server.stop()
        made = sum(last for _, last in device.outbox.ends(ENDS_MAX))
        self.cell.delivered = len(stored(self.server.database_url)[f"{GROUP}/{DEVICE}"])
        assert self.cell.delivered == made == device.outbox.produced, "each record once, and none but these"
        trips, differences = counted(self.server.database_url)
        assert differences == []
        assert trips.get(f"{GROUP}/{DEVICE}", 0) == len(device.outbox.payloads(2))
        assert device.outbox.refusals() == [] == self.server.violations
        return self.cell

    def end(self) -> None:
        if self.device is not None:
            self.device.close()
        self.server.kill()
        self.broker.kill()


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    with Nursery("server_child", tmp_path_factory.mktemp("servers") / "log") as one:
        yield one


Start = Callable[[str, str], Between]


@pytest.fixture
def between(tmp_path: Path, nursery: Nursery, capsys: pytest.CaptureFixture[str]) -> Iterator[Start]:
    made: list[Between] = []

    def start(obstacle: str, protocol: str) -> Between:
        made.append(Between(tmp_path, nursery, obstacle, protocol))
        return made[0]

    yield start
    for one in made:
        one.end()
        cell = one.cell
        with capsys.disabled():
            print(
                f"\n{cell.obstacle:22} MQTT {cell.protocol:5}: sent {cell.sent:3}, broker said yes {cell.acked:3} and no "
                f"{cell.refused:3}; server had {cell.stored:3}, device kept {cell.kept:3}, {cell.undeliverable} of them "
                f"undeliverable; then {cell.delivered:3} delivered; cause: {'; '.join(cell.causes) or 'none was told'}"
            )


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_an_access_rule_that_denies_records(between: Start, tmp_path: Path, protocol: str) -> None:
    one = between("access denied", protocol)
    rules = tmp_path / "rules.acl"
    rules.write_text(f"topic read headway/v1/#\ntopic write headway/v1/{GROUP}/{DEVICE}/state\n")
    rules.chmod(0o644)
    device = one.begin(f"acl_file {rules}\n")
    for _ in range(3):
        device.trip()
    device.live(lambda: one.log().count("Denied PUBLISH") >= 4, what="denied")
    device.live(lambda: len(device.causes) > 0 or protocol == "3.1.1", what="a cause")
    one.count()
    assert (one.cell.stored, one.cell.kept, one.cell.undeliverable) == (0, 4, 0)
    if protocol == "5":
        assert device.causes == ["the broker takes no records: not authorized"]
    else:
        assert one.cell.acked >= 4, "it says that it took them"
        assert "the server was not heard since the start" in device.agent.status().sentence
    one.mend()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_record_that_is_larger_than_the_broker_takes(between: Start, protocol: str) -> None:
    one = between("message_size_limit", protocol)
    device = one.begin(f"message_size_limit {LARGEST}\n")
    for _ in range(2):
        device.trip()
        device.service()

    def is_given_up() -> bool:
        if device.agent.status().in_flight <= 3:
            device.service()  # what gets through shows that the others do not
        return len(device.outbox.refusals()) == 3

    device.live(is_given_up, 60, "given up")
    one.count()
    assert one.cell.undeliverable == 3
    assert one.cell.stored >= 2, "the small ones are not held up"
    assert {name for _, _, name in device.outbox.refusals()} == {"undeliverable"}
    one.mend()


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_queue_that_overflows_while_the_server_is_away(between: Start, protocol: str) -> None:
    one = between("queue overflow", protocol)
    device = one.begin(f"max_queued_messages {QUEUED}\n")
    device.live(lambda: device.agent.settled)
    one.server.stop()
    before = len(device.outbox.payloads(2)) + 1
    for _ in range(30):
        device.trip()
    device.live(lambda: device.agent.status().in_flight == 20, what="sent")
    until_s = time.monotonic() + 1
    device.live(lambda: time.monotonic() > until_s, what="waiting")
    one.count()
    assert (one.cell.stored, one.cell.kept) == (before, 30), "nothing was settled by the broker's word"
    assert one.cell.acked >= before + 20
    one.start_server()
    one.mend(anew=False)
    assert one.cell.sent < 30 + 30, "and they do not all come over and over"


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_broker_that_is_killed_and_keeps_nothing_although_it_was_told_to(between: Start, protocol: str) -> None:
    one = between("kill -9, persistence", protocol)
    device = one.begin("max_queued_messages 0\n")
    device.live(lambda: device.agent.settled)
    one.server.stop()
    for _ in range(20):
        device.trip()
    device.live(lambda: device.agent.status().in_flight == 20, what="sent")
    until_s = time.monotonic() + 0.5
    device.live(lambda: time.monotonic() > until_s, what="waiting")
    one.count()
    assert (one.cell.stored, one.cell.kept) == (1, 20)
    assert one.cell.acked >= 1 + 20
    one.broker.kill()
    one.broker.start()
    one.start_server()
    one.mend(anew=False)
