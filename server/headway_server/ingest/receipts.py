"""What the devices are told: up to which seq each boot is complete, and what will never be accepted.

`Handled` collects the seqs that one batch stored, refused or found declared lost, and how far devices say that their boots
had come; at the end it moves each boot's `upto` forward and notes what is missing (`gap_rows`). In the common case, records
in order, that takes no look at the records stored before.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select, tuple_, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_protocol import ack, topics
from headway_server.ingest import gap_rows
from headway_server.ingest.sequence import advance, ranges_of
from headway_server.store.database import upsert_into
from headway_server.store.tables import boots, fold_ranges, losses, records, rejections

Boot = tuple[str, int]  # device, boot
_SEQS_PER_QUERY = 1000
_BOOTS_PER_QUERY = 500


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """One message to publish, QoS 1, not retained: only now may the device forget.

    retain: only where an empty payload has the broker forget what it keeps on the topic.
    """

    topic: str
    payload: bytes
    retain: bool = False


@dataclass(slots=True)
class _Touched:
    seqs: set[int] = field(default_factory=set)
    ranges: list[tuple[int, int]] = field(default_factory=list)
    rejections: dict[int, int] = field(default_factory=dict)
    end: int = 0
    answered: bool = False


class Handled:
    """The seqs handled in one transaction, by (device, boot)."""

    def __init__(self) -> None:
        self._touched: defaultdict[Boot, _Touched] = defaultdict(_Touched)

    def add_seq(self, device: str, boot: int, seq: int) -> None:
        """A record was stored (now or before) or refused."""
        touched = self._touched[device, boot]
        touched.seqs.add(seq)
        touched.answered = True

    def add_range(self, device: str, boot: int, first_seq: int, last_seq: int) -> None:
        """The device declared these lost, or folded them into another record."""
        touched = self._touched[device, boot]
        touched.ranges.append((first_seq, last_seq))
        touched.answered = True

    def add_end(self, device: str, boot: int, last_seq: int) -> None:
        """The device says that this boot has come to `last_seq`; by itself that is not answered."""
        touched = self._touched[device, boot]
        touched.end = max(touched.end, last_seq)

    def reject(self, device: str, boot: int, seq: int, code: int) -> None:
        """The device is to be told that this seq is refused."""
        self._touched[device, boot].rejections[seq] = code

    async def settle(self, connection: AsyncConnection, now: int) -> list[Acknowledgement]:
        """Write how far each boot touched is complete and what it lacks; return the acknowledgements, by device and boot.

        To be called after the rows of this batch are inserted: what closes a gap lets earlier rows count. now: Unix ms.
        """
        keys = sorted(self._touched)
        known: dict[Boot, tuple[int, int]] = {}
        for at in range(0, len(keys), _BOOTS_PER_QUERY):
            rows = await connection.execute(_KNOWN, {"boots": keys[at : at + _BOOTS_PER_QUERY]})
            known.update({(device, boot): (upto, highest) for device, boot, upto, highest in rows})
        changed = []
        moved = []
        acknowledgements: list[Acknowledgement] = []
        for device, boot in keys:
            touched = self._touched[device, boot]
            before, highest_before = known.get((device, boot), (0, 0))
            upto = advance(before, touched.seqs, touched.ranges)
            highest = max(highest_before, touched.end, *touched.seqs, *(last for _, last in touched.ranges))
            if before < upto < highest:
                upto = await _advance_over_stored(connection, device, boot, upto)
            if (upto, highest) != (before, highest_before):
                changed.append({"device": device, "boot": boot, "upto": upto, "highest": highest})
            taken = [(seq, seq) for seq in touched.seqs] + touched.ranges
            is_new = (device, boot) not in known
            moved.append(gap_rows.Moved(device, boot, is_new, before, highest_before, highest, taken))
            if not touched.answered:
                continue
            above = [seq for seq in touched.seqs if seq > upto and seq not in touched.rejections]
            stored = ranges_of(above)[: ack.STORED_MAX]
            acknowledgements += _messages(device, boot, upto, sorted(touched.rejections.items()), stored)
        if changed:
            await connection.execute(upsert_into(connection, boots, ("device", "boot"), ("upto", "highest")), changed)
        await gap_rows.follow(connection, moved, now)
        return acknowledgements


_b = boots.c
_KNOWN = select(_b.device, _b.boot, _b.upto, _b.highest).where(
    tuple_(_b.device, _b.boot).in_(bindparam("boots", expanding=True))
)


async def _advance_over_stored(connection: AsyncConnection, device: str, boot: int, upto: int) -> int:
    """A gap was closed: go on over what came after it earlier. Costs what lies up to the next gap, not all of it."""
    ranges: list[tuple[int, int]] = []
    for table in (losses, fold_ranges):
        query = select(table.c.first_seq, table.c.last_seq).where(table.c.device == device, table.c.boot == boot)
        ranges += [(first, last) for first, last in await connection.execute(query)]
    while True:
        following = union_all(
            *(
                select(table.c.seq).where(table.c.device == device, table.c.boot == boot, table.c.seq > upto)
                for table in (records, rejections)
            )
        ).subquery()
        query = select(following.c.seq).order_by(following.c.seq).limit(_SEQS_PER_QUERY)
        reached = advance(upto, (await connection.execute(query)).scalars(), ranges)
        if reached == upto:
            return upto
        upto = reached


def _messages(
    device: str, boot: int, upto: int, rejected: list[tuple[int, int]], stored: list[tuple[int, int]]
) -> list[Acknowledgement]:
    group, name = device.split("/")
    topic = topics.topic(group, name, topics.ACK)
    starts = range(0, max(len(rejected), 1), ack.REJECTIONS_MAX)
    return [
        Acknowledgement(topic, ack.encode(boot, upto, rejected[at : at + ack.REJECTIONS_MAX], [] if at else stored))
        for at in starts
    ]
