"""The server in a simulation: the real ingest on a real SQLite file, between a simulated broker and a simulated clock.

It does what `mqtt_ingest` of the server does: collects what comes, commits it, publishes the acknowledgements, and only then
lets the broker forget; and it is killed at each point in between.
"""

import asyncio
import random
import sqlite3
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from headway_protocol import state, topics
from headway_protocol.errors import DecodeError
from headway_server.backups.backup import back_up
from headway_server.backups.restore import restore
from headway_server.cohorts.epochs import close_epoch
from headway_server.erasure import erasures
from headway_server.erasure.erasure_journal import journal_path
from headway_server.errors import EpochNotClosed
from headway_server.ingest.arrival import Received
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.receipts import Acknowledgement
from headway_server.ingest.tombstones import Tombstones
from headway_server.packs.processes import Processes
from headway_server.publishing.offers import Offers
from headway_server.publishing.publications import Publication, forgetting, latest_benchmarks
from headway_server.store.database import Database
from headway_simulators.chaos.books import CRASHED, Books
from headway_simulators.chaos.faults import AMID_ACKS, BEFORE_ACKS, BEFORE_COMMIT, IN_COMMIT
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.sim_broker import SimBroker
from headway_simulators.chaos.sim_death import Death, DyingJournal, KilledError
from headway_simulators.chaos.sim_keys import ERASURE_KEY, SIGNING
from headway_simulators.chaos.timeline import MINUTE_MS, SECOND_MS, START_MS, Timeline
from headway_simulators.chaos.witness import Witness

BATCH_MAX = 500
_BATCH_WAIT_MS = 25 * SECOND_MS  # in which one burst of a simulated fleet arrives; devices look each half minute
_GOODBYE_WAIT_MS = 2 * MINUTE_MS  # nobody waits for an answer to it
_RETRY_MS = 30 * SECOND_MS
_RETRY_MAX_MS = 60 * MINUTE_MS  # a real server goes on every half minute, and reads the same messages every time
_ASK_MS = 30 * SECOND_MS
_ASKING_MS = 3 * MINUTE_MS  # after the last message: then devices sleep
_K_FLOOR = 10
_OFFER_DAYS = 30
_KILLED = (
    "killed before a commit",
    "killed in a commit",
    "killed before acknowledgements",
    "killed amid acknowledgements",
)
NAME = "server"


