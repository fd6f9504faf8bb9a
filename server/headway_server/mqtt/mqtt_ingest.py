"""Ingest from MQTT: receive, commit, answer, and only then let the broker forget.

A broker's PUBACK to a device is no receipt. So a message is acknowledged to the broker after its commit, and the device
gets an acknowledgement of its own; whatever is lost in between is sent again and found to be there already.
"""

import asyncio
import random
from collections.abc import Iterable

import structlog
from paho.mqtt.client import MQTTv5
from sqlalchemy.exc import SQLAlchemyError

from headway_server.ingest.crash_counter import CrashCounter
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.isolating import commit_isolating
from headway_server.ingest.rate_limit import HeldBack, RateLimit
from headway_server.ingest.receipts import Acknowledgement
from headway_server.mqtt.inbox import Inbox
from headway_server.mqtt.mqtt_link import Delivery, Link, LinkError, NoAnswer
from headway_server.mqtt.mqtt_protocol import ProtocolChoice
from headway_server.publishing.offers import Offers
from headway_server.publishing.publications import Publication, forgetting, latest_benchmarks
from headway_server.settings import ServerSettings
from headway_server.store.database import Database

log = structlog.get_logger(__name__)

_BACKOFF_FIRST_S = 0.5
_BACKOFF_MAX_S = 30.0
_HEARTBEAT_S = 20.0
_PATIENCE_S = 60.0
_ASK_EVERY_S = 30.0
_RENEW_EVERY_S = 21_600.0  # an offer lasts for at least a day and is renewed at half of that
_STOP_TRIES = 3  # of a commit that fails while the server is stopping
_PUBLISHED_AT_ONCE = 500


