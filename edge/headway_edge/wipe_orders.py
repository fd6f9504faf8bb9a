"""The server's orders to wipe this device: which of them is obeyed, and what is said of it afterwards.

An order is signed, for this device, and newer than the last one that was carried out (`headway_protocol.wipe`). What a
wipe leaves is what makes the device run: its packs and what it knows of offers, the time its clock was last right, and
which order it was.
"""

import structlog

from headway_edge import offer_book, pack_trial
from headway_edge.server_keys import ServerKeys
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


class WipeOrders:
    """Of one device. keys: of its server, None: none, so that every order is refused."""

    def __init__(self, outbox: Outbox, keys: ServerKeys | None) -> None:
        self._outbox = outbox
        self._keys = keys or ServerKeys("")

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

    def state_of(self, version: int) -> dict[str, bytes]:
        """Return what is to be stored with the wipe that this order asks for."""
        return {KEY: cbor.encode([version, self._outbox.boot + 1])}

    def heard(self, data: bytes) -> int:
        """Return the version of an order. Raises DecodeError for one that is not genuine, or older than the last."""
        try:
            return self._opened(data)
        except DecodeError as error:
            name, cause, next_step = code_texts.explain(error.code)
            log.error("agent.order_refused", reason=f"{name}: {error}", cause=cause, next_step=next_step)
            raise

    def _opened(self, data: bytes) -> int:
        _, version, _, _ = self._keys.opened(data, wipe.WIPE_BYTES_MAX, signed.WIPE)
        if version < self.last[0]:
            raise DecodeError(NOT_NEWER, f"order {version}; {self.last[0]} was carried out")
        return version
