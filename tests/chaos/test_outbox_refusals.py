"""Whatever operation the disk refuses, once or for good, the outbox goes on or says so, and its books are in order."""

import errno
from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tests.chaos.outbox_life import Life, run

from headway_simulators.chaos.disk_faults import CHANGES, LOOKS, Moment, Plan, Refusal, nth

FULL = Refusal(errno.ENOSPC)
FAILED = Refusal(errno.EIO)
REVERTED = Refusal(errno.EIO, reverts=True)
KEPT = (0.0, 0.3, 0.7)  # shares of what was not synced that survive a cut
TAKES_ROOM = ("create", "write", "sync")

# The refusal and the operations it can meet. None may cost a record that `append` returned.
REFUSALS = [
    pytest.param(FULL, TAKES_ROOM, id="full"),
    pytest.param(FAILED, CHANGES, id="failing"),
    pytest.param(REVERTED, ("sync",), id="reverting"),
    pytest.param(FAILED, LOOKS, id="unreadable"),
    pytest.param(Refusal(errno.EMFILE), ("create", "open"), id="no-handles"),
]
LASTS = [pytest.param(1, id="once"), pytest.param(5, id="five-times"), pytest.param(None, id="for-good")]


def lives(refusal: Refusal, kinds: tuple[str, ...], lasts: int | None, step: int) -> Iterator[tuple[int, Life]]:
    """Yield a long life with the refusal at every `step`-th operation of the kinds, with the operation's number."""
    for number in count(1, step):
        life = Life(seed=number)
        met: list[int] = []
        life.medium.disk.plan = counted(nth(number, refusal, kinds, lasts), met)
        run(life, Life.long)
        if not met:
            return
        yield number, life


def counted(plan: Plan, met: list[int]) -> Plan:
    """Return the plan, which notes in `met` the operations at which it has a fault."""

    def asked(operation):
        fault = plan(operation)
        if fault is not None:
            met.append(operation.number)
        return fault

    return asked


def check(refusal: Refusal, kinds: tuple[str, ...], lasts: int | None, step: int) -> int:
    """Check the books after refusals, without and with a power cut after them; return how many were tried."""
    tried = 0
    for cut in (False, True):
        for number, life in lives(refusal, kinds, lasts, step):
            life.medium.disk.plan = None
            if cut:
                life.medium.disk.cut()
                life.medium.restart(kept=KEPT[tried % len(KEPT)])
            what = f"{refusal} at operation {number} of {kinds}, {lasts or 'for good'}, cut: {cut}"
            assert life.end() == [], what
            tried += 1
    return tried


@pytest.mark.parametrize("lasts", LASTS)
@pytest.mark.parametrize(("refusal", "kinds"), REFUSALS)
def test_some_refusals(refusal: Refusal, kinds: tuple[str, ...], lasts: int | None) -> None:
    tried = check(refusal, kinds, lasts, step=31)
    assert tried > 0


@pytest.mark.full
@pytest.mark.parametrize("lasts", LASTS)
@pytest.mark.parametrize(("refusal", "kinds"), REFUSALS)
def test_every_refusal(
    refusal: Refusal, kinds: tuple[str, ...], lasts: int | None, tell: Callable[[str], None]
) -> None:
    tried = check(refusal, kinds, lasts, step=1)
    tell(f"{tried} times {refusal} of {kinds}, {lasts or 'any number'} in a row")
    assert tried > 10


def forgetful(number: int, moment: Moment, lasts: int) -> Life | None:
    """Return a long life in which there is no memory for the `number`-th statement; None if it had fewer."""
    life = Life(seed=number)
    statements = count(1)
    met: list[int] = []

    def plan() -> Moment | None:
        statement = next(statements)
        if not number <= statement < number + lasts:
            return None
        met.append(statement)
        return moment

    life.medium.memory = plan
    run(life, Life.long)
    return life if met else None


@pytest.mark.parametrize("step", [23, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_memory_that_fails_at_a_statement(moment: Moment, step: int) -> None:
    for lasts in (1, 3):
        for number in count(1, step):
            life = forgetful(number, moment, lasts)
            if life is None:
                break
            assert life.end() == [], f"no memory {moment} statement {number}, {lasts} times"


def squeezed(free_bytes: int, from_operation: int) -> Life:
    """Return a life on a disk that has only so much room left from an operation on."""
    life = Life(seed=free_bytes)
    disk = life.medium.disk

    def plan(_: object) -> None:
        if disk.changes == from_operation:
            disk.capacity_bytes = disk.used_bytes + free_bytes

    disk.plan = plan
    run(life, Life.long)
    return life


@pytest.mark.parametrize("step", [30_011, pytest.param(509, marks=pytest.mark.full)])
def test_a_disk_that_fills_up_at_every_size(step: int) -> None:
    for free_bytes in range(0, 300_000, step):
        for from_operation in (1, 40, 80, 120):
            life = squeezed(free_bytes, from_operation)
            assert life.end() == [], f"{free_bytes} bytes free from operation {from_operation} on"


def test_with_its_ballast_a_full_disk_takes_some_records_more() -> None:
    life = Life()
    outbox = life.open()
    life.medium.disk.capacity_bytes = life.medium.disk.used_bytes
    for _ in range(10):
        life.append(outbox)
    assert life.refusals == 0
    assert life.end() == []
