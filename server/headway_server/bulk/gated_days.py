"""Which epochs of a person count, and in which days: told by the device's own core.

There is an epoch a minute or so, so the core itself decides, epoch by epoch; what it would count is left out.
"""

from dataclasses import dataclass

import numpy as np

from headway_edge.core.data_quality import CLOSED, GATES, OPENED
from headway_edge.core.day import DayCore
from headway_edge.core.day_pack import DAY_MIN
from headway_edge.core.episode import ELAPSED
from headway_edge.core.epochs import Epochs
from headway_edge.core.program import MISSING, Program
from headway_server.bulk.samples import Integers, SampleBlock, Truths


@dataclass(frozen=True)
class GatedDays:
    """One person's epochs and days; none of either for a person without samples.

    Of epochs that count, shape (rows): samples: index in the block. slots: the number of the epoch, as
    `headway_server.bulk.day_windows.Windows` takes it. steps_ms: since the one before, 0 at the start of a day. near:
    whether it follows one of the same day at once. starts: shape (days); rows at which days begin, those too short included.

    Of days that closed and were long enough, shape (closed): chosen: their places in `starts`. closed_at: index of the sample
    whose update closed it. elapsed_ms. gates: shape (closed, GATES).
    """

    samples: Integers
    slots: Integers
    steps_ms: Integers
    near: Truths
    starts: Integers
    chosen: Integers
    closed_at: Integers
    elapsed_ms: Integers
    gates: Integers


def gate_days(program: Program, block: SampleBlock) -> GatedDays:
    """Return what a new core makes of the samples of the one person in `block`, up to its `finish`."""
    core = _Gatekeeper(program)
    minutes = _minutes(program, block)
    steps_ms = block.steps_ms.tolist()
    signals = core.signals
    day = -1
    closed: list[list[int]] = []
    for sample in range(len(block) + 1):
        if sample < len(block):
            if minutes:
                signals[program.clock] = minutes[sample]
            core.sample = sample
            flags = core.update(steps_ms[sample])
        else:
            flags = core.finish()
        if flags & CLOSED:
            closed.append([day, sample, core.closed[ELAPSED], *core.closed_gates])
        if flags & OPENED:
            day += 1
    rows = np.array(core.rows, np.int64).reshape(-1, 5)
    days = np.array(closed, np.int64).reshape(-1, 3 + GATES)
    return GatedDays(
        rows[:, 0],
        rows[:, 1],
        rows[:, 2],
        rows[:, 3] != 0,
        np.flatnonzero(rows[:, 4]),
        days[:, 0],
        days[:, 1],
        days[:, 2],
        days[:, 3:],
    )


def _minutes(program: Program, block: SampleBlock) -> list[int]:
    # What the clock says, screened; nothing where there is none.
    clock = block.signals[program.clock] if program.clock >= 0 else None
    if clock is None:
        return []
    minutes: list[int] = np.where((clock >= 0) & (clock < DAY_MIN), clock, MISSING).tolist()
    return minutes


class _Slots(Epochs):
    # Notes which epoch it is, and keeps nothing of it.

    def __init__(self) -> None:
        super().__init__(0, 1)
        self.now = 0

    def push(self, epochs: int) -> None:
        self.now += epochs


class _Gatekeeper(DayCore):
    # A core that notes each epoch where it would fold it in. rows: (sample, slot, step in ms, near, first) of each.

    def __init__(self, program: Program) -> None:
        super().__init__(program, program.vehicle_class)
        self._slots = _Slots()
        self._history = self._slots
        self._fold_sample = self._note
        self._screen = _screened  # the clock is, and nothing else is looked at
        self.sample = 0
        self.rows: list[tuple[int, int, int, int, int]] = []

    def _note(self, *arguments: object) -> int:
        # As the generated `fold`: of its arguments the last five are the step, the weight, near, first and the metres.
        dt_ms, _, near, first, _ = arguments[-5:]
        self.rows.append((self.sample, self._slots.now, dt_ms, near, first))  # type: ignore[arg-type]
        return 0


def _screened(_: object) -> int:
    return 0
