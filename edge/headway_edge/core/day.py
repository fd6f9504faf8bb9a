"""Days of a pack: the core that runs a compiled pack of kind "day", one epoch at a time.

A day is a local day: it is cut where the wearer's clock passes the pack's boundary. What is counted in it is the pack's affair;
`headway_edge.core.episode` is the counterpart for trips.
"""

from array import array

from headway_edge.core.data_quality import (
    BACKWARDS,
    CLOSED,
    DUPLICATE,
    GAP_TIME,
    GAPS,
    GATES,
    OPENED,
    TOO_SHORT,
)
from headway_edge.core.episode import ELAPSED, settle_waiting, told_ages
from headway_edge.core.epochs import Epochs
from headway_edge.core.history import wrapped_difference
from headway_edge.core.program import FIRINGS_TOLD, MISSING, Program
from headway_protocol import const

DAY_MS = 86400000
LIMIT_MS = 36 * 3600000  # a day whose clock is set back again and again must end, too
BACK_MS = 3600000  # set back by less, the clock is waited for; by more, another day begins
_MINUTE_MS = const(60000)
_MOMENT_LIMIT_MS = const(1 << 29)
_HEAD = const(6)  # numbers of a checkpoint before the arrays


class DayCore:
    """Accumulators of the day under way, and of the one just closed, as a pack defines them.

    pack: a checked pack of kind "day", or its `Program`. vehicle_class: one of its classes. period_ms: the length of an epoch,
    which must be the pack's (None: the pack's). Everything else is as of `headway_edge.core.episode.EpisodeCore`: `signals` is
    to be filled before each `update`; `closed`, `closed_gates` and `ages` are read after. A sample is one epoch, and its moment
    is when the epoch began; the clock among its signals is the local minute of that moment. Nothing is allocated by an update
    on a 32-bit heap.

    The clock may jump: summer time, a flight, a correction. Up to twelve hours either way move the boundary with it, so that a
    day may be shorter or longer than 24 hours but is never cut twice at one boundary. While the clock is missing, time elapsed
    stands in for it; where it never was there, a day is 24 hours from its first epoch.
    """

    def __init__(self, pack: object, vehicle_class: str, period_ms: "int | None" = None) -> None:
        if isinstance(pack, Program):
            program = pack
            program.check(vehicle_class, "day")
        else:
            from headway_edge.core.made_program import program_of  # noqa: PLC0415 - an installed one has no use for it

            program = program_of(pack, vehicle_class, "day")
        self._epoch_ms, self._boundary_min, self._min_ms = program.rules
        if period_ms is not None and period_ms != self._epoch_ms:
            raise ValueError(
                "epochs of %d ms; pack %s counts in epochs of %d" % (period_ms, program.name, self._epoch_ms)
            )
        self._fold_sample = program.fold
        self._screen = program.screen
        self.pack = pack
        self.program = program
        self._cells = array("i", [0] * program.core_cells)
        self._gates = array("i", [0] * GATES)
        self.closed = array("i", [0] * program.core_cells)
        self.closed_gates = array("i", [0] * GATES)
        self._start = program.state_start
        self._state = array("i", program.state_start)
        self.ages = array("i", [0] * max(1, program.event_count))
        self._more = array("i", [0] * (FIRINGS_TOLD * max(1, program.event_count)))
        # Windows go on from one day to the next: it is not reset at a boundary.
        self._history = Epochs(program.columns, program.window_ms // self._epoch_ms + 1) if program.columns else None
        self.signals = array("i", [MISSING] * program.signal_count)
        self.lead_ms = 0  # a day begins with a sample
        self._open = 0
        self._begun = 0  # whether there was any sample yet
        self._since_ms = 0
        self._phase_ms = 0  # since the boundary, by the clock; below 0 where it was set back over the boundary
        self._clocked = 0  # whether the phase comes from a clock

    def update(self, dt_ms: int) -> int:
        """Fold in the epoch in `signals`; return bits OPENED, CLOSED (`headway_edge.core.data_quality`) and events counted.

        dt_ms: since the epoch before began, negative if time ran backwards; it is rounded to whole epochs, so a second
        sample within half an epoch is dropped and counted. Events reported together with CLOSED belong to the day that closed.
        """
        since = self._since_ms + dt_ms
        if since > _MOMENT_LIMIT_MS:
            since = _MOMENT_LIMIT_MS
        elif since < -_MOMENT_LIMIT_MS:
            since = -_MOMENT_LIMIT_MS
        self._since_ms = since
        flags = 0
        epochs = 1
        if self._begun:
            epochs = (since + self._epoch_ms // 2) // self._epoch_ms
            if epochs <= 0:
                self._gates[DUPLICATE if since >= 0 else BACKWARDS] += 1
                if since > -BACK_MS:
                    return 0
                flags = self._close()
                self._clocked = 0
                epochs = LIMIT_MS // self._epoch_ms  # nothing before is a neighbour in time
        self._screen(self.signals)
        clock = self.program.clock
        minute = self.signals[clock] if clock >= 0 else MISSING
        elapsed = epochs * self._epoch_ms
        if self._passes(minute, elapsed):
            flags |= self._close()
        if self._history is not None:
            self._history.push(epochs if self._begun else LIMIT_MS // self._epoch_ms)
        flags |= self._fold(epochs, elapsed)
        self._begun = 1
        self._since_ms = 0
        return flags

    def finish(self) -> int:
        """Close the open day, if any; returns CLOSED and events that were still waiting, or 0."""
        self._begun = 0
        return self._close()

    def firings(self, event: int) -> list:
        """How long ago (ms) each firing of an event that the last update reported was, oldest first."""
        return told_ages(event, self.ages, self._more)

    @property
    def is_open(self) -> bool:
        """Whether a day is under way."""
        return self._open == 1

    def _passes(self, minute: int, elapsed: int) -> int:
        # Moves the phase on to this epoch; returns 1 if a boundary lies between, or the day has been too long.
        told = (minute - self._boundary_min) % (DAY_MS // _MINUTE_MS) * _MINUTE_MS if minute >= 0 else -1
        if not self._begun or (told >= 0 and not self._clocked):
            phase = max(told, 0)
        else:
            phase = self._phase_ms + elapsed
            if told >= 0:
                phase = max(phase + wrapped_difference(phase % DAY_MS, told, DAY_MS), -LIMIT_MS)
        if told >= 0:
            self._clocked = 1
        if phase < DAY_MS and (not self._open or self._cells[ELAPSED] + elapsed <= LIMIT_MS):
            self._phase_ms = phase
            return 0
        self._phase_ms = told if told >= 0 else phase % DAY_MS
        return 1

    def _fold(self, epochs: int, elapsed: int) -> int:
        cells, gates = self._cells, self._gates
        epoch_ms = self._epoch_ms
        flags = near = 0
        first = 1 - self._open
        if first:
            flags = self._begin()
            elapsed = epoch_ms
        elif epochs == 1:
            near = 1
        else:
            gates[GAPS] += 1
            gates[GAP_TIME] += elapsed - epoch_ms
        cells[ELAPSED] += elapsed
        return flags | self._fold_sample(
            cells,
            self._state,
            self.signals,
            self.ages,
            self._more,
            self._history,
            0 if first else elapsed,
            epoch_ms,
            near,
            first,
            0,
        )

    def _begin(self) -> int:
        cells, state = self._cells, self._state
        for i in range(len(cells)):
            cells[i] = 0
        for i in range(len(state)):
            state[i] = self._start[i]
        self._gates[GAPS] = self._gates[GAP_TIME] = 0
        self._open = 1
        return OPENED

    def _close(self) -> int:
        if not self._open:
            return 0
        self._open = 0
        cells = self._cells
        if cells[ELAPSED] < self._min_ms:
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
        """Everything that a restart needs to go on with the open day, as integers; for a checkpoint."""
        found = [self.lead_ms, self._open, self._begun, self._since_ms, self._phase_ms, self._clocked]
        for numbers in (self._cells, self._gates, self._state):
            found.extend(numbers)
        return found + (self._history.state() if self._history is not None else [])

    def restore(self, saved: list) -> None:
        """Go on from `saved`, given by a core of the same pack and class. Raises ValueError for any other."""
        arrays = (self._cells, self._gates, self._state)
        history_at = _HEAD + sum([len(numbers) for numbers in arrays])
        if len(saved) != history_at + (self._history.state_length() if self._history is not None else 0):
            raise ValueError("a checkpoint of %d numbers is of another pack or version" % len(saved))
        self.lead_ms, self._open, self._begun, self._since_ms, self._phase_ms, self._clocked = saved[:_HEAD]
        at = _HEAD
        for numbers in arrays:
            for i in range(len(numbers)):
                numbers[i] = saved[at + i]
            at += len(numbers)
        if self._history is not None:
            self._history.restore(saved[history_at:])
