"""One run of a simulated fleet: the world put together, its days, its faults, the calm at the end, and the check.

Nothing here or below asks the machine for the time, for chance, or for a network: a script is all that a run depends on.
"""

import shutil
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headway_simulators.chaos.books import CRASHED, NOT_DRAINED, Books, Violation
from headway_simulators.chaos.check import Checked, check
from headway_simulators.chaos.fault_effects import FaultEffects, copied_at_ms, copy_name
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.machine import Fleet
from headway_simulators.chaos.script import Script
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.chaos.sim_device import SimDevice
from headway_simulators.chaos.sim_keys import GROUP, address
from headway_simulators.chaos.sim_operator import SimOperator
from headway_simulators.chaos.sim_server import SimServer
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Timeline

CALM_MAX_MS = 3 * DAY_MS  # after the last fault: by then everything has arrived
_CALM_STEP_MS = 5 * MINUTE_MS
_EPOCH_DAYS = 7

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    digest: hash of the event log. calm_ms: how long it took to arrive after the last fault. cpu_s: processor time that it took.
    """

    script: Script
    digest: str
    violations: tuple[Violation, ...]
    checked: Checked
    counts: dict[str, dict[str, int]]
    calm_ms: int
    log: tuple[str, ...]
    cpu_s: float = 0.0


class World:
    """The simulation of one script. template: an empty database of a server, with the packs. folder: for the one in use.

    `effects` makes further faults happen, beside those of the script.
    """

    def __init__(self, script: Script, template: Path, folder: Path, *, keep_log: bool = False) -> None:
        self._script = script
        self.timeline = Timeline()
        self.journal = Journal(keep=keep_log)
        self.books = Books()
        self.broker = SimBroker(self.timeline, self.journal, GROUP)
        self.server = SimServer(self.timeline, self.journal, self.books, self.broker, folder)
        shutil.copy(template, self.server.path)
        fleet = Fleet(script.seed, self.timeline, self.journal, self.books, self.broker)
        self.devices = [SimDevice(number, fleet) for number in range(script.devices)]
        self.operator = SimOperator(self.timeline, self.journal, self.books, self.server)
        self.effects = FaultEffects(
            script.seed, self.timeline, self.journal, self.broker, self.server, self.operator, self.devices
        )
        self.calm_ms = 0  # how long `calm` took

    async def begin(self) -> None:
        """Start the server, and the devices within seconds."""
        await self.server.start()
        for device in self.devices:
            self.timeline.at(device.dice.randint(0, 5 * SECOND_MS), device.boot)

    async def live(self, progress: Progress = lambda _day: None) -> None:
        """Let the days pass, with their faults."""
        await self.begin()
        for fault in self._script.faults:
            self.timeline.at(fault.at_ms, partial(self.effects.begin, fault))
            if fault.kind == "server-restore":
                self.timeline.at(copied_at_ms(fault), partial(self.server.back_up, copy_name(fault)))
        for day in range(self._script.days):
            for hour in range(24):
                self.timeline.at(day * DAY_MS + hour * HOUR_MS, self.server.ask)
            if day % _EPOCH_DAYS == _EPOCH_DAYS - 1:
                self.timeline.at(day * DAY_MS + 3 * HOUR_MS, self.server.close_epoch)
        for day in range(self._script.days):
            for device in self.devices:
                device.plan_day(day)
            await self.timeline.run((day + 1) * DAY_MS)
            for device in self.devices:
                device.check()
            progress(day + 1)

    async def calm(self) -> None:
        """End all faults, and wait until everything has arrived."""
        began_ms = self.timeline.now_ms
        self.effects.end_all()
        await self.server.start()
        await self.server.connect()
        for device in self.devices:
            device.finish()
            if self.server.witness.was_restored:
                device.link.cut()  # what it made since it connected, the server learns when it connects again
            device.keep_awake()
        while True:  # once in any case: what nobody has asked for yet looks as if it had arrived
            self._disturb_erased()
            await self.timeline.run(self.timeline.now_ms + _CALM_STEP_MS)
            await self.server.ask()
            if self._has_arrived():
                break
            if self.timeline.now_ms - began_ms >= CALM_MAX_MS:
                self._tell_what_has_not()
                break
        self.calm_ms = self.timeline.now_ms - began_ms

    def _has_arrived(self) -> bool:
        if self.broker.waiting or self.operator.waits_for or not self.server.is_up:
            return False
        if self.server.witness.not_wiped():
            return False
        return all(device.has_arrived for device in self.devices) and not self._real_gaps()

    def _disturb_erased(self) -> None:
        # A device is told to wipe its store when it speaks. One that has nothing to say speaks at its next connection.
        waiting = self.server.witness.not_wiped()
        for device in self.devices:
            if self.server.erasures.key.device(address(device.name)) in waiting:
                device.link.cut()

    def _real_gaps(self) -> list[tuple[str, int, int, int]]:
        # A server may be waiting for a boot that made no record. Nothing is missing then, and nothing will come.
        gaps = self.server.witness.gaps()
        made = {name: self.books.of(name).produced for name in {gap[0] for gap in gaps}}
        return [gap for gap in gaps if any(boot == gap[1] and gap[2] <= seq <= gap[3] for boot, seq in made[gap[0]])]

    def _tell_what_has_not(self) -> None:
        days = CALM_MAX_MS // DAY_MS
        if self.broker.waiting or not self.server.is_up:
            self.books.violated(NOT_DRAINED, "server", f"{self.broker.waiting} messages after {days} days")
        if self.operator.waits_for:
            self.books.violated(NOT_DRAINED, "operator", f"{self.operator.waits_for[0]} after {days} days")
        for device in self.devices:
            if not device.has_arrived:
                self.books.violated(NOT_DRAINED, device.name, f"{device.what_is_left} after {days} days")
        for name, boot, first, last in self._real_gaps():
            what = f"the server lacks boot {boot} seq {first}..{last} after {days} days"
            self.books.violated(NOT_DRAINED, name, what)

    async def end(self) -> None:
        """Stop the server and close every device's store."""
        await self.server.stop("stopped")
        for device in self.devices:
            device.close()


async def simulate(
    script: Script, template: Path, *, keep_log: bool = False, progress: Progress = lambda _day: None
) -> Outcome:
    """Run a script and return what came of it. progress: called with the days that have passed."""
    with tempfile.TemporaryDirectory(prefix="headway-chaos-", dir=quick_folder()) as folder:
        world = World(script, template, Path(folder), keep_log=keep_log)
        checked = Checked()
        try:
            await world.live(progress)
            await world.calm()
            checked = await check(world.books, world.devices, world.server)
        except Exception as error:  # noqa: BLE001 - a violation like others: it can be shrunk and replayed
            world.books.violated(CRASHED, "simulation", "".join(traceback.format_exception(error)[-3:]))
        finally:
            await world.end()
        counts = {what: dict(sorted(counter.items())) for what, counter in sorted(world.journal.counts.items())}
        return Outcome(
            script,
            world.journal.digest,
            tuple(world.books.violations),
            checked,
            counts,
            world.calm_ms,
            tuple(world.journal.lines),
        )


def quick_folder() -> Path | None:
    """Return where files are written without a disk; None where there is no such place."""
    memory = Path("/dev/shm")  # noqa: S108 - a folder of its own is made in it
    return memory if memory.is_dir() else None
