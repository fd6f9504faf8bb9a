"""Run a compiled pack over a text file of samples and print what it counts, one line for each event and each trip.

    pack_vectors.py PACK CLASS PERIOD_MS FILE

Runs unmodified on CPython and MicroPython. FILE has one sample a line: dt_ms and the pack's signals in their order, - for
a missing one. Printed: `event INDEX TIME_MS` as events are counted, `trip CELLS GATES` in hex (- for none) as trips close.
"""

import gc
import sys

from headway_edge.core.data_quality import CLOSED, wire_gates
from headway_edge.core.day import DayCore
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING


def tell(core, flags, now_ms):
    """Print what an update reported."""
    for i in range(len(core.pack.events)):
        if flags & (4 << i):
            for age_ms in core.firings(i):
                print("event", i, now_ms - age_ms)
    if flags & CLOSED:
        print("trip", in_hex(wire_cells(core)), in_hex(wire_gates(core.closed_gates)))


def in_hex(data):
    """Hexadecimal digits; bytes.hex() of nothing is no text on MicroPython."""
    return "".join(["%02x" % byte for byte in data]) or "-"


def main(pack_path, vehicle_class, period_ms, samples_path):
    """Replay the file to standard output."""
    with open(pack_path, "rb") as file:
        pack = Pack(file.read())
    gc.collect()
    core = (DayCore if pack.kind == "day" else EpisodeCore)(pack, vehicle_class, int(period_ms))
    gc.collect()
    now_ms = 0
    signals = core.signals
    with open(samples_path) as lines:
        for line in lines:
            words = line.split()
            if not words or words[0] == "#":
                continue
            dt_ms = int(words[0])
            for i in range(len(signals)):
                signals[i] = MISSING if words[i + 1] == "-" else int(words[i + 1])
            now_ms += dt_ms
            flags = core.update(dt_ms)
            if flags:
                tell(core, flags, now_ms)
    flags = core.finish()
    if flags:
        tell(core, flags, now_ms)


main(*sys.argv[1:5])
