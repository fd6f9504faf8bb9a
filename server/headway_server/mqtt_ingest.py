"""Ingest from MQTT: receive, commit, answer, and only then let the broker forget.

A broker's PUBACK to a device is no receipt. So a message is acknowledged to the broker after its commit, and the device
gets an acknowledgement of its own; whatever is lost in between is sent again and found to be there already.
"""

import asyncio
import random
from collections.abc import Iterable

import structlog
from sqlalchemy.exc import DataError, SQLAlchemyError

from headway_server.database import Database
from headway_server.inbox import Inbox
from headway_server.ingest import Ingest
from headway_server.mqtt_link import Delivery, Link, LinkError
from headway_server.publications import Publication, retained_messages
from headway_server.receipts import Acknowledgement
from headway_server.settings import ServerSettings

log = structlog.get_logger(__name__)

_BACKOFF_FIRST_S = 0.5
_BACKOFF_MAX_S = 30.0
_HEARTBEAT_S = 20.0
_PATIENCE_S = 60.0
_STOP_TRIES = 3  # of a commit that fails while the server is stopping
_POISON_TRIES = 3  # of one message that fails alone
_PUBLISHED_AT_ONCE = 500


class MqttIngest:
    """Keeps a connection to the broker and commits what comes in.

    chance: for the jitter of reconnecting; seeded in tests. acks_unsent: acknowledgements that could not be handed to
    the broker; devices ask for them by sending again.
    """

    def __init__(
        self,
        settings: ServerSettings,
        database: Database,
        ingest: Ingest,
        chance: random.Random,
        *,
        heartbeat_s: float = _HEARTBEAT_S,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        self._settings = settings
        self._database = database
        self._ingest = ingest
        self._chance = chance
        self._heartbeat_s = heartbeat_s
        self._patience_s = patience_s
        self._inbox: Inbox[Delivery] = Inbox(asyncio.get_running_loop(), settings.queue_max)
        self._stopping = asyncio.Event()
        self._drained = asyncio.Event()
        self._link: Link | None = None
        self.database_works = True
        self.acks_unsent = 0

    @property
    def connected(self) -> bool:
        """Whether there is a subscribed connection."""
        return self._link is not None

    @property
    def queue_depth(self) -> int:
        """Messages received and not yet committed, without the batch under way."""
        return len(self._inbox)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then commit and answer what was received, and disconnect.

        Raises what should never happen: a failure of the loops themselves, not of a broker or a database.
        """
        connecting = asyncio.create_task(self._keep_connected(), name="broker connection")
        draining = asyncio.create_task(self._drain(), name="ingest")
        stopped = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({connecting, draining, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping.set()
            # What the client still receives is not taken and not acknowledged: the broker keeps it for the next start.
            self._inbox.close()
            stopped.cancel()
            results = await asyncio.gather(draining, connecting, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def publish(self, publications: Iterable[Publication]) -> int:
        """Publish retained messages; return how many the broker was handed. The rest follows at the next connection."""
        sent = 0
        for publication in publications:
            link = self._link
            if link is None or not link.publish(publication.topic, publication.payload, retain=True):
                break
            sent += 1
            if sent % _PUBLISHED_AT_ONCE == 0:
                await link.flush()
        return sent

    async def _keep_connected(self) -> None:
        delay_s = _BACKOFF_FIRST_S
        while not self._stopping.is_set():
            link = Link(self._settings, self._inbox)
            try:
                await link.open()
                log.info("broker connected", host=self._settings.broker_host, port=self._settings.broker_port)
                delay_s = _BACKOFF_FIRST_S
                self._link = link
                reason = await self._use(link)
            except LinkError as e:
                reason = str(e)
            finally:
                self._link = None
                await link.close()
            if self._stopping.is_set():
                return
            pause_s = delay_s * self._chance.uniform(0.5, 1)
            log.warning("broker not connected", reason=reason, retry_in_s=round(pause_s, 1))
            delay_s = min(2 * delay_s, _BACKOFF_MAX_S)
            await self._pause(pause_s)

    async def _use(self, link: Link) -> str:
        await self._publish_latest(None)
        lasting = asyncio.create_task(link.lasts(self._heartbeat_s, self._patience_s))
        drained = asyncio.create_task(self._drained.wait())
        await asyncio.wait({lasting, drained}, return_when=asyncio.FIRST_COMPLETED)
        drained.cancel()
        if lasting.done():
            return lasting.result()
        lasting.cancel()
        await link.flush()
        return "stopping"

    async def _drain(self) -> None:
        wait_s = self._settings.batch_wait_ms / 1000
        try:
            while batch := await self._inbox.take(self._settings.batch_max, wait_s):
                await self._settle(batch)
        finally:
            self._drained.set()

    async def _settle(self, batch: list[Delivery]) -> None:
        acknowledgements = await self._commit(batch)
        if acknowledgements is None:
            return
        for acknowledgement in acknowledgements:
            link = self._link
            if link is None or not link.publish(acknowledgement.topic, acknowledgement.payload):
                self.acks_unsent += 1
        for delivery in batch:
            # On another connection the same packet id may stand for another message.
            if delivery.link is self._link:
                delivery.link.acknowledge(delivery)
        births = self._ingest.take_births()
        if births:
            await self._publish_latest(births)

    async def _commit(self, batch: list[Delivery]) -> list[Acknowledgement] | None:
        """Commit until it works. None: the server stops and the database does not work; the broker keeps the messages."""
        delay_s = _BACKOFF_FIRST_S
        failures_stopping = 0
        while True:
            try:
                acknowledgements = await self._commit_isolating(batch)
            except (SQLAlchemyError, OSError) as e:
                self.database_works = False
                failures_stopping += self._stopping.is_set()
                if failures_stopping >= _STOP_TRIES:
                    log.error("stopping with messages uncommitted; the broker keeps them", messages=len(batch))
                    return None
                log.warning("commit failed", messages=len(batch), reason=str(e).splitlines()[0], retry_in_s=delay_s)
                await self._pause(delay_s * self._chance.uniform(0.5, 1))
                delay_s = min(2 * delay_s, _BACKOFF_MAX_S)
            else:
                self.database_works = True
                return acknowledgements

    async def _commit_isolating(self, batch: list[Delivery]) -> list[Acknowledgement]:
        """Commit; should content (not the database's state) make it fail, find the message and put it aside."""
        for attempt in range(1, _POISON_TRIES + 1):
            try:
                return await self._ingest.commit([delivery.message for delivery in batch])
            except DataError as e:
                error: Exception = e
            except (SQLAlchemyError, OSError):
                raise
            except Exception as e:  # noqa: BLE001 - a bug that one message brings out must not stop the others
                error = e
            if len(batch) > 1:
                middle = len(batch) // 2
                first = await self._commit_isolating(batch[:middle])
                return first + await self._commit_isolating(batch[middle:])
            log.error("a message makes the commit fail", topic=batch[0].message.topic, attempt=attempt, exc_info=error)
        await self._ingest.bury(batch[0].message, f"makes the commit fail: {type(error).__name__}")
        return []

    async def _publish_latest(self, only: list[str] | None) -> None:
        try:
            sent = await self.publish(await retained_messages(self._database, self._ingest.processes, only))
        except (SQLAlchemyError, OSError) as e:
            log.warning(
                "benchmarks and offers not published", reason=str(e).splitlines()[0], next_try="the next connection"
            )
        else:
            if sent:
                log.info("benchmarks and offers published", messages=sent)

    async def _pause(self, seconds: float) -> None:
        """Sleep, but wake up early to stop."""
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return
        await asyncio.sleep(min(seconds, 0.05))
