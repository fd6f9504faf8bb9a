"""A device without Linux: core, protocol, file outbox and session together, as a band or a small unit would run them.

    band.py SAMPLES FOLDER ACKNOWLEDGED

Runs on CPython and MicroPython. SAMPLES as for core_vectors.py. The first ACKNOWLEDGED records handed out are settled as
a server would; what is then still to be sent is printed in hex, one record a line.
"""

import sys

from headway_edge.core import data_quality, definition, trip
from headway_edge.outbox_file import FileOutbox
from headway_edge.session import Session
from headway_protocol import ack, record


def main(samples, folder, acknowledged):
    """Drive, store, send, settle."""
    outbox = FileOutbox(folder)
    outbox.append(record.BIRTH, 0, None, record.UNSYNCED, record.birth_body("band 0", "car", [], outbox.backlog(), 0))
    core = trip.TripCore()
    now_ms = start_ms = 0
    with open(samples) as lines:
        for line in lines:
            words = line.split()
            if not words or words[0] in ("#", "core"):
                continue
            dt_ms, speed_ckmh, rpm, ignition = [int(word) for word in words]
            now_ms += max(0, dt_ms)
            flags = core.update(dt_ms, speed_ckmh, rpm, ignition)
            if flags & data_quality.CLOSED:
                store(outbox, core, now_ms, start_ms)
            if flags & data_quality.OPENED:
                start_ms = now_ms - core.lead_ms
    if core.finish():
        store(outbox, core, now_ms, start_ms)
    session = Session(outbox, lambda low, high: high)
    session.connected()
    settled = 0
    while settled < acknowledged:
        for payload in session.take(0):
            boot, seq = record.identity(payload)
            if settled < acknowledged:
                session.receive(ack.encode(boot, seq, []), 0)
                settled += 1
    for _, _, payload in outbox.to_send((0, 0), 1000):
        sys.stdout.write("".join(["%02x" % byte for byte in payload]) + "\n")


def store(outbox, core, now_ms, start_ms):
    """Keep the trip that was just closed."""
    body = record.episode_body(
        definition.pack_id(),
        now_ms - start_ms,
        trip.wire_counts(core.closed),
        data_quality.wire_gates(core.closed_gates),
    )
    outbox.append(record.EPISODE, now_ms, None, record.UNSYNCED, body)


main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
