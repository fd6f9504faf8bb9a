"""What the device's outbox does in a second."""

import tempfile
import time
from pathlib import Path

from bench.rows import Rows
from headway_edge.outbox import Outbox
from headway_protocol import record

RECORDS = 2000


def figures() -> Rows:
    """Yield durable appends and acknowledgements a second."""
    body = record.episode_body(bytes(8), 0, bytes(range(1, 40)), b"")
    with tempfile.TemporaryDirectory() as folder:
        outbox = Outbox(Path(folder) / "outbox.db")
        start_s = time.perf_counter()
        for i in range(RECORDS):
            outbox.append(record.EPISODE, i, None, record.UNSYNCED, body, {"checkpoint": bytes(300)})
        appended_s = time.perf_counter() - start_s
        start_s = time.perf_counter()
        for upto in range(1, RECORDS + 1, 20):
            outbox.acknowledge(outbox.boot, upto, [])
        settled_s = time.perf_counter() - start_s
        outbox.close()
    yield "outbox, append", f"{RECORDS / appended_s:,.0f}", "records/s", "SQLite WAL, FULL, one transaction each"
    yield "outbox, acknowledge", f"{RECORDS / 20 / settled_s:,.0f}", "acks/s", "20 records each"
