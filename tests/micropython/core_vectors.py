"""Run a compiled pack over a text file of samples and print the record of each trip in hex, one a line.

    core_vectors.py PACK CLASS PERIOD_MS FILE

Runs unmodified on CPython and MicroPython, line by line, so that a long drive fits a small heap. FILE has one sample a
line: dt_ms and the pack's signals in their order, - for a missing one.

The records are those of boot 1 with no wall clock, seq counting; mono_ms is the sum of dt_ms, held at 0 from below.
"""

import gc
import sys

if hasattr(gc, "threshold"):
    gc.threshold(4096)  # what is left over from compiling must not lie about between what is kept

from headway_edge.core import data_quality
from headway_edge.core.episode import EpisodeCore, wire_cells
from headway_edge.core.pack import Pack
from headway_edge.core.program import MISSING
from headway_protocol import record


class Replay:
    """Feeds samples to one core and hands the record of each trip to `out`."""

    def __init__(self, pack, vehicle_class, period_ms, out):
        self._out = out
        self._core = EpisodeCore(pack, vehicle_class, period_ms)
        self._seq = 0
        self._now_ms = 0
        self._start_ms = 0

    def line(self, line):
        """Take one line of the file."""
        words = line.split()
        signals = self._core.signals
        for i in range(len(signals)):
            signals[i] = MISSING if words[i + 1] == "-" else int(words[i + 1])
        dt_ms = int(words[0])
        self._now_ms = max(0, self._now_ms + dt_ms)
        flags = self._core.update(dt_ms)
        if flags & data_quality.CLOSED:
            self._tell()
        if flags & data_quality.OPENED:
            self._start_ms = max(0, self._now_ms - self._core.lead_ms)

    def finish(self):
        """The file has ended."""
        if self._core.finish() & data_quality.CLOSED:
            self._tell()

    def _tell(self):
        self._seq += 1
        core = self._core
        body = record.episode_body(
            core.pack.id,
            max(0, self._now_ms - self._start_ms),
            wire_cells(core),
            data_quality.wire_gates(core.closed_gates),
        )
        self._out(record.encode(record.Record(record.EPISODE, 1, self._seq, self._now_ms, None, record.UNSYNCED, body)))


def main(pack_path, vehicle_class, period_ms, samples_path):
    """Replay the file at `samples_path` to standard output."""
    with open(pack_path, "rb") as file:
        pack = Pack(file.read())
    replay = Replay(pack, vehicle_class, int(period_ms), lambda data: print(data.hex()))
    with open(samples_path) as lines:
        for line in lines:
            replay.line(line)
    replay.finish()


if __name__ == "__main__":
    main(*sys.argv[1:5])
