"""What this device was offered, and why it did not take it: the gate that every offer of a pack goes through.

An offer is signed, for this device, newer than all before, and not too late (`server_keys`, `freshness`). It is retained at the
broker and comes at each connection: the very same one again is passed over in silence, whatever became of it, unless the store
has lost it.
"""

import hashlib
import sqlite3
from collections.abc import Mapping

import structlog

from headway_edge.clock import Clock
from headway_edge.orders.freshness import Freshness
from headway_edge.orders.pack_trial import BEFORE, GIVEN_BACK, OFFERED, PACK, STARTS_MAX, TRIAL
from headway_edge.orders.server_keys import ServerKeys
from headway_edge.store.outbox import Outbox
from headway_edge.wall_time import SYNCED_MS, floor_of
from headway_protocol import code_texts, pack_offer, signed
from headway_protocol.codes import IMPLAUSIBLE
from headway_protocol.errors import DecodeError
from headway_protocol.order_codes import EXPIRED, FORGED, NOT_FOR_YOU, NOT_NEWER
from headway_protocol.record import SYNCED

log = structlog.get_logger("headway.agent")

VERSIONS = "offer_versions"  # in the outbox's state: as `freshness` writes it
LAST = "offer_last"  # the version taken last in decimal, a space, SHA-256 of its statement in hexadecimal
REFUSED = "offer_refused"  # why the newest offer was not taken, a line feed, the next step; in UTF-8
LOOKED_AT = "offer_looked_at"  # how often an offer was looked at and nothing came of it, a space, its digest as in LAST
UNFIT = "it was signed, and this device cannot run it"
# What of the outbox's state is about packs, and nothing of it about the person.
STATE_KEYS = (PACK, OFFERED, BEFORE, TRIAL, GIVEN_BACK, VERSIONS, LAST, REFUSED, LOOKED_AT)
_OWN_CODES = (FORGED, NOT_FOR_YOU, NOT_NEWER, EXPIRED)
_OTHER_STEP = "look who publishes on this device's topics, and at the server's clock; then offer a pack again"
_UNFIT_STEP = "offer this device another pack"
_TOLD_MAX = 20  # different refusals that are logged and written down in one boot


class OfferBook:
    """keys: None holds none. recorded: the clock is a recording's, and says nothing of today.

    `refused` counts offers that were not taken; `cause` and `next_step` are of the newest offer, empty if it was taken.
    """

    def __init__(self, outbox: Outbox, keys: ServerKeys | None, clock: Clock, recorded: bool) -> None:
        self._outbox, self._clock, self._recorded = outbox, clock, recorded
        self._keys = keys or ServerKeys("")
        self._opened: tuple[bytes, int, str] | None = None  # key id, version, digest of the statement
        self._told: set[str] = set()
        self.refused = 0
        self.cause = self.next_step = ""

    def _freshness(self) -> Freshness:
        # From the store each time: what a disk did not take was not taken.
        return Freshness(self._outbox.load(VERSIONS), self._keys.ids)

    @property
    def version(self) -> int:
        """Of the offer taken last; 0: none was, or nobody knows."""
        return self._last()[0]

    def opened(self, data: bytes, *, nothing_held: bool) -> bytes | None:
        """Return what an offer has in it, as `headway_protocol.pack_offer`; None for one that came before.

        nothing_held: no pack that was taken is there, nor was one given back; the one taken last is then taken again.
        Raises DecodeError, counted and told, for what is not to be taken.
        """
        try:
            size_max = pack_offer.OFFER_BYTES_MAX
            digest = _digest(data, size_max)
            if digest and digest == self._last()[1] and not nothing_held:
                self._forget_refusal()
                return None  # whoever sent it: nothing comes of it
            key_id, version, not_after_s, body = self._keys.opened(data, size_max, signed.OFFER)
            freshness = self._freshness()
            if not (nothing_held and version == freshness.version):
                freshness.check(version, not_after_s, *self._known())
                self._look(digest)
        except DecodeError as error:
            name, cause, next_step = code_texts.explain(error.code)
            # What the other codes advise is about records.
            self._refuse(f"{name}: {error}", cause, next_step if error.code in _OWN_CODES else _OTHER_STEP)
            raise
        self._opened = key_id, version, digest
        return body

    def unfit(self, reason: str) -> None:
        """The offer opened last cannot be run; the same one is looked at again when it comes again."""
        self._outbox.save_all({LOOKED_AT: None})
        self._refuse(reason, UNFIT, _UNFIT_STEP)

    def take(self, state: Mapping[str, bytes | None]) -> None:
        """The offer opened last is taken; `state` is stored in the same transaction. Raises sqlite3.Error: then it is not."""
        assert self._opened is not None  # noqa: S101 - who takes an offer has opened it
        key_id, version, digest = self._opened
        versions, last = self._freshness().taken(key_id, version), f"{version} {digest}".encode()
        new = {VERSIONS: versions, LAST: last, REFUSED: None, LOOKED_AT: None, **state}
        if any(self._outbox.load(key) != value for key, value in new.items()):
            self._outbox.save_all(new)
        self.cause = self.next_step = ""

    def _forget_refusal(self) -> None:
        self.cause = self.next_step = ""
        if self._outbox.load(REFUSED) is not None:
            self._outbox.save_all({REFUSED: None})

    def _look(self, digest: str) -> None:
        # On disk before the pack is looked at: it comes at each connection, and may be what ends the agent each time.
        number, _, before = (self._outbox.load(LOOKED_AT) or b"").decode(errors="replace").partition(" ")
        times = int(number) if before == digest and number.isdecimal() else 0
        if times >= STARTS_MAX:
            raise DecodeError(IMPLAUSIBLE, f"this agent ended {times} times while it looked at it")
        self._outbox.save(LOOKED_AT, f"{times + 1} {digest}".encode())

    def _refuse(self, reason: str, cause: str, next_step: str) -> None:
        self.refused += 1
        self.cause, self.next_step = reason, next_step
        if reason in self._told or len(self._told) >= _TOLD_MAX:
            return
        self._told.add(reason)
        log.error("agent.pack_refused", reason=reason, cause=cause, next_step=next_step)
        try:
            self._outbox.save(REFUSED, f"{reason}; {cause}\n{next_step}".encode())
        except sqlite3.Error as error:
            log.error("agent.store_failed", error=str(error), next_step="free space on the device's disk")

    def _last(self) -> tuple[int, str]:
        version, _, digest = (self._outbox.load(LAST) or b"").decode(errors="replace").partition(" ")
        return (int(version), digest) if version.isdecimal() else (0, "")

    def _known(self) -> tuple[int, bool]:
        # A Unix time that has surely passed, and whether it is of a clock that somebody keeps.
        if self._recorded:
            return 0, False
        wall_ms, quality = self._clock.wall()
        if wall_ms is not None and quality == SYNCED:
            return wall_ms // 1000, True
        return floor_of(self._outbox.load(SYNCED_MS)) // 1000, False


def _digest(data: bytes, size_max: int) -> str:
    # Of the statement, the same whoever signed it; empty for what is no envelope.
    try:
        return hashlib.sha256(signed.parts(data, size_max)[2]).hexdigest()
    except DecodeError:
        return ""
