"""Audits one device: reads what is stored, computes its samples again, and tells what contradicts."""

import asyncio
import time
from collections.abc import Callable

import numpy as np
from sqlalchemy import select

from headway_edge.core.process import Process
from headway_server.audit.computed_trips import Computed, RunSamples
from headway_server.audit.device_samples import DeviceSamples
from headway_server.audit.findings import Audit, Finding
from headway_server.audit.judgement import judged, pairs_of
from headway_server.audit.memory import Memory
from headway_server.audit.stored_runs import Run, Stored, stored_runs
from headway_server.bulk.local_time import asks_for_local_time
from headway_server.bulk.samples import Integers
from headway_server.errors import ServerError
from headway_server.packs.processes import Processes
from headway_server.store.database import Database
from headway_server.store.tables import devices

_MINUTE_MS = 60_000
_NOTHING = Computed([], [], Memory(frozenset(), 0))
Tell = Callable[[int, int], None]


async def audit(
    database: Database,
    processes: Processes,
    device: str,
    samples: DeviceSamples,
    vehicle_class: str | None = None,
    clock_ms: int = 0,
    tell: Tell = lambda _done, _total: None,
) -> Audit:
    """Return what the samples of a device say of what is stored of it. Nothing is written.

    device: "group/name". vehicle_class: whose thresholds applied; None: as the device told. clock_ms: how far its clock may have
    been off the samples' times. tell: called, from another thread, with (samples computed, samples in all).

    Raises ServerError: a device that never spoke, a class that is not known, samples that do not fit what it ran.
    """
    async with database.read() as connection:
        await processes.refresh(connection)
        row = (await connection.execute(select(devices).where(devices.c.device == device))).one_or_none()
        if row is None:
            raise ServerError(
                f"no device {device!r} has ever spoken", "name it as its page and `headway verify` do: group/name"
            )
        stored = await stored_runs(connection, processes.find, device, samples.is_local)
    classes = (vehicle_class, row.vehicle_class)
    return await asyncio.to_thread(_audited, processes, device, classes, stored, samples, clock_ms, tell)


def _audited(
    processes: Processes,
    device: str,
    classes: tuple[str | None, str | None],
    stored: Stored,
    samples: DeviceSamples,
    clock_ms: int,
    tell: Tell,
) -> Audit:
    findings: list[Finding] = []
    used: list[str] = []
    done, computed_s = 0, 0.0
    for place, run in enumerate(stored.runs):
        process = processes.find(run.pack_id)
        since_ms = run.since_ms
        if since_ms is not None and place == 0:
            since_ms -= clock_ms  # before it, no other run takes the samples
        begin, end = samples.between(since_ms, run.until_ms)
        if process is None:
            continue
        if begin == end:
            findings += judged(process, run.trips, _NOTHING, clock_ms, {})
            continue
        wanted, known = classes
        of_run = _class_of(device, process, wanted or run.vehicle_class or known)
        if of_run not in used:
            used.append(of_run)
        try:
            run_samples = RunSamples(samples, process.pack, of_run, begin, end)
        except ValueError as error:
            raise ServerError(
                f"the samples of {device} do not fit what it ran: {error}",
                "name the recording of this device, and with --class whose thresholds it applies",
            ) from error
        started_s = time.perf_counter()
        findings += _of_run(process, run, run_samples, samples.is_local, clock_ms)
        computed_s += time.perf_counter() - started_s
        done += end - begin
        tell(done, len(samples))
    first_ms, last_ms = (int(times) for times in (samples.times_ms.min(), samples.times_ms.max()))
    return Audit(device, used, findings, done, computed_s, first_ms, last_ms, stored.superseded, stored.unread)


def _class_of(device: str, process: Process, vehicle_class: str | None) -> str:
    if vehicle_class is None:
        raise ServerError(f"the class of {device} is not known: no birth of it is here", "name it with --class")
    if vehicle_class not in process.pack.classes:
        known = ", ".join(process.pack.classes)
        raise ServerError(
            f"the pack {process.name} that {device} ran knows the classes {known}, not {vehicle_class!r}",
            "name one of them with --class",
        )
    return vehicle_class


def _of_run(process: Process, run: Run, samples: RunSamples, is_local: bool, clock_ms: int) -> list[Finding]:
    wants_local_time = asks_for_local_time(process.pack)
    off_ms = [0] * len(run.trips)
    computed = samples.computed(_ahead_ms(run, samples.times_ms, is_local, off_ms) if wants_local_time else None)
    pairs = pairs_of(run.trips, computed)
    for place, other in pairs.items():
        start_ms = run.trips[place].start_ms
        ahead_ms = 0 if start_ms is None else start_ms - computed.trips[other].start_ms
        off_ms[place] = ahead_ms if abs(ahead_ms) <= clock_ms else 0
    if wants_local_time and any(off_ms):
        # The device told local time by its own clock, of which it is known by now how far it was off.
        computed = samples.computed(_ahead_ms(run, samples.times_ms, is_local, off_ms))
        pairs = pairs_of(run.trips, computed)
    return judged(process, run.trips, computed, clock_ms, pairs)


def _ahead_ms(run: Run, times_ms: Integers, is_local: bool, off_ms: list[int]) -> Integers | None:
    """Return how far local time was ahead of each sample's: as each stored trip says it, up to the next one.

    off_ms: of each stored trip, how far the device's clock was ahead of the samples'. None where no trip has a time.
    """
    dated = []
    for trip, off in zip(run.trips, off_ms, strict=True):
        if trip.start_ms is not None:
            offset_ms = 0 if is_local else _MINUTE_MS * (trip.utc_offset_min or 0)
            dated.append((trip.start_ms - off, offset_ms + off))
    if not dated:
        return None if run.trips else np.zeros(len(times_ms), np.int64)
    starts_ms, ahead_ms = np.array(sorted(dated), np.int64).T
    at = np.searchsorted(starts_ms, times_ms, side="right") - 1
    found: Integers = ahead_ms[np.maximum(at, 0)]
    return found
