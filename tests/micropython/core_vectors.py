"""Run the core over a text file of samples and print the record of each trip in hex, one a line.

    core_vectors.py FILE

Runs unmodified on CPython and MicroPython, line by line, so that a long drive fits a small heap. FILE has one sample a
line, `dt_ms speed_ckmh rpm ignition` (-1: unknown); empty lines and lines that begin with # are passed over; a line
`core CLASS PERIOD_MS` before the first sample chooses another core than a car at 1 Hz.

The records are those of boot 1 with no wall clock, seq counting; mono_ms is the sum of dt_ms, held at 0 from below.
"""

import sys

from headway_edge.core import data_quality, definition, trip
from headway_protocol import record


class Replay:
    """Feeds lines to one core and writes what it closes."""

    def __init__(self, out):
        self._out = out
        self._core = trip.TripCore()
        self._pack_id = definition.pack_id()
        self._seq = 0
        self._now_ms = 0
        self._start_ms = 0

    def line(self, line):
        """Take one line of the file."""
        words = line.split()
        if not words or words[0].startswith("#"):
            return
        if words[0] == "core":
            self._core = trip.TripCore(words[1], int(words[2]))
            return
        dt_ms, speed_ckmh, rpm, ignition = [int(word) for word in words]
        self._now_ms = max(0, self._now_ms + dt_ms)
        flags = self._core.update(dt_ms, speed_ckmh, rpm, ignition)
        if flags & data_quality.CLOSED:
            self._write()
        if flags & data_quality.OPENED:
            self._start_ms = max(0, self._now_ms - self._core.lead_ms)

    def finish(self):
        """The file has ended."""
        if self._core.finish() & data_quality.CLOSED:
            self._write()

    def _write(self):
        self._seq += 1
        body = record.episode_body(
            self._pack_id,
            max(0, self._now_ms - self._start_ms),
            trip.wire_counts(self._core.closed),
            data_quality.wire_gates(self._core.closed_gates),
        )
        data = record.encode(
            record.Record(record.EPISODE, 1, self._seq, self._now_ms, None, record.UNSYNCED, body),
        )
        self._out.write(data.hex() + "\n")


def main(path):
    """Replay the file at `path` to standard output."""
    replay = Replay(sys.stdout)
    with open(path) as lines:
        for line in lines:
            replay.line(line)
    replay.finish()


if __name__ == "__main__":
    main(sys.argv[1])
