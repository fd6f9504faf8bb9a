"""The packs that a server knows: those that ship, and those that an operator added; what makes a trip's counts readable.

All are rows of the table `packs`, also those that ship: a later version of Headway ships others, and the trips of the
old ones are still there to be read. In memory each is checked and laid out once.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_edge.core.pack import Pack
from headway_edge.core.process import Process
from headway_protocol.errors import ProtocolError
from headway_server.packs import library
from headway_server.packs.compile import Compiled, compile_file
from headway_server.store import audit_log
from headway_server.store.batches_out import keep_batches_out
from headway_server.store.database import Database, insert_into, slices
from headway_server.store.tables import packs

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KnownPack:
    """A pack in all its forms. source: TOML, None where only the compiled pack is known."""

    process: Process
    data: bytes
    source: str | None


def known_pack(compiled: Compiled, source: str | None) -> KnownPack:
    """Return a compiled pack as the server keeps it."""
    return KnownPack(Process(Pack(compiled.data), compiled.catalogue), compiled.data, source)


@cache
def shipped() -> tuple[KnownPack, ...]:
    """Return the packs that ship, compiled; by name."""
    found = []
    for name in library.names():
        path = library.path(name)
        found.append(known_pack(compile_file(path), path.read_text(encoding="utf-8")))
    return tuple(found)


class Processes:
    """Every pack this server knows, by id. Shared by all that read counts; it only ever grows."""

    def __init__(self) -> None:
        self._known: dict[bytes, KnownPack] = {}
        self._unreadable: set[bytes] = set()

    @classmethod
    async def open(cls, database: Database, now: int) -> "Processes":
        """Store the packs that ship, and return these and all that were stored before. now: Unix ms."""
        processes = cls()
        async with database.write() as connection:
            for pack in shipped():
                await _store(connection, pack, now)
            await processes.refresh(connection)
        return processes

    def find(self, pack_id: bytes) -> Process | None:
        """Return the process of a pack, or None."""
        known = self._known.get(pack_id)
        return None if known is None else known.process

    def pack(self, pack_id: bytes) -> KnownPack | None:
        """Return a pack in all its forms, or None."""
        return self._known.get(pack_id)

    def all(self) -> list[KnownPack]:
        """Return every pack, by name, the newest version first."""
        return sorted(self._known.values(), key=lambda p: (p.process.name, -p.process.version, p.process.id))

    async def add(self, database: Database, pack: KnownPack, now: int) -> None:
        """Store a pack, or the better wording of one that is stored; known here from now on."""
        async with database.write() as connection:
            # A batch under way that parks a trip of this pack is committed before, and one that follows finds it. So
            # whoever reads what is parked after this misses none.
            await keep_batches_out(connection)
            await _store(connection, pack, now)
            detail = {"pack": pack.process.id.hex(), "name": pack.process.name, "version": pack.process.version}
            await audit_log.note(connection, now, audit_log.OPERATOR, audit_log.PACK_PUBLISHED, detail)
        self._known[pack.process.id] = pack

    async def refresh(self, connection: AsyncConnection) -> None:
        """Read packs that are stored but not known here: of a start before, or added through another server."""
        stored = set((await connection.execute(select(packs.c.pack_id))).scalars())
        for some in slices(sorted(stored - self._known.keys() - self._unreadable)):
            query = select(packs.c.pack_id, packs.c.data, packs.c.catalogue, packs.c.source)
            for pack_id, data, catalogue, source in await connection.execute(query.where(packs.c.pack_id.in_(some))):
                self._learn(pack_id, data, catalogue, source)

    def _learn(self, pack_id: bytes, data: bytes, catalogue: dict[str, Any], source: str | None) -> None:
        try:
            self._known[pack_id] = KnownPack(Process(Pack(data), catalogue), data, source)
        except (ProtocolError, ValueError) as e:
            # Checked when it was stored: another version of Headway stored it. Its trips are kept, and not read.
            self._unreadable.add(pack_id)
            log.warning("a stored pack is not readable", pack_id=pack_id.hex(), reason=str(e))


async def _store(connection: AsyncConnection, pack: KnownPack, now: int) -> None:
    process = pack.process
    insert = insert_into(connection, packs)
    texts = {"catalogue": insert.excluded.catalogue, "source": insert.excluded.source}
    await connection.execute(
        insert.on_conflict_do_update(index_elements=[packs.c.pack_id], set_=texts),
        {
            "pack_id": process.id,
            "name": process.name,
            "version": process.version,
            "data": pack.data,
            "catalogue": process.catalogue,
            "source": pack.source,
            "added_at_ms": now,
        },
    )
