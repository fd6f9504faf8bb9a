"""Run control charts, consumables and warning codes on numbers from a seed and print what becomes of them.

    control_vectors.py SEED

Runs unmodified on CPython and MicroPython. On MicroPython the heap is locked in each update of a chart, of the ring of
conditions and of the table of codes, so that any allocation ends the run.
"""

import sys

from headway_edge.core.condition_ring import ConditionRing
from headway_edge.core.consumable import Consumable
from headway_edge.core.control_chart import ControlChart, EventChart
from headway_edge.core.cusum_chart import H4_Q12, H5_Q12, CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.poisson_chart import EventRate, PoissonChart
from headway_edge.core.program import MISSING
from headway_edge.core.robust_baseline import RobustBaseline
from headway_edge.core.warning_codes import WarningCodes

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        """CPython has no heap to lock."""

    heap_unlock = heap_lock


class Dice:
    """The same numbers on every interpreter."""

    def __init__(self, seed):
        self._state = seed

    def roll(self, sides):
        """0 to sides - 1."""
        self._state = (self._state * 1103 + 12345) % 131071
        return self._state % sides


def chart_lines(dice, chart, scale):
    """A chart through three stretches: as usual, shifted up, shifted down far enough for every cut."""
    for number in range(360):
        error = (dice.roll(201) + dice.roll(201) - 200) * scale
        if 120 <= number < 200:
            error += 90 * scale
        if number >= 300:
            error -= (90 << (number - 300) // 4) * scale
        heap_lock()
        flags = chart.update(error)
        heap_unlock()
        if flags:
            change = chart.change()
            print(number, flags, None if change is None else change.as_integers())
    print(chart.state()[1:])


def event_lines(dice):
    """Events on trips of all lengths, twice as many for a while, then none."""
    chart = EventChart(b"definition", EventRate(), PoissonChart())
    for trip in range(400):
        exposure = dice.roll(400) * (100 if trip % 90 == 89 else 1)
        rate = 1 if trip < 150 else 3 if trip < 250 else 0
        events = dice.roll(2 * rate * exposure // 100 + 1) * (1000 if trip == 260 else 1)
        heap_lock()
        flags = chart.update(events, exposure)
        heap_unlock()
        if flags:
            change = chart.change()
            print(trip, flags, None if change is None else change.as_integers())
    print(chart.state()[1:])


def consumable_lines(dice):
    """A year and more of days, some of them without a trip, with a replacement in it."""
    oil = Consumable([1, [0], [1], 15000000, 365])
    oil.replaced(18000, 250000)
    for day in range(18000, 18500):
        for _ in range(dice.roll(4)):
            metres = dice.roll(60000)
            oil.add_totals(day, [metres, metres * (10 + dice.roll(15)) // 10])
        if day == 18290:
            oil.replaced(day)
        if day % 9 == 0:
            found = oil.outlook(day)
            print(day, found.reason, found.days, found.fewest, found.most, found.real_days, found.used_permille)
    print(oil.state())


def code_lines(dice):
    """Codes on trips over two years, and the condition around them."""
    codes = WarningCodes([[17, 2, 9], [0, 3, 60]])
    ring = ConditionRing([0, 2])
    signals = [0, 0, MISSING]
    for day in range(0, 700, 2):
        codes.begin_trip()
        for second in range(20):
            signals[0] = day * 100 + second
            signals[2] = dice.roll(130)
            code = dice.roll(900)
            heap_lock()
            ring.update(400 + 60 * dice.roll(30), signals)
            rule = -1
            if 0 < code < 40:
                if not codes.on_trip(code):
                    ring.mark(code, day)
                rule = codes.appeared(code, day, 24000 + day // 30)
            heap_unlock()
            if rule >= 0:
                print(day, code, rule, codes.times(code, day, 60), codes.rising(code, 24000 + day // 30))
        ring.finish()
        if day % 200 == 198:
            heap_lock()
            codes.repaired()
            heap_unlock()
    print(codes.codes(), codes.forgotten, ring.lost)
    for code in codes.codes():
        print(code, codes.total(code), codes.months(code))
    for found in ring.kept():
        print(found.code, found.day, found.rows)
    print(codes.state(), ring.state())


def main(seed):
    """Print everything."""
    dice = Dice(int(seed))
    for scale in (1, 40, 2000):
        chart_lines(dice, ControlChart(b"definition", RobustBaseline(True), CusumChart(H5_Q12)), scale)
        chart_lines(dice, ControlChart(b"definition", RobustBaseline(False, 33), CusumChart(H4_Q12, True)), scale)
        chart_lines(dice, ControlChart(b"definition", RobustBaseline(True), EwmaChart()), scale)
    event_lines(dice)
    consumable_lines(dice)
    code_lines(dice)


main(sys.argv[1])
