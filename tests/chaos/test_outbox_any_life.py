"""Whatever an agent does with its outbox, in whatever order, and whatever the disk does meanwhile, the books add up."""

import errno

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.chaos.books import ANY
from tests.chaos.outbox_life import Life, run

from headway_simulators.chaos.disk_faults import CHANGES, LOOKS, MOMENTS, Cut, Refusal, nth

STEPS = {
    "append": Life.append,
    "send": Life.send,
    "send one": lambda life, outbox: life.send(outbox, 1),
    "refuse": Life.refuse,
    "resend": lambda life, outbox: life.resend(outbox, life.books.boots[0], 1, 5),
    "resend own": lambda life, outbox: life.resend(outbox, outbox.boot, 1, 99),
    "declare": Life.declare,
    "skip": lambda _, outbox: outbox.skip(2),
    "save": lambda _, outbox: outbox.save("totals", b"some"),
    "set aside": lambda _, outbox: outbox.last_seq and outbox.set_undeliverable(outbox.boot, outbox.last_seq),
    "retry": lambda _, outbox: outbox.retry_undeliverable(),
}
AGAIN = ("close", "kill", "cut")
FAULTS = {
    "none": (Refusal(), ()),
    "cut": (Cut(), CHANGES),
    "kill": (Cut(power=False), CHANGES),
    "full": (Refusal(errno.ENOSPC), ("create", "write")),
    "failing": (Refusal(), CHANGES),
    "unreadable": (Refusal(), LOOKS),
}
steps = st.lists(st.one_of(st.sampled_from(list(STEPS)), st.sampled_from(AGAIN), st.just("append")), max_size=30)
faults = st.lists(
    st.tuples(st.sampled_from(list(FAULTS)), st.integers(1, 300), st.sampled_from([1, 2, 20])), max_size=3
)


def live(life: Life, names: list[str]) -> None:
    outbox = life.open(check_state=False)
    for name in names:
        if name in AGAIN:
            if name == "close":
                outbox.close()
            else:
                life.medium.disk.cut(power=name == "cut")
                life.medium.restart()
            outbox = life.open(check_state=False)
        else:
            life.persist(lambda step=STEPS[name], outbox=outbox: step(life, outbox))
    outbox.close()


def any_life(names: list[str], found: list[tuple[str, int, int]], moment: str, kept: float, seed: int) -> None:
    life = Life(seed)
    unreliable = False
    for name, number, lasts in [*found, ("none", 1, 1)]:
        fault, kinds = FAULTS[name]
        unreliable = unreliable or name in {"failing", "unreadable"}
        life.medium.disk.plan = nth(number, Cut(moment, fault.power) if isinstance(fault, Cut) else fault, kinds, lasts)
        if not run(life, lambda life: live(life, names), kept):
            life.stop()
    assert life.end(ANY if unreliable else (), check_state=not unreliable) == []


lives = given(steps, faults, st.sampled_from(MOMENTS), st.sampled_from([0.0, 0.5, 1.0]), st.integers(0, 2**32))


@lives
@settings(max_examples=40)
def test_any_life(names: list[str], found: list[tuple[str, int, int]], moment: str, kept: float, seed: int) -> None:
    any_life(names, found, moment, kept, seed)


@pytest.mark.full
@lives
@settings(max_examples=1000)
def test_many_lives(names: list[str], found: list[tuple[str, int, int]], moment: str, kept: float, seed: int) -> None:
    any_life(names, found, moment, kept, seed)
