"""Whatever operation of the disk the power is cut at while a pack is taken, tried and given back: the old one or the new one."""

from collections import deque
from collections.abc import Callable
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from tests.chaos.simulated import a_medium
from tests.edge.signing_server import SigningServer

from headway_edge import packs
from headway_edge.agent import Agent
from headway_edge.mqtt.link import Event, Message
from headway_edge.orders import offered_packs
from headway_edge.orders.freshness import Freshness
from headway_edge.orders.offer_book import VERSIONS
from headway_edge.orders.pack_trial import OFFERED, PACK, STARTS_MAX
from headway_edge.store.outbox import Outbox
from headway_protocol import pack_offer, record, topics
from headway_server.signing import key_id
from headway_simulators.chaos.disk import PowerCut
from headway_simulators.chaos.disk_faults import MOMENTS, Cut, Moment, nth

STORE = Path("/store/outbox.db")
SERVER = SigningServer()
NAMES = ("eco-driving", "commercial-driving")  # offered with versions 1 and 2
OLD = "private-driving"
FOLDER = Path(packs.__file__).parent


def offer(number: int) -> bytes:
    pack = (FOLDER / NAMES[number - 1]).with_suffix(".cbor").read_bytes()
    return SERVER.signed(pack_offer.encode(pack, "{}"), number)


OFFERS = {number: offer(number) for number in (1, 2)}
SETTINGS = packs.load(OLD)


@pytest.fixture(autouse=True)
def packs_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of starts read the same two packs, which is what takes the time."""
    monkeypatch.setattr(offered_packs, "of_offer", cache(packs.of_offer))


class Link:
    """A link that hands over what is retained for this device at each connection."""

    def __init__(self) -> None:
        self.events: deque[Event] = deque()

    def poll(self, timeout_s: float = 0.0) -> Event | None:
        return self.events.popleft() if self.events else None

    def publish(self, payload: bytes) -> bool:
        return True


class Clock:
    """Of a device that never learns the time."""

    def mono_ms(self) -> int:
        return 0

    def wall(self) -> tuple[int | None, int]:
        return None, record.UNSYNCED


class Life:
    """A device on a simulated disk that may be cut off at any operation. `taken`: the highest offer that it said it runs."""

    def __init__(self, seed: int) -> None:
        self.medium = a_medium(seed)
        self.taken = 0
        self.started = 0

    def start(self) -> Agent:
        outbox = Outbox(STORE, self.medium)
        agent = Agent(outbox, Link(), Clock(), max, SETTINGS, server_keys=SERVER.keys())  # type: ignore[arg-type]
        self.started += 1
        return agent

    def hear(self, agent: Agent, number: int) -> None:
        agent._exchange._link.events.append(Message(topics.PACK, OFFERS[number]))  # type: ignore[union-attr]
        agent.step(0)
        if agent.process.name == NAMES[number - 1]:
            self.taken = max(self.taken, number)

    def end(self, agent: Agent) -> None:
        agent.outbox.close()

    def script(self) -> None:
        """One pack is taken and confirmed, another one is taken and given back."""
        agent = self.start()
        self.hear(agent, 1)
        agent.outbox.acknowledge(agent.outbox.boot, agent.outbox.last_seq, [])
        agent._packs.trial.look()
        self.hear(agent, 2)
        self.end(agent)
        for _ in range(STARTS_MAX):
            self.end(self.start())


def check(life: Life) -> Agent:
    """Start what a cut has left; a pack that was offered runs, or the one before it, and nothing older is taken any more."""
    agent = life.start()
    assert agent.process.name in (OLD, *NAMES)
    floor = Freshness(agent.outbox.load(VERSIONS), [key_id(SERVER.key.public)]).version
    assert floor >= life.taken, "a version that was acted on is on disk"
    for key in (PACK, OFFERED):
        body = agent.outbox.load(key)
        assert body is None or packs.of_offer(body).name in NAMES
    return agent


def cut_at_each(moment: Moment, kept: float, step: int) -> int:
    for number in count(1, step):
        life = Life(number)
        life.medium.disk.plan = nth(number, Cut(moment))
        try:
            life.script()
        except PowerCut:
            pass
        else:
            return number // step
        life.medium.disk.plan = None
        life.medium.restart(kept)
        agent = check(life)
        # What is retained at the broker comes again: in the end the newest offer runs, or was given back.
        before = agent.process.name
        life.hear(agent, 2)
        assert agent.process.name in {NAMES[1], before}
        life.hear(agent, 1)
        assert agent.process.name != NAMES[0] or before == NAMES[0], "an older one is never taken after a newer one"
        life.end(agent)
        for _ in range(STARTS_MAX):
            agent = check(life)
            life.end(agent)
        assert agent.process.name in {NAMES[0], OLD}, (
            "without a server that answers, the last one that is known to work"
        )
    raise AssertionError


def test_without_a_cut_the_second_pack_is_given_back() -> None:
    life = Life(1)
    life.script()
    agent = check(life)
    assert agent.process.name == NAMES[0]
    assert "offer 2 was given back" in agent.status().pack_cause
    life.hear(agent, 2)
    assert agent.process.name == NAMES[0]
    life.end(agent)


def test_power_cuts_now_and_then_leave_the_old_pack_or_the_new_one(tell: Callable[[str], None]) -> None:
    tried = cut_at_each("inside", 0.5, step=11)
    tell(f"{tried} power cuts while packs are taken and given back")
    assert tried > 8


@pytest.mark.full
@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("kept", [0.0, 1.0])
def test_a_power_cut_at_every_operation_leaves_the_old_pack_or_the_new_one(
    moment: Moment, kept: float, tell: Callable[[str], None]
) -> None:
    tried = cut_at_each(moment, kept, step=1)
    tell(f"{tried} power cuts while packs are taken and given back, {moment}, {kept} kept")
    assert tried > 100
