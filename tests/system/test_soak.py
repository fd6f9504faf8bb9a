"""Agents, server and broker as real processes, killed by SIGKILL over and over; `make soak` does the same for hours."""

import random
import time
from pathlib import Path

import pytest

from headway_simulators.errors import SimulatorError
from headway_simulators.soak.books import balance
from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.nursery import Nursery
from headway_simulators.soak.storm import Soak

STORE_KILLS = 150
STORM_S = 40.0


@pytest.mark.full
def test_what_an_append_returned_survives_any_kill(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The real agent on its real store, without a link: as many records as it can make, killed from its first instant on."""
    chance = random.Random(1)  # noqa: S311 - when it is killed
    start_s = time.monotonic()
    with Nursery("device_child", tmp_path / "log") as nursery:
        device = SoakedDevice(nursery, tmp_path, "car-1")
        while device.kills < STORE_KILLS:
            device.start()
            until_s = time.monotonic() + 0.4 * chance.random() ** 2
            while time.monotonic() < until_s:
                device.listen()
                time.sleep(0.002)
            device.kill()
            assert device.violations == []
        kept = device.check(thorough=True)
    assert device.violations == []
    assert len(kept.records) >= len(device.told) > STORE_KILLS / 4, "or it was killed before it did anything"
    boots = {boot for boot, _ in device.told}
    assert len(boots) > STORE_KILLS / 8
    with capsys.disabled():
        print(
            f"\n{device.kills} kills in {time.monotonic() - start_s:.0f} s: {len(device.told)} records told in "
            f"{len(boots)} boots, all there; {len(kept.records) - len(device.told)} more were made and not told"
        )


@pytest.mark.full
def test_everything_is_killed_at_once_and_nothing_that_was_settled_is_missing_or_counts_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        with Soak(tmp_path, seed=1, devices=4) as soak:
            soak.storm(STORM_S)
            books = soak.settle()
    except SimulatorError as error:
        pytest.fail(str(error))
    assert books.violations == []
    assert (books.missing, books.strange, books.doubled) == (0, 0, 0)
    assert books.acked == books.made == books.at_server >= books.told > 100
    kills = sum(device.kills for device in soak.devices)
    assert kills > 40
    assert soak.server.kills > 5
    assert soak.server.killed_serving > 1, "or no server lived long enough to take anything"
    assert sum(soak.broker_faults.values()) > 3
    with capsys.disabled():
        print(
            f"\n{kills} agents and {soak.server.kills} servers, {soak.server.killed_serving} of which served, killed in "
            f"{soak.storm_s:.0f} s, the broker {dict(sorted(soak.broker_faults.items()))}: "
            f"{books.told} told, {books.acked} acked, {books.missing} missing, "
            f"{books.doubled} doubled; everything had arrived {soak.arrived_s:.1f} s later"
        )


@pytest.mark.full
def test_the_books_see_what_is_missing_and_what_is_strange(tmp_path: Path) -> None:
    """Or they would balance whatever happened."""
    with Soak(tmp_path, seed=2, devices=2) as soak:
        for device in soak.devices:
            device.start()
        for device in soak.devices:
            time.sleep(1.0)  # one lives for longer: records do not name their device, so as many would be the same ones
            device.kill()
        assert soak.settle().violations == []
        first, second = soak.devices
        first.store, second.store = second.store, first.store
        books = balance([first, second], soak.server.database_url)
    assert books.missing > 0
    assert books.strange > 0
    assert any("was told and is" in violation for violation in books.violations)
