"""A bound on what one device may send in a minute, held before anything is read, so that a flood costs others nothing.

A token bucket for each device: `burst` messages at once, `per_minute` on the long run. What is beyond is held back: not
answered, so that the device sends it again; the broker is told to forget it, or it would fill the few messages that a
broker keeps under way to the server. No message waits here, so no flood takes memory.

The bucket is kept as the moment at which it will be full again (GCRA): one number a device, and none where it is full.

>>> limit = RateLimit(per_minute=60, burst=2)
>>> [limit.admit("headway/v1/depot/bus-1/up", t) for t in (0.0, 0.1, 0.2, 1.1, 1.2)]
[True, True, False, True, False]
>>> limit.admit("headway/v1/depot/bus-2/up", 1.2)
True
>>> limit.held_back(2.0, 1_000_000)
[HeldBack(device='depot/bus-1', messages=2, last_ms=999200)]
"""

from collections.abc import Iterable
from dataclasses import dataclass

from headway_protocol import topics
from headway_protocol.errors import DecodeError

BUCKETS_MAX = 100_000  # that are not full; more names than that share one
_NS = 1_000_000_000  # of a second: sums of fractions would drift
_REMEMBERED_MAX = 1000  # devices of which messages were held back


@dataclass(frozen=True, slots=True)
class HeldBack:
    """How many messages of a device were held back since the start, and when the last was, in Unix ms."""

    device: str
    messages: int
    last_ms: int


class RateLimit:
    """Who may send now. per_minute, burst: messages of one device. Called from one thread; `held_back` from any."""

    def __init__(self, per_minute: int, burst: int) -> None:
        self._interval_ns = 60 * _NS // per_minute
        self._ahead_ns = (burst - 1) * self._interval_ns
        self._full_at_ns: dict[str, int] = {}
        self._held: dict[str, tuple[int, float]] = {}
        self.total_held = 0

    def admit(self, topic: str, now_s: float) -> bool:
        """Count a message on `topic`; return whether it may pass. now_s: monotonic."""
        try:
            group, name, _ = topics.parse(topic)
            device = f"{group}/{name}"
        except DecodeError:
            device = ""  # whatever is no topic of a device is one sender
        now_ns = round(now_s * _NS)
        full_at_ns = self._full_at_ns.get(device)
        if full_at_ns is None:
            device = self._make_room(device, now_ns)
            full_at_ns = self._full_at_ns.get(device, now_ns)
        full_at_ns = max(full_at_ns, now_ns)
        if full_at_ns - now_ns > self._ahead_ns:
            self._hold(device, now_s)
            return False
        self._full_at_ns[device] = full_at_ns + self._interval_ns
        return True

    def held_back(self, now_s: float, now_ms: int) -> list[HeldBack]:
        """Return the devices of which messages were held back, the last ones at most 1000 of them.

        now_s: as in `admit`. now_ms: the same moment in Unix ms.
        """
        return [
            HeldBack(device or "(no device)", messages, now_ms - round(1000 * (now_s - last_s)))
            for device, (messages, last_s) in self._held.copy().items()
        ]

    def forget(self, devices: Iterable[str]) -> None:
        """Forget these devices."""
        for device in devices:
            self._held.pop(device, None)
            self._full_at_ns.pop(device, None)

    def _make_room(self, device: str, now_ns: int) -> str:
        if len(self._full_at_ns) >= BUCKETS_MAX:
            self._full_at_ns = {name: at_ns for name, at_ns in self._full_at_ns.items() if at_ns > now_ns}
        return device if len(self._full_at_ns) < BUCKETS_MAX else ""

    def _hold(self, device: str, now_s: float) -> None:
        self.total_held += 1
        messages, _ = self._held.pop(device, (0, 0.0))
        self._held[device] = messages + 1, now_s
        if len(self._held) > _REMEMBERED_MAX:
            del self._held[next(iter(self._held))]
