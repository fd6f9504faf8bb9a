"""Which message ends the process: counted before it is read, so that not even a crash of the interpreter is for ever.

A message that a broker delivers again and again to a server that dies of it would stop a fleet. While all is well nothing is
written. After a start that follows no orderly stop, what is about to be read is noted first (`tables.in_hand`); what
was in hand at the next crash is then read alone, and what was so twice in a row is put aside unread.
"""

from collections.abc import Iterable, Sequence

import structlog
from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from headway_server.ingest.arrival import Received, storable
from headway_server.ingest.refused import digest_of
from headway_server.store.database import Database, insert_into, slices
from headway_server.store.tables import in_hand, marks

log = structlog.get_logger(__name__)

CRASHES_MAX = 3  # with the one before anything was noted
WATCHED_MAX = 20_000  # messages after a start: what ended the process is delivered again at once
_FORGOTTEN_MS = 7 * 86_400_000  # what was noted so long ago is delivered no more


class CrashCounter:
    """Of one server on a database. server: its client id at the broker.

    `watching`: whether messages must be noted before they are read.
    """

    def __init__(self, database: Database, server: str) -> None:
        self._database = database
        self._server = server
        self._mark = f"running/{server}"
        self._times: dict[bytes, int] = {}
        self._counted: set[bytes] = set()
        self._left = 0

    async def start(self, now: int) -> None:
        """Look how the last run ended, and note that this one has begun. now: Unix ms."""
        async with self._database.write() as connection:
            before = (await connection.execute(select(marks.c.at_ms).where(marks.c.name == self._mark))).first()
            old = delete(in_hand).where(in_hand.c.server == self._server, in_hand.c.at_ms < now - _FORGOTTEN_MS)
            await connection.execute(old)
            rows = select(in_hand.c.hash, in_hand.c.times).where(in_hand.c.server == self._server)
            self._times = {row.hash: row.times for row in await connection.execute(rows)}
            begun = insert_into(connection, marks)
            await connection.execute(
                begun.on_conflict_do_update(index_elements=[marks.c.name], set_={"at_ms": begun.excluded.at_ms}),
                {"name": self._mark, "at_ms": now},
            )
        if before is not None:
            self._left = WATCHED_MAX
            log.warning("the last run did not stop in order: looking out for a message that ends the process",
                        suspected=len(self._times))  # fmt: skip

    async def stop(self) -> None:
        """Note that this run ends in order."""
        async with self._database.write() as connection:
            await connection.execute(delete(marks).where(marks.c.name == self._mark))
            await connection.execute(delete(in_hand).where(in_hand.c.server == self._server))
        self._times, self._left = {}, 0

    @property
    def watching(self) -> bool:
        """Whether messages are to go through `part`, `take` and `release`."""
        return self._left > 0

    def part(self, messages: Sequence[Received]) -> tuple[list[Received], list[list[Received]]]:
        """Return (those that must not be read, the others in groups to be read one after the other); in order."""
        condemned: list[Received] = []
        groups: list[list[Received]] = []
        together = False
        for message in messages:
            times = self._times.get(_digest(message), 0)
            if times + 1 >= CRASHES_MAX:
                condemned.append(message)
            elif times and _digest(message) not in self._counted:
                groups.append([message])
                together = False
            elif together:
                groups[-1].append(message)
            else:
                groups.append([message])
                together = True
        return condemned, groups

    async def take(self, messages: Sequence[Received], now: int) -> None:
        """Note that these are about to be read; once in a run, however often a commit is tried."""
        new = {_digest(message) for message in messages} - self._counted
        if new:
            async with self._database.write() as connection:
                insert = insert_into(connection, in_hand)
                await connection.execute(
                    insert.on_conflict_do_update(
                        index_elements=[in_hand.c.server, in_hand.c.hash],
                        set_={"times": in_hand.c.times + 1, "at_ms": insert.excluded.at_ms},
                    ),
                    [{"server": self._server, "hash": digest, "times": 1, "at_ms": now} for digest in sorted(new)],
                )
            self._counted |= new

    async def release(self, messages: Sequence[Received]) -> None:
        """These are read, or put aside: whatever ends the process from now on, it was not them."""
        digests = {_digest(message) for message in messages}
        async with self._database.write() as connection:
            await self._forget(connection, digests)
        self._counted -= digests
        for digest in digests:
            self._times.pop(digest, None)
        self._left -= len(messages)

    async def _forget(self, connection: AsyncConnection, digests: Iterable[bytes]) -> None:
        for some in slices(sorted(digests)):
            await connection.execute(delete(in_hand).where(in_hand.c.server == self._server, in_hand.c.hash.in_(some)))


def _digest(message: Received) -> bytes:
    return digest_of(storable(message.topic), message.payload)
