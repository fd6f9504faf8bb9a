"""What a trip's record weighs and costs."""

import statistics
import timeit

from bench.rows import Rows
from headway_protocol import counts, record
from headway_simulators.demo import shipped_sources
from headway_simulators.offline_replay import episodes
from headway_simulators.processes import find_process
from headway_simulators.record_view import sizes
from headway_simulators.recordings import read

LOOPS = 2000


def figures() -> Rows:
    """Yield bytes and µs of the shipped trips' records."""
    process = find_process()
    found = [episode for source in shipped_sources() for episode in episodes(read(source.files[0]), process, "car")]
    weights = [sizes(episode) for episode in found]
    yield (
        "record of a trip",
        f"{statistics.median(w[0] for w in weights):.0f}",
        "bytes",
        f"median of {len(found)} shipped trips",
    )
    yield "the same as compact JSON", f"{statistics.median(w[1] for w in weights):.0f}", "bytes", "names, no spaces"
    yield "its samples as CSV", f"{statistics.median(w[2] for w in weights):,.0f}", "bytes", "timestamp and speed"
    payload = found[0].payload
    decoded = record.decode(payload)
    cells = len(process.pack.cells)
    numbers = counts.unpack(found[0].trip.counts, cells)  # as on the wire: signs are coded in them

    def encode() -> None:
        body = record.episode_body(process.id, 1000, counts.pack(numbers), decoded.body[3])
        record.encode(record.Record(record.EPISODE, 1, 1, 2000, None, record.UNSYNCED, body))

    def decode() -> None:
        counts.unpack(record.parse_episode(record.decode(payload).body)[2], cells)

    for name, action in (("encode a record", encode), ("decode a record", decode)):
        best = min(timeit.repeat(action, number=LOOPS, repeat=5)) / LOOPS
        yield name, f"{best * 1e6:.0f}", "µs", f"CPython, best of 5 x {LOOPS}"
