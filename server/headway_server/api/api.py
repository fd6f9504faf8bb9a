"""The HTTP API: health, what the store knows of trips, cohorts and benchmarks, and the request that closes an epoch.

Devices, packs, persons and dead letters have modules of their own: `device_api` and so on.
"""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response
from sqlalchemy import Row
from sqlalchemy.exc import SQLAlchemyError

from headway_edge.core import data_quality
from headway_edge.core.episode import ELAPSED
from headway_edge.core.gate_names import GATE_NAMES
from headway_edge.core.process import Characteristic
from headway_protocol import counts
from headway_protocol.record_names import CLOCK_NAMES
from headway_server.api.access import Server, operator
from headway_server.backups.restore import restored_ms
from headway_server.cohorts.epochs import ALL_CHARACTERISTICS, person_totals_of
from headway_server.errors import EpochNotClosed
from headway_server.packs.processes import Processes
from headway_server.publishing.publications import Cohort
from headway_server.reading import answers, fleet
from headway_server.reading.answers import decimal, instant
from headway_server.store import audit_log
from headway_server.totals.periods import period_of
from headway_server.totals.tally import Tally

router = APIRouter()

_CURSOR_MAX = (1 << 63) - 1


@router.get("/healthz", tags=["operation"], responses={503: {"model": answers.Health}})
async def health(server: Server, response: Response) -> answers.Health:
    """Whether database and broker work; status 503 when one does not."""
    database = server.mqtt is None or server.mqtt.database_works
    restored = None
    try:
        async with server.database.read() as connection:
            restored = await restored_ms(connection)
    except (SQLAlchemyError, OSError):
        database = False
    broker = None if server.mqtt is None else server.mqtt.connected
    ok = database and broker is not False
    if not ok:
        response.status_code = 503
    last = server.ingest.last_commit_ms
    return answers.Health(
        ok=ok,
        database=database,
        broker=broker,
        queue_depth=0 if server.mqtt is None else server.mqtt.queue_depth,
        last_commit_age_s=None if last is None else max(0, server.now_ms() - last) / 1000,
        held_back=sum(one.messages for one in server.held_back()),
        restored=instant(restored),
    )


@router.get("/api/v1/trips", tags=["fleet"])
async def trips(
    server: Server,
    device: Annotated[str | None, Query(max_length=65, description="<group>/<name>")] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[int | None, Query(ge=1, le=_CURSOR_MAX, description="`next` of the page before.")] = None,
) -> answers.TripPage:
    """Trips, the last committed first, with every characteristic."""
    if device is not None and "\x00" in device:
        raise HTTPException(422, "a device's name has no NUL")
    async with server.database.read() as connection:
        rows = await fleet.list_trips(connection, device=device, before=cursor, limit=limit)
    return answers.TripPage(
        trips=[_trip(server.processes, row) for row in rows], next=str(rows[-1].id) if len(rows) == limit else None
    )


@router.get("/api/v1/cohorts", tags=["comparison"])
async def cohorts(server: Server) -> answers.Cohorts:
    """Who is compared with whom, in the open and the last closed epoch."""
    async with server.database.read() as connection:
        epochs = (await fleet.list_epochs(connection))[:2]
        found = [
            answers.Epoch(
                epoch=epoch.number,
                opened=instant(epoch.opened_at_ms),
                closed=instant(epoch.closed_at_ms),
                cohorts=[
                    _cohort(server.processes, cohort, persons)
                    for cohort, persons in sorted(
                        (await person_totals_of(connection, server.processes, epoch.number)).items()
                    )
                ],
            )
            for epoch in epochs
        ]
    return answers.Cohorts(open=found[0], last_closed=found[1] if len(found) > 1 else None)


@router.get("/api/v1/benchmarks", tags=["comparison"])
async def benchmarks(
    server: Server,
    epoch: Annotated[
        int | None, Query(ge=1, le=2**31 - 1, description="A closed epoch; without it, the newest of each cohort.")
    ] = None,
) -> answers.Benchmarks:
    """What devices were sent, and what the epoch (without `epoch`: the last closed one) held back."""
    async with server.database.read() as connection:
        tables = await fleet.list_benchmarks(connection, epoch=epoch)
        last = epoch if epoch is not None else (await fleet.list_epochs(connection))[0].number - 1
        held_back = await fleet.list_withheld(connection, last)
    found: dict[tuple[Cohort, int], answers.Benchmark] = {}
    for table in tables:
        process = server.processes.find(table.pack_id)
        if process is None:
            continue  # in which unit its values are, nobody here knows
        of_cohort = found.setdefault(
            ((table.cohort, table.pack_id), table.epoch),
            answers.Benchmark(
                cohort=table.cohort, pack=pack_answer(server.processes, table.pack_id), epoch=table.epoch, tables=[]
            ),
        )
        of_cohort.tables.append(_table(process.by_id[table.characteristic], table))
    return answers.Benchmarks(
        benchmarks=list(found.values()), withheld=[_not_published(server.processes, row) for row in held_back]
    )


