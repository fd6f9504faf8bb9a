"""Requests that were refused for their token, in the audit log: one row a minute at most, which counts the others.

Whoever guesses at tokens must not be able to fill a disk with rows about it.
"""

import structlog
from sqlalchemy.exc import SQLAlchemyError

from headway_server.store import audit_log
from headway_server.store.database import Database

log = structlog.get_logger(__name__)

EVERY_MS = 60_000


class RefusedTokens:
    """Of one application."""

    def __init__(self) -> None:
        self._untold = 0
        self._told_ms: int | None = None

    async def note(self, database: Database, path: str, now: int) -> None:
        """A request was refused. path: as it is declared, without what stands in its places. now: Unix ms. Never raises."""
        self._untold += 1
        if self._told_ms is not None and 0 <= now - self._told_ms < EVERY_MS:
            return
        self._told_ms, requests, self._untold = now, self._untold, 0
        try:
            async with database.write() as connection:
                detail = {"path": path, "requests": requests}
                await audit_log.note(connection, now, audit_log.NOBODY, audit_log.REFUSED, detail)
        except (SQLAlchemyError, OSError) as e:
            self._untold += requests
            log.warning("a refused request is not in the audit log", reason=str(e).splitlines()[0])