class MqttIngest:
    """Keeps a connection to the broker and commits what comes in.

    chance: for the jitter of reconnecting; seeded in tests. offers: published with the benchmarks; None: nobody is offered
    anything. acks_unsent: acknowledgements that could not be handed to the broker; devices ask for them by sending again.
    """

    def __init__(
        self,
        settings: ServerSettings,
        database: Database,
        ingest: Ingest,
        chance: random.Random,
        offers: Offers | None = None,
        *,
        heartbeat_s: float = _HEARTBEAT_S,
        patience_s: float = _PATIENCE_S,
        ask_every_s: float = _ASK_EVERY_S,
    ) -> None:
        self._settings = settings
        self._database = database
        self._ingest = ingest
        self._chance = chance
        self._offers = offers
        self._heartbeat_s = heartbeat_s
        self._patience_s = patience_s
        self._ask_every_s = ask_every_s
        self._protocol = ProtocolChoice(settings.broker_protocol)
        self._rate = RateLimit(settings.device_messages_per_minute, settings.device_messages_burst)
        self._crashes = CrashCounter(database, settings.broker_client_id)
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

    def held_back(self, now_ms: int) -> list[HeldBack]:
        """Return the devices that sent more than they may, since the start; the last 1000 of them. now_ms: Unix ms."""
        return self._rate.held_back(asyncio.get_running_loop().time(), now_ms)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then commit and answer what was received, and disconnect.

        That takes stop_timeout_s at most; what is not committed then is not acknowledged, and the broker keeps it. Raises
        what should never happen: a failure of the loops themselves, not of a broker or a database.
        """
        try:
            await self._crashes.start(self._ingest.now_ms())
        except (SQLAlchemyError, OSError) as e:
            log.warning("could not look how the last run ended", reason=str(e).splitlines()[0])
        connecting = asyncio.create_task(self._keep_connected(), name="broker connection")
        draining = asyncio.create_task(self._drain(), name="ingest")
        asking = asyncio.create_task(self._ask_for_gaps(), name="asking for gaps")
        renewing = asyncio.create_task(self._renew_offers(), name="renewing offers")
        stopped = asyncio.create_task(stop.wait())
        tasks = {connecting, draining, asking, renewing}
        try:
            await asyncio.wait({*tasks, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._stopping.set()
            # What the client still receives is not taken and not acknowledged: the broker keeps it for the next start.
            self._inbox.close()
            stopped.cancel()
            _, late = await asyncio.wait(tasks, timeout=self._settings.stop_timeout_s)
            if late:
                log.error("stopping in the middle of a commit; the broker keeps what is not committed",
                          after_s=self._settings.stop_timeout_s)  # fmt: skip
            for task in late:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
        try:
            async with asyncio.timeout(1):
                await self._crashes.stop()
        except (SQLAlchemyError, OSError, TimeoutError):
            log.warning("could not note that the server stops in order; the next start looks out for a reason")

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

    async def clear(self, devices: Iterable[str]) -> bool:
        """Have the broker forget what it keeps for these devices; return whether it has taken all of that. devices: addresses."""
        every = forgetting(devices)
        if self._link is None or await self.publish(every) < len(every):
            return False
        return await self._link.flush()

    def forget(self, devices: Iterable[str]) -> None:
        """Forget whether these devices sent too much."""
        self._rate.forget(devices)

    def tell(self, messages: Iterable[Acknowledgement]) -> None:
        """Publish messages that are not retained; what the broker cannot be handed now is counted, and asked for again."""
        for message in messages:
            link = self._link
            if link is None or not link.publish(message.topic, message.payload, retain=message.retain):
                self.acks_unsent += 1

    async def _keep_connected(self) -> None:
        delay_s = _BACKOFF_FIRST_S
        while not self._stopping.is_set():
            link = Link(self._settings, self._inbox, self._rate.admit, self._protocol.version)
            try:
                began_s = asyncio.get_running_loop().time()
                await link.open(self._protocol.answer_s)
                self._protocol.worked(asyncio.get_running_loop().time() - began_s)
                log.info("broker connected", host=self._settings.broker_host, port=self._settings.broker_port,
                         mqtt="5" if self._protocol.version == MQTTv5 else "3.1.1")  # fmt: skip
                delay_s = _BACKOFF_FIRST_S
                self._link = link
                reason = await self._use(link)
                self._protocol.ended()
            except NoAnswer as e:
                reason = str(e)
                if self._protocol.failed():
                    delay_s = 0  # at once, in another version of MQTT
            except LinkError as e:
                reason = str(e)
            finally:
                self._link = None
                await link.close()
            if self._stopping.is_set():
                return
            pause_s = delay_s * self._chance.uniform(0.5, 1)
            log.warning("broker not connected", reason=reason, retry_in_s=round(pause_s, 1))
            delay_s = min(2 * delay_s, _BACKOFF_MAX_S) or _BACKOFF_FIRST_S
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
        self.tell(acknowledgements)
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
                messages = [delivery.message for delivery in batch]
                acknowledgements = await commit_isolating(self._ingest, self._crashes, messages)
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

    async def _ask_for_gaps(self) -> None:
        """Ask devices for what is missing, now and then, while they can hear it."""
        while not self._stopping.is_set():
            await self._pause(self._ask_every_s)
            if not self.connected or self._stopping.is_set():
                continue
            try:
                requests = await self._ingest.resend_requests()
            except (SQLAlchemyError, OSError) as e:
                log.warning("nobody asked for what is missing", reason=str(e).splitlines()[0])
                continue
            self.tell(requests)

    async def _renew_offers(self) -> None:
        """Sign offers again before they expire, also on a connection that lasts for months."""
        while not self._stopping.is_set():
            await self._pause(_RENEW_EVERY_S)
            if self._offers is None or not self.connected or self._stopping.is_set():
                continue
            try:
                renewed = await self._offers.renew()
                if renewed:
                    await self.publish(await self._offers.messages(renewed))
            except (SQLAlchemyError, OSError) as e:
                log.warning("offers not renewed", reason=str(e).splitlines()[0], retry_in_s=_RENEW_EVERY_S)

    async def _publish_latest(self, only: list[str] | None) -> None:
        try:
            sent = await self.publish(await latest_benchmarks(self._database, self._ingest.processes, only))
            if self._offers is not None:
                sent += await self.publish(await self._offers.messages(only))
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
