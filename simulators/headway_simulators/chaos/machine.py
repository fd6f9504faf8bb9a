"""The machine of one simulated device: its disk, clocks and network, and the agent's life and death on it.

Whatever ends the program ends as on a real machine: the process is gone, and starts again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headway_edge.agent import Agent
from headway_edge.store import quarantine
from headway_edge.store.first_boot import first_boot
from headway_protocol.record import HOLDOVER
from headway_simulators.chaos.books import CRASHED, Books, ToldOutbox
from headway_simulators.chaos.disk import Disk, PowerCut
from headway_simulators.chaos.disk_faults import Fault as DiskFault
from headway_simulators.chaos.disk_faults import Operation, Plan, Refusal
from headway_simulators.chaos.faults import drawn
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.medium import SimulatedMedium
from headway_simulators.chaos.people import WEARS, dice_of, person_of, process_of
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.chaos.sim_clock import SimClock
from headway_simulators.chaos.sim_keys import server_keys
from headway_simulators.chaos.sim_link import SimLink
from headway_simulators.chaos.timeline import HOUR_MS, MINUTE_MS, SECOND_MS, Timeline
from headway_simulators.chaos.weather import Weather

UTC_OFFSET_MIN = 60

_STORE = Path("/store/outbox.db")
_QUARANTINE = f"{quarantine.folder(_STORE)}/"
_RESTART_MS = MINUTE_MS  # by whatever watches over the process


@dataclass(frozen=True)
class Fleet:
    """What all devices share."""

    seed: int
    timeline: Timeline
    journal: Journal
    books: Books
    broker: SimBroker


class Machine:
    """One device's machine. `agent`: None while the program does not run. `boot_clock`: what the wall clock is after a boot."""

    def __init__(self, number: int, fleet: Fleet) -> None:
        self.number = number
        self.name = f"unit-{number:03}"
        self.fleet = fleet
        self.person = person_of(fleet.seed, number)
        self.books = fleet.books.of(self.name)
        self.dice = dice_of(fleet.seed, "device", number)
        self.clock = SimClock(fleet.timeline)
        self.weather = Weather(fleet.timeline, dice_of(fleet.seed, "network", number))
        self.disk = Disk(dice_of(fleet.seed, "disk", number))
        self.link = SimLink(
            self.name,
            fleet.timeline,
            fleet.broker,
            self.weather,
            dice_of(fleet.seed, "link", number),
            self.look,
            lambda data: fleet.books.acknowledged(self.name, data),
        )
        self.agent: Agent | None = None
        self.boot_clock = HOLDOVER
        self._medium = SimulatedMedium(self.disk)
        self._plans: list[tuple[Plan, bool]] = []
        self._aside: set[str] = set()  # damaged stores that are kept
        self._suffers = False  # whether its disk has refused anything since the program was started

    def wake(self) -> None:
        """The program has been started."""

    def look(self) -> None:
        """There is something to poll from the link."""

    def fall_asleep(self) -> None:
        """The program is gone."""

    @property
    def now_ms(self) -> int:
        """Simulated time."""
        return self.fleet.timeline.now_ms

    def note(self, what: str, detail: object = "") -> None:
        """Something happened to this device."""
        self.fleet.journal.note(self.now_ms, self.name, what, detail)

    # --- what is done to it -------------------------------------------------------------------------------------

    def fail_at(self, plan: Plan, *, once: bool = True) -> None:
        """Let something go wrong with the disk, beside what is to go wrong already. once: then the plan is over."""
        self._plans.append((plan, once))
        self.disk.plan = self._fault_of

    def fail_no_more(self) -> None:
        """The disk is sound again, and has room."""
        self._plans.clear()
        self.disk.plan = None
        self.disk.capacity_bytes = None

    def _fault_of(self, operation: Operation) -> DiskFault | None:
        found, spent = None, []
        for item in self._plans:  # each counts, whatever the others say
            fault = item[0](operation)
            if fault is not None:
                found = fault
                if item[1]:
                    spent.append(item)
        for item in spent:
            self._plans.remove(item)
        if not self._plans:
            self.disk.plan = None  # asked before every operation, which costs more than some of them
        if isinstance(found, Refusal):
            self._suffers = True
        return found

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
            self.fleet.journal.count("devices", "booted")
            self._count_quarantine()
            self.wake()

    def _count_quarantine(self) -> None:
        aside = {path for path in self.disk.names() if path.startswith(_QUARANTINE)}
        self.fleet.journal.count("devices", "put a damaged store aside", len(aside - self._aside))
        self._aside = aside

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
        wears = self.person.habit == WEARS
        return Agent(
            outbox,
            self.link,
            self.clock,
            self.dice.randint,
            process_of(self.person.pack),
            "other" if wears else "car",
            HOUR_MS if wears else SECOND_MS,
            utc_offset_min=lambda _wall_ms: UTC_OFFSET_MIN,
            server_keys=server_keys(self.name),
            on_new_boot=self.link.begin_boot,
        )

    def kill(self, back_ms: int) -> None:
        """End the process as `kill -9` does: what it wrote stays written, synced or not."""
        if self.agent is not None:
            self.fleet.journal.count("devices", "killed")
            self.disk.cut(power=False)
            self._medium.restart()
            self._gone("killed", back_ms)

    def _cut_off(self) -> None:
        """The power was cut, or the process killed, amid an operation of the disk; the disk knows which."""
        how = "lost power" if self.disk.lost_power else "killed amid a change of the disk"
        self.fleet.journal.count("devices", how)
        self._medium.restart()
        self._gone("cut off", drawn(self.dice, SECOND_MS, HOUR_MS))

    def lose_store(self) -> None:
        """The card is replaced by an empty one while the device is off."""
        self.kill(MINUTE_MS)
        if self.agent is None:
            self.books.gone |= self.books.produced.keys()
            plan, self.disk.plan = self.disk.plan, None
            for path in self.disk.names():
                self.disk.remove(path)
            self.disk.sync_folder(str(_STORE.parent))
            self.disk.plan = plan

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

    def _gone(self, how: str, back_ms: int) -> None:
        self.agent = None
        self.link.stop(say_goodbye=False)
        self.fall_asleep()
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

    def run_part(self, part: Callable[[Agent], None]) -> None:
        """Let the program do something; it may end by it."""
        if self.agent is None:
            return
        try:
            part(self.agent)
        except PowerCut:
            self._cut_off()
        except Exception as error:  # noqa: BLE001 - whatever it is, the process would be gone
            self._crashed(error)
