"""Of `verification`: whether what is said of each boot, how far it is complete and what it lacks, is what its records say."""

from collections import defaultdict
from collections.abc import Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.ingest import sequence
from headway_server.ingest.gap_rows import OPEN_END
from headway_server.store.tables import boots, gaps, rejections

BOOT, GAPS = "boot", "gaps of a boot"

_Ranges = list[tuple[int, int]]  # (first, last), both included


async def boots_that_differ(
    connection: AsyncConnection, device: str, seqs: Mapping[int, list[int]], ranges: Mapping[int, _Ranges]
) -> list[tuple[str, str, str, str]]:
    """Return (BOOT or GAPS, which boot, what is stored, what follows) of each that differs.

    seqs: of the device's records, by boot; ranges: that it declared lost. What was refused is read here.
    """
    handled: defaultdict[int, _Ranges] = defaultdict(list)
    for boot, its_seqs in seqs.items():
        handled[boot] += [(seq, seq) for seq in its_seqs]
    for boot, its_ranges in ranges.items():
        handled[boot] += its_ranges
    refused = select(rejections.c.boot, rejections.c.seq).where(rejections.c.device == device)
    for boot, seq in await connection.execute(refused):
        handled[boot].append((seq, seq))
    query = select(boots.c.boot, boots.c.upto, boots.c.highest).where(boots.c.device == device)
    stored = {boot: (upto, highest) for boot, upto, highest in await connection.execute(query)}
    lacking: defaultdict[int, _Ranges] = defaultdict(list)
    noted = select(gaps.c.boot, gaps.c.first_seq, gaps.c.last_seq).where(gaps.c.device == device)
    for boot, first, last in await connection.execute(noted.order_by(gaps.c.boot, gaps.c.first_seq)):
        before = lacking[boot]
        if before and before[-1][1] + 1 == first:  # an end that grew is noted in pieces
            before[-1] = before[-1][0], last
        else:
            before.append((first, last))
    found = []
    for boot in sorted(stored.keys() | handled.keys() | lacking.keys()):
        computed = None
        missing = [(1, OPEN_END)]  # of a boot between two others of which nothing has come
        if handled[boot] or boot in stored:
            # A device may say that a boot came further than anything that has come of it.
            highest = max([last for _, last in handled[boot]] + [stored[boot][1] if boot in stored else 0])
            computed = sequence.advance(0, (), handled[boot]), highest
            missing = sequence.without([(1, highest)], handled[boot])
        if stored.get(boot) != computed:
            found.append((BOOT, f"boot {boot}", _reach(stored.get(boot)), _reach(computed)))
        elif lacking[boot] != missing:
            found.append((GAPS, f"boot {boot}", _text(lacking[boot]), _text(missing)))
    return found


def _text(ranges: _Ranges) -> str:
    return ", ".join(f"{first} to {last}" for first, last in ranges) or "none"


def _reach(reach: tuple[int, int] | None) -> str:
    return "nothing" if reach is None else f"complete up to {reach[0]} of {reach[1]}"
