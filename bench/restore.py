"""What a lost disk costs a server: how old a backup may be, and how long it takes until everything is back.

RPO (what is lost) is nothing of what devices keep, however old the backup is: here all of it. RTO is the restore, then the
grace of a minute before the first request, then the refill; the refill is measured as what the server does, with devices
that answer at once.
"""

import asyncio
import tempfile
import time
from pathlib import Path

from bench.rows import Rows
from headway_protocol import command, state, topics
from headway_server.backups.backup import back_up
from headway_server.backups.restore import restore
from headway_server.ingest.arrival import Received
from headway_server.ingest.gap_rows import GRACE_MS
from headway_server.ingest.ingest import Ingest
from headway_server.packs.processes import Processes
from headway_server.recounting.verification import verify
from headway_server.store.database import Database
from headway_simulators.soak.herd import trip_payloads

DEVICES = 200
BEFORE, AFTER = 150, 50  # records of each device before the backup, and after
BATCH = 500


def figures() -> Rows:
    """Yield the times of a backup, a restore and a refill."""
    with tempfile.TemporaryDirectory() as folder:
        yield from asyncio.run(_measure(Path(folder)))


async def _measure(folder: Path) -> list[tuple[str, str, str, str]]:
    now_ms = 1_700_000_000_000
    url, copy = f"sqlite+aiosqlite:///{folder / 'headway.db'}", folder / "backup.db"
    names = [f"unit-{n}" for n in range(DEVICES)]
    payloads = trip_payloads(BEFORE + AFTER)
    database = await Database.open(url, lambda: now_ms)
    ingest = Ingest(database, lambda: now_ms, await Processes.open(database, 1))
    await _commit(ingest, names, payloads[:BEFORE])
    start_s = time.perf_counter()
    size_mb = back_up(url, copy, now_ms).size_bytes / 1e6
    backup_s = time.perf_counter() - start_s
    await _commit(ingest, names, payloads[BEFORE:])
    await database.close()

    start_s = time.perf_counter()
    await asyncio.to_thread(restore, copy, url, now_ms, force=True)
    restore_s = time.perf_counter() - start_s

    start_s = time.perf_counter()
    database = await Database.open(url, lambda: now_ms)
    ingest = Ingest(database, lambda: now_ms, await Processes.open(database, 1))
    ends = state.encode(1, True, [(1, len(payloads))])
    presences = [Received(topics.topic("bench", name, topics.STATE), ends, True) for name in names]
    for at in range(0, len(presences), BATCH):
        await ingest.commit(presences[at : at + BATCH])
    now_ms += GRACE_MS
    asked = 0
    for request in await ingest.resend_requests():
        topic = request.topic.replace(f"/{topics.CMD}", f"/{topics.UP}")
        _, ranges = command.decode(request.payload)
        again = sorted({seq for _, first, last in ranges for seq in range(first, min(last, len(payloads)) + 1)})
        asked += len(again)
        await ingest.commit([Received(topic, payloads[seq - 1]) for seq in again])
    refill_s = time.perf_counter() - start_s
    different = [item async for item in verify(database, ingest.processes)]
    async with database.read() as connection:
        stored = (await connection.exec_driver_sql("SELECT count(*) FROM records")).scalar_one()
    await database.close()
    lost = DEVICES * (BEFORE + AFTER) - stored
    if different or lost:
        raise SystemExit(f"the refilled server is not what it was: {lost} records lost, {len(different)} differences")
    how = f"{DEVICES} devices, {DEVICES * BEFORE:,} records, {size_mb:.0f} MB, SQLite"
    return [
        ("backup, while the server runs", f"{backup_s:.2f}", "s", how),
        ("restore (RTO, its first part)", f"{restore_s:.2f}", "s", "checked, marked, put in place"),
        (
            "refill (RTO, after a grace of 60 s)",
            f"{refill_s:.2f}",
            "s",
            f"{asked:,} records asked for again and committed",
        ),
        ("lost of what devices keep (RPO)", str(lost), "records", f"{DEVICES * AFTER:,} were newer than the backup"),
    ]


async def _commit(ingest: Ingest, names: list[str], payloads: list[bytes]) -> None:
    messages = [Received(topics.topic("bench", name, topics.UP), payload) for payload in payloads for name in names]
    for at in range(0, len(messages), BATCH):
        await ingest.commit(messages[at : at + BATCH])
