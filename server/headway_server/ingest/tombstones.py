"""What comes from a device that was erased: refused, until the device says that it is wiped; from then on, its older boots.

Nothing of it is stored: no record, no dead letter, nothing in quarantine, and no log has its name. It is told `erased`
for what shows its boot and seq, and given the signed order to wipe its store. Whoever has its address only now, from a
topic, can also tell the broker to forget what it keeps for it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import ack, topics, wipe
from headway_protocol.codes import ERASED
from headway_server.erasure import erasures
from headway_server.erasure.erasure_journal import ErasureJournal, Wiped
from headway_server.erasure.personal_rows import address_in
from headway_server.ingest.arrival import Arrival, Presence, Received, Refusal
from headway_server.ingest.receipts import Acknowledgement
from headway_server.publishing.publications import RETAINED
from headway_server.signing import Signing
from headway_server.store.database import slices
from headway_server.store.tables import erased_devices
from headway_server.store.tables import erasures as erasures_table

log = structlog.get_logger(__name__)

Found = Arrival | Presence | Refusal

_E, _X = erased_devices.c, erasures_table.c
# Asked of every batch: built once.
_ANYBODY = select(_E.number).limit(1)
_STONES = (
    select(_E.device_hash, _E.confirmed_at_ms, _E.from_boot, _E.cleared_at_ms, _X.version)
    .join(erasures_table, _X.number == _E.number)
    .where(_E.device_hash.in_(bindparam("hashes", expanding=True)))
)


@dataclass(slots=True)
class _Stone:
    """What is known of an erased device.

    version: of the newest order that is not confirmed, 0: all are. from_boot: see `erased_devices`.
    """

    digest: bytes
    version: int = 0
    from_boot: int = 0
    cleared: bool = True
    rejected: dict[int, list[int]] = field(default_factory=dict)
    spoke: bool = False


class Tombstones:
    """Of one server. signing: whose orders devices obey."""

    def __init__(self, journal: ErasureJournal, signing: Signing) -> None:
        self.journal = journal
        self._signing = signing

    async def screen(
        self, connection: AsyncConnection, messages: Sequence[Received], found: Sequence[Found], now: int
    ) -> tuple[list[Found], list[Acknowledgement]]:
        """Return (what may be taken, what to publish for the rest), within the transaction that takes it.

        messages, found: the same, before and after it was read. now: Unix ms.
        """
        if (await connection.execute(_ANYBODY)).first() is None:
            return list(found), []  # nobody was ever erased, as most often
        addresses = [address_in(message.topic) for message in messages]
        stones = await self._stones(connection, {one for one in addresses if one is not None})
        if not stones:
            return list(found), []
        for address, item in zip(addresses, found, strict=True):
            if address in stones:
                await self._hear(connection, stones[address], item, now)
        kept = []
        for address, message, item in zip(addresses, messages, found, strict=True):
            if address not in stones:
                kept.append(item)
            else:
                kept += _sifted(stones[address], message, item)
        answers = []
        for address, stone in sorted(stones.items()):
            answers += await self._answers(connection, address, stone, now)
        return kept, answers

    async def is_erased(self, connection: AsyncConnection, message: Received) -> bool:
        """Whether a message is of a device that was erased and has not confirmed that yet."""
        address = address_in(message.topic)
        stones = await self._stones(connection, [] if address is None else [address])
        return any(stone.version for stone in stones.values())

    async def _stones(self, connection: AsyncConnection, addresses: Iterable[str]) -> dict[str, _Stone]:
        stones: dict[str, _Stone] = {}
        of = {self.journal.key.device(address): address for address in addresses}
        for some in slices(sorted(of)):
            for row in await connection.execute(_STONES, {"hashes": some}):
                stone = stones.setdefault(of[row.device_hash], _Stone(row.device_hash))
                if row.confirmed_at_ms is None:
                    stone.version = max(stone.version, row.version)
                    stone.cleared = stone.cleared and row.cleared_at_ms is not None
                else:
                    stone.from_boot = max(stone.from_boot, row.from_boot)
        return stones

    async def _hear(self, connection: AsyncConnection, stone: _Stone, item: Found, now: int) -> None:
        told = item.birth.wiped if isinstance(item, Arrival) and item.birth is not None else None
        if not stone.version or told is None or told[0] < stone.version:
            return
        await erasures.confirmed(connection, self.journal, Wiped(stone.digest.hex(), told[0], told[1], now))
        stone.version, stone.from_boot = 0, max(stone.from_boot, told[1])

    async def _answers(
        self, connection: AsyncConnection, address: str, stone: _Stone, now: int
    ) -> list[Acknowledgement]:
        group, name = address.split("/")

        def to(channel: str) -> str:
            return topics.topic(group, name, channel)

        found = [
            Acknowledgement(
                to(topics.ACK), ack.encode(boot, 0, [(seq, ERASED) for seq in seqs[at : at + ack.REJECTIONS_MAX]])
            )
            for boot, seqs in sorted(stone.rejected.items())
            for at in range(0, len(seqs), ack.REJECTIONS_MAX)
        ]
        if not stone.version or not stone.spoke:
            return found
        order = wipe.order(address, stone.version, self._signing.signer(address))
        found.append(Acknowledgement(to(topics.CMD), order))
        # Presence is retained again at each connection; the others are gone for good once the broker was told.
        channels = (topics.STATE,) if stone.cleared else RETAINED
        found += [Acknowledgement(to(channel), b"", retain=True) for channel in channels]
        is_open = and_(_E.device_hash == stone.digest, _E.confirmed_at_ms.is_(None))
        await connection.execute(update(erased_devices).where(is_open).values(asked_at_ms=now))
        unclear = and_(is_open, _E.cleared_at_ms.is_(None))
        await connection.execute(update(erased_devices).where(unclear).values(cleared_at_ms=now))
        return found


def _sifted(stone: _Stone, message: Received, item: Found) -> list[Found]:
    """Return the item if it may be taken; else note what is to be said of it."""
    if isinstance(item, Presence):
        if stone.version:
            stone.spoke = True
            return []
        ends = tuple(end for end in item.ends if end[0] >= stone.from_boot)
        return [Presence(item.device, item.boot, item.online, ends)] if item.boot >= stone.from_boot else []
    if stone.version:
        # The broker's own word that it has forgotten the presence, which we told it to, is nobody speaking.
        stone.spoke = stone.spoke or bool(message.payload)
    if item.boot is None or item.seq is None:
        return [] if stone.version else [item]
    if not stone.version and item.boot >= stone.from_boot:
        return [item]
    stone.rejected.setdefault(item.boot, []).append(item.seq)
    return []
