"""Many control charts at once in numpy's int64: the very integers of the device's charts, to count how long they stay silent.

A run length is the number of updates up to and including the first signal. tests/control holds these charts to the device's
own, number by number.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Draw = Callable[[int], Numbers]  # how many charts are left -> a number for each of them

_ONE_Q12 = 4096
_CAP_Q12 = 4 * _ONE_Q12


def standardised(numbers: Numbers, centre_q4: Numbers | int, spread_q4: Numbers | int) -> Numbers:
    """`RobustBaseline.standardised` of each number."""
    away = 16 * np.clip(numbers, -(2**19) + 1, 2**19 - 1) - centre_q4
    size = (2 * (np.abs(away) << 12) + spread_q4) // (2 * np.asarray(spread_q4))
    return np.asarray(np.sign(away) * np.minimum(size, _CAP_Q12))


def baseline(numbers: Numbers, errors: bool) -> tuple[Numbers, Numbers]:
    """(centre_q4, spread_q4) as `RobustBaseline` freezes them; numbers: one row a chart."""

    def twice_median(rows: Numbers) -> Numbers:
        ordered = np.sort(rows, axis=1)
        n = rows.shape[1]
        return np.asarray(ordered[:, (n - 1) // 2] + ordered[:, n // 2])

    def times(number: Numbers, factor_q12: Numbers | int) -> Numbers:
        return np.asarray((number >> 12) * factor_q12 + ((number & 4095) * factor_q12 >> 12))

    centre = np.zeros(len(numbers), np.int64) if errors else twice_median(numbers) << 3
    distances = np.abs((numbers << 4) - centre[:, None])
    middle = times(twice_median(distances), 6073) >> 1
    middle = np.where(middle == 0, times((distances // numbers.shape[1]).sum(axis=1), 5133), middle)
    divisor = np.maximum(middle, 1)[:, None]
    far_q8 = np.minimum((2 * (distances << 12) + divisor) // (2 * divisor), 3 * _ONE_Q12) >> 4
    mean_q16 = (far_q8**2).sum(axis=1) // numbers.shape[1]
    return centre, np.maximum(times(middle, np.sqrt(mean_q16 << 8).astype(np.int64)), 16)


@dataclass
class Cusum:
    """`CusumChart` for `count` charts."""

    count: int
    h_q12: int = 5 * _ONE_Q12
    headstart: bool = False

    def __post_init__(self) -> None:
        self.up = np.full(self.count, self.h_q12 // 2 if self.headstart else 0, np.int64)
        self.down = self.up.copy()

    def update(self, x: Numbers) -> Numbers:
        """1, -1 or 0 for each chart. One that has signalled is not to be updated again."""
        self.up = np.maximum(0, self.up + x - _ONE_Q12 // 2)
        self.down = np.maximum(0, self.down - x - _ONE_Q12 // 2)
        return (self.up > self.h_q12).astype(np.int64) - (self.down > self.h_q12)

    def keep(self, left: Any) -> None:
        """Go on with some of the charts."""
        self.up, self.down = self.up[left], self.down[left]


@dataclass
class Ewma:
    """`EwmaChart` for `count` charts."""

    count: int
    weight: int = 6554
    width_q8: int = 758

    def __post_init__(self) -> None:
        self.mean = np.zeros(self.count, np.int64)
        self._variance = 0

    def update(self, x: Numbers) -> Numbers:
        """1, -1 or 0 for each chart. One that has signalled is not to be updated again."""
        self.mean = self.mean + ((self.weight * (x - self.mean) + (1 << 14)) >> 15)
        weight_q10 = self.weight >> 5
        self._variance = weight_q10**2 + (self._variance * ((1024 - weight_q10) ** 2 >> 10) >> 10)
        limit = self.width_q8 * int((self._variance << 10) ** 0.5) >> 11
        return (self.mean > limit).astype(np.int64) - (self.mean < -limit)

    def keep(self, left: Any) -> None:
        """Go on with some of the charts."""
        self.mean = self.mean[left]


@dataclass
class Poisson:
    """`PoissonChart` for `count` charts."""

    count: int
    h_q12: int = 7 * _ONE_Q12

    def __post_init__(self) -> None:
        self.up = np.zeros(self.count, np.int64)
        self.down = np.zeros(self.count, np.int64)

    def update(self, events: Numbers, expected_q12: Numbers) -> Numbers:
        """1, -1 or 0 for each chart. One that has signalled is not to be updated again."""
        twice = (expected_q12 >> 10) * 1477 + ((expected_q12 & 1023) * 1477 >> 10)
        half = (expected_q12 >> 10) * 739 + ((expected_q12 & 1023) * 739 >> 10)
        self.up = np.maximum(0, self.up + (events << 12) - twice)
        self.down = np.maximum(0, self.down + half - (events << 12))
        return (self.up > self.h_q12).astype(np.int64) - (self.down > self.h_q12)

    def keep(self, left: Any) -> None:
        """Go on with some of the charts."""
        self.up, self.down = self.up[left], self.down[left]


def run_lengths(
    charts: Cusum | Ewma, draw: Draw, usual: tuple[Numbers | int, Numbers | int], longest: int = 20_000
) -> Numbers:
    """Run length of each chart; what is silent for `longest` updates counts as that long.

    draw: quanta. usual: (centre_q4, spread_q4), of each chart or of all.
    """
    centre, spread = (np.broadcast_to(np.asarray(part, np.int64), charts.count) for part in usual)
    lengths = np.full(charts.count, longest, np.int64)
    left = np.arange(charts.count)
    for update in range(1, longest + 1):
        signals = charts.update(standardised(draw(left.size), centre[left], spread[left]))
        silent = signals == 0
        if not silent.all():
            lengths[left[~silent]] = update
            left = left[silent]
            if not left.size:
                break
            charts.keep(silent)
    return lengths


def event_run_lengths(charts: Poisson, draw: Draw, expected_q12: Numbers | int, longest: int = 20_000) -> Numbers:
    """Run length of each chart of counts, on trips that are all of one length. draw: events. expected_q12: of each, or all."""
    expected = np.broadcast_to(np.asarray(expected_q12, np.int64), charts.count)
    lengths = np.full(charts.count, longest, np.int64)
    left = np.arange(charts.count)
    for update in range(1, longest + 1):
        silent = charts.update(draw(left.size), expected[left]) == 0
        if not silent.all():
            lengths[left[~silent]] = update
            left = left[silent]
            if not left.size:
                break
            charts.keep(silent)
    return lengths