@router.get("/api/v1/counters", tags=["operation"])
async def counters(server: Server) -> answers.Counters:
    """Where every message went: stored, repeated, refused, put aside, or declared lost."""
    async with server.database.read() as connection:
        found = await fleet.counters(connection, server.now_ms())
    return answers.Counters.model_validate(found, from_attributes=True)


@router.post(
    "/api/v1/epochs/close",
    tags=["comparison"],
    dependencies=[Depends(operator)],
    responses={status: {"model": answers.Problem} for status in (401, 403, 409)},
)
async def close_epoch(server: Server, request: answers.CloseRequest | None = None) -> answers.EpochClosed:
    """Close the open epoch, publish its benchmarks, open the next. 409: closed by somebody else, or without trips."""
    try:
        expected = None if request is None else request.expected
        closed = await server.close_epoch(expected, actor=audit_log.OPERATOR)
    except EpochNotClosed as e:
        raise HTTPException(409, str(e)) from e
    return answers.EpochClosed(
        epoch=closed.number,
        persons=closed.persons,
        cohorts=[
            answers.Published(cohort=cohort, pack=pack_answer(server.processes, pack_id), persons=persons)
            for (cohort, pack_id), persons in sorted(closed.cohorts.items())
        ],
        withheld=[_not_published(server.processes, item) for item in closed.withheld],
        messages=len(closed.publications),
    )


def pack_answer(processes: Processes, pack_id: bytes) -> answers.Pack:
    """Return how an answer names a pack."""
    process = processes.find(pack_id)
    if process is None:
        return answers.Pack(id=pack_id.hex(), name=None, version=None)
    return answers.Pack(id=pack_id.hex(), name=process.name, version=process.version)


def _trip(processes: Processes, row: Row[Any]) -> answers.Trip:
    process = processes.find(row.pack_id)
    gates = counts.unpack(row.gates, data_quality.GATES)
    day = period_of(row.day, "day")
    found = answers.Trip(
        device=row.device,
        boot=row.boot,
        seq=row.seq,
        record_sha256=row.hash.hex(),
        person=row.person,
        pack=pack_answer(processes, row.pack_id),
        epoch=row.epoch,
        start=instant(row.start_ms),
        end=None,
        clock=CLOCK_NAMES[row.clock],
        dated=None if row.start_ms is None else "boot" if row.dated_by_boot else "own",
        day=None if day is None else day.first,
        contexts={},
        revises=None if row.revises_boot is None else answers.Place(boot=row.revises_boot, seq=row.revises_seq),
        superseded=row.superseded,
        characteristics={},
        gates={name: gates[i] / 10 if i == data_quality.GAP_TIME else gates[i] for i, name in enumerate(GATE_NAMES)},
    )
    if process is not None:
        numbers = process.numbers(row.counts)
        if row.start_ms is not None:
            found.end = instant(row.start_ms + 100 * numbers[ELAPSED])
        found.contexts = {name: bool(row.context >> i & 1) for i, name in enumerate(process.contexts)}
        found.characteristics = {
            c.key: answers.Value(value=decimal(c, c.value(numbers)), unit=c.unit) for c in process.trip
        }
    return found


def _cohort(processes: Processes, cohort: Cohort, persons: dict[str, Tally]) -> answers.Cohort:
    return answers.Cohort(
        cohort=cohort[0],
        pack=pack_answer(processes, cohort[1]),
        persons=len(persons),
        trips=sum(tally.trips for tally in persons.values()),
        km=sum(tally.distance_m for tally in persons.values()) / 1000,
    )


def _table(characteristic: Characteristic, table: fleet.Knots) -> answers.Table:
    return answers.Table(
        id=characteristic.id,
        key=characteristic.key,
        unit=characteristic.unit,
        persons=table.persons,
        knots=[
            answers.Knot(share_pct=share / 10, value=value / 10**characteristic.decimals)
            for share, value in zip(table.shares_permille, table.values, strict=True)
        ],
    )


def _not_published(processes: Processes, item: Any) -> answers.NotPublished:
    process = processes.find(item.pack_id)
    key = None
    if item.characteristic != ALL_CHARACTERISTICS:
        key = str(item.characteristic) if process is None else process.by_id[item.characteristic].key
    return answers.NotPublished(
        cohort=item.cohort,
        pack=pack_answer(processes, item.pack_id),
        characteristic=key,
        persons=item.persons,
        reason=item.reason,
    )
