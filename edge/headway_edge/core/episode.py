"""Episodes of a pack: the core that runs a compiled pack, one sample at a time.

The gatekeeper around the pack's own code is the same for every pack of kind "trip": which samples count, when a trip
begins and ends, what of its end is parking. What is counted in a trip is the pack's affair.
"""

from array import array

from headway_edge.core.data_quality import (
    BACKWARDS,
    BRIDGED,
    CLOSED,
    DUPLICATE,
    GAP_TIME,
    GAPS,
    GATES,
    NO_SPEED,
    OPENED,
    OUT_OF_RANGE,
    TOO_SHORT,
)
from headway_edge.core.history import History
from headway_edge.core.program import (
    DRIVEN_MS_MAX,
    FIRINGS_TOLD,
    INTEGRAL,
    MISSING,
    SIGNED,
    TIME,
    WIDE_BITS,
    Program,
)
from headway_protocol import const
from headway_protocol import counts as packed

ELAPSED, DISTANCE = 0, 1  # the first two cells of every pack
EVENT_FLAG_SHIFT = 2  # bit 2 + i of an update's flags: event i was counted

_MOMENT_LIMIT_MS = const(1 << 29)
_THIN_MS = const(40)


class EpisodeCore:
    """Accumulators of the episode under way, and of the one just closed, as a pack defines them.

    pack: a checked pack, or its `Program`. vehicle_class: one of its classes. period_ms: the sampling period, 40..1000.
    `program`: what is run. `signals`: the buffer for a sample's signals in the pack's order, to be filled before each
    `update`. `ages`: how long ago (ms) an event that an update reports has fired first (`firings`: each time). Nothing is
    allocated by an update on a 32-bit heap.
    """

    def __init__(self, pack: object, vehicle_class: str, period_ms: int = 1000) -> None:
        if not _THIN_MS <= period_ms <= 1000:
            raise ValueError("a sampling period of %d ms is not in %d..1000" % (period_ms, _THIN_MS))
        if isinstance(pack, Program):
            program = pack
            program.check(vehicle_class, "trip")
        else:
            from headway_edge.core.made_program import program_of  # noqa: PLC0415 - an installed one has no use for it

            program = program_of(pack, vehicle_class, "trip")
        self._fold_sample = program.fold
        self._screen = program.screen
        self.pack = pack
        self.program = program
        self._period_ms = period_ms
        self._near_ms, self._gap_ms, self._standing_ms, self._limit_ms, self._min_m, self._min_ms = program.rules
        cells = [0] * program.core_cells
        self._cells = array("i", cells)
        self._kept = array("i", cells)  # as of the first sample of the last standing
        self._gates = array("i", [0] * GATES)
        self.closed = array("i", cells)
        self.closed_gates = array("i", [0] * GATES)
        self._start = program.state_start
        self._state = array("i", program.state_start)
        self._lasts = bytearray(len(program.state_start))
        for place in program.lasting:
            self._lasts[place] = 1
        self.ages = array("i", [0] * max(1, program.event_count))
        self._more = array("i", [0] * (FIRINGS_TOLD * max(1, program.event_count)))
        # Twice the declared rate still reaches as far back as the pack asks.
        self._history = History(program.columns, 2 * program.window_ms // period_ms + 4) if program.columns else None
        self.signals = array("i", [MISSING] * program.signal_count)
        self._lead = array("i", [MISSING] * program.signal_count)
        self.lead_ms = 0
        self._open = 0
        self._powered = 0
        self._since_ms = 0
        self._speed = MISSING
        self._fraction = 0
        self._standing = 0
        self._stand_ms = 0
        self._stand_gaps = 0
        self._stand_gap_ms = 0

    def update(self, dt_ms: int) -> int:
        """Fold in the sample in `signals`; return bits OPENED, CLOSED (`headway_edge.core.data_quality`) and events counted.

        dt_ms: since the update before, negative if time ran backwards. Events reported together with CLOSED belong to
        the episode that closed.
        """
        since = self._since_ms + dt_ms
        if since > _MOMENT_LIMIT_MS:
            since = _MOMENT_LIMIT_MS
        elif since < -_MOMENT_LIMIT_MS:
            since = -_MOMENT_LIMIT_MS
        self._since_ms = since
        program, s = self.program, self.signals
        self._screen(s)
        ignition = s[program.ignition] if program.ignition >= 0 else MISSING
        if ignition == 0:
            self._speed = MISSING
            return self._close()
        speed = s[program.speed]
        if speed < 0 or speed > program.speed_max:
            self._gates[NO_SPEED if speed < 0 else OUT_OF_RANGE] += 1
            return 0
        flags = 0
        if self._speed >= 0:
            if since < _THIN_MS and since > -self._gap_ms:
                if since <= 0:
                    self._gates[DUPLICATE if since == 0 else BACKWARDS] += 1
                return 0
            if since <= 0:
                self._gates[BACKWARDS] += 1
            if since <= 0 or since > self._gap_ms or (self._open and self._cells[ELAPSED] >= self._limit_ms):
                flags = self._close()
                self._speed = MISSING
        powered = ignition == 1 or (program.engine_speed >= 0 and s[program.engine_speed] > 0)
        if not self._open:
            if speed > 0 or powered:
                flags |= self._begin(since)
            else:
                self._pass_time(since)
        if self._open:
            flags |= self._fold(since, speed, powered)
        if not self._open:
            # Also after a trip that ended by standing: the next one drives off from here.
            lead = self._lead
            for i in range(len(s)):
                lead[i] = s[i]
        self._speed = speed
        self._since_ms = 0
        return flags

    def finish(self) -> int:
        """Close the open episode, if any; returns CLOSED and events that were still waiting, or 0."""
        self._speed = MISSING
        return self._close()

    def firings(self, event: int) -> list:
        """How long ago (ms) each firing of an event that the last update reported was, oldest first.

        Where an update settles what waited and closes the trip as well, only what was settled last is told; the counts
        have all of it.
        """
        return told_ages(event, self.ages, self._more)

    @property
    def is_open(self) -> bool:
        """Whether an episode is under way."""
        return self._open == 1

    def _begin(self, since: int) -> int:
        cells, state = self._cells, self._state
        for i in range(len(cells)):
            cells[i] = 0
        for i in range(len(state)):
            if not self._lasts[i]:
                state[i] = self._start[i]
        self._gates[GAPS] = self._gates[GAP_TIME] = self._gates[BRIDGED] = 0
        self._open = 1
        self._powered = 0
        self._standing = 0
        self._stand_ms = 0
        self._fraction = 360000
        self.lead_ms = 0
        if self._speed < 0 or since > self._near_ms:
            self._pass_time(since)
            self._speed = MISSING
        else:
            self.lead_ms = since
            if self._history is not None:
                self._history.reset()
                self._history.push(0)
            self._fold_sample(
                cells, state, self._lead, self.ages, self._more, self._history, 0, self._period_ms, 0, 1, 0
            )
        return OPENED

    def _pass_time(self, since: int) -> None:
        # For what goes on from trip to trip: the time to a sample that follows no other of a trip.
        away = self.program.away
        if away >= 0 and since > 0:
            self._state[away] = min(self._state[away] + since, DRIVEN_MS_MAX)

    def _fold(self, since: int, speed: int, powered: bool) -> int:
        cells, gates = self._cells, self._gates
        weight = self._period_ms
        near = first = 0
        metres = cells[DISTANCE]
        if self._speed < 0:
            since = 0
            first = 1
        else:
            self._add_distance(since, self._speed + speed)
            if since <= self._near_ms:
                weight, near = since, 1
            else:
                gates[BRIDGED] += cells[DISTANCE] - metres
                gates[GAPS] += 1
                gates[GAP_TIME] += since - weight
        if powered:
            self._powered = 1
        cells[ELAPSED] += since
        history = self._history
        if history is not None:
            if not near:
                history.reset()
            history.push(since if near else 0)
        flags = self._fold_sample(
            cells,
            self._state,
            self.signals,
            self.ages,
            self._more,
            history,
            since,
            weight,
            near,
            first,
            cells[DISTANCE] - metres,
        )
        if speed:
            self._standing = 0
        elif not self._standing:
            # From the next sample on it may turn out to be parking.
            self._standing = 1
            self._stand_ms = 0
            kept = self._kept
            for i in range(len(kept)):
                kept[i] = cells[i]
            self._stand_gaps, self._stand_gap_ms = gates[GAPS], gates[GAP_TIME]
            self._stand_ms = since
        else:
            self._stand_ms += since
            if self._stand_ms > self._standing_ms and not powered:
                self._powered = 0
                flags |= self._close()
        return flags

    def _add_distance(self, since: int, speed_sum: int) -> None:
        # Trapezium: metres = sum of two speeds [ckmh] * since [ms] / 720000. Whole seconds apart, to stay under 2**29.
        seconds = since // 1000
        part = speed_sum * seconds
        fraction = self._fraction + (part % 720) * 1000 + speed_sum * (since - seconds * 1000)
        self._cells[DISTANCE] += part // 720 + fraction // 720000
        self._fraction = fraction % 720000

    def _close(self) -> int:
        if not self._open:
            return 0
        self._open = 0
        cells = self._cells
        first_event = len(cells) - self.program.event_count
        if self._standing and not self._powered:
            for i in range(first_event):  # events are kept: what happened, happened
                cells[i] = self._kept[i]
            self._gates[GAPS], self._gates[GAP_TIME] = self._stand_gaps, self._stand_gap_ms
        if cells[DISTANCE] < self._min_m or cells[ELAPSED] < self._min_ms:
            self._gates[TOO_SHORT] += 1
            return 0
        flags = CLOSED | settle_waiting(self.program, cells, self._state, self.ages, self._more)
        for i in range(len(cells)):
            self.closed[i] = cells[i]
        for i in range(GATES):
            self.closed_gates[i] = self._gates[i]
            self._gates[i] = 0
        return flags

    def state(self) -> list:
        """Everything that a restart needs to go on with the open episode, as integers; for a checkpoint.

        A pack that asks for `driven` has something to keep between trips, too.
        """
        from headway_edge.core.episode_checkpoint import state  # noqa: PLC0415 - a device that keeps none needs no code for it

        return state(self)

    def restore(self, saved: list) -> None:
        """Go on from `saved`, given by a core of the same pack, class and period. Raises ValueError for any other."""
        from headway_edge.core.episode_checkpoint import restore  # noqa: PLC0415

        restore(self, saved)


def settle_waiting(program: Program, cells: array, state: array, ages: array, more: array) -> int:
    """Count the events that still wait when an episode closes; return their flags. Arguments as of the generated code."""
    flags = 0
    first_event = len(cells) - program.event_count
    for i in range(program.event_count):
        base = program.event_state[i]
        if state[base + 2]:
            cells[first_event + i] += state[base + 2]
            ages[i] = state[base + 3]
            more[FIRINGS_TOLD * i] = state[base + 2]
            for k in range(1, FIRINGS_TOLD):
                more[FIRINGS_TOLD * i + k] = state[base + 3 + k]
            flags |= 4 << i
    return flags


def told_ages(event: int, ages: array, more: array) -> list:
    """Return how long ago (ms) each firing of a reported event was, oldest first. Arrays as of the generated code."""
    at = FIRINGS_TOLD * event
    found = [ages[event]]
    for k in range(1, more[at]):
        found.append(ages[event] - more[at + min(k, FIRINGS_TOLD - 1)])
    return found


def wire_numbers(pack: object, cells: object) -> list:
    """Return the numbers of a closed trip in wire order: times in tenths of a second (half up), signed ones zigzag.

    pack: a pack or a program. An integral is in its number's quanta times tenths of a second, half up as well.
    """
    numbers = []
    at = 0
    for kind, width in pack.cells:  # type: ignore[attr-defined]
        number = cells[at]  # type: ignore[index]
        if width == 2:
            number = (cells[at + 1] << WIDE_BITS) + number  # type: ignore[index]
        if kind == TIME or kind == INTEGRAL:  # noqa: PLR1714 - MicroPython would build a tuple
            number = (number + 50) // 100
        if kind >= SIGNED:
            number = 2 * number if number >= 0 else -2 * number - 1
        numbers.append(number)
        at += width
    return numbers


def wire_cells(core: EpisodeCore) -> bytes:
    """Pack the accumulators of the episode that `core` has just closed for the wire."""
    return packed.pack(wire_numbers(core.program, core.closed))
