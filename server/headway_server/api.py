"""The HTTP API: what the store knows, read-only, and one request that changes something."""

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from sqlalchemy import Row, text
from sqlalchemy.exc import SQLAlchemyError

from headway_edge.core import data_quality, definition
from headway_edge.core.characteristics import BY_ID, TRIP
from headway_protocol import counts, topics
from headway_protocol.record import CLOCK_NAMES
from headway_server import answers, fleet
from headway_server.answers import decimal, instant
from headway_server.arrival import PACK_ID
from headway_server.epochs import ALL_CHARACTERISTICS
from headway_server.errors import EpochNotClosed
from headway_server.running import Running

router = APIRouter()

_LISTED_MAX = 20  # boots and losses of one device
_CURSOR_MAX = (1 << 63) - 1

_bearer = HTTPBearer(auto_error=False, description="The operator token of the server's settings.")


def running_server(request: Request) -> Running:
    """The server that the application was made for."""
    found: Running = request.app.state.running
    return found


Server = Annotated[Running, Depends(running_server)]


def operator(server: Server, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]) -> None:
    """Let the operator pass; raises 403 if there is none in the settings, 401 for a missing or wrong token."""
    token = server.settings.operator_token
    if token is None:
        raise HTTPException(403, "this server takes no changes: set operator_token in its settings")
    given = "" if credentials is None else credentials.credentials
    # Bytes, because compare_digest takes no other text than ASCII.
    if not hmac.compare_digest(given.encode(), token.get_secret_value().encode()):
        raise HTTPException(401, "the operator token is missing or wrong", {"WWW-Authenticate": "Bearer"})


@router.get("/healthz", tags=["operation"], responses={503: {"model": answers.Health}})
async def health(server: Server, response: Response) -> answers.Health:
    """Whether database and broker work; status 503 when one does not."""
    database = server.mqtt is None or server.mqtt.database_works
    try:
        async with server.database.read() as connection:
            await connection.execute(text("SELECT 1"))
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
    )


@router.get("/api/v1/devices", tags=["fleet"])
async def devices(
    server: Server,
    after: Annotated[str, Query(max_length=65, description="`next` of the page before.")] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> answers.DevicePage:
    """The devices that ever spoke, by name."""
    async with server.database.read() as connection:
        rows = await fleet.list_devices(connection, after.replace("\x00", ""), limit)
    return answers.DevicePage(
        devices=[answers.Device(**_device(row)) for row in rows],
        next=rows[-1].device if len(rows) == limit else None,
    )


@router.get("/api/v1/devices/{group}/{device}", tags=["fleet"], responses={404: {"model": answers.Problem}})
async def device(server: Server, group: str, device: str) -> answers.DeviceDetail:
    """One device, how far its boots are complete, and what it declared lost."""
    address = f"{group}/{device}"
    if not (topics.valid_id(group) and topics.valid_id(device)):
        raise HTTPException(404, "group and device are 1 to 32 of a-z, 0-9 and -")
    async with server.database.read() as connection:
        row = await fleet.find_device(connection, address)
        if row is None:
            raise HTTPException(404, f"no device {address} has spoken yet")
        boots = await fleet.device_boots(connection, address, _LISTED_MAX)
        losses = await fleet.device_losses(connection, address, _LISTED_MAX)
    return answers.DeviceDetail(
        **_device(row),
        boots=[answers.Boot(**boot._mapping) for boot in boots],
        losses=[answers.Loss(**loss._mapping) for loss in losses],
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
    return answers.TripPage(trips=[_trip(row) for row in rows], next=str(rows[-1].id) if len(rows) == limit else None)


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
                    _cohort(name, persons)
                    for name, persons in (await fleet.cohort_persons(connection, epoch.number)).items()
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
    found: dict[tuple[str, int], answers.Benchmark] = {}
    for table in tables:
        of_cohort = found.setdefault(
            (table.cohort, table.epoch),
            answers.Benchmark(cohort=table.cohort, epoch=table.epoch, pack_id=PACK_ID.hex(), tables=[]),
        )
        of_cohort.tables.append(_table(table))
    return answers.Benchmarks(benchmarks=list(found.values()), withheld=[_not_published(row) for row in held_back])


@router.get("/api/v1/counters", tags=["operation"])
async def counters(server: Server) -> answers.Counters:
    """Where every message went: stored, repeated, refused, put aside, or declared lost."""
    async with server.database.read() as connection:
        found = await fleet.counters(connection)
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
        closed = await server.close_epoch(None if request is None else request.expected)
    except EpochNotClosed as e:
        raise HTTPException(409, str(e)) from e
    return answers.EpochClosed(
        epoch=closed.number,
        persons=closed.persons,
        cohorts=closed.cohorts,
        withheld=[_not_published(item) for item in closed.withheld],
        messages=len(closed.publications),
    )


def _device(row: Row[Any]) -> dict[str, Any]:
    return {
        **row._mapping,
        "first_seen": instant(row.first_seen_ms),
        "last_seen": instant(row.last_seen_ms),
        "clock": None if row.clock is None else CLOCK_NAMES[row.clock],
        "km": row.distance_m / 1000,
    }


def _trip(row: Row[Any]) -> answers.Trip:
    accumulators = counts.unpack(row.counts, definition.COUNTS)
    gates = counts.unpack(row.gates, data_quality.GATES)
    elapsed_ms = 100 * accumulators[definition.ELAPSED]
    return answers.Trip(
        device=row.device,
        boot=row.boot,
        seq=row.seq,
        record_sha256=row.hash.hex(),
        person=row.person,
        epoch=row.epoch,
        start=instant(row.start_ms),
        end=None if row.start_ms is None else instant(row.start_ms + elapsed_ms),
        clock=CLOCK_NAMES[row.clock],
        characteristics={c.key: answers.Value(value=decimal(c, c.value(accumulators)), unit=c.unit) for c in TRIP},
        gates={
            name: gates[i] / 10 if i == data_quality.GAP_TIME else gates[i]
            for i, name in enumerate(data_quality.GATE_NAMES)
        },
    )


def _cohort(name: str, persons: dict[str, list[int]]) -> answers.Cohort:
    total = fleet.cohort_sum(persons)
    return answers.Cohort(cohort=name, persons=len(persons), trips=total[0], km=total[1] / 1000)


def _table(table: fleet.Knots) -> answers.Table:
    characteristic = BY_ID[table.characteristic]
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


def _not_published(item: Any) -> answers.NotPublished:
    key = None if item.characteristic == ALL_CHARACTERISTICS else BY_ID[item.characteristic].key
    return answers.NotPublished(cohort=item.cohort, characteristic=key, persons=item.persons, reason=item.reason)
