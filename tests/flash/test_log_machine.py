"""Any sequence of what a device, a server, a flash memory and a power supply may do, against the books."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from log_books import Books

from headway_edge.flash.flash_log import FlashLog
from headway_edge.flash.log_folder import MEDIUM_FULL
from headway_simulators.simulated_flash import COMMITTED, INPUT_OUTPUT, TORN, PowerCut, SimulatedFlash

ROOM = 1 << 20
SEGMENT_BYTES = 1024


class FlashLogMachine(RuleBasedStateMachine):
    """One device. Faults stop when it is restarted or told to go on; every restart compares the books."""

    log: FlashLog | None

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.log = None

    @initialize(kind=st.sampled_from([TORN, COMMITTED]), gives_up=st.booleans())
    def begin(self, kind: int, gives_up: bool) -> None:
        self.kind = kind
        self.books = Books(gives_up=gives_up, segment_bytes=SEGMENT_BYTES)
        self.medium = SimulatedFlash(self.files, kind)
        self.log = self.books.start(self.medium)

    def perform(self, *operation: object) -> None:
        if self.log is None:
            self.check()
        try:
            self.log = self.books.perform(self.log, operation, self.medium)
        except (OSError, MemoryError):
            self.books.faults += 1
            if operation[0] == "reboot":
                self.check()
        except PowerCut:
            self.log = None

    def check(self) -> None:
        self.medium = SimulatedFlash(self.files, self.kind)
        self.log = self.books.check(self.medium)

    @rule(size_bytes=st.integers(0, 500), with_state=st.booleans())
    def append(self, size_bytes: int, with_state: bool) -> None:
        self.perform("append", size_bytes, with_state)

    @rule(count=st.integers(2, 12), size_bytes=st.integers(100, 200))
    def append_many(self, count: int, size_bytes: int) -> None:
        for _ in range(count):
            self.perform("append", size_bytes, False)

    @rule(boots_ago=st.integers(0, 3), back=st.integers(0, 4))
    def acknowledge(self, boots_ago: int, back: int) -> None:
        self.perform("ack", boots_ago, back)

    @rule(back=st.integers(0, 8))
    def reject(self, back: int) -> None:
        self.perform("reject", back)

    @rule(boots_ago=st.integers(0, 3), first=st.integers(1, 9), count=st.integers(1, 9), open_end=st.booleans())
    def resend(self, boots_ago: int, first: int, count: int, open_end: bool) -> None:
        self.perform("resend", boots_ago, first, 0xFFFFFFFF if open_end else first + count - 1)

    @rule()
    def save(self) -> None:
        self.perform("save")

    @rule()
    def overwrite(self) -> None:
        self.perform("overwrite")

    @rule()
    def skip(self) -> None:
        self.perform("skip")

    @rule()
    def restart(self) -> None:
        self.perform("reboot")

    @rule()
    def power_off(self) -> None:
        self.check()

    @precondition(lambda self: self.log is not None)
    @rule(steps=st.integers(1, 1200))
    def power_goes_soon(self, steps: int) -> None:
        self.medium.cut_at = self.medium.steps + (steps if self.kind == TORN else 1 + steps // 120)

    @rule(
        after=st.integers(1, 12),
        errno=st.sampled_from([INPUT_OUTPUT, MEDIUM_FULL]),
        persistent=st.booleans(),
        late=st.booleans(),
    )
    def medium_fails_soon(self, after: int, errno: int, persistent: bool, late: bool) -> None:
        self.medium.error = OSError(errno, "it fails")
        self.medium.fail_at = self.medium.operations + after
        self.medium.persistent, self.medium.late = persistent, late

    @rule()
    def medium_works_again(self) -> None:
        self.medium.error, self.medium.capacity_bytes = None, ROOM

    @rule(room=st.integers(0, 600))
    def medium_fills_up(self, room: int) -> None:
        self.medium.capacity_bytes = self.medium.used_bytes() + room

    @invariant()
    def nothing_grows(self) -> None:
        if self.log is not None:
            assert len(self.log._kept.segments) <= 65
            assert (
                sum(len(content) for name, content in self.files.items() if name.startswith("log.0"))
                <= 5 * SEGMENT_BYTES
            )

    def teardown(self) -> None:
        if self.log is None and not self.files:
            return
        self.check()
        # The server comes back: in the end there is nothing that it does not know of.
        for _ in range(10):
            self.books.live(
                self.log, [("append",), *[("ack", ago) for ago in range(len(self.books.boots))]], self.medium
            )
        assert self.log is not None
        assert (self.log.backlog(), self.log.undeclared(), self.log.counters()["unnamed"]) == (0, [], 0)
        self.check()


TestFlashLog = FlashLogMachine.TestCase
TestFlashLog.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
