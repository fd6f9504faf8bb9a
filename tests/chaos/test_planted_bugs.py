"""The simulation finds what is wrong: bugs are planted in the real code, and must be seen, and come down to a few faults."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy.exc import SQLAlchemyError
from tests.chaos.test_world_machine import WorldMachine, few

from headway_edge.orders.offered_packs import OfferedPacks
from headway_edge.orders.wipe_orders import WipeOrders
from headway_edge.session import Session
from headway_edge.store import wiping
from headway_edge.store.outbox import Outbox
from headway_protocol import ack, record, topics
from headway_server.erasure import erasures
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.receipts import Acknowledgement
from headway_server.ingest.transaction import Transaction
from headway_simulators.chaos import books
from headway_simulators.chaos.faults import chosen, faults_of
from headway_simulators.chaos.runs import run
from headway_simulators.chaos.script import FLEET, Fault, Script
from headway_simulators.chaos.shrink import Shrinking
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS

Planting = Callable[[pytest.MonkeyPatch], None]


def settles_on_puback(planted: pytest.MonkeyPatch) -> None:
    """What the link took is forgotten at once, as if a broker's word were the server's."""
    take = Session.take

    def take_and_settle(self: Any, now_ms: int) -> list[bytes]:
        payloads = take(self, now_ms)
        for payload in payloads:
            boot, seq = record.identity(payload)
            self._outbox.acknowledge(boot, 0, [], [(seq, seq)])
        return payloads

    planted.setattr(Session, "take", take_and_settle)


def acknowledges_before_commit(planted: pytest.MonkeyPatch) -> None:
    """The server answers for what it has received, whether its transaction succeeds or not."""
    commit = Ingest.commit

    async def commit_or_not(self: Ingest, messages: Any) -> list[Acknowledgement]:
        try:
            return await commit(self, messages)
        except SQLAlchemyError:
            places = [(m.topic, record.identity(m.payload)) for m in messages if m.topic.endswith(topics.UP)]
            return [
                Acknowledgement(topic.removesuffix(topics.UP) + topics.ACK, ack.encode(place[0], place[1], []))
                for topic, place in places
                if place is not None
            ]

    planted.setattr(Ingest, "commit", commit_or_not)


def does_not_sync(planted: pytest.MonkeyPatch) -> None:
    """The device's database leaves it to the machine when its pages come to the disk."""
    begin = Outbox._begin_boot

    def begin_unsynced(self: Any, first_boot: int) -> None:
        self._file.db.execute("PRAGMA synchronous = OFF")
        begin(self, first_boot)

    planted.setattr(Outbox, "_begin_boot", begin_unsynced)


def counts_repeats_again(planted: pytest.MonkeyPatch) -> None:
    """A trip that comes twice is added to the totals twice."""
    insert = Transaction._insert_records

    async def insert_and_repeat(self: Any, arrivals: Any) -> Any:
        stored, repeated = await insert(self, arrivals)
        for again in repeated:
            self.seen[again.device].trips += again.episode is not None
        return stored, repeated

    planted.setattr(Transaction, "_insert_records", insert_and_repeat)


def forgets_its_boots(planted: pytest.MonkeyPatch) -> None:
    """A device counts its boots by the clock alone, which may stand still."""
    begin = Outbox._begin_boot

    def begin_anew(self: Any, _first_boot: int) -> None:
        begin(self, 1)
        self.boot = 7

    planted.setattr(Outbox, "_begin_boot", begin_anew)


def forgets_erasures_with_its_database(planted: pytest.MonkeyPatch) -> None:
    """A server that was restored does not look into its journal."""

    async def knows_nothing(*_: Any) -> list[Any]:
        return []

    planted.setattr(erasures, "_catch_up", knows_nothing)


def confirms_what_is_still_on_its_disk(planted: pytest.MonkeyPatch) -> None:
    """A device says that it is wiped once its tables are empty."""
    planted.setattr(wiping, "is_unclean", lambda _db: False)
    begin = Outbox._begin_boot

    def begin_careless(self: Any, first_boot: int) -> None:
        self._file.db.execute("PRAGMA secure_delete = OFF")
        begin(self, first_boot)

    planted.setattr(Outbox, "_begin_boot", begin_careless)


