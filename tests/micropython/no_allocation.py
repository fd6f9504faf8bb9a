"""Update the core with the heap locked, on every path of the gatekeeper; MicroPython only.

    no_allocation.py PACK CLASS core | allocating

PACK is private driving, compiled. Prints what the core went through, or at which update it allocated. `allocating` does the
same to a core that makes one heap object in a path seldom taken: the check has to find it.
"""

import gc
import sys
from array import array

import micropython

gc.threshold(4096)

from headway_edge.core import data_quality  # noqa: E402 - compiling them leaves much behind
from headway_edge.core.episode import EVENT_FLAG_SHIFT, EpisodeCore  # noqa: E402
from headway_edge.core.gate_names import GATE_NAMES  # noqa: E402
from headway_edge.core.pack import Pack  # noqa: E402
from headway_edge.core.program import MISSING  # noqa: E402


class Allocating(EpisodeCore):
    """Makes a list at each gap, and at no other sample."""

    def _fold(self, since, speed, powered):
        if since > self._near_ms:
            self.last_gap = [since]
        return EpisodeCore._fold(self, since, speed, powered)


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
    signals = core.signals
    speed, rpm, ignition = core.pack.speed, core.pack.engine_speed, core.pack.ignition
    width = len(signals)
    at = 0
    end = len(dts)
    micropython.heap_lock()
    try:
        while at < end:
            i = 0
            while i < width:
                # Whatever else the pack reads has a number on most samples, another one on each.
                signals[i] = MISSING if at % 7 == 0 else at % 50
                i += 1
            signals[speed] = speeds[at]
            signals[rpm] = rpms[at]
            signals[ignition] = ignitions[at]
            flags = core.update(dts[at])
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


def main(pack_path, vehicle_class, which):
    """Warm up, run locked, and report."""
    with open(pack_path, "rb") as file:
        pack = Pack(file.read())
    core = (EpisodeCore if which == "core" else Allocating)(pack, vehicle_class)
    seen = array("i", [0] * (1 << (EVENT_FLAG_SHIFT + len(pack.events))))
    gates = array("i", [0] * data_quality.GATES)
    core.update(1000)
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
    print("opened", counted(seen, data_quality.OPENED))
    print("closed", counted(seen, data_quality.CLOSED))
    for event in range(len(pack.events)):
        print("event_%d" % event, counted(seen, 1 << (EVENT_FLAG_SHIFT + event)))
    for i, name in enumerate(GATE_NAMES):
        print(name, gates[i])
    # Frames too large for the stack are taken from the heap and given back by each call when it is not locked.
    before = gc.mem_alloc()
    for _ in range(1000):
        core.signals[pack.speed] = 3000
        core.update(1000)
    print("left_behind", left + gc.mem_alloc() - before)


def counted(seen, bit):
    """How many updates reported the bit."""
    return sum([count for flags, count in enumerate(seen) if flags & bit])


main(*sys.argv[1:4])
