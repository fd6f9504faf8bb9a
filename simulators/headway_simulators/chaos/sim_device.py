"""One simulated device: the real agent, outbox and session on simulated clocks, disk and network, and what its person does.

It sleeps between trips, as a vehicle's unit does, and looks at its link every half minute while it is awake: at the same
moments as the others, so that a server gets what comes at a time of day in few bursts. Whatever ends the program ends as on a
real machine: the process is gone, and starts again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from headway_edge.agent import Agent
from headway_edge.core.program import MISSING
from headway_edge.first_boot import first_boot
from headway_protocol import cbor, service, state
from headway_protocol.record import HOLDOVER, UNSYNCED
from headway_simulators.chaos import people
from headway_simulators.chaos.books import CRASHED, Books, ToldOutbox, payloads_of
from headway_simulators.chaos.disk import Disk, PowerCut
from headway_simulators.chaos.disk_faults import Fault as DiskFault
from headway_simulators.chaos.disk_faults import Operation, Plan, Refusal
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.medium import SimulatedMedium
from headway_simulators.chaos.people import Drive, dice_of, person_of, process_of
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.chaos.sim_clock import SimClock
from headway_simulators.chaos.sim_link import SimLink
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, START_MS, Timeline
from headway_simulators.chaos.weather import Weather

UTC_OFFSET_MIN = 60

_STORE = Path("/store/outbox.db")
_LOOK_MS = 30 * SECOND_MS
_LOOK_MAX_MS = 5 * MINUTE_MS
_AWAKE_MS = 5 * MINUTE_MS  # after a trip was recorded, or a boot
_SETTLED_AWAKE_MS = 3 * MINUTE_MS  # the same, once all is settled: the server may have something to ask
_RESTART_MS = MINUTE_MS  # by whatever watches over the process
_SILENCE_MS = 301 * SECOND_MS


@dataclass(frozen=True)
class Fleet:
    """What all devices share."""

    seed: int
    timeline: Timeline
    journal: Journal
    books: Books
    broker: SimBroker


class SimDevice:
    """One device. `agent`: None while it is dead. `kept_awake`: it never sleeps. `boot_clock`: quality after a boot."""

    def __init__(self, number: int, fleet: Fleet) -> None:
        self.number = number
        self.name = f"unit-{number:03}"
        self.fleet = fleet
        self.person = person_of(fleet.seed, number)
        self.books = fleet.books.of(self.name)
        self.dice = dice_of(fleet.seed, "device", number)
        self.clock = SimClock(fleet.timeline)
        self.weather = Weather(fleet.timeline, dice_of(fleet.seed, "network", number))
        self.disk = Disk(dice_of(fleet.seed, "disk", number), self._fault_of)
        self._plans: list[Plan] = []
        self._suffers = False  # whether its disk has refused anything since it was started
        self.link = SimLink(
            self.name,
            fleet.timeline,
            fleet.broker,
            self.weather,
            dice_of(fleet.seed, "link", number),
            self._look,
            lambda data: fleet.books.acknowledged(self.name, data),
        )
        self.agent: Agent | None = None
        self.awake = False
        self.kept_awake = self.person.habit == people.DRIVES_PLUGGED_IN
        self.boot_clock = HOLDOVER
        self._process = process_of(self.person.pack)
        self._medium = SimulatedMedium(self.disk)
        self._look_at_ms: int | None = None
        self._pause_ms = _LOOK_MS
        self._awake_until_ms = 0
        self._offset_ms = self.dice.randint(0, 2 * SECOND_MS)
        self._worn: list[tuple[int, int]] = []  # hours that the band has not taken in yet
        self._worn_from = 0  # the hour that the first of them is

    @property
    def _now_ms(self) -> int:
        return self.fleet.timeline.now_ms

    def note(self, what: str, detail: object = "") -> None:
        """Something happened to this device."""
        self.fleet.journal.note(self._now_ms, self.name, what, detail)

    # --- life and death -----------------------------------------------------------------------------------------

    def boot(self) -> None:
        """Start the program, unless it runs; one that fails to start is tried again."""
        if self.agent is not None:
            return
        self.clock.boot(self.boot_clock)
        self._suffers = False
        try:
            self.agent = self._started()
        except PowerCut:
            self._cut_off()
        except Exception as error:  # noqa: BLE001 - whatever it is, there is no process
            self.note("not started", type(error).__name__)
            self._crashed(error)
        else:
            self.note("booted", self.agent.outbox.boot)
            self._wake()

    def _started(self) -> Agent:
        outbox = ToldOutbox(
            self.fleet.books,
            self.name,
            _STORE,
            medium=self._medium,
            first_boot=first_boot(self.clock.wall()[0], self.dice.randint),
            budget_bytes=self.person.store_bytes,
            mono_ms=self.clock.mono_ms,
        )
        wears = self.person.habit == people.WEARS
        return Agent(
            outbox,
            self.link,
            self.clock,
            self.dice.randint,
            self._process,
            "other" if wears else "car",
            HOUR_MS if wears else SECOND_MS,
            utc_offset_min=lambda _wall_ms: UTC_OFFSET_MIN,
        )

    def kill(self, back_ms: int) -> None:
        """End the process as `kill -9` does: what it wrote stays written, synced or not."""
        if self.agent is not None:
            self.disk.cut(power=False)
            self._medium.restart()
            self._gone("killed", back_ms)

    def _cut_off(self) -> None:
        """The power was cut, or the process killed, amid an operation of the disk; the disk knows which."""
        self._medium.restart()
        self._gone("cut off", self.dice.randint(SECOND_MS, HOUR_MS))

    def lose_store(self) -> None:
        """The card is replaced by an empty one while the device is off."""
        self.kill(MINUTE_MS)
        if self.agent is None:
            self.books.gone |= self.books.produced.keys()
            for path in self.disk.names():
                self.disk.remove(path)
            self.disk.sync_folder(str(_STORE.parent))

    def rot(self, bits: int) -> None:
        """Bits of one file of the store turn over while the device is off."""
        self.kill(MINUTE_MS)
        files = [path for path in self.disk.names() if self.disk.size(path)]
        if self.agent is None and files:
            path = self.dice.choice(files)
            data = bytearray(self.disk.content(path))
            for _ in range(bits):
                data[self.dice.randrange(len(data))] ^= 1 << self.dice.randrange(8)
            self.disk.replace(path, bytes(data))
            self.note("rotten", path)

    def fail_at(self, plan: Plan) -> None:
        """Let something go wrong with the disk, beside what is to go wrong already."""
        self._plans.append(plan)

    def fail_no_more(self) -> None:
        """The disk is sound again, and has room."""
        self._plans.clear()
        self.disk.capacity_bytes = None

    def _fault_of(self, operation: Operation) -> DiskFault | None:
        found = None
        for plan in self._plans:  # each counts, whatever the others say
            found = plan(operation) or found
        if isinstance(found, Refusal):
            self._suffers = True
        return found

    def _gone(self, how: str, back_ms: int) -> None:
        self.agent = None
        self.awake = False
        self.link.stop(say_goodbye=False)
        self._look_at_ms = None
        self.note(how)
        self.fleet.timeline.after(back_ms, self.boot)

    def _crashed(self, error: Exception) -> None:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = "" if place is None else f" in {Path(place.tb_frame.f_code.co_filename).name}:{place.tb_lineno}"
        if self._suffers or self.disk.capacity_bytes is not None:
            self.fleet.journal.count("ended by its disk", f"{type(error).__name__}{where}")
        else:
            self.fleet.books.violated(CRASHED, self.name, f"{type(error).__name__}: {error}{where}")
        self.disk.cut(power=False)
        self._medium.restart()
        self._gone("crashed", _RESTART_MS)

    def _run(self, part: Callable[[Agent], None]) -> None:
        """Let the program do something; it may end by it."""
        if self.agent is None:
            return
        try:
            part(self.agent)
        except PowerCut:
            self._cut_off()
        except Exception as error:  # noqa: BLE001 - whatever it is, the process would be gone
            self._crashed(error)

    # --- awake and asleep ---------------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._awake_until_ms = max(self._awake_until_ms, self._now_ms + _AWAKE_MS)
        if self.agent is None:
            return
        if not self.awake:
            self.awake = True
            outbox = self.agent.outbox
            self.link.start(outbox.boot, lambda: outbox.ends(state.ENDS_MAX))
        self._pause_ms = _LOOK_MS
        self._plan_look(self._on_grid(self._now_ms + _LOOK_MS, _LOOK_MS))

    def _sleep(self) -> None:
        self.awake = False
        self.link.stop(say_goodbye=True)
        self._run(lambda agent: self._step(agent))
        agent = self.agent
        if agent is not None and self.person.habit == people.DRIVES_FROM_COLD:
            self._run(lambda agent: agent.outbox.close())
            self.agent = None

    def keep_awake(self) -> None:
        """Boot if it is dead, wake up and never sleep again."""
        self.kept_awake = True
        self.boot()
        self._wake()

    def _on_grid(self, at_ms: int, grid_ms: int) -> int:
        return at_ms // grid_ms * grid_ms + self._offset_ms

    def _plan_look(self, at_ms: int) -> None:
        if self._look_at_ms is not None and self._now_ms < self._look_at_ms <= at_ms:
            return
        self._look_at_ms = at_ms

        def look() -> None:
            if self._look_at_ms == at_ms:
                self._look_at_ms = None
                self._pause_ms = min(2 * self._pause_ms, _LOOK_MAX_MS)
                self._look()

        self.fleet.timeline.at(at_ms, look)

    def _look(self) -> None:
        # What the program's loop does all the time, here only when something has happened or may be due.
        self._run(self._step)
        agent = self.agent
        if agent is None or not self.awake:
            return
        settled = agent.settled
        sleep_ms = self._awake_until_ms - (_AWAKE_MS - _SETTLED_AWAKE_MS if settled else 0)
        if self.kept_awake:
            if not settled:
                self._plan_look(self._on_grid(self._now_ms + self._pause_ms, _LOOK_MS))
        elif self._now_ms >= sleep_ms:
            self._sleep()
        else:
            self._plan_look(
                self._on_grid(sleep_ms + _LOOK_MS, _LOOK_MS)
                if settled
                else self._on_grid(self._now_ms + self._pause_ms, _LOOK_MS)
            )

    def _step(self, agent: Agent) -> None:
        while agent.step(self.clock.mono_ms()):
            self._pause_ms = _LOOK_MS
        if agent.online and self.boot_clock != UNSYNCED and self.clock.error_ms == 0:
            self.clock.set_right()

    # --- what the person does -----------------------------------------------------------------------------------

    def plan_day(self, day: int) -> None:
        """Plan what happens on a day."""
        timeline, seed = self.fleet.timeline, self.fleet.seed
        if self.person.habit == people.WEARS:
            self._worn += people.worn_hours(seed, self.number, day)
            for number, start_ms in enumerate(people.PEAKS_MS):
                correction = people.correction_of(seed, self.number, day) if number == 0 else None
                timeline.at(day * DAY_MS + start_ms + MINUTE_MS, partial(self._wear, correction))
            return
        for drive in people.drives_of(seed, self.number, day):
            timeline.at(drive.start_ms, partial(self._drive, drive))

    def _drive(self, drive: Drive) -> None:
        if self.agent is None and self.person.habit == people.DRIVES_FROM_COLD:
            self.boot()
        self._wake()
        timeline, speeds = self.fleet.timeline, drive.speeds
        half = len(speeds) // 2
        end_ms = self._on_grid(self._now_ms + len(speeds) * SECOND_MS + _SILENCE_MS + MINUTE_MS, MINUTE_MS)
        self._awake_until_ms = end_ms + _AWAKE_MS
        timeline.after(half * SECOND_MS, lambda: self._sense(speeds[:half]))
        timeline.after(len(speeds) * SECOND_MS, lambda: self._sense(speeds[half:]))
        timeline.at(end_ms, partial(self._arrive, drive))

    def _sense(self, speeds: tuple[int, ...]) -> None:
        """Take the samples of the last seconds."""

        def samples(agent: Agent) -> None:
            pack = agent.process.pack
            row, place = [MISSING] * len(pack.signals), pack.speed
            time_ms = self.clock.mono_at(self._now_ms - SECOND_MS * len(speeds))
            on_sample = agent.on_sample
            for speed in speeds:
                time_ms += SECOND_MS
                if time_ms > 0:  # else it was before this boot
                    row[place] = speed
                    on_sample(time_ms, row)

        self._run(samples)

    def _arrive(self, drive: Drive) -> None:
        def end(agent: Agent) -> None:
            agent.finish()
            if drive.service is not None:
                millilitres = 40_000 if drive.service == service.REFUELLED else None
                agent.serviced(drive.service, 0, 50_000, millilitres)

        self._run(end)
        self._pause_ms = _LOOK_MS
        self._look()

    def _wear(self, correction: tuple[int, int] | None) -> None:
        self._wake()
        until = self._now_ms // HOUR_MS
        hours, self._worn = self._worn[: until - self._worn_from], self._worn[until - self._worn_from :]
        first, self._worn_from = self._worn_from, until

        def samples(agent: Agent) -> None:
            for hour, (steps, drinks) in enumerate(hours, first):
                time_ms = self.clock.mono_at(hour * HOUR_MS)
                if time_ms > 0:
                    agent.on_sample(time_ms, [self._minute(hour * HOUR_MS), steps, drinks])
            if correction is not None:
                back, drinks = correction
                today = (START_MS + self._now_ms) // DAY_MS
                try:
                    agent.correct(today - back, {people.REPORT: drinks})
                except ValueError as error:
                    self.note("not corrected", error)

        self._run(samples)
        self._look()

    def _minute(self, at_ms: int) -> int:
        if self.clock.wall()[1] == UNSYNCED:
            return MISSING
        return ((START_MS + at_ms + self.clock.error_ms) // MINUTE_MS + UTC_OFFSET_MIN) % 1440

    def check(self) -> None:
        """Look whether the device has let go of something that it should not have."""
        self._run(lambda agent: self.fleet.books.let_go(self.name, agent.outbox))

    # --- at the end ---------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Close what is open: nobody drives any more."""
        self._run(lambda agent: agent.finish() and None)

    @property
    def has_arrived(self) -> bool:
        """Whether it runs and the server has settled all that it made."""
        return self.agent is not None and self.agent.settled

    @property
    def what_is_left(self) -> str:
        """Why it has not arrived."""
        if self.agent is None:
            return "it does not run"
        left = sorted(payloads_of(self.agent.outbox))
        return f"{len(left)} records are not settled, from boot {left[0][0]} seq {left[0][1]} on" if left else "settled"

    @property
    def packs(self) -> list[str]:
        """The packs that it has run."""
        return [self.person.pack]

    def months(self) -> list[list[int]]:
        """Return the totals of each month and context, as the device keeps them for its person."""
        assert self.agent is not None  # noqa: S101 - who asks has looked
        outbox, prefix = self.agent.outbox, f"history/{self.agent.process.id.hex()}/month/"
        found = []
        for key in outbox.keys(prefix):
            cells: Any = cbor.decode(outbox.load(key) or b"\x80")
            found += cells[1::2]
        return found

    def close(self) -> None:
        """Close the store, as it is."""
        if self.agent is not None:
            self.agent.outbox.close()
