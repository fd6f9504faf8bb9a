"""One simulated device on its machine: when it is awake, and what its person does.

It sleeps between trips, as a vehicle's unit does, and looks at its link every half minute while it is awake: at the same
moments as the others, so that a server gets what comes at a time of day in few bursts.
"""

from functools import partial
from typing import Any

from headway_edge.agent import Agent
from headway_edge.core.program import MISSING
from headway_protocol import cbor, service, state
from headway_protocol.record import UNSYNCED
from headway_simulators.chaos import people
from headway_simulators.chaos.books import payloads_of
from headway_simulators.chaos.machine import UTC_OFFSET_MIN, Fleet, Machine
from headway_simulators.chaos.people import Drive
from headway_simulators.chaos.timeline import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, START_MS

_LOOK_MS = 30 * SECOND_MS
_LOOK_MAX_MS = 5 * MINUTE_MS
_AWAKE_MS = 5 * MINUTE_MS  # after a trip was recorded, or a boot
_SETTLED_AWAKE_MS = 3 * MINUTE_MS  # the same, once all is settled: the server may have something to ask
_SILENCE_MS = 301 * SECOND_MS  # after the last sample: it ends a trip
_ARRIVING_MS = 2 * MINUTE_MS  # trips are stored at whole ones of these, many at once


