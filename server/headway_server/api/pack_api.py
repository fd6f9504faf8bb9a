"""The API of packs: which there are, adding one, and offering one to a device."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Path, Response
from fastapi.responses import JSONResponse

from headway_edge.core.process import Process
from headway_protocol import topics
from headway_protocol.errors import DecodeError
from headway_server.api import pack_answers
from headway_server.api.access import Server, operator
from headway_server.api.api import pack_answer
from headway_server.packs.compile import compile_source
from headway_server.packs.problems import PackRefused, Problem
from headway_server.packs.processes import KnownPack, Processes, known_pack
from headway_server.packs.source import parse
from headway_server.publishing.offers import OfferRefused, offer_body
from headway_server.reading import answers, fleet
from headway_server.running import Running

router = APIRouter(tags=["packs"])

_DEVICES_MAX = 500
_REFUSALS: dict[int | str, dict[str, Any]] = {status: {"model": answers.Problem} for status in (401, 403)}
PackId = Annotated[str, Path(description="As in answers: 16 hexadecimal digits.", max_length=64)]


@router.get("/api/v1/packs")
async def packs(server: Server) -> list[pack_answers.PackSummary]:
    """The packs this server knows, by name, the newest version first."""
    async with server.database.read() as connection:
        await server.processes.refresh(connection)
        running = await fleet.devices_by_pack(connection)
    return [
        pack_answers.PackSummary(**_summary(pack.process, running.get(pack.process.id, 0)))
        for pack in server.processes.all()
    ]


@router.get("/api/v1/packs/{pack_id}", responses={404: {"model": answers.Problem}})
async def pack(server: Server, pack_id: PackId) -> pack_answers.PackDetail:
    """One pack: its texts, its source, and which devices run it or were offered it."""
    async with server.database.read() as connection:
        await server.processes.refresh(connection)
        known = _find(server.processes, pack_id)
        found = await fleet.devices_of_pack(connection, known.process.id, _DEVICES_MAX)
        running = await fleet.devices_by_pack(connection)
    return pack_answers.PackDetail(
        **_summary(known.process, running.get(known.process.id, 0)),
        catalogue=known.process.catalogue,
        source=known.source,
        on=[
            pack_answers.PackDevice(
                device=row.device,
                vehicle_class=row.vehicle_class,
                runs=row.pack_id == known.process.id,
                offered=row.offered_pack_id == known.process.id,
            )
            for row in found
        ],
    )


@router.post(
    "/api/v1/packs",
    dependencies=[Depends(operator)],
    status_code=201,
    responses={
        200: {"model": pack_answers.PackAdded, "description": "It was known already."},
        413: {"model": answers.Problem},
        422: {"model": pack_answers.PackProblems},
        **_REFUSALS,
    },
)
async def add_pack(server: Server, request: pack_answers.PackSource, response: Response) -> Any:
    """Compile a pack and keep it; what came for it before is read now. Again the same changes nothing but the texts."""
    try:
        added = await asyncio.to_thread(_compiled, request.source)
    except PackRefused as e:
        problems = [
            pack_answers.PackProblem(line=problem.line, field=problem.field, message=problem.what)
            for problem in e.problems
        ]
        return JSONResponse(pack_answers.PackProblems(detail=problems).model_dump(), 422)
    process = added.process
    async with server.database.read() as connection:
        await server.processes.refresh(connection)
    before = server.processes.find(process.id)
    await server.processes.add(server.database, added, server.now_ms())
    read = await server.ingest.read_parked()
    if before is not None:
        response.status_code = 200
        await _publish_offers_of(server, process.id)
    return pack_answers.PackAdded(
        id=process.id.hex(), name=process.name, version=process.version, new=before is None, records_read=read
    )


@router.put(
    "/api/v1/devices/{group}/{device}/pack",
    dependencies=[Depends(operator)],
    responses={status: {"model": answers.Problem} for status in (401, 403, 404, 409)},
)
async def offer_pack(
    server: Server, group: str, device: str, request: pack_answers.PackOffer
) -> pack_answers.PackOffered:
    """Offer a device another pack, to be kept at the broker until it comes. 409: the pack does not know its class."""
    if not (topics.valid_id(group) and topics.valid_id(device)):
        raise HTTPException(404, "group and device are 1 to 32 of a-z, 0-9 and -")
    async with server.database.read() as connection:
        await server.processes.refresh(connection)
    process = _find(server.processes, request.pack_id).process
    try:
        messages = await server.offers.offer(f"{group}/{device}", process.id)
    except OfferRefused as e:
        raise HTTPException(409, str(e)) from e
    if messages is None:
        raise HTTPException(404, f"no device {group}/{device} has spoken yet")
    sent = 0 if server.mqtt is None else await server.mqtt.publish(messages)
    return pack_answers.PackOffered(
        device=f"{group}/{device}", pack=pack_answer(server.processes, process.id), published=sent == len(messages)
    )


def _compiled(text: str) -> KnownPack:
    # Lone surrogates, which JSON can write, are no UTF-8: the reader of sources says so.
    found = known_pack(compile_source(parse(text.encode("utf-8", "surrogatepass"), "source")), text)
    try:
        offer_body(found)
    except DecodeError as e:
        raise PackRefused(
            [Problem("source", 0, "", f"no device could be offered it, its texts are too long: {e}")]
        ) from e
    return found


async def _publish_offers_of(server: Running, pack_id: bytes) -> None:
    """Whoever was offered the pack gets its new texts."""
    if server.mqtt is None:
        return
    async with server.database.read() as connection:
        names = await fleet.devices_offered(connection, pack_id)
    await server.mqtt.publish(await server.offers.messages(names))


def _find(processes: Processes, pack_id: str) -> KnownPack:
    try:
        known = processes.pack(bytes.fromhex(pack_id))
    except ValueError:
        known = None
    if known is None:
        raise HTTPException(404, f"no pack {pack_id} is known; /api/v1/packs lists those that are")
    return known


def _summary(process: Process, devices: int) -> dict[str, Any]:
    return {
        "id": process.id.hex(),
        "name": process.name,
        "version": process.version,
        "title": process.title,
        "kind": process.pack.kind,
        "classes": process.pack.classes,
        "devices": devices,
    }
