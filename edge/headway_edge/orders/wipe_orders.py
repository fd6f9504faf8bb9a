"""The server's orders to wipe this device: which of them is obeyed, and what is said of it afterwards.

An order is signed, for this device, and newer than the last one that was carried out (`headway_protocol.wipe`). What a
wipe leaves is what makes the device run: its packs and what it knows of offers, the time its clock was last right, and
which order it was.
"""

import sqlite3
from collections.abc import Mapping

import structlog

from headway_edge.clock import Clock
from headway_edge.orders import offer_book, pack_trial
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.store.outbox import Outbox
from headway_edge.wall_time import SYNCED_MS
from headway_protocol import cbor, code_texts, signed, wipe
from headway_protocol.errors import DecodeError
from headway_protocol.order_codes import NOT_NEWER

log = structlog.get_logger("headway.agent")

KEY = "wiped"  # in the outbox's state: [version of the order carried out last, boot that began with it]
KEPT = frozenset(
    (
        *(pack_trial.PACK, pack_trial.BEFORE, pack_trial.TRIAL, pack_trial.GIVEN_BACK, pack_trial.OFFERED),
        *(offer_book.VERSIONS, offer_book.LAST, SYNCED_MS),
    )
)


_SCRUB_AGAIN_MS = 60_000
_SAY_AGAIN_MS = 3_600_000


class WipeOrders:
    """Of one device. keys: of its server, None: none, so that every order is refused."""

    def __init__(self, outbox: Outbox, keys: ServerKeys | None, clock: Clock) -> None:
        self._outbox, self._clock = outbox, clock
        self._keys = keys or ServerKeys("")
        self._due_version = 0
        self._said_ms: int | None = None  # when the server was last told what it asks for again
        self._scrub_at_ms: int | None = None if outbox.is_scrubbed else 0  # None: nothing is left to be scrubbed

    @property
    def due(self) -> bool:
        """Whether an order is to be carried out, before anything else is done."""
        return self._due_version > 0

    @property
    def last(self) -> tuple[int, int]:
        """(version, boot that began with it) of the order carried out last; (0, 0): none was."""
        data = self._outbox.load(KEY)
        try:
            found = [0, 0] if data is None else cbor.decode(data)
            return int(found[0]), int(found[1])  # type: ignore[index]
        except (DecodeError, ValueError, TypeError, IndexError):
            return 0, 0

    @property
    def told(self) -> tuple[int, int] | None:
        """What birth records say: `last`, once no old byte is left; None before that, and where none was carried out."""
        return self.last if self.last[0] and self._outbox.is_scrubbed else None

    def hear(self, data: bytes) -> bool:
        """Take an order; return whether the server is to be told that it was carried out already, once an hour at most.

        Raises DecodeError, told, for one that is not genuine, or older than the last.
        """
        try:
            version = self._opened(data)
        except DecodeError as error:
            name, cause, next_step = code_texts.explain(error.code)
            log.error("agent.order_refused", reason=f"{name}: {error}", cause=cause, next_step=next_step)
            raise
        if version > self.last[0]:
            self._due_version = version
            return False
        now_ms = self._clock.mono_ms()
        if self.told is None or (self._said_ms is not None and now_ms - self._said_ms <= _SAY_AGAIN_MS):
            return False
        self._said_ms = now_ms
        return True

    def carry_out(self, state: Mapping[str, bytes]) -> bool:
        """Wipe the store, and begin a boot; return False where the disk refuses. state: stored with that."""
        order = {KEY: cbor.encode([self._due_version, self._outbox.boot + 1])}
        try:
            self._outbox.wipe(KEPT, {**order, **state})
        except (sqlite3.Error, MemoryError) as error:
            log.error("agent.not_wiped", error=str(error), next_step="none yet: it is tried again; check the disk")
            return False
        log.warning("agent.wiped", order=self._due_version, boot=self._outbox.boot)
        self._due_version = 0
        self._said_ms = self._clock.mono_ms()  # the same order may come a few times more
        self._scrub_at_ms = 0
        return True

    def scrub(self, now_ms: int) -> bool:
        """Take the old bytes that a wipe left out of the files, if it is time; return whether the last are gone now.

        now_ms: monotonic, of real time.
        """
        if self._scrub_at_ms is None or now_ms < self._scrub_at_ms:
            return False
        is_done = self._outbox.scrub()
        self._scrub_at_ms = None if is_done else now_ms + _SCRUB_AGAIN_MS
        return is_done

    def _opened(self, data: bytes) -> int:
        _, version, _, _ = self._keys.opened(data, wipe.WIPE_BYTES_MAX, signed.WIPE)
        if version < self.last[0]:
            raise DecodeError(NOT_NEWER, f"order {version}; {self.last[0]} was carried out")
        return version
