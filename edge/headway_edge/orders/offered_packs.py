"""Which pack a device runs: one that its server offered and it took, on trial at first, or that of its settings.

What is offered has passed the gate (`offer_book`) and is kept until no trip is open; then it takes over (`pack_trial`).
"""

import structlog

from headway_edge.clock import Clock
from headway_edge.core.process import Process
from headway_edge.orders.offer_book import OfferBook
from headway_edge.orders.pack_trial import OFFERED, PACK, PackTrial
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.packs import of_offer
from headway_edge.store.outbox import Outbox
from headway_edge.watcher import Watcher
from headway_protocol.errors import DecodeError

log = structlog.get_logger("headway.agent")


class OfferedPacks:
    """Of one device. keys, recorded: as in `OfferBook`. vehicle_class, period_ms: what a pack has to know.

    has_link: without one nobody can acknowledge anything, so no pack is given back. `running`: what an offer had in it that was
    taken earlier, None for the process of the settings. `offered`: what is to run from the next trip on.
    """

    def __init__(
        self,
        outbox: Outbox,
        keys: ServerKeys | None,
        clock: Clock,
        recorded: bool,
        vehicle_class: str,
        period_ms: int,
        has_link: bool,
    ) -> None:
        self._outbox = outbox
        self._vehicle_class, self._period_ms = vehicle_class, period_ms
        self._book = OfferBook(outbox, keys, clock, recorded)
        self.trial = PackTrial(outbox)
        if has_link:
            self.trial.start()
        self.running = self._stored(PACK)
        self.offered = self._stored(OFFERED)

    def hear(self, data: bytes, runs: Process) -> None:
        """Take an offer, or refuse it, counted and told. runs: what is computed now."""
        try:
            nothing_held = not (self.running or self.offered or self.trial.given_back)
            body = self._book.opened(data, nothing_held=nothing_held)
        except DecodeError:
            return
        if body is None:
            return
        try:
            offered = self._checked(body)
        except (DecodeError, ValueError, KeyError, TypeError) as error:
            self._book.unfit(str(error))
            return
        is_other = offered.id != runs.id
        # The pack that runs: what was offered before is taken back before it was used.
        self._book.take({OFFERED: body if is_other else None})
        self.offered = offered if is_other else None
        if is_other:
            log.info("agent.pack_accepted", pack=offered.name, version=offered.version, starts="with the next trip")

    def take_over(self, state: dict[str, bytes | None]) -> Process | None:
        """Have what is offered run from now on, on disk with `state`; return it, None for nothing, or while the disk refuses.

        On disk before the pack is put to work, which may be the end of this process.
        """
        if self.offered is None or not self.trial.begin(self._book.version, state):
            return None
        self.running, self.offered = self.offered, None
        return self.running

    @property
    def refused(self) -> int:
        """How many offers this device did not take since the start."""
        return self._book.refused

    @property
    def cause(self) -> str:
        """Why the newest offer does not run; empty if it does, or will."""
        return self._book.cause or self.trial.given_back

    @property
    def next_step(self) -> str:
        """What to do about `cause`."""
        return self._book.next_step or ("offer a mended pack" if self.trial.given_back else "")

    def _checked(self, body: bytes) -> Process:
        # Nobody is trusted: the pack is checked as if no server had, and must know this device's class and period.
        offered = of_offer(body)
        Watcher(offered, self._vehicle_class, self._period_ms)
        return offered

    def _stored(self, key: str) -> Process | None:
        body = self._outbox.load(key)
        try:
            return None if body is None else self._checked(body)
        except (DecodeError, ValueError, KeyError, TypeError) as error:
            log.error("agent.pack_refused", cause=str(error), next_step="offer this device another pack")
            return None
