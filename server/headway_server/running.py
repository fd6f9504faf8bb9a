"""A server that runs: what the API, the page and the timer share, and may ask for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from headway_server.cohorts.epochs import ClosedEpoch, close_epoch, open_number
from headway_server.erasure import erasures
from headway_server.erasure.erasure_journal import ErasureJournal
from headway_server.errors import EpochNotClosed, ServerError
from headway_server.ingest.ingest import Ingest
from headway_server.ingest.rate_limit import HeldBack
from headway_server.mqtt.mqtt_ingest import MqttIngest
from headway_server.packs.processes import Processes
from headway_server.publishing.offers import Offers
from headway_server.settings import ServerSettings
from headway_server.signing import Signing
from headway_server.store import audit_log
from headway_server.store.database import Database

log = structlog.get_logger(__name__)

_DAY_MS = 86_400_000
_LOOK_AGAIN_S = 600.0  # a wall clock may be set: no wait is longer than this
_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a server. mqtt: None where there is no broker, as in tests. now_ms: Unix milliseconds.

    signing: the keys that devices and whoever reads a certificate know it by. journal: of erasures, None where nobody can be
    erased.
    """

    settings: ServerSettings
    database: Database
    ingest: Ingest
    mqtt: MqttIngest | None
    now_ms: Callable[[], int]
    signing: Signing
    offers: Offers
    journal: ErasureJournal | None = None

    @property
    def processes(self) -> Processes:
        """The packs that are known."""
        return self.ingest.processes

    def held_back(self) -> list[HeldBack]:
        """The devices of which messages were held back, as far as is remembered."""
        return [] if self.mqtt is None else self.mqtt.held_back(self.now_ms())

    async def close_epoch(
        self, expected: int | None = None, *, even_if_empty: bool = False, actor: str = audit_log.TIMER
    ) -> ClosedEpoch:
        """Close the open epoch (`headway_server.cohorts.epochs.close_epoch`) and publish its benchmarks.

        What cannot be published now is when the broker is reached next.
        """
        closed = await close_epoch(
            self.database,
            self.processes,
            self.settings.k_floor,
            self.now_ms(),
            expected=expected,
            even_if_empty=even_if_empty,
            actor=actor,
        )
        if self.mqtt is not None:
            sent = await self.mqtt.publish(closed.publications)
            if sent < len(closed.publications):
                log.warning("benchmarks wait for the broker", messages=len(closed.publications) - sent)
        return closed

    def need_journal(self) -> ErasureJournal:
        """Return the journal of erasures. Raises ServerError where the settings name none."""
        if self.journal is None:
            raise ServerError(
                "nobody can be erased: with this database nobody says where erasures are remembered",
                "set erasure_journal to a file of the server's own",
            )
        return self.journal

    async def erase(self, person: str, actor: str) -> erasures.Erasure:
        """Erase a person here (`headway_server.erasure.erasures.erase`) and at the broker; devices are told when they speak."""
        done = await erasures.erase(self.database, self.need_journal(), person, self.now_ms(), actor)
        if self.mqtt is not None:
            self.mqtt.forget(done.devices)
            if await self.mqtt.clear(done.devices):
                key = self.need_journal().key
                await erasures.cleared(self.database, map(key.device, done.devices), self.now_ms())
            else:
                log.warning(
                    "the broker was not told yet", erasure=done.number, next_try="when it has a word of the device"
                )
        return done

    async def close_epochs_on_time(self, stop: asyncio.Event) -> None:
        """Close each epoch when it is settings.epoch_days old, until `stop`; at once if that was while we were away."""
        if self.settings.epoch_days == 0:
            await stop.wait()
            return
        length_ms = int(self.settings.epoch_days * _DAY_MS)
        while not stop.is_set():
            try:
                number, opened_at_ms = await open_number(self.database)
                left_s = (opened_at_ms + length_ms - self.now_ms()) / 1000
                if left_s <= 0:
                    await self.close_epoch(number, even_if_empty=True)
                    continue
            except EpochNotClosed:
                continue  # another closer was quicker: look at the next epoch
            except (SQLAlchemyError, OSError) as e:
                log.warning("epoch not closed", reason=str(e).splitlines()[0], retry_in_s=_RETRY_S)
                left_s = _RETRY_S
            try:
                async with asyncio.timeout(min(left_s, _LOOK_AGAIN_S)):
                    await stop.wait()
            except TimeoutError:
                continue
