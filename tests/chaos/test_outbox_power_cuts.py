"""Whatever operation of the disk the power is cut at, the outbox keeps what it promised."""

from collections.abc import Callable, Iterator
from itertools import count

import pytest
from tests.chaos.books import FOLDED
from tests.chaos.outbox_life import Life, run

from headway_edge.store.pending_loss import STORE_FULL
from headway_simulators.chaos.disk_faults import MOMENTS, Cut, Moment, nth

BUDGETS = {Life.crowded: 10 * 4096, Life.folded: 7 * 4096}
PARTS = 4  # of the pairs, so that none takes minutes
KEPT = (0.0, 0.5, 0.8, 1.0)  # shares of what was not synced that survive a cut


def cuts(script: Callable[[Life], None], cut: Cut, kept: float, step: int = 1) -> Iterator[tuple[int, Life]]:
    """Yield a life cut at every `step`-th operation of a script, with the operation's number."""
    for number in count(1, step):
        life = Life(number, BUDGETS.get(script, 64 * 2**20))
        life.medium.disk.plan = nth(number, cut)
        if not run(life, script, kept):
            return
        yield number, life


def every_cut(
    script: Callable[[Life], None], faults: list[tuple[Cut, float]], step: int = 1, excuses: tuple[str, ...] = ()
) -> int:
    """Check the books after every cut; return how many there were."""
    tried = 0
    for cut, kept in faults:
        for number, life in cuts(script, cut, kept, step):
            assert life.end(excuses, check_state=script is not Life.folded) == [], (
                f"{cut} at operation {number}, {kept} kept"
            )
            tried += 1
    return tried


def test_a_life_without_faults_leaves_the_books_in_order() -> None:
    for script in (Life.short, Life.long):
        life = Life()
        assert not run(life, script)
        assert life.refusals == 0
        assert life.end() == []


def test_a_power_cut_now_and_then_loses_nothing(tell: Callable[[str], None]) -> None:
    tried = every_cut(Life.long, [(Cut("inside"), 0.5)], step=5)
    tell(f"{tried} power cuts in a long life")
    assert tried > 50


@pytest.mark.full
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_power_cut_at_every_operation_loses_nothing(moment: Moment, tell: Callable[[str], None]) -> None:
    tried = every_cut(Life.long, [(Cut(moment), kept) for kept in KEPT])
    tell(f"{tried} power cuts in a long life, {moment} every operation")
    assert tried > 600


@pytest.mark.full
def test_a_kill_at_every_operation_loses_nothing(tell: Callable[[str], None]) -> None:
    tried = every_cut(Life.long, [(Cut(moment, power=False), 0) for moment in MOMENTS])
    tell(f"{tried} kills in a long life")
    assert tried > 500


@pytest.mark.parametrize("step", [97, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize(("script", "reasons"), [(Life.crowded, (STORE_FULL,)), (Life.folded, (FOLDED,))])
def test_a_power_cut_while_room_is_made_loses_only_what_made_room(
    script: Callable[[Life], None], reasons: tuple[str, ...], step: int, tell: Callable[[str], None]
) -> None:
    life = Life(budget_bytes=BUDGETS[script])
    run(life, script)
    assert life.end(reasons, check_state=script is not Life.folded) == []
    assert set(life.server.lost.values()) == set(reasons)
    tried = every_cut(script, [(Cut("inside"), 0.5)], step, reasons)
    tell(f"{tried} power cuts while room is made, {script.__name__}")
    assert tried > 5


def pairs(step: int, part: int = 0) -> int:
    """Cut a short life at every operation, and the life after it again at every `step`-th of its own.

    part: of PARTS, by the first cut.
    """
    tried = 0
    for first in count(1 + part, PARTS):
        for second in count(1 + first % step, step):
            life = Life(seed=first * 1000 + second)
            life.medium.disk.plan = nth(first, Cut())
            if not run(life, Life.short):
                assert second <= step, "the first cut was met before"
                return tried
            life.medium.disk.plan = nth(second, Cut())
            if not run(life, Life.short):
                break
            assert life.end() == [], f"cuts at operations {first} and then {second}"
            tried += 1
    raise AssertionError


def test_some_pairs_of_power_cuts_lose_nothing(tell: Callable[[str], None]) -> None:
    tried = pairs(step=29)
    tell(f"{tried} pairs of power cuts")
    assert tried > 50


@pytest.mark.full
@pytest.mark.parametrize("part", range(PARTS))
def test_every_pair_of_power_cuts_loses_nothing(part: int, tell: Callable[[str], None]) -> None:
    tried = pairs(step=1, part=part)
    tell(f"{tried} pairs of power cuts, part {part + 1} of {PARTS} of all")
    assert tried > 1000
