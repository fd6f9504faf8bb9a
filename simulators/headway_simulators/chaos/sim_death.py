"""How a simulated server ends amid something: at a statement, before or after its commit, or once its journal has a line."""

import sqlite3
from dataclasses import dataclass

from sqlalchemy.exc import OperationalError

from headway_server.erasure.erasure_journal import Erased, ErasureJournal, Wiped
from headway_simulators.chaos.faults import AFTER_JOURNAL, COMMIT_FAILS


class KilledError(Exception):
    """The process ends here."""


@dataclass(frozen=True)
class Death:
    """stage: of `faults`. statement: which one is the last, where it dies at one. back_ms: when it runs again."""

    stage: int
    statement: int
    back_ms: int


class DyingJournal(ErasureJournal):
    """The journal of erasures of a server that ends, or whose commit fails, once a line is written. `death`: how it will."""

    death: Death | None = None

    def append(self, entry: Erased | Wiped) -> None:
        """Write an entry."""
        super().append(entry)
        if self.death is not None and self.death.stage == AFTER_JOURNAL:
            raise KilledError
        if self.death is not None and self.death.stage == COMMIT_FAILS:
            raise OperationalError("simulated", {}, sqlite3.OperationalError("disk I/O error"))
