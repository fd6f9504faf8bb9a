"""Small simulated fleets: the same seed is the same run, nothing of the machine gets in, and the books balance."""

import asyncio
import functools
import itertools
import random
import socket
import time

import pytest

from headway_simulators.chaos.faults import KINDS, chosen, faults_of
from headway_simulators.chaos.runs import run, run_all
from headway_simulators.chaos.script import FLEET, Fault, Script
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS
from headway_simulators.chaos.world import Outcome


def script_of(seed: int, devices: int, days: int, kinds: str = "") -> Script:
    return Script(seed, devices, days, faults_of(seed, devices, days, chosen(kinds)))


def test_the_same_seed_gives_the_same_events_and_another_seed_others(monkeypatch: pytest.MonkeyPatch) -> None:
    script = script_of(5, 4, 5)
    first = run(script, keep_log=True)

    def refuse(*_args: object, **_options: object) -> None:
        pytest.fail("the simulation waited, or reached for a network")

    # Neither the machine's time nor its chance nor its network has a part in it; SQLAlchemy notes the time, for nothing.
    times = itertools.count(4_000_000_000, 1_000_000)
    monkeypatch.setattr(time, "time", lambda: float(next(times)))
    monkeypatch.setattr(time, "time_ns", lambda: 10**9 * next(times))
    monkeypatch.setattr(time, "sleep", refuse)
    monkeypatch.setattr(asyncio, "sleep", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    random.seed(99)
    second = run(script, keep_log=True)
    assert first.log == second.log
    assert (first.digest, first.checked, first.counts) == (second.digest, second.checked, second.counts)
    assert run(script_of(6, 4, 5)).digest != first.digest


def test_runs_in_other_processes_are_the_same_runs() -> None:
    scripts = [script_of(seed, 2, 2) for seed in (1, 2, 3)]
    assert [outcome.digest for outcome in run_all(scripts, 2)] == [run(script).digest for script in scripts]


def test_without_faults_everything_is_stored_and_counted() -> None:
    outcome = run(script_of(2, 6, 6, "none"))
    assert outcome.violations == ()
    assert outcome.checked.produced == outcome.checked.stored > 40
    assert not outcome.checked.lost
    assert outcome.calm_ms <= 10 * MINUTE_MS


@pytest.mark.parametrize("seed", range(1, 5))
def test_with_faults_of_all_kinds_the_books_balance(seed: int) -> None:
    outcome = run(script_of(seed, 5, 8))
    assert outcome.violations == ()
    assert sum(outcome.counts["faults"].values()) > 5


# One of each kind, in the morning of the second day, bad enough to be felt.
ONE_OF_EACH = [
    Fault(
        DAY_MS + 7 * HOUR_MS,
        name,
        0 if kind.is_of_device else FLEET,
        9 * HOUR_MS if kind.lasts else 0,
        kind.n[1] // 2,
        kind.m[1] // 2,
    )
    for name, kind in KINDS.items()
]


@functools.cache
def quiet() -> Outcome:
    return run(Script(3, 2, 2))


@pytest.mark.parametrize("fault", ONE_OF_EACH, ids=lambda fault: fault.kind)
def test_one_fault_of_each_kind_does_no_harm_and_does_something(fault: Fault) -> None:
    outcome = run(Script(3, 2, 2, (fault,)))
    assert outcome.violations == ()
    assert outcome.counts["faults"] == {fault.kind: 1}
    assert outcome.digest != quiet().digest


def test_a_store_that_fills_up_folds_and_what_is_folded_is_counted_once() -> None:
    outcome = run(Script(2, 2, 16, (Fault(DAY_MS, "offline", 1, 14 * DAY_MS),)))
    assert outcome.violations == ()
    assert outcome.checked.folded > 0
    assert outcome.checked.produced == outcome.checked.stored + outcome.checked.folded + outcome.checked.lost.total()


def test_a_restored_server_is_given_again_what_devices_keep() -> None:
    # A copy of a day before takes the place of the database; nobody has lost anything, so nothing may be missing.
    restored = Fault(3 * DAY_MS, "server-restore", FLEET, HOUR_MS, 24 * 60)
    outcome = run(Script(1, 5, 5, (restored,)))
    assert outcome.violations == ()
    assert outcome.checked.produced == outcome.checked.stored
    assert outcome.counts["server"]["asked a device to send again"] > 0
