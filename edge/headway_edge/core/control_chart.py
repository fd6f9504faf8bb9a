"""A characteristic under control: what is usual, the chart that looks for a change, and the change that is open.

Every number is a forecast error, a value, or a trip's count of events; once there are enough of them to know what is usual
(`RobustBaseline`, `EventRate`), each goes through a chart. A signal opens a change. While it lasts the chart signals again and
again, which is no news; after CLOSED_AFTER numbers without a signal the change is closed: an incident is opened by a rule
and closed by recovery. A pack with another id defines something else, so the baseline begins anew with it.

>>> chart = ControlChart(b"definition", RobustBaseline(errors=True), CusumChart())
>>> flags = [chart.update((-1) ** i * 10) for i in range(20)] + [chart.update(20) for _ in range(4)]
>>> flags[-4:] == [0, 0, 0, OPENED], chart.change().direction, chart.change().since
(True, 1, 4)
>>> [flag for flag in [chart.update((-1) ** i * 10) for i in range(CLOSED_AFTER)] if flag], chart.change() is None
([2], True)
"""

from headway_edge.core.cusum_chart import CusumChart
from headway_edge.core.ewma_chart import EwmaChart
from headway_edge.core.integer_root import root
from headway_edge.core.poisson_chart import EventRate, PoissonChart
from headway_edge.core.robust_baseline import RobustBaseline

OPENED, CLOSED = 1, 2  # flags of `update`; both where a change turns into the contrary one
CLOSED_AFTER = 20  # more than twice the mean delay of a signal at a shift of one spread
_AGE_MAX = 1 << 20


class Change:
    """What a signal says.

    direction: 1 upwards, -1 downwards. since: in how many of the latest numbers it shows, the latest included.
    size, error: by how much, and the standard error of that, in quanta of the characteristic, both half up and without a
    sign; of counts, 0. seen, expected: of counts, the events in these numbers and how many would have been usual, in tenths;
    None of anything else.
    """

    def __init__(
        self,
        direction: int,
        since: int,
        size: int,
        error: int,
        seen: "int | None" = None,
        expected_tenths: "int | None" = None,
    ) -> None:
        self.direction = direction
        self.since = since
        self.size = size
        self.error = error
        self.seen = seen
        self.expected_tenths = expected_tenths

    def as_integers(self) -> list:
        """The change as the values of an incident: direction, since, size, error, seen, expected in tenths; -1 for None."""
        counted = [self.seen, self.expected_tenths] if self.seen is not None else [-1, -1]
        return [self.direction, self.since, self.size, self.error] + counted


class OpenChange:
    """The life of a change, whatever the chart: opened by a signal, kept open by further ones, closed without."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the change."""
        self.direction = 0  # of the open change; 0: none is open
        self._since = 0  # numbers it showed in when it was opened
        self._age = 0  # numbers since then
        self._quiet = 0  # numbers since the last signal

    @property
    def since(self) -> int:
        """In how many of the latest numbers the change shows."""
        return self._since + self._age

    def watch(self, direction: int, since: int) -> int:
        """Take what a chart said of the latest number: the direction of a signal, 0 for none; return flags."""
        if self.direction == 0 and direction == 0:
            return 0
        if direction != 0 and direction != self.direction:  # noqa: PLR1714 - MicroPython would build a tuple
            flags = OPENED if self.direction == 0 else OPENED | CLOSED
            self.direction = direction
            self._since = since
            self._age = self._quiet = 0
            return flags
        if self._age < _AGE_MAX:
            self._age += 1
        self._quiet = 0 if direction != 0 else self._quiet + 1
        if self._quiet < CLOSED_AFTER:
            return 0
        self.reset()
        return CLOSED

    def state(self) -> list:
        """The change as integers, for a checkpoint."""
        return [self.direction, self._since, self._age, self._quiet]

    def restore(self, state: list) -> None:
        """Go on from `state`."""
        self.direction, self._since, self._age, self._quiet = state

    def state_length(self) -> int:
        """How many integers `state` gives."""
        return 4


class _Controlled:
    """What both charts have in common. parts: each with reset, state, restore and state_length; the baseline first."""

    def __init__(self, definition: bytes, parts: list) -> None:
        self.definition = definition
        self._parts = parts

    @property
    def ready(self) -> bool:
        """Whether it is known what is usual."""
        return self._parts[0].ready

    def rebase(self) -> None:
        """Learn anew what is usual, as after a change that is meant to stay: another route, another vehicle."""
        for part in self._parts:
            part.reset()

    def state(self) -> list:
        """Everything as a list of the definition and integers, for a checkpoint."""
        state = [self.definition]  # type: list
        for part in self._parts:
            state.extend(part.state())
        return state

    def restore(self, state: list) -> bool:
        """Go on from `state`; or begin anew and return False where it is of another definition or shape."""
        if len(state) != 1 + sum([part.state_length() for part in self._parts]) or state[0] != self.definition:
            self.rebase()
            return False
        at = 1
        for part in self._parts:
            end = at + part.state_length()
            part.restore(state[at:end])
            at = end
        return True


class ControlChart(_Controlled):
    """A chart of forecast errors or values, in quanta of their characteristic.

    definition: id of the pack that defines the characteristic. baseline: of errors or values. detector: a CusumChart or an
    EwmaChart. Nothing is allocated by an update; memory 4 bytes a number of the baseline, and about 20 integers.
    """

    def __init__(self, definition: bytes, baseline: RobustBaseline, detector: "CusumChart | EwmaChart") -> None:
        self._open = OpenChange()
        self._baseline = baseline
        self._detector = detector
        super().__init__(definition, [baseline, detector, self._open])

    def update(self, number: int) -> int:
        """Take the number of one trip, day or week; return OPENED, CLOSED, both, or 0."""
        if not self._baseline.ready:
            self._baseline.add(number)
            return 0
        detector = self._detector
        return self._open.watch(detector.update(self._baseline.standardised(number)), detector.since)

    def change(self) -> "Change | None":
        """Return the change that is open, its size as of the last signal; None where none is."""
        if self._open.direction == 0:
            return None
        spread_q4 = self._baseline.spread_q4
        size = (abs(self._detector.size_q12) * spread_q4 + (1 << 15)) >> 16
        # The standard error of a mean of n: the spread by the root of n.
        error = (spread_q4 * 256 // root(self._detector.since << 16) + 8) >> 4
        return Change(self._open.direction, self._open.since, size, error)


class EventChart(_Controlled):
    """A chart of events counted on trips, with how long each trip was.

    definition: id of the pack that defines the event. Nothing is allocated by an update.
    """

    def __init__(self, definition: bytes, rate: EventRate, detector: PoissonChart) -> None:
        self._open = OpenChange()
        self._rate = rate
        self._detector = detector
        super().__init__(definition, [rate, detector, self._open])

    def update(self, events: int, exposure: int) -> int:
        """Take one trip's events and exposure (`EventRate.add`); return OPENED, CLOSED, both, or 0."""
        if not self._rate.ready:
            self._rate.add(events, exposure)
            return 0
        detector = self._detector
        return self._open.watch(detector.update(events, self._rate.expected_q12(exposure)), detector.since)

    def change(self) -> "Change | None":
        """Return the change that is open, its counts as of the last signal; None where none is."""
        if self._open.direction == 0:
            return None
        expected_tenths = (self._detector.expected_seen_q12 * 10 + (1 << 11)) >> 12
        return Change(self._open.direction, self._open.since, 0, 0, self._detector.seen, expected_tenths)
