"""Offering a pack to a device: stored with the device, and kept for it at the broker until it comes for it."""

from sqlalchemy import select, update

from headway_server.database import Database
from headway_server.errors import ServerError
from headway_server.processes import Processes
from headway_server.publications import Publication, offer_messages
from headway_server.tables import devices


class OfferRefused(ServerError):  # noqa: N818 - named for what happened
    """The pack was not offered: the device could not run it."""


async def offer(database: Database, processes: Processes, device: str, pack_id: bytes) -> list[Publication] | None:
    """Store the offer of a known pack and return what to publish; None for a device that never spoke.

    Raises OfferRefused where the pack has nothing to say of the device's class.
    """
    pack = processes.pack(pack_id)
    assert pack is not None  # noqa: S101 - who offers a pack has looked it up
    process = pack.process
    async with database.write() as connection:
        found = (
            await connection.execute(
                select(devices.c.device, devices.c.vehicle_class).where(devices.c.device == device).with_for_update()
            )
        ).one_or_none()
        if found is None:
            return None
        if found.vehicle_class not in process.pack.classes:
            known = ", ".join(process.pack.classes)
            shown = f"of class {found.vehicle_class!r}" if found.vehicle_class else "of a class it has not told yet"
            raise OfferRefused(
                f"pack {process.name} version {process.version} knows the classes {known}; {device} is {shown}",
                "offer a pack that knows it",
            )
        await connection.execute(update(devices).where(devices.c.device == device).values(offered_pack_id=pack_id))
        return await offer_messages(connection, processes, {device})
