"""What the device's outbox does in a second, and what each of its safeguards costs."""

import tempfile
import time
from pathlib import Path

from bench.rows import Rows
from headway_edge.store.boot_mark import BootMark, End
from headway_edge.store.medium import SystemMedium
from headway_edge.store.outbox import Outbox
from headway_protocol import record

RECORDS = 2000
_BODY = record.episode_body(bytes(8), 0, bytes(range(1, 40)), b"")


def figures() -> Rows:
    """Yield durable appends and acknowledgements a second, the mark's share, and the time to open a large store."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outbox.db"
        outbox = Outbox(path)
        appended_s = _append(outbox)
        start_s = time.perf_counter()
        for upto in range(1, RECORDS + 1, 20):
            outbox.acknowledge(outbox.boot, upto, [])
        settled_s = time.perf_counter() - start_s
        outbox.close()
        mark_s = _mark(Path(folder) / "mark")
        opened_s, megabytes = _open(path)
    yield (
        "outbox, append",
        f"{RECORDS / appended_s:,.0f}",
        "records/s",
        "SQLite WAL, FULL, one transaction each, and the mark",
    )
    yield "outbox, one append", f"{1e6 * appended_s / RECORDS:,.0f}", "µs", "two syncs"
    yield "outbox, of which its mark", f"{1e6 * mark_s:,.0f}", "µs", "one sync"
    yield "outbox, acknowledge", f"{RECORDS / 20 / settled_s:,.0f}", "acks/s", "20 records each"
    yield "outbox, open and check", f"{1000 * opened_s:,.0f}", "ms", f"a store of {megabytes:.0f} MiB"


def _append(outbox: Outbox) -> float:
    start_s = time.perf_counter()
    for i in range(RECORDS):
        outbox.append(record.EPISODE, i, None, record.UNSYNCED, _BODY, {"checkpoint": bytes(300)})
    return time.perf_counter() - start_s


def _mark(path: Path) -> float:
    mark = BootMark(path, SystemMedium())
    start_s = time.perf_counter()
    for seq in range(RECORDS):
        mark.write([End(boot, seq, seq) for boot in range(8, 0, -1)])
    return (time.perf_counter() - start_s) / RECORDS


def _open(path: Path) -> tuple[float, float]:
    outbox = Outbox(path)
    with outbox:
        for number in range(200):
            outbox.put(f"bulk/{number}", bytes(200_000))
    outbox.close()
    start_s = time.perf_counter()
    outbox = Outbox(path)
    opened_s = time.perf_counter() - start_s
    outbox.close()
    return opened_s, path.stat().st_size / 2**20
