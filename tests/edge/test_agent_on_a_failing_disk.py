"""Collection goes on while the disk fails, in memory and within its bound, and nothing is lost without a word."""

from pathlib import Path

import pytest
from tests.edge.failing_medium import CORRUPT, FULL, IOERR, UnsyncedMedium, always
from tests.edge.test_agent import PROCESS, Device

from headway_edge.agent import Agent
from headway_edge.store.outbox import Outbox
from headway_edge.store.record_keeper import UNSAVED_MAX
from headway_protocol import record

READONLY = 8


class FailingDevice(Device):
    """A device whose disk a test lets fail."""

    def __init__(self, folder: Path) -> None:
        self.medium = UnsyncedMedium()
        super().__init__(folder)

    def start(self) -> None:
        self.outbox = Outbox(self.path, self.medium, mono_ms=self.clock.mono_ms)
        self.agent = Agent(
            self.outbox,
            self.link,  # type: ignore[arg-type]
            self.clock,
            lambda _low, high: high,
            PROCESS,
            on_trip=self.trips.append,
        )

    def step(self) -> None:
        self.clock.now_ms += 60_000
        self.agent.step(self.clock.now_ms)


def a_month(device: FailingDevice, code: int | None) -> FailingDevice:
    """Trips of some days; with a code, the disk fails for most of that time."""
    device.trip(100)
    device.medium.fail = always(code) if code is not None else device.medium.fail
    for _ in range(60):
        device.trip(20)
        device.step()
        device.park(7200)
    device.medium.fail = lambda _sql: None
    device.step()
    return device


@pytest.mark.parametrize("code", [FULL, IOERR, CORRUPT, READONLY])
def test_after_a_time_without_a_disk_all_is_as_if_there_had_been_one(tmp_path: Path, code: int) -> None:
    for name in ("failing", "sound"):
        (tmp_path / name).mkdir()
    device = a_month(FailingDevice(tmp_path / "failing"), code)
    sound = a_month(FailingDevice(tmp_path / "sound"), None)
    assert not device.agent.unsaved
    assert device.agent.dropped == 0
    assert [(item.boot, item.seq, item.body) for item in device.episodes()] == [
        (item.boot, item.seq, item.body) for item in sound.episodes()
    ]
    assert len(device.episodes()) == 61
    for one in (device, sound):
        one.restart()  # what the person's numbers are made of is read from disk
    states = [{key: one.outbox.load(key) for key in one.outbox.keys("")} for one in (device, sound)]
    assert states[0] == states[1]
    assert len(states[0]) > 5
    device.outbox.close()
    sound.outbox.close()


def test_what_is_too_much_for_memory_is_declared_lost(tmp_path: Path) -> None:
    device = FailingDevice(tmp_path)
    device.medium.fail = always(IOERR)
    for _ in range(UNSAVED_MAX + 7):
        device.trip(20)
    device.medium.fail = lambda _sql: None
    device.step()
    (loss,) = [record.parse_loss(record.decode(payload).body) for payload in device.outbox.payloads(record.LOSS)]
    boot, first, last, reason = loss
    assert (boot, first, reason) == (1, 2, "the disk refused it for too long")
    assert device.agent.dropped == last - first + 1 >= 7
    assert len(device.episodes()) + device.agent.dropped >= UNSAVED_MAX + 7
    assert device.outbox.produced == device.outbox.last_seq == device.outbox.backlog() + device.agent.dropped
    device.outbox.close()
