"""A scripted life of an outbox on a simulated disk: what an agent does with it, one step after the other."""

import sqlite3
from collections.abc import Callable, Container
from pathlib import Path
from typing import TypeVar

from tests.chaos.books import Books, Server
from tests.chaos.simulated import a_medium
from tests.edge.made_trips import DAY_MS, PROCESS, START_MS, body_of, numbers_of

from headway_edge.errors import AgentError
from headway_edge.store.outbox import Outbox
from headway_protocol import codes, record
from headway_simulators.chaos.disk import PowerCut
from headway_simulators.chaos.medium import SimulatedMedium

PATH = Path("/store/outbox.db")
CHECKPOINT_PAGES = 12  # so that a short life has checkpoints
TRIES = 4  # of a step that the disk refuses, a minute apart
BODY = record.episode_body(bytes(8), 0, bytes(range(1, 40)), b"")
LARGE_BODY = record.episode_body(bytes(8), 0, bytes([1]) * 500, b"")

_Result = TypeVar("_Result")


class GivenUpError(Exception):
    """The disk refused a step to the end."""


class Life:
    """A device's outbox, its server and its books. budget_bytes: of the outbox. medium: of an empty disk."""

    def __init__(self, seed: int = 0, budget_bytes: int = 64 * 2**20, medium: SimulatedMedium | None = None) -> None:
        self.medium = medium or a_medium(seed, checkpoint_pages=CHECKPOINT_PAGES)
        self.server = Server()
        self.books = Books()
        self.refusals = 0
        self._budget_bytes = budget_bytes
        self._now_ms = 0
        self._n = 0

    def begin_with(self, server: Server, books: Books, n: int) -> None:
        """Go on where another life left off, whose last record was the n-th."""
        self.server, self.books, self._n = server, books, n

    # Steps.

    def open(self, *, check_state: bool = True) -> Outbox:
        """Open the outbox and look at it."""
        outbox = self.persist(lambda: Outbox(PATH, self.medium, 1, self._budget_bytes, lambda: self._now_ms))
        outbox.find = lambda pack_id: PROCESS if pack_id == PROCESS.id else None
        self.persist(lambda: self.books.open(outbox, check_state))
        return outbox

    def append(self, outbox: Outbox, body: list[object] = BODY, wall_ms: int | None = None) -> None:
        """Append a record with its state, given again as it is while the disk refuses it."""
        clock = record.UNSYNCED if wall_ms is None else record.SYNCED
        self._n = n = self._n + 1
        self.books.tried.add(n)
        state = {"newest": n.to_bytes(4, "big"), "other": bytes([n % 256]) * 100, "gone": None if n % 2 else b"here"}
        payload = self.persist(lambda: outbox.append(record.EPISODE, n, wall_ms, clock, body, state))
        self.books.told[record.identity(payload)] = payload

    def send(self, outbox: Outbox, limit: int = 20) -> int:
        """Send what is unsettled to the server and take its acknowledgement; return how many records that were."""
        rows = self.persist(lambda: outbox.to_send((0, 0), limit))
        for row in rows:
            self.server.take(*row)
        for boot in sorted({boot for boot, _, _ in rows}):
            self.persist(lambda boot=boot: outbox.acknowledge(boot, self.server.upto(boot), []))
        return len(rows)

    def refuse(self, outbox: Outbox) -> None:
        """Have the server refuse the newest unsettled record, which it keeps as evidence."""
        for boot, seq, payload in self.persist(lambda: outbox.newest(1)):
            self.server.take(boot, seq, payload)
            self.persist(lambda boot=boot, seq=seq: outbox.acknowledge(boot, 0, [(seq, codes.IMPLAUSIBLE)]))

    def resend(self, outbox: Outbox, boot: int, first: int, last: int) -> None:
        """Have the server ask for a range again."""
        _, missing = self.persist(lambda: outbox.resend([(boot, first, last)]))
        for its_boot, lost_first, lost_last in missing:
            for seq in range(lost_first, lost_last + 1):
                if (its_boot, seq) not in self.server.stored and (its_boot, seq) not in self.server.lost:
                    self.server.lost[its_boot, seq] = "not kept any more"

    def declare(self, outbox: Outbox) -> None:
        """Append a LOSS record for each loss that the outbox found."""
        for key, boot, first, last, reason in self.persist(outbox.undeclared):
            body = record.loss_body(boot, first, last, reason)
            self.persist(
                lambda key=key, body=body: outbox.append(record.LOSS, 0, None, record.UNSYNCED, body, {key: None})
            )

    def drain(self, outbox: Outbox) -> None:
        """Declare and send until nothing is left."""
        outbox.retry_undeliverable()
        for _ in range(1000):
            self.declare(outbox)
            if not self.send(outbox, 100) and not outbox.undeclared():
                return
        self.books.violations.append("it never comes to an end")

    def stop(self) -> None:
        """End the process, if it was still there, and all faults."""
        disk = self.medium.disk
        disk.plan = disk.capacity_bytes = self.medium.memory = None
        disk.cut(power=False)
        self.medium.restart()

    # Whole lives.

    def short(self) -> None:
        """A device that is started, makes two records, sends them, makes another, and is stopped."""
        outbox = self.open()
        self.append(outbox)
        self.append(outbox)
        self.send(outbox)
        self.append(outbox)
        outbox.close()

    def long(self) -> None:
        """Three starts with all that an agent does; the second ends without closing, as by `kill -9`."""
        outbox = self.open()
        for _ in range(3):
            self.append(outbox)
        self.send(outbox, 2)
        self.persist(lambda: outbox.save("totals", b"some"))
        self.append(outbox)
        outbox.close()
        outbox = self.open()
        self.declare(outbox)
        self.append(outbox)
        self.refuse(outbox)
        self.append(outbox)
        self.persist(lambda: outbox.set_undeliverable(outbox.boot, outbox.last_seq))
        self.resend(outbox, self.books.boots[0], 1, 9)
        self.append(outbox)
        self.medium.disk.cut(power=False)
        self.medium.restart()
        outbox = self.open()
        self.declare(outbox)
        self.append(outbox)
        self.persist(outbox.retry_undeliverable)
        self.send(outbox)
        self.persist(lambda: outbox.skip(2))
        self.append(outbox)
        outbox.close()

    def crowded(self) -> None:
        """A device whose outbox reaches its budget: settled records go, then others, each declared."""
        outbox = self.open()
        for n in range(45):
            self.append(outbox, LARGE_BODY)
            if n == 9:
                self.send(outbox, 8)
        self.declare(outbox)
        outbox.close()

    def folded(self) -> None:
        """A device whose outbox reaches its budget, and folds the trips of a day into one record."""
        outbox = self.open(check_state=False)
        for n in range(70):
            self.append(outbox, body_of(numbers_of(PROCESS, 6000 + n, 5000 + n, 3)), START_MS + n * DAY_MS // 10)
            if n == 9:
                self.send(outbox, 8)
        outbox.close()

    def end(self, excuses: Container[str] = (), *, check_state: bool = True) -> list[str]:
        """Open what is left, without faults, send everything twice over, and return what does not add up."""
        self.stop()
        outbox = self.open(check_state=check_state)
        self.declare(outbox)
        self.append(outbox)
        self.drain(outbox)
        for boot, last in outbox.ends(1000):
            self.resend(outbox, boot, 1, last)
        self.drain(outbox)
        self.books.settle(self.server, outbox, excuses)
        outbox.close()
        db = self.medium.connect(PATH)
        if (found := db.execute("PRAGMA integrity_check").fetchall()) != [("ok",)]:
            self.books.violations.append(f"integrity: {found}")
        db.close()
        return self.books.violations

    def persist(self, step: Callable[[], _Result]) -> _Result:
        """Do a step, again and a minute later while the disk refuses it."""
        for _ in range(TRIES):
            try:
                return step()
            except (sqlite3.Error, MemoryError, AgentError, OSError) as error:
                self.refusals += 1
                self._now_ms += 61_000
                last = error
        raise GivenUpError from last


def run(life: Life, script: Callable[[Life], None], kept: float = 0.5) -> bool:
    """Run a script of a life; return whether the power was cut, after which the machine is on again."""
    try:
        script(life)
    except PowerCut:
        life.medium.disk.plan = None
        life.medium.restart(kept)
        return True
    except GivenUpError:
        pass
    return False
