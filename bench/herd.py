"""What a real server takes when hundreds of devices come back at once after a restart of the broker."""

import asyncio
import tempfile
from pathlib import Path

from bench.rows import Rows
from headway_simulators.errors import SimulatorError
from headway_simulators.soak.herd_return import come_back

DEVICES, RECORDS = 500, 20


def figures() -> Rows:
    """Yield the time until all is acknowledged, and the memory."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            done = asyncio.run(come_back(Path(folder), DEVICES, RECORDS))
    except SimulatorError as error:
        yield "herd", "-", "", str(error)
        return
    if done.missing or done.strange or done.doubled:
        raise SystemExit(f"{done.missing} records missing, {done.strange} strange, {done.doubled} doubled")
    how = f"{DEVICES} devices, {done.records:,} records, mosquitto restarted, SQLite FULL"
    yield "herd: until the last is acknowledged", f"{done.settled_s:.1f}", "s", how
    yield (
        "herd: server's memory, at most more",
        f"{(done.peak_bytes - done.before_bytes) / 2**20:.0f}",
        "MiB",
        f"{done.before_bytes / 2**20:.0f} MiB before; at most {done.queue_most:,} messages in the queue",
    )
