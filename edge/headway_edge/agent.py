"""The agent: samples in; records, feedback and comparisons out. One per vehicle, one thread.

It owns the order of things: a trip's record, the checkpoint and the person's totals go to disk in one transaction, and
only then does the link see the record. The clock, randomness, the outbox and the link are passed in.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from headway_edge import VERSION
from headway_edge.clock import Clock
from headway_edge.core import characteristics, comparison, definition
from headway_edge.core.trip import UNKNOWN
from headway_edge.link import Connected, Disconnected, Link, Message
from headway_edge.outbox import Outbox
from headway_edge.own_totals import OwnTotals
from headway_edge.session import Session
from headway_edge.watcher import Trip, Watcher
from headway_protocol import benchmark, cbor, codes, record, topics
from headway_protocol.benchmark import Benchmark
from headway_protocol.errors import DecodeError

log = structlog.get_logger("headway.agent")

CHECKPOINT_MS = 60_000  # what of the open trip a power cut may take
UNSAVED_MAX = 100  # trips kept in memory while the disk refuses them


@dataclass(frozen=True)
class Comparison:
    """One characteristic of the person beside the cohort's benchmark.

    value: in the characteristic's quantum. share_permille: persons below it. tied_permille: persons known to have the
    very same value. parts, which: the place that may be told, the `which`-th of `parts` counted from the lowest value.
    persons: how many the cohort has.
    """

    characteristic: characteristics.Characteristic
    value: int
    share_permille: int
    tied_permille: int
    parts: int
    which: int
    persons: int


@dataclass(frozen=True)
class _Unsaved:
    kind: int
    mono_ms: int
    wall_ms: int | None
    clock: int
    body: list[object]


class Agent:
    """The agent of one vehicle.

    outbox: opened for this boot. link: None keeps everything on the device. clock: see `headway_edge.clock`.
    uniform: random integer between two bounds. vehicle_class, period_ms: as in `TripCore`.
    on_trip: called with each trip once it is stored, for the face. recorded: the samples' times are a recording's, and go
    on over a restart; else they count from each start, and the wall clock must say how long the agent was away.

    `position` is the number handed to `on_sample` with the last sample whose effect is on disk: where a replay goes on
    after a crash. `dropped` counts trips lost because the disk refused them for too long.
    """

    def __init__(
        self,
        outbox: Outbox,
        link: Link | None,
        clock: Clock,
        uniform: Callable[[int, int], int],
        vehicle_class: str = "car",
        period_ms: int = 1000,
        on_trip: Callable[[Trip], None] | None = None,
        recorded: bool = False,
    ) -> None:
        self.outbox = outbox
        self.clock = clock
        self.period_ms = period_ms
        self._link = link
        self.on_trip = on_trip
        self._recorded = recorded
        self._session = Session(outbox, uniform)
        self._watcher = Watcher(vehicle_class, period_ms)
        self.totals = OwnTotals.from_state(outbox.load("totals"))
        self.benchmark = self._load_benchmark()
        self.position = 0
        self.dropped = 0
        self.refused_benchmarks = 0
        self.online = False
        self._time_ms = 0  # the furthest the source's clock has come
        self._checkpoint_time_ms = 0
        self._unsaved: list[_Unsaved] = []
        self._pending_checkpoint = self._load_checkpoint()
        packs = [(definition.pack_id(), definition.NAME, definition.VERSION)]
        self._append(
            record.BIRTH,
            record.birth_body(f"headway {VERSION}", vehicle_class, packs, outbox.backlog(), self.dropped),
            {},
        )

    # --- samples ------------------------------------------------------------------------------------------------

    def on_sample(
        self, time_ms: int, speed_ckmh: int, rpm: int = UNKNOWN, ignition: int = UNKNOWN, position: int = 0
    ) -> Trip | None:
        """Take one sample; return the trip it closed.

        time_ms: on the source's clock: the monotonic one on a device, the recorded one in a replay. position: where the
        source stands after this sample. The rest as in `TripCore.update`.
        """
        self._resume(time_ms)
        self._time_ms = max(self._time_ms, time_ms)
        trip = self._watcher.push(time_ms, speed_ckmh, rpm, ignition)
        if trip is not None:
            self._keep(trip, position)
        elif self._watcher.is_open and abs(time_ms - self._checkpoint_time_ms) >= CHECKPOINT_MS:
            self.checkpoint(position)
        return trip

    def finish(self, position: int = 0) -> Trip | None:
        """The source has ended: close the open trip, if any."""
        trip = self._watcher.finish()
        if trip is not None:
            self._keep(trip, position)
        return trip

    def checkpoint(self, position: int = 0) -> None:
        """Put the open trip on disk, so that a restart goes on with it."""
        if self._unsaved:
            return  # a position beyond a trip that is not on disk yet would lose it
        try:
            self.outbox.save("checkpoint", self._checkpoint(position))
        except sqlite3.Error as error:
            log.error("agent.checkpoint_failed", error=str(error), next_step="free space on the device's disk")
            return
        self.position = position

    def _checkpoint(self, position: int) -> bytes:
        self._checkpoint_time_ms = self._time_ms
        return cbor.encode([position, self._time_ms, self.clock.wall()[0], self._watcher.state()])

    def _load_checkpoint(self) -> tuple[int, int | None, bytes] | None:
        data = self.outbox.load("checkpoint")
        if data is None:
            return None
        try:
            items = cbor.decode(data)
            self.position, time_ms, wall_ms, state = items  # type: ignore[misc]
        except (DecodeError, ValueError, TypeError) as error:
            log.error("agent.checkpoint_unreadable", error=str(error), lost="the trip that was under way")
            return None
        return time_ms, wall_ms, state  # type: ignore[has-type]

    def _resume(self, time_ms: int) -> None:
        # With the first sample, not before: only then is it known how much time has passed.
        if self._pending_checkpoint is None:
            return
        time_then_ms, wall_then_ms, state = self._pending_checkpoint
        self._pending_checkpoint = None
        if self._recorded:
            shift_ms = 0
        else:
            wall_ms = self.clock.wall()[0]
            passed_ms = definition.TRIP_GAP_MS + 1  # if nobody knows how long it was: too long to be the same trip
            if wall_ms is not None and wall_then_ms is not None and wall_ms >= wall_then_ms:
                passed_ms = wall_ms - wall_then_ms
            shift_ms = time_ms - passed_ms - time_then_ms
        try:
            self._watcher.restore(state, shift_ms)
        except (DecodeError, ValueError, TypeError) as error:
            log.error("agent.checkpoint_unreadable", error=str(error), lost="the trip that was under way")

    def _keep(self, trip: Trip, position: int) -> None:
        self.totals.add(trip.numbers())
        body = record.episode_body(definition.pack_id(), self._time_ms - trip.start_ms, trip.counts, trip.gates)
        stored = self._append(
            record.EPISODE, body, {"totals": self.totals.state(), "checkpoint": self._checkpoint(position)}
        )
        if stored:
            self.position = position
            if self.on_trip is not None:
                self.on_trip(trip)

    def _append(self, kind: int, body: list[object], state: dict[str, bytes]) -> bool:
        wall_ms, quality = self.clock.wall()
        self._unsaved.append(_Unsaved(kind, self.clock.mono_ms(), wall_ms, quality, body))
        if len(self._unsaved) > UNSAVED_MAX:
            self._unsaved.pop(0)
            self.dropped += 1
            log.error("agent.record_dropped", dropped=self.dropped, reason="the disk refused it for too long")
        return self._save(state)

    def _save(self, state: dict[str, bytes]) -> bool:
        while self._unsaved:
            item = self._unsaved[0]
            last = len(self._unsaved) == 1
            try:
                self.outbox.append(
                    item.kind, item.mono_ms, item.wall_ms, item.clock, item.body, state if last else None
                )
            except sqlite3.Error as error:
                log.error(
                    "agent.store_failed",
                    error=str(error),
                    waiting=len(self._unsaved),
                    next_step="free space on the disk",
                )
                return False
            self._unsaved.pop(0)
        return True

    # --- the link -----------------------------------------------------------------------------------------------

    def step(self, now_ms: int, timeout_s: float = 0.0) -> bool:
        """Handle what came from the link and hand over what is due; return whether anything happened.

        now_ms: monotonic, of real time, also when the samples are replayed on a clock of their own.
        timeout_s: how long to wait for something to happen.
        """
        if self._unsaved:
            self._save({"totals": self.totals.state()})
        link = self._link
        if link is None:
            return False
        busy = False
        while (event := link.poll(0 if busy else timeout_s)) is not None:
            busy = True
            if isinstance(event, Connected):
                self.online = True
                self._session.connected()
            elif isinstance(event, Disconnected):
                self.online = False
                self._session.disconnected()
            else:
                self._on_message(event, now_ms)
        for payload in self._session.take(now_ms):
            busy = True
            if not link.publish(payload):
                break  # the link will say that it is down; what was taken is taken again then
        return busy

    def _on_message(self, message: Message, now_ms: int) -> None:
        try:
            if message.channel == topics.ACK:
                for seq, code in self._session.receive(message.payload, now_ms):
                    name, cause, next_step = codes.explain(code)
                    log.error("agent.record_refused", seq=seq, code=name, cause=cause, next_step=next_step)
            elif message.channel == topics.BENCH and message.payload:
                self._on_benchmark(message.payload)
        except DecodeError as error:
            log.warning("agent.message_refused", channel=message.channel, cause=str(error))
            if message.channel == topics.BENCH:
                self.refused_benchmarks += 1
        except sqlite3.Error as error:
            # Not settled, so it is sent again and acknowledged again.
            log.error("agent.store_failed", error=str(error), next_step="free space on the device's disk")

    def _on_benchmark(self, data: bytes) -> None:
        received = benchmark.decode(data)
        if received.pack_id != definition.pack_id():
            log.info("agent.benchmark_of_other_definition", epoch=received.epoch)
            return
        if self.benchmark is not None and received.epoch <= self.benchmark.epoch:
            return
        self.totals.turn(received.epoch)
        with self.outbox as outbox:
            outbox.put("totals", self.totals.state())
            outbox.put("benchmark", data)
        self.benchmark = received

    def _load_benchmark(self) -> Benchmark | None:
        data = self.outbox.load("benchmark")
        try:
            found = None if data is None else benchmark.decode(data)
        except DecodeError as error:
            log.error("agent.benchmark_unreadable", error=str(error))
            return None
        return found if found is not None and found.pack_id == definition.pack_id() else None

    @property
    def settled(self) -> bool:
        """Whether the server has settled every record."""
        return not self._unsaved and self.outbox.backlog() == 0

    # --- feedback -----------------------------------------------------------------------------------------------

    def compare(self) -> list[Comparison]:
        """Compare the person with the cohort, offline; empty without a benchmark or before there is enough driving."""
        totals = self.totals.both()
        if self.benchmark is None or not OwnTotals.credible(totals):
            return []
        found = []
        for characteristic in characteristics.PERIOD:
            table = self.benchmark.tables.get(characteristic.id)
            value = characteristic.value(totals)
            if table is None or value is None:
                continue
            persons, shares, values = table
            share = comparison.share_below(value, shares, values)
            parts, which = comparison.place(share, persons)
            tied = comparison.tied(value, shares, values)
            found.append(Comparison(characteristic, value, share, tied, parts, which, persons))
        return found
