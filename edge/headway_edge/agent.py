"""The agent: samples in; records, feedback and comparisons out. One per vehicle, one thread.

It owns the order of things: a trip's record, the checkpoint and the person's totals go to disk in one transaction, and
only then does the link see the record. The clock, randomness, the outbox and the link are passed in.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import structlog

from headway_edge import VERSION, open_trip, packs
from headway_edge.agent_status import AgentStatus
from headway_edge.clock import Clock
from headway_edge.clock_watch import ClockWatch
from headway_edge.core.process import Process
from headway_edge.exchange import AnyLink, Exchange
from headway_edge.open_trip import UNKNOWN_SILENCE_MS, OpenTrip
from headway_edge.orders.offered_packs import OfferedPacks
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.orders.wipe_orders import WipeOrders
from headway_edge.own.day_correction import corrected
from headway_edge.own.own_incidents import OwnIncidents
from headway_edge.own.own_process import OwnProcess
from headway_edge.own.told_changes import ToldChanges
from headway_edge.store.outbox import Outbox
from headway_edge.store.record_keeper import RecordKeeper
from headway_edge.wall_time import WallTime
from headway_edge.watcher import Trip, Watcher
from headway_protocol import record, service, topics
from headway_protocol.errors import DecodeError
from headway_protocol.record_names import KIND_NAMES

log = structlog.get_logger("headway.agent")

CHECKPOINT_MS = 60_000  # what of the open trip a power cut may take


class Agent:
    """The agent of one vehicle, or of one person.

    outbox: opened for this boot. link: None keeps everything on the device. clock: see `headway_edge.clock`.
    uniform: random integer between two bounds. process: what it computes, until its server offers another pack; one
    that was accepted earlier wins. vehicle_class, period_ms: as in `EpisodeCore`. utc_offset_min: how far local time is
    ahead of UTC at a Unix time in ms. factors: the person's class by customer factor, for packs that know any. on_trip: called
    with each trip once it is stored, for the face. recorded: the
    samples' times are a recording's, and go on over a restart; else they count from each start, and the wall clock must
    say how long the agent was away. judge: of `clock`, whose jumps and refused times are logged and told by `status`; None for
    a clock that nobody can set. server_keys: whose offers are taken, and orders obeyed; None: nobody's.
    on_new_boot: called with the boot that begins when the store was wiped at the server's order, for the link.

    `position` is the number handed to `on_sample` with the last sample whose effect is on disk: where a replay goes on
    after a crash. `news` is what to tell the person of the last trip beside its numbers. `own` is the
    process with all that is the person's. Raises ValueError for a class or period that the process does not know.
    """

    def __init__(
        self,
        outbox: Outbox,
        link: AnyLink | None,
        clock: Clock,
        uniform: Callable[[int, int], int],
        process: Process,
        vehicle_class: str = "car",
        period_ms: int = 1000,
        on_trip: Callable[[Trip], None] | None = None,
        recorded: bool = False,
        utc_offset_min: Callable[[int], int] = lambda _wall_ms: 0,
        factors: Mapping[str, str] | None = None,
        judge: WallTime | None = None,
        server_keys: ServerKeys | None = None,
        on_new_boot: Callable[[int], None] | None = None,
    ) -> None:
        self.outbox = outbox
        self.clock = clock
        self.period_ms = period_ms
        self.vehicle_class = vehicle_class
        self.on_trip = on_trip
        self._recorded = recorded
        self._utc_offset_min = utc_offset_min
        self._factors = factors or {}
        self.refused_benchmarks = 0
        self.news: list[str] = []
        self._advised: list[str] = []  # of the open trip, until it is over
        self._time_ms = 0  # the furthest the source's clock has come
        self._checkpoint_time_ms = 0
        self._keeper = RecordKeeper(outbox, clock)
        self._clock_watch = ClockWatch(judge)
        hearers = {topics.BENCH: self._on_benchmark, topics.PACK: self._on_offer}
        self._orders = WipeOrders(outbox, server_keys, clock)
        self._on_new_boot = on_new_boot
        self._exchange = Exchange(outbox, link, uniform, self._keeper, hearers, self._on_order)
        self._exchange.wiped_since(self._orders.last[1])
        self._changes = ToldChanges(OwnIncidents(outbox, self._keeper))
        self._packs = OfferedPacks(outbox, server_keys, clock, recorded, vehicle_class, period_ms, link is not None)
        self.own = self._own(self._packs.running or process)
        outbox.find = self._find
        self._open_trip = OpenTrip(outbox, clock, recorded)
        self.position = self._open_trip.position
        if not self._switch():
            self._tell_birth({})
        self._changes.catch_up(self.own)

    def _own(self, process: Process) -> OwnProcess:
        offset_min = self._utc_offset_min
        return OwnProcess(process, self.vehicle_class, self.period_ms, self.outbox, offset_min, self._factors)

    @property
    def process(self) -> Process:
        """What is computed now."""
        return self.own.process

    def _find(self, pack_id: bytes) -> Process | None:
        # Of which pack a record is that has to give room: the one that runs, or one that ships.
        return self.process if pack_id == self.process.id else packs.shipped().get(pack_id)

    def _tell_birth(self, state: Mapping[str, bytes | None]) -> None:
        process = self.process
        held = [(process.id, process.name, process.version)]
        backlog = self.outbox.backlog()
        told = self._orders.told
        body = record.birth_body(f"headway {VERSION}", self.vehicle_class, held, backlog, self.dropped, told)
        self._packs.trial.first_record(self._keeper.append(record.BIRTH, body, state))

    # --- samples ------------------------------------------------------------------------------------------------

    def on_sample(self, time_ms: int, signals: Sequence[int], position: int = 0) -> Trip | None:
        """Take one sample; return the trip it closed.

        time_ms: on the source's clock: the monotonic one on a device, the recorded one in a replay. signals: one integer
        for each signal of the process's pack, in its quanta; MISSING where there is none. The local time of day, which
        no vehicle tells, is put in from the clock. position: where the source stands after this sample.
        """
        if self._orders.due:
            return None
        self._open_trip.resume(self.own.watcher, time_ms)
        self._time_ms = max(self._time_ms, time_ms)
        own, was_open = self.own, self.own.watcher.is_open
        signals = own.local_time.filled(signals, self._wall_ms())
        trip = own.watcher.push(time_ms, signals)
        if was_open and (trip is not None or not own.watcher.is_open):
            own.warnings.end_trip()
        advice = own.warnings.take(time_ms, signals, self._today)
        if trip is not None:
            self._keep(trip, position)
        elif self.own.watcher.is_open and abs(time_ms - self._checkpoint_time_ms) >= CHECKPOINT_MS:
            self.checkpoint(position)
        if advice is not None:
            self._advised.append(advice.sentence)  # the person reads it when the trip is over
            self._changes.advise(own, advice)
        self._switch()
        return trip

    def _wall_ms(self) -> int | None:
        """Look at the wall clock; where it is better than any record of this boot knew it, trips of before get their days.

        A record goes out with that, so that the server dates them as well, also where no trip follows.
        """
        wall_ms, quality = self.clock.wall()
        self._clock_watch.look()
        boot_clock = self._keeper.boot_clock
        if quality > boot_clock.quality and len(self.own.boot_trips):
            boot_clock.learn(self.clock.mono_ms(), wall_ms, quality)
            moved, turns, state = self.own.put_right(boot_clock)
            if moved:
                self._tell_birth(state)
            for turn in turns:
                self._changes.tell(self.own, turn.characteristic.id, turn.change, 0)
        return wall_ms

    def finish(self, position: int = 0) -> Trip | None:
        """The source has ended: close the open trip, if any."""
        self._wall_ms()
        if not self._recorded:
            # A record says how long before it was made its trip began, and that is now, not at the last sample.
            self._time_ms = max(self._time_ms, self.clock.mono_ms())
        trip = self.own.watcher.finish()
        self.own.warnings.end_trip()
        if trip is not None:
            self._keep(trip, position)
        self._switch()
        return trip

    def checkpoint(self, position: int = 0) -> None:
        """Put the open trip on disk, so that a restart goes on with it."""
        if self._keeper.waiting:
            return  # a position beyond a trip that is not on disk yet would lose it
        warnings = self.own.warnings
        changed = warnings.changed
        try:
            with self.outbox as outbox:
                outbox.put(open_trip.KEY, self._checkpoint(position))
                if changed:
                    outbox.put(self.own.key("warnings"), warnings.state())
        except sqlite3.Error as error:
            warnings.changed = changed
            log.error("agent.checkpoint_failed", error=str(error), next_step="free space on the device's disk")
            return
        self.position = position

    def _checkpoint(self, position: int) -> bytes:
        self._checkpoint_time_ms = self._time_ms
        return self._open_trip.encoded(position, self._time_ms, self.own.watcher)

    def _keep(self, trip: Trip, position: int) -> None:
        ago_ms = self._time_ms - trip.start_ms
        (wall_ms, quality), mono_ms = self.clock.wall(), self.clock.mono_ms()
        boot_clock = self._keeper.boot_clock
        boot_clock.learn(mono_ms, wall_ms, quality)
        start_ms = boot_clock.began_ms(mono_ms, wall_ms, quality, ago_ms)
        offset_min, turns, state = self.own.take(trip.numbers(), start_ms, mono_ms - ago_ms, boot_clock.quality)
        state[open_trip.KEY] = self._checkpoint(position)
        state.update(self._packs.trial.passed())
        body = record.episode_body(trip.process.id, ago_ms, trip.counts, trip.gates, offset_min)
        stored = self._keeper.append(record.EPISODE, body, state)
        # One sentence at the end of a trip is what a person reads.
        self.news = [*self._advised, *(turn.sentence for turn in turns)][:1]
        self._advised = []
        for turn in turns:
            self._changes.tell(self.own, turn.characteristic.id, turn.change, ago_ms)
        if stored is not None:
            self.position = position
            if self.on_trip is not None:
                self.on_trip(trip)

    def _today(self) -> int | None:
        wall_ms = self.clock.wall()[0]
        return None if wall_ms is None else self.own.day_at(wall_ms)

    def serviced(
        self, what: int, ago_ms: int = 0, odometer_km: int | None = None, millilitres: int | None = None
    ) -> bool:
        """The person says what was done, as `headway_protocol.service` has it; return whether a consumable begins anew.

        A repair settles all advice on warning codes. ago_ms: how long ago. Raises EncodeError for what no record may say.
        """
        body = service.service_body(what, ago_ms, odometer_km, millilitres)
        state: dict[str, bytes | None] = {}
        wall_ms = self._wall_ms()
        anew = False
        if wall_ms is not None:
            anew = self.own.consumables.replaced(what, self.own.day_at(wall_ms - ago_ms))
            state[self.own.key("consumables")] = self.own.consumables.state()
        if what == service.REPAIRED:
            self.own.warnings.repaired()
            self._changes.repaired(ago_ms)
            state[self.own.key("warnings")] = self.own.warnings.state()
        self._keeper.append(record.SERVICE, body, state)
        return anew

    def advice_lines(self) -> list[str]:
        """What warning codes ask for and nobody has seen to yet."""
        return [item.sentence for item in self.own.warnings.advice.values()]

    def consumable_lines(self) -> list[str]:
        """What wears out on this vehicle, and for how long it will do; empty where no clock was ever set."""
        wall_ms = self.clock.wall()[0]
        return [] if wall_ms is None else self.own.consumables.lines(self.own.day_at(wall_ms))

    def correct(self, day: int, reports: Mapping[str, int]) -> None:
        """Put right what the person reported of a closed day; a record goes out that takes the place of the day's own.

        day: local, in days since 1970. reports: by the VSS name of the signal, in its quanta; they replace all that was
        reported of that day. Raises ValueError, with the reason, where the day is not known or not to be corrected.
        """
        wall_ms = self._wall_ms()
        payloads = [payload for kind in KIND_NAMES for payload in self.outbox.payloads(kind)]
        body, state = corrected(self.own, self.vehicle_class, payloads, wall_ms, day, reports)
        self._keeper.append(record.EPISODE, body, state)

    @property
    def unsaved(self) -> bool:
        """Whether there are records that the disk has refused so far."""
        return self._keeper.waiting

    @property
    def dropped(self) -> int:
        """Records lost for good because the disk refused them for too long."""
        return self._keeper.dropped

    # --- the link -----------------------------------------------------------------------------------------------

    def step(self, now_ms: int, timeout_s: float = 0.0) -> bool:
        """Handle what came from the link and hand over what is due; return whether anything happened.

        now_ms: monotonic, of real time, also when the samples are replayed on a clock of their own.
        timeout_s: how long to wait for something to happen.
        """
        self._obey(now_ms)
        if self._orders.due:
            return False
        self._wall_ms()
        self._keeper.save()
        busy = self._exchange.step(now_ms, timeout_s)
        self._obey(now_ms)
        if busy:
            self._packs.trial.look()
        return busy

    @property
    def online(self) -> bool:
        """Whether the link is up."""
        return self._exchange.online

    def status(self) -> AgentStatus:
        """How this device stands with its server and with the time, as of the last `step`."""
        watch = self._clock_watch
        return replace(
            self._exchange.status(),
            clock_cause=watch.cause,
            clock_jumps=watch.jumps,
            clock_refusals=watch.refusals,
            pack_cause=self._packs.cause,
            pack_next_step=self._packs.next_step,
        )

    def _on_benchmark(self, data: bytes) -> None:
        try:
            state = self.own.take_benchmark(data)
        except DecodeError:
            self.refused_benchmarks += 1
            raise
        if state:
            with self.outbox as outbox:
                for key, value in state.items():
                    outbox.put(key, value)

    # --- erasing ------------------------------------------------------------------------------------------------

    def _on_order(self, data: bytes) -> None:
        if self._orders.hear(data):
            self._tell_birth({})  # a server that was restored from a backup has not heard of it

    def _obey(self, now_ms: int) -> None:
        """Carry out an order to wipe that is due, and then what is left of it. Until that is decided, nothing else is done."""
        if self._orders.due:
            fresh = Watcher(self.process, self.vehicle_class, self.period_ms)
            nothing_open = self._open_trip.encoded(self.position, self._time_ms, fresh)
            if self._orders.carry_out({open_trip.KEY: nothing_open}):
                self._begin_anew(now_ms)
        elif self._orders.scrub(now_ms):
            self._tell_birth({})

    def _begin_anew(self, now_ms: int) -> None:
        """Forget what is only in memory, and tell the server."""
        self._keeper = RecordKeeper(self.outbox, self.clock)
        self._changes = ToldChanges(OwnIncidents(self.outbox, self._keeper))
        self.own = self._own(self.process)
        self._open_trip.forget()
        self.news, self._advised = [], []
        self._exchange.begin_anew(self._keeper)
        self._exchange.wiped_since(self.outbox.boot)
        if self._on_new_boot is not None:
            self._on_new_boot(self.outbox.boot)
        self._orders.scrub(now_ms)
        self._tell_birth({})
        self._changes.catch_up(self.own)

    # --- packs --------------------------------------------------------------------------------------------------

    def _on_offer(self, data: bytes) -> None:
        self._packs.hear(data, self.process)
        self._switch()

    @property
    def refused_packs(self) -> int:
        """How many offers this device did not take since the start."""
        return self._packs.refused

    def _under_way(self) -> bool:
        # Whether a trip is open, also one that a restart interrupted and that has not gone on yet.
        return self.own.watcher.is_open or self._open_trip.waits(self.process, self.vehicle_class, self.period_ms)

    def _switch(self) -> bool:
        # Between trips, so that no trip is of two definitions. False where nothing is offered, or the disk refuses.
        if self._packs.offered is None or self._under_way():
            return False
        process = self._packs.take_over({open_trip.KEY: OpenTrip.nothing_open(self.position)})
        if process is None:
            return False
        self._open_trip.forget()
        self.own = self._own(process)
        self._tell_birth({open_trip.KEY: self._checkpoint(self.position)})
        self._changes.catch_up(self.own)
        return True

    @property
    def silence_ms(self) -> int:
        """How long a silence of the source ends what is under way; a day goes on for longer than any."""
        pack = self.process.pack
        return int(pack.rules[1]) if pack.kind == "trip" else UNKNOWN_SILENCE_MS

    @property
    def settled(self) -> bool:
        """Whether the server has settled every record."""
        return not self._keeper.waiting and self.outbox.backlog() == 0