class SimServer:
    """One server. folder: of its database and the copies of it; the database is there already, with its packs.

    `busy`: every commit fails. `is_up`: whether the process runs. `offers`, `erasures`: of the process that ran last.
    """

    def __init__(self, timeline: Timeline, journal: Journal, books: Books, broker: SimBroker, folder: Path) -> None:
        self._timeline, self._journal, self._books, self._broker = timeline, journal, books, broker
        self.path = folder / "headway.db"
        self.witness = Witness(self.path, books)
        self._url = f"sqlite+aiosqlite:///{self.path}"
        self._copies = folder
        self._journal_path = journal_path(self._url, None) or folder
        self._journal_path.with_name(f"{self._journal_path.name}.key").write_text(ERASURE_KEY.hex(), "ascii")
        self._database: Database
        self._ingest: Ingest
        self.offers: Offers
        self.erasures: DyingJournal
        self._inbox: list[tuple[int, Received]] = []
        self._tick_at_ms: int | None = None
        self._death: Death | None = None
        self._connected = False
        self._ask_planned = False
        self._ask_until_ms = 0
        self._statements = 0
        self._dies_at = 0  # which statement of a commit is the last
        self._retry_ms = _RETRY_MS
        self.busy = False
        self.is_up = False
        self.wanted_down = 0  # faults that keep it away

    # --- life ---------------------------------------------------------------------------------------------------

    def unix_ms(self) -> int:
        """Its clock, which is right."""
        return START_MS + self._timeline.now_ms

    async def start(self) -> None:
        """Start the process, unless it runs or is to be away."""
        if self.is_up or self.wanted_down:
            return
        if self.busy:  # it says so and ends, and whatever watches over it starts it again
            self._timeline.after(_RETRY_MS, self.start)
            return
        self._database = await Database.open(self._url, self.unix_ms)
        listen = event.listens_for(self._database._writer.sync_engine, "before_cursor_execute")
        listen(self._count_statement)
        processes = await Processes.open(self._database, self.unix_ms())
        self.erasures = DyingJournal(self._journal_path)
        again = await erasures.replay(self._database, self.erasures, self.unix_ms())
        if again:
            self._journal.count("server", "erased again what came back", again)
        self.offers = Offers(self._database, processes, SIGNING, self.unix_ms, _OFFER_DAYS)
        self._ingest = Ingest(self._database, self.unix_ms, processes, Tombstones(self.erasures, SIGNING))
        await self._ingest.read_parked()
        await self._ingest.date_boots()
        self.is_up = True
        self._journal.note(self._timeline.now_ms, NAME, "started")
        await self.connect()

    async def stop(self, how: str) -> None:
        """End the process, whatever it was doing: what is in its memory is gone."""
        if not self.is_up:
            return
        self.is_up = self._connected = False
        self._inbox.clear()
        self._broker.disconnect_server()
        self.witness.close()
        await self._database.close()
        self._journal.note(self._timeline.now_ms, NAME, how)

    async def connect(self) -> None:
        """Connect to the broker, now or when it is there."""
        if not self.is_up or self._connected:
            return
        self._connected = self._broker.connect_server(self)
        if not self._connected:
            self._timeline.after(_RETRY_MS, self.connect)
            return
        self.publish(await latest_benchmarks(self._database, self._ingest.processes))
        self.publish(await self.offers.messages())

    def broken(self) -> None:
        """The broker is gone; what it gave is given again."""
        self._connected = False
        self._inbox.clear()
        self._timeline.after(SECOND_MS, self.connect)

    def die_at(self, stage: int, statement: int, back_ms: int) -> None:
        """Be killed in the next commit, at a stage of `faults`, and be back after `back_ms`."""
        self._death = Death(stage, statement, back_ms)

    def dies_in(self, death: Death | None) -> None:
        """Let an operator's transaction, the next or the one that is on, end in a death; None: it does not."""
        self._statements = 0
        self._dies_at = death.statement if death is not None and death.stage == IN_COMMIT else 0
        self.erasures.death = death

    # --- messages -----------------------------------------------------------------------------------------------

    def receive(self, number: int, message: Received) -> None:
        """A message came."""
        self._inbox.append((number, message))
        if self._tick_at_ms is None or self._retry_ms == _RETRY_MS:  # else it waits for its database, longer and longer
            self._plan_tick(_GOODBYE_WAIT_MS if _is_goodbye(message) else _BATCH_WAIT_MS)

    def _plan_tick(self, wait_ms: int) -> None:
        at_ms = self._timeline.now_ms + wait_ms
        if self._tick_at_ms is None or at_ms < self._tick_at_ms:
            self._tick_at_ms = at_ms
            self._timeline.at(at_ms, partial(self._tick, at_ms))

    async def _tick(self, at_ms: int) -> None:
        if at_ms != self._tick_at_ms:
            return
        self._tick_at_ms = None
        if not self.is_up or not self._inbox:
            return
        batch = self._inbox[:BATCH_MAX]
        acknowledgements = await self._commit(batch)
        if acknowledgements is None:
            return
        del self._inbox[: len(batch)]
        self._answer(batch, acknowledgements)
        births = self._ingest.take_births()
        if births:
            self.publish(await latest_benchmarks(self._database, self._ingest.processes, births))
            self.publish(await self.offers.messages(births))
        self._ask_until_ms = self._timeline.now_ms + _ASKING_MS
        if not self._ask_planned:
            await self._keep_asking()
        if self._inbox:
            self._plan_tick(SECOND_MS)

    async def _commit(self, batch: list[tuple[int, Received]]) -> list[Acknowledgement] | None:
        """Commit; None where it failed, or the process is gone."""
        death, self._death = self._death, None
        if death is not None and death.stage == BEFORE_COMMIT:
            await self.killed(death)
            return None
        self._statements = 0
        self._dies_at = death.statement if death is not None and death.stage == IN_COMMIT else 0
        try:
            acknowledgements = await self._ingest.commit([message for _, message in batch])
        except KilledError:
            assert death is not None  # noqa: S101 - nothing else raises it
            await self.killed(death)
            return None
        except (SQLAlchemyError, OSError) as error:
            if not self.busy:
                self._books.violated(CRASHED, NAME, f"{type(error).__name__}: {error}"[:500])
            self._journal.note(self._timeline.now_ms, NAME, "commit failed")
            self._journal.count("server", "could not commit")
            self._plan_tick(self._retry_ms)
            self._retry_ms = min(2 * self._retry_ms, _RETRY_MAX_MS)
            return None
        finally:
            self._dies_at = 0
        self._retry_ms = _RETRY_MS
        self._journal.note(self._timeline.now_ms, NAME, "committed", len(batch))
        self._journal.count("server", "committed a batch")
        self.witness.check(acknowledgements)
        if death is not None and death.stage in {BEFORE_ACKS, AMID_ACKS}:
            if death.stage == AMID_ACKS:
                self._answer([], acknowledgements[: len(acknowledgements) // 2])
            await self.killed(death)
            return None
        return acknowledgements

    def _count_statement(self, _connection: Any, _cursor: Any, _sql: str, *_rest: Any) -> None:
        if self.busy:
            raise OperationalError("simulated", {}, sqlite3.OperationalError("database or disk is full"))
        self._statements += 1
        if self._statements == self._dies_at:
            raise KilledError

    async def killed(self, death: Death) -> None:
        """End the process as `kill -9` does."""
        self._journal.count("server", _KILLED[death.stage])
        await self.stop("killed")
        self._timeline.after(death.back_ms, self.start)

    def _answer(self, batch: list[tuple[int, Received]], acknowledgements: list[Acknowledgement]) -> None:
        for acknowledgement in acknowledgements:
            topic, payload = acknowledgement.topic, acknowledgement.payload
            self._broker.publish_to_device(topic, payload, retain=acknowledgement.retain)
        for number, _ in batch:
            self._broker.acknowledge(number)

    async def _keep_asking(self) -> None:
        # Every half minute, as long as something is missing and devices are there to be asked.
        self._ask_planned = False
        await self.ask()
        soon = self._ask_until_ms - self._timeline.now_ms
        if soon > 0 and self.is_up and self._has_to_ask(within_ms=soon):
            self._ask_planned = True
            self._timeline.after(_ASK_MS, self._keep_asking)

    def publish(self, publications: Iterable[Publication]) -> None:
        """Publish what the broker is to keep for devices, if it is there; else it follows at the next connection."""
        if self._connected:
            for publication in publications:
                self._broker.publish_to_device(publication.topic, publication.payload, retain=True)

    def clear(self, addresses: Iterable[str]) -> bool:
        """Have the broker forget what it keeps for these devices; False: it is not there."""
        self.publish(forgetting(addresses))
        return self._connected

    async def ask(self) -> None:
        """Ask the devices for what is missing."""
        if self.is_up and self._connected and not self.busy and self._has_to_ask():
            for request in await self._ingest.resend_requests():
                self._journal.count("server", "asked a device to send again")
                self._broker.publish_to_device(request.topic, request.payload)

    def _has_to_ask(self, within_ms: int = 0) -> bool:
        # Most of the time nothing is missing, and looking for it through the server's own code would cost much.
        return self.witness.lacks_something(self.unix_ms() + within_ms)

    async def close_epoch(self) -> None:
        """Close the open epoch and publish its benchmarks."""
        if not self.is_up or self.busy:
            return
        try:
            chance = random.Random(f"close/{self._timeline.now_ms}")  # noqa: S311 - a simulation's dice
            closed = await close_epoch(self._database, self._ingest.processes, _K_FLOOR, self.unix_ms(), chance=chance)
        except EpochNotClosed:
            return
        self._journal.note(self._timeline.now_ms, NAME, "closed epoch", closed.number)
        self._journal.count("server", "closed an epoch")
        self.publish(closed.publications)

    # --- backups ------------------------------------------------------------------------------------------------

    def back_up(self, name: str) -> None:
        """Copy the database, as an operator does while the server runs."""
        back_up(self._url, self._copies / name, self.unix_ms())

    async def restore(self, name: str) -> None:
        """Put a copy in the database's place, as an operator does after stopping the server."""
        await self.stop("stopped")
        # It has an event loop of its own, so it gets a thread of its own; nothing else happens meanwhile.
        await asyncio.to_thread(restore, self._copies / name, self._url, self.unix_ms(), force=True)
        self.witness.database_was_restored()
        self._journal.note(self._timeline.now_ms, NAME, "restored", name)
        self._journal.count("server", "restored")

    @property
    def parts(self) -> tuple[Database, Processes]:
        """The open database and the packs of a server that is up."""
        return self._database, self._ingest.processes


def _is_goodbye(message: Received) -> bool:
    if not message.topic.endswith(topics.STATE):
        return False
    try:
        return not state.decode(message.payload)[1]
    except DecodeError:
        return False
