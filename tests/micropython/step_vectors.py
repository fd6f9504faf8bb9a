"""Gather a text file of acceleration into epochs of fifty samples and print the steps and counts of each.

    step_vectors.py PERIOD_MS FILE

Runs unmodified on CPython and MicroPython. FILE has one sample a line: three axes in milli-g. On MicroPython the heap is locked
while the samples of an epoch are taken, so that any allocation ends it.
"""

import sys
from array import array

from headway_edge.core.wrist import WristEpochs

try:
    from micropython import heap_lock, heap_unlock
except ImportError:

    def heap_lock():
        """CPython has no heap to lock."""

    heap_unlock = heap_lock

BLOCK = 50


def run(wrist, period_ms, block):
    """Take a block of samples; return how many epochs ended."""
    ended = 0
    for i in range(BLOCK):
        ended += wrist.update(period_ms, block[3 * i], block[3 * i + 1], block[3 * i + 2])
    return ended


def main(period_ms, samples_path):
    """Print `STEPS COUNTS DT_MS` of each epoch that ended."""
    period_ms = int(period_ms)
    wrist = WristEpochs(period_ms, BLOCK * period_ms)
    block = array("h", [0] * (3 * BLOCK))
    filled = 0
    with open(samples_path) as lines:
        for line in lines:
            for axis, number in enumerate(line.split()):
                block[3 * filled + axis] = int(number)
            filled += 1
            if filled == BLOCK:
                heap_lock()
                ended = run(wrist, period_ms, block)
                heap_unlock()
                if ended:
                    print(wrist.steps, wrist.activity, wrist.dt_ms)
                filled = 0


main(*sys.argv[1:3])
