"""Run a compiled pack over samples with the heap locked: any allocation per sample ends it.

    pack_no_allocation.py PACK CLASS FILE [plant]

MicroPython only; arguments as for pack_vectors.py. Samples are read into blocks with the heap unlocked; the updates of a
block run with it locked. With `plant`, each block also allocates a list, which has to be found.
"""

import sys
from array import array

import micropython

from headway_edge.core.day import DayCore
from headway_edge.core.episode import EpisodeCore
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING

BLOCK = 50


def run(update, signals, block, width, count, plant):
    """Update with `count` samples of the block; return the flags seen, together."""
    seen = 0
    at = 0
    while count:
        i = 1
        while i < width:
            signals[i - 1] = block[at + i]
            i += 1
        seen |= update(block[at])
        at += width
        count -= 1
        if plant:
            list(signals)
    return seen


def main(pack_path, vehicle_class, samples_path, plant=None):
    """Replay the file; print the number of samples and the flags seen."""
    with open(pack_path, "rb") as file:
        pack = Pack(file.read())
    core = DayCore(pack, vehicle_class) if pack.kind == "day" else EpisodeCore(pack, vehicle_class)
    signals, update = core.signals, core.update
    width = len(signals) + 1
    block = array("i", [0] * (BLOCK * width))
    samples, seen, filled = 0, 0, 0
    with open(samples_path) as lines:
        for line in lines:
            words = line.split()
            for i in range(width):
                block[filled * width + i] = MISSING if words[i] == "-" else int(words[i])
            filled += 1
            if filled == BLOCK:
                micropython.heap_lock()
                seen |= run(update, signals, block, width, filled, plant)
                micropython.heap_unlock()
                samples += filled
                filled = 0
    print(samples, seen)


main(*sys.argv[1:])
