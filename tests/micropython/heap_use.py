"""Import what a microcontroller needs to watch a trip and make its record, run one, and print the heap; MicroPython only.

heap_use.py
"""

import gc

gc.collect()
empty = gc.mem_alloc()

from headway_edge.core import data_quality, definition, trip  # noqa: E402 - the heap before the import is measured
from headway_protocol import record  # noqa: E402

gc.collect()
imported = gc.mem_alloc()
core = trip.TripCore()
gc.collect()
made = gc.mem_alloc()
for second in range(600):
    core.update(1000, (second % 60) * 100, 900, 1)
core.finish()
body = record.episode_body(
    definition.pack_id(), 600000, trip.wire_counts(core.closed), data_quality.wire_gates(core.closed_gates)
)
data = record.encode(record.Record(record.EPISODE, 1, 1, 600000, None, record.UNSYNCED, body))
print("modules", imported - empty)
print("core", made - imported)
print("record", len(data))