def obeys_nobody(planted: pytest.MonkeyPatch) -> None:
    """A device takes every order for one that it has carried out."""
    planted.setattr(WipeOrders, "hear", lambda _self, _data: False)


def takes_an_offer_and_goes_on_as_before(planted: pytest.MonkeyPatch) -> None:
    """A device stores what it is offered, and no trip ever ends in a way that it is put to work."""
    planted.setattr(OfferedPacks, "take_over", lambda _self, _state: None)


SEED, DEVICES, DAYS = 1, 2, 3
EVERYBODY = range(DEVICES)
POWER_CUTS_OFFLINE = (
    *(Fault(6 * HOUR_MS, "offline", device, 2 * DAY_MS) for device in EVERYBODY),
    *(
        Fault(hour * HOUR_MS, "power-cut", device, 0, 20 + 7 * device)
        for hour in (9, 16, 33, 40)
        for device in EVERYBODY
    ),
)

BUGS: list[tuple[Planting, tuple[Fault, ...], str]] = [
    (settles_on_puback, (Fault(6 * HOUR_MS, "denied", 0, 2 * DAY_MS),), books.LET_GO),
    (acknowledges_before_commit, (Fault(6 * HOUR_MS, "database-busy", FLEET, 2 * DAY_MS),), books.LYING_ACK),
    (does_not_sync, POWER_CUTS_OFFLINE, books.LOST_WITHOUT_REASON),
    (counts_repeats_again, tuple(Fault(0, "duplicating", n, 2 * DAY_MS, 900) for n in EVERYBODY), books.OTHER_TOTALS),
    (
        forgets_erasures_with_its_database,
        (Fault(DAY_MS, "erase", 0), Fault(2 * DAY_MS, "server-restore", FLEET, MINUTE_MS, 36 * 60)),
        books.NOT_WIPED,
    ),
    (confirms_what_is_still_on_its_disk, (Fault(DAY_MS, "erase", 0),), books.NOT_ERASED),
    (obeys_nobody, (Fault(DAY_MS, "erase", 0),), books.NOT_WIPED),
    (takes_an_offer_and_goes_on_as_before, (Fault(DAY_MS, "offer", 0, 0, 1),), books.NOT_TAKEN),
    (forgets_its_boots, (Fault(DAY_MS, "kill", 0, MINUTE_MS, 1),), books.BOOT_AGAIN),
]


@contextmanager
def planted_in(planting: Planting) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as planted:
        planting(planted)
        yield


def kinds_found(script: Script) -> set[str]:
    return {violation.kind for violation in run(script).violations}


@pytest.mark.parametrize(("planting", "faults", "kind"), BUGS, ids=lambda part: getattr(part, "__name__", ""))
def test_a_planted_bug_is_found(planting: Planting, faults: tuple[Fault, ...], kind: str) -> None:
    script = Script(SEED, DEVICES, DAYS, faults)
    with planted_in(planting):
        assert kind in kinds_found(script)
    assert kinds_found(script) == set()


def test_what_a_planted_bug_needs_comes_down_to_a_handful_of_faults() -> None:
    noise = faults_of(SEED, DEVICES, DAYS, chosen("network,clock"))
    script = Script(SEED, DEVICES, DAYS, tuple(sorted(POWER_CUTS_OFFLINE + noise)))
    assert len(script.faults) > 10
    with planted_in(does_not_sync):
        shrinking = Shrinking(lambda tried: books.LOST_WITHOUT_REASON in kinds_found(tried))
        smallest = shrinking.shrink(script)
    assert len(smallest.faults) <= 3
    assert any(fault.kind == "power-cut" for fault in smallest.faults)


@pytest.mark.parametrize("planting", [settles_on_puback, counts_repeats_again])
def test_any_order_of_events_finds_a_planted_bug_too(planting: Planting) -> None:
    found = settings(few, max_examples=50, derandomize=True, database=None, phases=[Phase.generate])
    with planted_in(planting), pytest.raises(AssertionError):
        run_state_machine_as_test(WorldMachine, settings=found)
