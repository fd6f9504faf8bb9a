"""A server that runs: what the API, the page and the timer share, and may ask for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.exc import SQLAlchemyError

from headway_server.database import Database
from headway_server.epochs import ClosedEpoch, close_epoch, open_number
from headway_server.errors import EpochNotClosed
from headway_server.ingest import Ingest
from headway_server.mqtt_ingest import MqttIngest
from headway_server.processes import Processes
from headway_server.rate_limit import HeldBack
from headway_server.settings import ServerSettings

log = structlog.get_logger(__name__)

_DAY_MS = 86_400_000
_LOOK_AGAIN_S = 600.0  # a wall clock may be set: no wait is longer than this
_RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a server. mqtt: None where there is no broker, as in tests. now_ms: Unix milliseconds."""

    settings: ServerSettings
    database: Database
    ingest: Ingest
    mqtt: MqttIngest | None
    now_ms: Callable[[], int]

    @property
    def processes(self) -> Processes:
        """The packs that are known."""
        return self.ingest.processes

    def held_back(self) -> list[HeldBack]:
        """The devices of which messages were held back, as far as is remembered."""
        return [] if self.mqtt is None else self.mqtt.held_back(self.now_ms())

    async def close_epoch(self, expected: int | None = None, *, even_if_empty: bool = False) -> ClosedEpoch:
        """Close the open epoch (`headway_server.epochs.close_epoch`) and publish its benchmarks.

        What cannot be published now is when the broker is reached next.
        """
        closed = await close_epoch(
            self.database,
            self.processes,
            self.settings.k_floor,
            self.now_ms(),
            expected=expected,
            even_if_empty=even_if_empty,
        )
        if self.mqtt is not None:
            sent = await self.mqtt.publish(closed.publications)
            if sent < len(closed.publications):
                log.warning("benchmarks wait for the broker", messages=len(closed.publications) - sent)
        return closed

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
