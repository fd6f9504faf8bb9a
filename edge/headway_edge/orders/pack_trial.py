"""A pack that was just taken is on trial, and the one before it is kept: a device that cannot go on with the new one goes back.

It is confirmed by a record made under it that the server acknowledged, or by a trip under it that is stored. An agent that starts
STARTS_MAX times in a row without either cannot get so far with it: then the pack before runs again, and the offer is not taken
again, only a later one. Every step is one transaction; a power cut leaves the state before it or after it.
"""

import sqlite3

import structlog

from headway_edge.store.outbox import Outbox
from headway_protocol import cbor
from headway_protocol.errors import DecodeError

log = structlog.get_logger("headway.agent")

STARTS_MAX = 3
PACK = "pack"  # in the outbox's state: what an offer had in it; none: the process of the settings
BEFORE = "pack_before"  # the last one that was confirmed, likewise, while another is on trial
TRIAL = "pack_trial"  # [version of the offer, starts since]
GIVEN_BACK = "pack_given_back"  # version of the offer whose pack was given back last, in decimal
OFFERED = "offered"  # what is to run from the next trip on, as PACK


class PackTrial:
    """The trial of a store's pack. `start` is called before the pack is looked at, for it may be what ends the agent."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._record: tuple[int, int] | None = None  # (boot, seq) of the first record under it in this boot
        self._told = False

    @property
    def is_on(self) -> bool:
        """Whether the pack that runs is on trial."""
        return self._outbox.load(TRIAL) is not None

    def start(self) -> None:
        """The agent starts: count it, or go back to the pack before."""
        found = self._read()
        if found is None:
            return
        version, starts = found[0], found[1] + 1
        try:
            if starts < STARTS_MAX:
                self._outbox.save(TRIAL, cbor.encode([version, starts]))
                return
            before = self._outbox.load(BEFORE)
            self._outbox.save_all({PACK: before, TRIAL: None, BEFORE: None, GIVEN_BACK: b"%d" % version})
        except sqlite3.Error as error:
            log.error("agent.store_failed", error=str(error), next_step="free space on the device's disk")
            return
        log.error(
            "agent.pack_given_back",
            offer=version,
            cause=f"{STARTS_MAX} starts with it, no trip was stored and the server acknowledged nothing",
            next_step="the pack before runs again; see the log of these starts, then offer a mended pack",
        )

    def begin(self, version: int, state: dict[str, bytes | None]) -> bool:
        """The pack that was offered takes over, on disk; return False where the disk refuses. state: stored with that."""
        # While one is on trial, the one before it stays the last that is known to work.
        before = self._outbox.load(BEFORE if self.is_on else PACK)
        begun = {
            PACK: self._outbox.load(OFFERED), BEFORE: before, TRIAL: cbor.encode([version, 0]), OFFERED: None, GIVEN_BACK: None,
        }  # fmt: skip
        try:
            self._outbox.save_all({**begun, **state})
        except sqlite3.Error as error:
            if not self._told:
                log.error("agent.store_failed", error=str(error), next_step="free space on the device's disk")
            self._told = True
            return False
        self._record, self._told = None, False
        return True

    def first_record(self, identity: tuple[int, int] | None) -> None:
        """The first record under the pack in this boot is this one, None: the disk refused it."""
        self._record = identity

    def passed(self) -> dict[str, bytes | None]:
        """A trip is stored; return the state that goes with it."""
        return dict.fromkeys((TRIAL, BEFORE)) if self.is_on else {}

    def look(self) -> None:
        """Confirm the pack if the server has acknowledged its first record."""
        if self._record is None or not self.is_on:
            return
        try:
            if self._outbox.is_settled(*self._record):
                self._outbox.save_all({TRIAL: None, BEFORE: None})
                log.info("agent.pack_confirmed")
        except sqlite3.Error as error:
            log.error("agent.store_failed", error=str(error), next_step="free space on the device's disk")

    @property
    def given_back(self) -> str:
        """Of which offer the pack was given back, in words; empty if the newest was not."""
        version = (self._outbox.load(GIVEN_BACK) or b"").decode(errors="replace")
        return (
            f"the pack of offer {version} was given back: {STARTS_MAX} starts with it came to nothing"
            if version
            else ""
        )

    def _read(self) -> tuple[int, int] | None:
        data = self._outbox.load(TRIAL)
        if data is None:
            return None
        try:
            version, starts = cbor.decode(data)  # type: ignore[misc]
            return int(version), int(starts)  # type: ignore[has-type]
        except (DecodeError, ValueError, TypeError):
            return 0, 0