class SimDevice(Machine):
    """One device. `awake`: whether its program runs and is connected, or tries. `kept_awake`: it never sleeps."""

    def __init__(self, number: int, fleet: Fleet) -> None:
        super().__init__(number, fleet)
        self.awake = False
        self.kept_awake = self.person.habit == people.DRIVES_PLUGGED_IN
        self._look_at_ms: int | None = None
        self._pause_ms = _LOOK_MS
        self._awake_until_ms = 0
        self._offset_ms = self.dice.randint(0, 2 * SECOND_MS)
        self._worn: list[tuple[int, int]] = []  # hours that the band has not taken in yet
        self._worn_from = 0  # the hour that the first of them is

    # --- awake and asleep ---------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Be awake for a while, if the program runs."""
        self._awake_until_ms = max(self._awake_until_ms, self.now_ms + _AWAKE_MS)
        if self.agent is None:
            return
        if not self.awake:
            self.awake = True
            outbox = self.agent.outbox
            self.link.start(outbox.boot, lambda: outbox.ends(state.ENDS_MAX))
        self._pause_ms = _LOOK_MS
        self._plan_look(self._on_grid(self.now_ms + _LOOK_MS, _LOOK_MS))

    def fall_asleep(self) -> None:
        """The program is gone."""
        self.awake = False
        self._look_at_ms = None

    def _sleep(self) -> None:
        self.awake = False
        self.link.stop(say_goodbye=True)
        self.run_part(self._step)
        agent = self.agent
        if agent is not None and self.person.habit == people.DRIVES_FROM_COLD:
            self.run_part(lambda agent: agent.outbox.close())
            self.agent = None

    def keep_awake(self) -> None:
        """Boot if it is dead, wake up and never sleep again."""
        self.kept_awake = True
        self.boot()
        self.wake()

    def _on_grid(self, at_ms: int, grid_ms: int) -> int:
        return at_ms // grid_ms * grid_ms + self._offset_ms

    def _plan_look(self, at_ms: int) -> None:
        if self._look_at_ms is not None and self.now_ms < self._look_at_ms <= at_ms:
            return
        self._look_at_ms = at_ms

        def look() -> None:
            if self._look_at_ms == at_ms:
                self._look_at_ms = None
                self._pause_ms = min(2 * self._pause_ms, _LOOK_MAX_MS)
                self.look()

        self.fleet.timeline.at(at_ms, look)

    def look(self) -> None:
        """Do what the program's loop does all the time, here only when something has happened or may be due."""
        self.run_part(self._step)
        agent = self.agent
        if agent is None or not self.awake:
            return
        settled = agent.settled and agent.outbox.is_scrubbed
        sleep_ms = self._awake_until_ms - (_AWAKE_MS - _SETTLED_AWAKE_MS if settled else 0)
        if self.kept_awake:
            if not settled:
                self._plan_look(self._on_grid(self.now_ms + self._pause_ms, _LOOK_MS))
        elif self.now_ms >= sleep_ms:
            self._sleep()
        else:
            self._plan_look(
                self._on_grid(sleep_ms + _LOOK_MS, _LOOK_MS)
                if settled
                else self._on_grid(self.now_ms + self._pause_ms, _LOOK_MS)
            )

    def _step(self, agent: Agent) -> None:
        if agent.step(self.clock.mono_ms()):
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
            timeline.at(drive.start_ms, partial(self.drive, drive))

    def drive(self, drive: Drive) -> None:
        """Begin a trip now; its samples and its end come by themselves."""
        if self.agent is None and self.person.habit == people.DRIVES_FROM_COLD:
            self.boot()
        self.wake()
        timeline, speeds = self.fleet.timeline, drive.speeds
        half = len(speeds) // 2
        end_ms = self._on_grid(self.now_ms + len(speeds) * SECOND_MS + _SILENCE_MS + _ARRIVING_MS, _ARRIVING_MS)
        self._awake_until_ms = end_ms + _AWAKE_MS
        timeline.after(half * SECOND_MS, lambda: self._sense(speeds[:half]))
        timeline.after(len(speeds) * SECOND_MS, lambda: self._sense(speeds[half:]))
        timeline.at(end_ms, partial(self._arrive, drive))

    def _sense(self, speeds: tuple[int, ...]) -> None:
        """Take the samples of the last seconds."""

        def samples(agent: Agent) -> None:
            pack = agent.process.pack
            row, place = [MISSING] * len(pack.signals), pack.speed
            time_ms = self.clock.mono_at(self.now_ms - SECOND_MS * len(speeds))
            on_sample = agent.on_sample
            for speed in speeds:
                time_ms += SECOND_MS
                if time_ms > 0:  # else it was before this boot
                    row[place] = speed
                    on_sample(time_ms, row)

        self.run_part(samples)

    def _arrive(self, drive: Drive) -> None:
        def end(agent: Agent) -> None:
            agent.finish()
            if drive.service is not None:
                millilitres = 40_000 if drive.service == service.REFUELLED else None
                agent.serviced(drive.service, 0, 50_000, millilitres)

        self.run_part(end)
        self._pause_ms = _LOOK_MS
        self.look()

    def _wear(self, correction: tuple[int, int] | None) -> None:
        self.wake()
        until = self.now_ms // HOUR_MS
        hours, self._worn = self._worn[: until - self._worn_from], self._worn[until - self._worn_from :]
        first, self._worn_from = self._worn_from, until

        def samples(agent: Agent) -> None:
            for hour, (steps, drinks) in enumerate(hours, first):
                time_ms = self.clock.mono_at(hour * HOUR_MS)
                if time_ms > 0:
                    agent.on_sample(time_ms, [self._minute(hour * HOUR_MS), steps, drinks])
            if correction is not None:
                back, drinks = correction
                today = (START_MS + self.now_ms) // DAY_MS
                try:
                    agent.correct(today - back, {people.REPORT: drinks})
                except ValueError as error:
                    self.note("not corrected", error)

        self.run_part(samples)
        self.look()

    def _minute(self, at_ms: int) -> int:
        if self.clock.wall()[1] == UNSYNCED:
            return MISSING
        return ((START_MS + at_ms + self.clock.error_ms) // MINUTE_MS + UTC_OFFSET_MIN) % 1440

    def check(self) -> None:
        """Look whether the device has let go of something that it should not have."""
        self.run_part(lambda agent: self.fleet.books.let_go(self.name, agent.outbox))

    # --- at the end ---------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Close what is open: nobody drives any more."""

        def end(agent: Agent) -> None:
            agent.finish()

        self.run_part(end)

    @property
    def has_arrived(self) -> bool:
        """Whether it runs and the server has settled all that it made."""
        return self.agent is not None and self.agent.settled and self.agent.outbox.is_scrubbed

    @property
    def what_is_left(self) -> str:
        """Why it has not arrived."""
        if self.agent is None:
            return "it does not run"
        left = sorted(payloads_of(self.agent.outbox))
        return f"{len(left)} records are not settled, from boot {left[0][0]} seq {left[0][1]} on" if left else "settled"

    def months(self, pack_id: bytes) -> list[list[int]]:
        """Return the totals of each month and context of a pack, as the device keeps them for its person."""
        assert self.agent is not None  # noqa: S101 - who asks has looked
        outbox, prefix = self.agent.outbox, f"history/{pack_id.hex()}/month/"
        found = []
        for key in outbox.keys(prefix):
            cells: Any = cbor.decode(outbox.load(key) or b"\x80")
            found += cells[1::2]
        return found

    def close(self) -> None:
        """Close the store, as it is; also after a run that broke off amid its faults."""
        self.fail_no_more()
        if self.agent is not None:
            self.agent.outbox.close()
