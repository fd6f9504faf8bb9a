"""The people who run the server in a simulation: they offer packs to devices, and erase who asks for it.

What the server refuses for want of a database, or dies of, they try again until it is done.
"""

from collections.abc import Awaitable, Callable

from sqlalchemy.exc import SQLAlchemyError

from headway_server.erasure import erasures
from headway_server.publishing.offers import OfferRefused
from headway_simulators.chaos.books import Books
from headway_simulators.chaos.journal import Journal
from headway_simulators.chaos.people import OFFERED, process_of
from headway_simulators.chaos.sim_death import Death, KilledError
from headway_simulators.chaos.sim_keys import address
from headway_simulators.chaos.sim_server import SimServer
from headway_simulators.chaos.timeline import MINUTE_MS, Timeline

_AGAIN_MS = 20 * MINUTE_MS

Work = Callable[[], Awaitable[None]]


class SimOperator:
    """They of one server. `waits_for`: what they asked for and has not been done."""

    def __init__(self, timeline: Timeline, journal: Journal, books: Books, server: SimServer) -> None:
        self._timeline, self._journal, self._books, self._server = timeline, journal, books, server
        self.waits_for: list[str] = []

    async def offer(self, device: str, number: int) -> None:
        """Offer a device the pack of a number in `people.OFFERED`."""
        pack = OFFERED[number]

        async def work() -> None:
            try:
                messages = await self._server.offers.offer(address(device), process_of(pack).id)
            except OfferRefused:
                self._journal.count("operator", "was refused to offer a pack that the device cannot run")
                return
            if messages is not None:
                self._books.of(device).offered.add(process_of(pack).id)
                self._server.publish(messages)
                self._journal.count("operator", "offered a pack")

        await self._until_done(f"offer {pack} to {device}", work, None)

    async def erase(self, device: str, death: Death | None) -> None:
        """Erase the person of a device. death: of the server, amid it."""
        server = self._server

        async def work() -> None:
            try:
                done = await erasures.erase(
                    server.parts[0], server.erasures, address(device), server.unix_ms(), "operator"
                )
            except erasures.NothingToErase:
                self._journal.count("operator", "found nothing to erase")
                return
            self._books.of(device).to_be_wiped = True
            self._journal.count("operator", "erased a person")
            if server.clear(done.devices):
                await erasures.cleared(server.parts[0], map(server.erasures.key.device, done.devices), server.unix_ms())

        await self._until_done(f"erase {device}", work, death)

    async def _until_done(self, what: str, work: Work, death: Death | None) -> None:
        if what in self.waits_for:
            return
        self.waits_for.append(what)
        await self._try(what, work, death)

    async def _try(self, what: str, work: Work, death: Death | None) -> None:
        server = self._server
        if server.is_up:
            server.dies_in(death)
            try:
                await work()
            except KilledError:
                assert death is not None  # noqa: S101 - nothing else raises it
                self._journal.count("operator", "saw the server killed amid it")
                await server.killed(death)
            except (SQLAlchemyError, OSError):
                self._journal.count("operator", "was told that it failed")
            else:
                self._journal.note(self._timeline.now_ms, "operator", what)
                self.waits_for.remove(what)
                return
            finally:
                server.dies_in(None)
        self._timeline.after(_AGAIN_MS, lambda: self._try(what, work, None))
