"""One process on this device: what computes it, what it has added up to for the person, and what they are told of it.

Everything is kept in the outbox's state under the pack's id, so that two packs are never mixed and one that comes back goes on.
Nothing is written here: `take` says what to write with the trip's record.
"""

from collections.abc import Callable, Mapping
from typing import Any

import structlog

from headway_edge.core.boot_dates import BootClock, BootTrips
from headway_edge.core.process import Process
from headway_edge.core.standing import WEEKS_MAX, Standing
from headway_edge.insight import Comparison, compared
from headway_edge.own.customer_factors import classes_of
from headway_edge.own.local_time import LocalTime
from headway_edge.own.own_consumables import OwnConsumables
from headway_edge.own.own_history import OwnHistory
from headway_edge.own.own_series import OwnSeries, Turn
from headway_edge.own.own_totals import OwnTotals
from headway_edge.own.own_warnings import OwnWarnings
from headway_edge.store.outbox import Outbox
from headway_edge.watcher import Watcher
from headway_protocol import benchmark
from headway_protocol.benchmark import Benchmark
from headway_protocol.errors import DecodeError
from headway_protocol.record import SYNCED

log = structlog.get_logger("headway.agent")

DAY_MS = 86_400_000


class OwnProcess:
    """A process with its watcher and the person's totals, history, series, consumables, warnings and benchmark.

    utc_offset_min: how far local time is ahead of UTC at a Unix time in ms. factors: the person's class by customer factor.
    Raises ValueError for a class or period that the process does not know.
    """

    def __init__(
        self,
        process: Process,
        vehicle_class: str,
        period_ms: int,
        outbox: Outbox,
        utc_offset_min: Callable[[int], int],
        factors: Mapping[str, str],
    ) -> None:
        self.process = process
        self.watcher = Watcher(process, vehicle_class, period_ms)
        self.local_time = LocalTime(process.pack, utc_offset_min)
        self.utc_offset_min = utc_offset_min
        self._outbox = outbox
        self.totals = OwnTotals.from_state(process, outbox.load(self.key("totals")))
        self.history = OwnHistory(process, outbox.load, outbox.keys)
        classes = classes_of(process.pack, factors)
        self.series = OwnSeries(process, lambda day: self.history.totals("day", day), classes)
        self.series.restore(outbox.load(self.key("series")))
        self.consumables = OwnConsumables(process)
        self.consumables.restore(outbox.load(self.key("consumables")))
        self.warnings = OwnWarnings(process)
        self.warnings.restore(outbox.load(self.key("warnings")))
        self._benchmark_bytes = outbox.load(self.key("benchmark"))
        self.benchmark = self._read_benchmark()
        self.boot_trips = BootTrips()

    def key(self, what: str) -> str:
        """The key in the outbox's state of something of this process."""
        return f"{what}/{self.process.id.hex()}"

    def day_at(self, wall_ms: int) -> int:
        """The person's day at a Unix time, in days since 1 January 1970."""
        return (wall_ms + 60_000 * self.utc_offset_min(wall_ms)) // DAY_MS

    def take(
        self, numbers: list[int], start_ms: int | None, began_mono_ms: int = 0, quality: int = SYNCED
    ) -> tuple[int | None, list[Turn], dict[str, bytes | None]]:
        """Count a trip that began at a Unix time (None: not known).

        began_mono_ms: in milliseconds of this boot. quality: of the clock that told; a better one may put its day right.
        Return (how far local time was from UTC then, changes that it opened or closed, state to store with it).
        """
        totals = self.process.totals(numbers)
        self.totals.add(totals)
        offset_min = day = None
        state: dict[str, bytes | None] = {}
        if start_ms is not None:
            offset_min = self.utc_offset_min(start_ms)
            day = self.process.day(start_ms, offset_min)
        turns = self.series.add(totals, day)
        context = self.process.context(numbers)
        if day is not None:
            self.consumables.add(totals, day)
            state = self.history.added(context, totals, day)
        self.boot_trips.take(began_mono_ms, quality, day, (context, totals))
        state |= {
            self.key("totals"): self.totals.state(),
            self.key("series"): self.series.state(),
            self.key("consumables"): self.consumables.state(),
        }
        if self.warnings.changed:
            state[self.key("warnings")] = self.warnings.state()
        return offset_min, turns, state

    def put_right(self, clock: BootClock) -> tuple[int, list[Turn], dict[str, bytes | None]]:
        """Put trips of this boot on the days that its clock, now a better one, tells.

        Series and consumables keep what they took; they take a trip that was on no day on the one that it turns out to be of.
        Return (how many trips moved, changes that this opened or closed, state to store at once).
        """
        left_out = self.boot_trips.left_out
        found: list[Any] = self.boot_trips.put_right(clock, self._day_of_trip)
        if not found:
            return 0, [], {}
        turns: list[Turn] = []
        self.history.take_out((*trip, before) for trip, before, _ in found if before is not None)
        for (context, totals), before, day in found:
            turns += self.series.put_right(before, day)
            self.history.put_in(context, totals, day)
            if before is None:
                self.consumables.add(totals, day)
        log.info("agent.days_put_right", trips=len(found), left_out=left_out)
        return (
            len(found),
            turns,
            {
                **self.history.moved(),
                self.key("series"): self.series.state(),
                self.key("consumables"): self.consumables.state(),
            },
        )

    def _day_of_trip(self, start_ms: int) -> int:
        return self.process.day(start_ms, self.utc_offset_min(start_ms))

    def take_benchmark(self, data: bytes) -> dict[str, bytes]:
        """Take what the server published; return the state to store, {} where it is of another pack or no newer.

        Raises DecodeError.
        """
        if data == self._benchmark_bytes:
            return {}  # the broker keeps it, so it comes at every connection
        received = benchmark.decode(data)
        if received.pack_id != self.process.id:
            log.info("agent.benchmark_of_other_definition", epoch=received.epoch)
            return {}
        if self.benchmark is not None and received.epoch <= self.benchmark.epoch:
            return {}
        self.totals.turn(received.epoch)
        self.benchmark, self._benchmark_bytes = received, data
        return {self.key("totals"): self.totals.state(), self.key("benchmark"): data}

    def _read_benchmark(self) -> Benchmark | None:
        data = self._benchmark_bytes
        try:
            return None if data is None else benchmark.decode(data)
        except DecodeError as error:
            log.error("agent.benchmark_unreadable", error=str(error))
            self._benchmark_bytes = None
            return None

    def compare(self) -> list[Comparison]:
        """Compare the person with the cohort, offline; empty without a benchmark or before there is enough of their own."""
        totals = self.totals.both()
        if self.benchmark is None or totals is None or not self.process.enough(totals):
            return []
        return compared(self.process, totals, self.benchmark)

    def score(self, wall_ms: int | None) -> Standing | None:
        """Return where the person stands on the axes of the pack; None before there is enough of their own.

        wall_ms: Unix time, by which past weeks are told from this one; None: no clock was ever set.
        """
        totals = self.totals.both()
        if totals is None or not self.process.enough(totals) or not self.process.pack.axes:
            return None
        weeks = [] if wall_ms is None else self.history.weeks(self.day_at(wall_ms), WEEKS_MAX)
        tables = {} if self.benchmark is None else self.benchmark.tables
        return Standing(self.process, totals, tables, weeks)
