"""Whatever operation of the disk the power is cut at, a wipe is done or not begun, and in the end no old byte is left."""

import contextlib
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest
from tests.chaos.simulated import a_medium

from headway_edge.store.outbox import Outbox
from headway_protocol import record
from headway_simulators.chaos.disk import PowerCut
from headway_simulators.chaos.disk_faults import MOMENTS, Cut, Moment, nth
from headway_simulators.chaos.medium import SimulatedMedium

PATH = Path("/store/outbox.db")
SECRET = b"the-driver-was-here"
KEEP = ("pack",)


def lived_in(seed: int) -> SimulatedMedium:
    """The disk of a device with records, state, and a damaged store in quarantine."""
    medium = a_medium(seed, checkpoint_pages=12)
    outbox = Outbox(PATH, medium)
    fill(outbox)
    outbox.close()
    data = bytearray(medium.disk.content(str(PATH)))
    data[4096:8192] = b"\xa5" * 4096
    medium.disk.replace(str(PATH), bytes(data))
    outbox = Outbox(PATH, medium)
    fill(outbox)
    medium.disk.cut(power=False)
    medium.restart()
    return medium


def fill(outbox: Outbox) -> None:
    for n in range(12):
        body = record.episode_body(bytes(8), 0, SECRET + bytes([n]) * 200, b"")
        outbox.append(record.EPISODE, n, None, record.UNSYNCED, body, {f"state-{n % 3}": SECRET * 20})
    outbox.save("pack", b"a pack")


def erase(outbox: Outbox) -> None:
    outbox.wipe(KEEP, {"wiped": b"7"})
    outbox.scrub()


def files_with(medium: SimulatedMedium, what: bytes) -> list[str]:
    return [name for name in medium.disk.names() if what in medium.disk.content(name)]


def look(medium: SimulatedMedium, boot: int) -> bool:
    """Open what is left; return whether it is wiped. Wipe it then, if it is not, and look for what may not be there."""
    outbox = Outbox(PATH, medium)
    wiped = outbox.load("wiped") is not None
    assert outbox.load("pack") == b"a pack"
    if wiped:
        assert outbox.boot > boot + 1
        assert outbox.backlog() == 0
        assert outbox.keys("") == ["pack", "wiped"]
        assert outbox.undeclared() == []
    else:
        assert outbox.boot == boot + 1
        assert len(outbox.payloads(record.EPISODE)) >= 12
        assert outbox.keys("state-") == ["state-0", "state-1", "state-2"]
        erase(outbox)
    assert files_with(medium, SECRET) == []
    outbox.append(record.EPISODE, 1, None, record.UNSYNCED, record.episode_body(bytes(8), 0, b"", b""), {})
    assert outbox.last_seq == 1
    assert outbox.undeclared() == []
    outbox.close()
    return wiped


def every(cut: Cut, step: int, kept: float) -> tuple[int, int]:
    """Cut the power at every `step`-th operation of a wipe; return how many stores that left as they were, and wiped."""
    outcomes = [0, 0]
    for number in count(1, step):
        medium = lived_in(number)
        outbox = Outbox(PATH, medium)
        boot = outbox.boot
        medium.disk.plan = nth(number, cut)
        try:
            erase(outbox)
        except PowerCut:
            pass
        else:
            assert files_with(medium, SECRET) == []
            return outcomes[0], outcomes[1]
        medium.disk.plan = None
        medium.restart(kept)
        outcomes[look(medium, boot)] += 1
    raise AssertionError


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_power_cut_at_an_operation_leaves_it_wiped_or_not(
    moment: Moment, step: int, tell: Callable[[str], None]
) -> None:
    for kept in (0.0, 0.5, 1.0):
        before, after = every(Cut(moment), step, kept)
        tell(f"{before + after} power cuts {moment} operations of a wipe, {after} of them after it was decided")
        assert before >= 1
        assert after >= 1


def test_a_power_cut_while_it_is_scrubbed_again(tell: Callable[[str], None]) -> None:
    tried = 0
    for first in range(20, 60, 7):
        for second in range(1, 60, 9):
            medium = lived_in(100 * first + second)
            outbox = Outbox(PATH, medium)
            boot = outbox.boot
            medium.disk.plan = nth(first, Cut())
            with contextlib.suppress(PowerCut):  # the last ones are over before
                erase(outbox)
            medium.disk.plan = None
            medium.restart(0.5)
            medium.disk.plan = nth(second, Cut())
            try:
                boot = Outbox(PATH, medium).boot - 1
            except PowerCut:
                boot = -1
            medium.disk.plan = None
            medium.restart(0.5)
            outbox = Outbox(PATH, medium)
            assert outbox.boot > boot
            erase(outbox)
            assert files_with(medium, SECRET) == []
            outbox.close()
            tried += 1
    tell(f"{tried} pairs of power cuts")
