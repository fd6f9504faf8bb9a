"""What a band's clock makes of ticks that wrap and clocks that lie; the same on every interpreter.

On MicroPython its own `ticks_diff` is used, and the heap is locked while a tick is taken.
"""

import time

from headway_edge.band_clock import BandClock, epoch_s

try:
    from micropython import heap_lock, heap_unlock
except ImportError:  # CPython

    def heap_lock():
        """There is nothing to lock."""

    heap_unlock = heap_lock

PERIOD = 1 << 30


def ticks_diff(end, start):
    """MicroPython's, for CPython."""
    return ((end - start + PERIOD // 2) & (PERIOD - 1)) - PERIOD // 2


class Ticks:
    """A counter that wraps as the boards' do."""

    def __init__(self, start):
        self.now = start

    def __call__(self):
        return self.now

    def pass_(self, ms):
        """Let time pass."""
        self.now = (self.now + ms) & (PERIOD - 1)


def main():
    diff = getattr(time, "ticks_diff", None)
    if diff is None or diff(0, PERIOD - 1) != 1:  # CPython, or a port whose ticks are wider than the boards'
        diff = ticks_diff
    ticks = Ticks(PERIOD - 1000)
    rtc = [30]
    clock = BandClock(ticks, diff, lambda: rtc[0], epoch_s(lambda _: (2000, 1, 1)), 1800000000000)
    for i in range(400):
        ticks.pass_(7919 * 1009 * (i % 13))
        heap_lock()
        clock.tick()
        heap_unlock()
        if i == 100:
            rtc[0] = 855014400  # 2027-02-04, counted from 2000
        if i == 200:
            clock.set_wall(1810000000000)
        if i % 20 == 0:
            print(i, clock.mono_ms(), clock.wall(), clock.judge.cause, clock.judge.jumps)


main()
