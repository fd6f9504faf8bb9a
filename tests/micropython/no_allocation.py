"""Update the core with the heap locked; MicroPython only. Prints what the core went through, or where it allocated.

    no_allocation.py core | allocating

`allocating` does the same to a core that makes one heap object in a path seldom taken: the check has to find it.
"""

import gc
import sys
from array import array

import micropython

from headway_edge.core import data_quality, trip


class Allocating(trip.TripCore):
    """Makes a list at each stop, and at no other sample."""

    def _stand(self, since, weight, rpm):
        if self._moving:
            self.last_stop = [since]
        trip.TripCore._stand(self, since, weight, rpm)


# dt_ms, speed_ckmh, rpm, ignition. Standing, starting hard, driving through every band, braking hard, stopping, idling.
DRIVE = [(1000, 0, 0, -1)] * 3
DRIVE += [(1000, min(1600 * i, 13000), 2000, 1) for i in range(1, 60)]
DRIVE += [(1000, 13000 - 100 * i, 2000, 1) for i in range(131)]
DRIVE += [(1000, speed, 2000, 1) for speed in (3000, 5000, 7000, 4000, 2000, 0)]
DRIVE += [(1000, 0, 800, 1)] * 20
# Faults and gaps within a trip: amid driving, amid standing.
FAULTS = [(1000, 5000, -1, -1), (0, 5000, -1, -1), (30, 5000, -1, -1), (970, -1, -1, -1), (1000, 30001, -1, -1)]
FAULTS += [(-3000, 5000, -1, -1), (2000, 5000, -1, -1), (3000, 30000, -1, -1), (300000, 30000, -1, -1)]
FAULTS += [(30000, 0, -1, -1), (30000, 0, -1, -1)]
FAULTS += [(1500, 3000, -1, -1)] + [(1000, 3000, -1, -1)] * 20
# All the ways a trip ends: a long silence, a jump back, switching off, standing; and one too short to be a trip.
TURNS = DRIVE + FAULTS + [(300001, 0, -1, -1)]
TURNS += DRIVE + FAULTS + [(-400000, 0, -1, -1)]
TURNS += DRIVE + FAULTS + [(1000, 0, 0, 0)]
TURNS += DRIVE + FAULTS + [(200000, 0, 0, -1)] * 12
TURNS += [(1000, 500, -1, -1), (1000, 0, 0, 0), (1 << 29, 0, -1, -1)]
# The largest sums: days of driving at the speed limit until the trip is cut, then engine idling.
TURNS += [(300000, 30000, 9000, 1)] * 1500 + [(300000, 0, 800, 1)] * 200 + [(1000, 0, 0, 0)]
FIELDS = [array("i", [turn[i] for turn in TURNS]) for i in range(4)]


def run(core, seen, gates):
    """Feed every turn, heap locked; return the index of the one that allocated, -1 if none did."""
    dts, speeds, rpms, ignitions = FIELDS
    at = 0
    end = len(dts)
    micropython.heap_lock()
    try:
        while at < end:
            flags = core.update(dts[at], speeds[at], rpms[at], ignitions[at])
            seen[flags] += 1
            if flags & data_quality.CLOSED:
                for i in range(data_quality.GATES):
                    gates[i] += core.closed_gates[i]
            at += 1
        at = -1
    except MemoryError:
        pass
    micropython.heap_unlock()
    return at


def main(which):
    """Warm up, run locked, and report."""
    core = trip.TripCore() if which == "core" else Allocating()
    seen = array("i", [0] * 16)
    gates = array("i", [0] * data_quality.GATES)
    core.update(1000, 0)
    core.finish()
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    at = run(core, seen, gates)
    left = gc.mem_alloc() - before
    if at >= 0:
        print("allocated at update", at, TURNS[at])
        return
    print("updates", len(TURNS))
    for name, bit in (
        ("opened", data_quality.OPENED),
        ("closed", data_quality.CLOSED),
        ("accelerated", trip.ACCELERATED_HARD),
        ("braked", trip.BRAKED_HARD),
    ):
        print(name, sum([count for flags, count in enumerate(seen) if flags & bit]))
    for i, name in enumerate(data_quality.GATE_NAMES):
        print(name, gates[i])
    # Frames too large for the stack are taken from the heap and given back by each call when it is not locked.
    before = gc.mem_alloc()
    for _ in range(1000):
        core.update(1000, 3000, 2000, 1)
    print("left_behind", left + gc.mem_alloc() - before)


main(sys.argv[1])
