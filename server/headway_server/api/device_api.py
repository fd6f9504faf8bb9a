"""The API of devices: which there are, how complete each is, and what somebody should look at."""

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from sqlalchemy import Row

from headway_protocol import topics
from headway_protocol.record_names import CLOCK_NAMES
from headway_server.api.access import Server
from headway_server.ingest.gap_rows import OPEN_END
from headway_server.ingest.gaps import state_of
from headway_server.reading import answers, fleet
from headway_server.reading.alarms import every_alarm
from headway_server.reading.answers import instant

router = APIRouter(tags=["fleet"])

_LISTED_MAX = 20  # boots, gaps and losses of one device


@router.get("/api/v1/devices")
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


@router.get("/api/v1/devices/{group}/{device}", responses={404: {"model": answers.Problem}})
async def device(server: Server, group: str, device: str) -> answers.DeviceDetail:
    """One device, how far its boots are complete, what is missing, and what it declared lost."""
    address = f"{group}/{device}"
    if not (topics.valid_id(group) and topics.valid_id(device)):
        raise HTTPException(404, "group and device are 1 to 32 of a-z, 0-9 and -")
    async with server.database.read() as connection:
        row = await fleet.find_device(connection, address)
        if row is None:
            raise HTTPException(404, f"no device {address} has spoken yet")
        boots = await fleet.device_boots(connection, address, _LISTED_MAX)
        gaps = await fleet.device_gaps(connection, address, _LISTED_MAX)
        losses = await fleet.device_losses(connection, address, _LISTED_MAX)
    return answers.DeviceDetail(
        **_device(row),
        boots=[answers.Boot(**boot._mapping) for boot in boots],
        gaps=[_gap(gap, server.now_ms()) for gap in gaps],
        losses=[answers.Loss(**loss._mapping) for loss in losses],
    )


@router.get("/api/v1/alarms")
async def alarms(server: Server, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> answers.Alarms:
    """What somebody should look at: identities that two units use, records that do not come, and more."""
    async with server.database.read() as connection:
        found = await every_alarm(connection, server.held_back(), server.now_ms(), server.settings.erase_days)
    return answers.Alarms(
        alarms=[
            answers.Alarm(
                device=one.device, kind=one.kind, words=one.words, last=instant(one.last_ms), next_step=one.next_step
            )
            for one in found[:limit]
        ],
        others=max(0, len(found) - limit),
    )


def _device(row: Row[Any]) -> dict[str, Any]:
    pack = None
    if row.pack_id is not None:
        # As the device told: the server need not know its pack.
        pack = answers.Pack(id=row.pack_id.hex(), name=row.pack_name, version=row.pack_version)
    return {
        **row._mapping,
        "first_seen": instant(row.first_seen_ms),
        "last_seen": instant(row.last_seen_ms),
        "clock": None if row.clock is None else CLOCK_NAMES[row.clock],
        "km": row.distance_m / 1000,
        "pack": pack,
        "offered_pack_id": None if row.offered_pack_id is None else row.offered_pack_id.hex(),
    }


def _gap(row: Row[Any], now: int) -> answers.Gap:
    return answers.Gap(
        boot=row.boot,
        first_seq=row.first_seq,
        last_seq=None if row.last_seq == OPEN_END else row.last_seq,
        since=instant(row.since_ms),
        state=state_of(row, now),
        asked=row.asked,
        last_asked=instant(row.asked_ms),
    )
