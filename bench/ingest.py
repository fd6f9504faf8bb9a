"""What the server's one write path does in a second."""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.rows import Rows
from headway_protocol import counts, record, topics
from headway_server.ingest.arrival import Received
from headway_server.ingest.ingest import Ingest
from headway_server.packs.processes import Processes
from headway_server.store.database import Database
from headway_simulators.processes import find_process

DEVICES = 50
TRIPS = 200
BATCH = 500


def figures() -> Rows:
    """Yield committed records a second on SQLite, new and repeated."""
    fresh_s, repeated_s = asyncio.run(_measure(_messages()))
    total = DEVICES * TRIPS
    how = f"SQLite WAL, FULL, {total:,} trips of {DEVICES} devices, {BATCH} a transaction"
    yield "server, new records", f"{total / fresh_s:,.0f}", "records/s", how
    yield (
        "server, repeated records",
        f"{total / repeated_s:,.0f}",
        "records/s",
        "the same again: acknowledged, not stored",
    )


def _messages() -> list[Received]:
    process = find_process()
    numbers = [0] * len(process.pack.cells)
    for name, number in (("elapsed", 7430), ("distance", 13591), ("speed_max", 9000)):
        numbers[process.places(name)[0]] = number
    bands = process.places("speed_bands")
    numbers[bands[0]], numbers[bands[7]] = 50, 7380
    body = record.episode_body(process.id, 1000, counts.pack(numbers), b"")
    return [
        Received(
            topics.topic("bench", f"unit-{device}", topics.UP),
            record.encode(record.Record(record.EPISODE, 1, seq, seq * 1000, None, record.UNSYNCED, body)),
        )
        for seq in range(1, TRIPS + 1)
        for device in range(DEVICES)
    ]


async def _measure(messages: list[Received]) -> tuple[float, float]:
    with tempfile.TemporaryDirectory() as folder:
        database = await Database.open(f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}", lambda: 0)
        ingest = Ingest(database, lambda: 0, await Processes.open(database, 0))
        times = []
        for _ in range(2):
            start_s = time.perf_counter()
            for at in range(0, len(messages), BATCH):
                await ingest.commit(messages[at : at + BATCH])
            times.append(time.perf_counter() - start_s)
        await database.close()
    return times[0], times[1]
