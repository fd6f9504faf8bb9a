"""The power of a whole machine is cut: agents, mosquitto and server on one real ext4, on a kernel of their own.

While the kernel stands still, its disk is copied: the copy has what a disk would have after a power cut at that instant, all
that was synced and of the rest what the kernel happened to have written. The copy's journal is recovered and its files are
looked into. At the end of each life the power really goes, and the next goes on from there.
"""

import os
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from own_kernel import OwnKernel
from powered_fleet import CARELESS, DEVICES
from sqlalchemy.exc import DatabaseError

from headway_edge.store.outbox import Outbox
from headway_server.errors import ServerError
from headway_simulators.soak.books import Books, balance
from headway_simulators.soak.device import SoakedDevice
from headway_simulators.soak.nursery import Nursery

pytestmark = pytest.mark.full

LIVES, CUTS = 2, 20  # in each life
LIFE_MAX_S = 120.0
DISK_BYTES = 64 << 20
PAUSE_S = 0.3  # between two cuts, at most
DRAIN_S = 240.0
START_WALL_MS, LIFE_WALL_MS = 1_704_067_200_000, 30 * 86_400_000
SCRIPT = Path(__file__).with_name("powered_fleet.py")


class PoweredFleet:
    """Its disk, and what its agents told in each life. cuts: those before which something was told since the last."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._disk = folder, folder / "disk.img"
        self._logs = folder / "logs"
        self._logs.mkdir()
        self._disk.touch()
        os.truncate(self._disk, DISK_BYTES)
        subprocess.run(("mkfs.ext4", "-q", str(self._disk)), check=True)
        self._told: list[list[Path]] = []
        self._has_served = False
        self._told_before: list[list[bytes]] = []
        self.cuts = 0
        self.books = Books()

    def on(self, mode: str) -> OwnKernel:
        """Return the kernel of its next life."""
        life = len(self._told)
        self._told.append([self._folder / f"told-{life}-{number}" for number in range(DEVICES)])
        wall_ms = START_WALL_MS + life * LIFE_WALL_MS
        return OwnKernel(
            *(self._folder, SCRIPT, str(self._logs), str(wall_ms), mode), disk=self._disk, consoles=self._told[-1]
        )

    def cut_while(self, kernel: OwnKernel, chance: random.Random) -> Iterator[Books]:
        """Cut its power again and again, for LIFE_MAX_S at most; yield the books as each cut would leave them."""
        until_s = time.monotonic() + LIFE_MAX_S
        while time.monotonic() < until_s:
            time.sleep(PAUSE_S * chance.random())
            with kernel.stopped():
                cut, told = self._folder / "cut.img", self.told()
                shutil.copyfile(self._disk, cut)
            self.cuts += told != self._told_before and any(map(any, told))
            self._told_before = told
            self.books = self.balance(cut, told)
            yield self.books

    def told(self) -> list[list[bytes]]:
        """What each agent told until now, life after life."""
        return [[path.read_bytes() for path in lives] for lives in zip(*self._told, strict=True)]

    def balance(self, disk: Path, told: list[list[bytes]]) -> Books:
        """Return the books of what is on a disk that lost its power."""
        files = self._folder / "files"
        files.mkdir()
        # 0: clean, 1: mended, which is what its journal is for.
        assert subprocess.run(("e2fsck", "-p", str(disk)), check=False, capture_output=True).returncode <= 1
        subprocess.run(("debugfs", "-R", f"rdump / {files}", str(disk)), check=True, capture_output=True)
        nobody = Nursery("device_child", files / "log")
        devices = [SoakedDevice(nobody, files, f"car-{number}") for number in range(DEVICES)]
        for device, lives in zip(devices, told, strict=True):
            for life in lives:
                device.hear(life)
        try:
            books = balance(devices, f"sqlite+aiosqlite:///{files}/headway.db", settled=False)
            self._has_served = True
        except (ServerError, DatabaseError) as error:
            # No server's database, which is right until its first start has come to an end.
            kept = [device.check(thorough=True) for device in devices]
            books = Books(violations=[wrong for device in devices for wrong in device.violations])
            if self._has_served or any(of.settled for of in kept):
                books.violations.append(f"server: {error}")
        for device in devices:
            if device.store.exists():
                outbox = Outbox(device.store)
                books.violations += [f"{device.name}: {loss} is to be declared" for loss in outbox.undeclared()]
                outbox.close()
        shutil.rmtree(files)
        return books

    def settled(self) -> Books:
        """Switch it on until everything has arrived; return the books."""
        with self.on("drain") as kernel:
            kernel.wait(DRAIN_S)
        return self.balance(self._disk, self.told())


@pytest.fixture
def fleet(tmp_path: Path) -> PoweredFleet:
    if shutil.which("debugfs") is None:
        pytest.fail("this looks into a disk: on Debian, apt-get install e2fsprogs (or run .ci/run)")
    return PoweredFleet(tmp_path)


def test_what_was_told_and_what_was_settled_survives(fleet: PoweredFleet, capsys: pytest.CaptureFixture[str]) -> None:
    chance = random.Random(1)  # noqa: S311 - when it is cut
    for life in range(1, LIVES + 1):
        with fleet.on("drive") as kernel:
            for books in fleet.cut_while(kernel, chance):
                assert books.violations == []
                if fleet.cuts == life * CUTS:
                    break
    last = fleet.books
    books = fleet.settled()
    with capsys.disabled():
        print(
            f"\n{fleet.cuts} power cuts of {DEVICES} agents and their server at work, in {LIVES} lives; at the last "
            f"{last.told} records told, {last.made} there, {last.acked} acked, {last.at_server} at the server; "
            f"in the end {books.acked} of {books.made} acked"
        )
    assert books.violations == []
    assert (books.missing, books.strange, books.doubled) == (0, 0, 0)
    assert books.acked == books.made == books.at_server >= books.told
    assert fleet.cuts == LIVES * CUTS
    assert last.acked > CUTS, "or the server hardly ran"


def test_who_does_not_sync_is_found(fleet: PoweredFleet) -> None:
    found: set[str] = set()
    everybody = {"server", *(f"car-{number}" for number in CARELESS)}
    with fleet.on("careless") as kernel:
        for books in fleet.cut_while(kernel, random.Random(2)):  # noqa: S311
            of_server = ["server" for wrong in books.violations if "not at the server" in wrong or "server: " in wrong]
            of_agents = [wrong.split(":")[0] for wrong in books.violations if "told" in wrong or "damaged" in wrong]
            found |= {*of_server, *of_agents}
            if found >= everybody:
                break
    assert found == everybody
