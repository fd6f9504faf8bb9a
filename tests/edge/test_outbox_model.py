"""Whatever is done to an outbox, in whatever order: every record is at the server, kept, or named as lost, and once."""

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from tests.edge.failing_medium import FULL, IOERR, UnsyncedMedium, once
from tests.edge.outbox_records import EPISODE, quiet

from headway_edge.store.outbox import Outbox
from headway_protocol import record

BUDGET = 96 * 1024
Key = tuple[int, int]


class OutboxMachine(RuleBasedStateMachine):
    """An outbox with a small budget, a server that stores and is restored, and what both must agree about.

    The model knows only what the outbox told: payloads by (boot, seq), and ranges lost.
    """

    @initialize()
    def start(self) -> None:
        quiet()
        self.folder = tempfile.TemporaryDirectory()
        self.medium = UnsyncedMedium()
        self.made: dict[Key, bytes] = {}
        self.lost: set[Key] = set()
        self.stored: dict[Key, bytes] = {}
        self.newest = b""
        self.number = 0
        self.boots: list[int] = []
        self.open()

    def open(self) -> None:
        self.outbox = Outbox(
            Path(self.folder.name) / "outbox.db", self.medium, budget_bytes=BUDGET, mono_ms=self.mono_ms
        )
        self.boots.append(self.outbox.boot)

    def mono_ms(self) -> int:
        self.number += 60_000
        return self.number

    def add(self, kind: int, body: list[object], state: dict[str, bytes | None]) -> None:
        payload = self.outbox.append(kind, self.mono_ms(), None, record.UNSYNCED, body, state)
        boot, seq = record.identity(payload)
        assert (boot, seq) == (self.outbox.boot, self.outbox.last_seq)
        assert (boot, seq) not in self.made
        self.made[boot, seq] = payload

    def declare(self) -> None:
        while found := self.outbox.undeclared():
            for loss in found:
                self.lost |= {(loss.boot, seq) for seq in range(loss.first_seq, loss.last_seq + 1)}
                body = record.loss_body(loss.boot, loss.first_seq, loss.last_seq, loss.reason)
                self.add(record.LOSS, body, {loss.key: None})

    @rule(count=st.integers(1, 60))
    def append(self, count: int) -> None:
        for _ in range(count):
            self.newest = b"%d" % self.number
            self.add(record.EPISODE, EPISODE, {"newest": self.newest})

    @rule()
    def declare_losses(self) -> None:
        self.declare()

    @rule(count=st.integers(1, 5))
    def skip(self, count: int) -> None:
        self.outbox.skip(count)

    @rule(code=st.sampled_from([FULL, IOERR]), statement=st.sampled_from(["BEGIN", "INSERT INTO record", "COMMIT"]))
    def fail_once(self, code: int, statement: str) -> None:
        self.medium.fail = once(code, statement)
        for _ in range(2):
            try:
                self.newest = b"%d" % self.number
                self.add(record.EPISODE, EPISODE, {"newest": self.newest})
            except Exception as error:  # noqa: BLE001 - any of SQLite's
                assert "on demand" in str(error)  # noqa: PT017
            else:
                break

    @rule(limit=st.integers(1, 40), newest=st.booleans())
    def send(self, limit: int, newest: bool) -> None:
        rows = self.outbox.newest(limit) if newest else self.outbox.to_send((0, 0), limit)
        for boot, seq, payload in rows:
            assert self.made[boot, seq] == payload
            self.stored[boot, seq] = payload

    @rule()
    def acknowledge(self) -> None:
        known = {*self.stored, *self.told_lost()}
        for boot in self.boots:
            upto = 0
            while (boot, upto + 1) in known:
                upto += 1
            above = sorted(seq for its_boot, seq in self.stored if its_boot == boot and seq > upto)
            self.outbox.acknowledge(boot, upto, [], [(seq, seq) for seq in above[:20]])

    def told_lost(self) -> set[Key]:
        """What the records say that the server has."""
        found = set()
        for payload in self.stored.values():
            item = record.decode(payload)
            if item.kind == record.LOSS:
                boot, first, last, _ = record.parse_loss(item.body)
                found |= {(boot, seq) for seq in range(first, last + 1)}
        return found

    @precondition(lambda self: self.stored)
    @rule(share=st.integers(2, 5))
    def restore_the_server(self, share: int) -> None:
        self.stored = dict(list(self.stored.items())[: len(self.stored) // share])
        known = {*self.stored, *self.told_lost()}
        asked = []
        for boot, end in self.outbox.ends(8):
            lacks = [seq for seq in range(1, end + 1) if (boot, seq) not in known]
            if lacks:
                asked.append((boot, lacks[0], 2**32 - 1))
        _, missing = self.outbox.resend(asked)
        for boot, first, last in missing:
            self.lost |= {(boot, seq) for seq in range(first, last + 1)}
            self.add(record.LOSS, record.loss_body(boot, first, last, "not kept any more"), {})

    @rule(data=st.data())
    def put_aside(self, data: st.DataObject) -> None:
        rows = self.outbox.to_send((0, 0), 30)
        if rows:
            boot, seq, _ = data.draw(st.sampled_from(rows))
            self.outbox.set_undeliverable(boot, seq)
            assert (boot, seq) not in [row[:2] for row in self.outbox.to_send((0, 0), 30)]

    @rule(restart=st.booleans())
    def retry(self, restart: bool) -> None:
        if restart:
            self.outbox.close()
            self.open()
            assert self.boots == sorted(set(self.boots))
        else:
            self.outbox.retry_undeliverable()

    @invariant()
    def the_books_balance(self) -> None:
        if not hasattr(self, "outbox"):
            return
        outbox = self.outbox
        kept = {record.identity(data): data for kind in (record.EPISODE, record.LOSS) for data in outbox.payloads(kind)}
        for key, payload in kept.items():
            assert self.made[key] == payload
        pending = {(loss.boot, seq) for loss in outbox.undeclared() for seq in range(loss.first_seq, loss.last_seq + 1)}
        for key in self.made:
            assert key in kept or key in self.stored or key in self.lost or key in pending, key
        waiting = {(boot, seq) for boot, seq, _ in outbox.to_send((0, 0), 100_000)}
        aside = {(boot, seq) for boot, seq, reason in outbox.refusals() if reason == "undeliverable"}
        assert waiting | aside <= set(kept)
        assert outbox.backlog() == len(waiting) + len(aside)
        every = {*self.made, *self.lost, *pending}
        assert outbox.produced == len(every)
        assert outbox.load("newest") == (self.newest or None)
        for boot, end in outbox.ends(8):
            assert end == max(seq for its_boot, seq in every if its_boot == boot)

    def teardown(self) -> None:
        if hasattr(self, "outbox"):
            self.outbox.close()
            self.folder.cleanup()


TestOutbox = OutboxMachine.TestCase
TestOutbox.settings = settings(
    max_examples=25, stateful_step_count=25, suppress_health_check=[HealthCheck.too_slow], deadline=None
)
