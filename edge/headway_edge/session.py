"""Which record to send when, and when to send it again: the device's half of the acknowledgement protocol.

No socket and no clock: the agent tells it what happened and asks what to do. Runs on MicroPython with any outbox that
has `to_send` and `acknowledge`. At most `window` records are in anybody else's hands; only the server's own
acknowledgement settles one, and what is not settled in time is sent again, at growing and random intervals.
"""

from headway_protocol import ack

WINDOW = 20
RESEND_FIRST_MS = 10000
RESEND_MAX_MS = 300000


class Session:
    """The sending side of one device.

    outbox: has to_send(after, limit) and acknowledge(boot, upto, rejections). uniform: a function of (low, high) that
    returns a random integer between; passed in, so that a run can be repeated.
    """

    def __init__(self, outbox: object, uniform: object, window: int = WINDOW) -> None:
        self._outbox = outbox
        self._uniform = uniform
        self._window = window
        self._connected = False
        self._in_flight = []  # type: list
        self._last = (0, 0)  # the furthest record handed out on this connection
        self._resend_ms = RESEND_FIRST_MS
        self._deadline_ms = 0
        self.resends = 0
        self.unreadable = 0

    def connected(self) -> None:
        """The link is up: everything unsettled is sent (again) from the oldest on."""
        self._connected = True
        self._rewind()

    def disconnected(self) -> None:
        """The link is down: nothing is handed out until it is up again."""
        self._connected = False
        self._rewind()

    def _rewind(self) -> None:
        self._in_flight = []
        self._last = (0, 0)

    def take(self, now_ms: int) -> list:
        """Return the payloads to send now, oldest first; empty when disconnected or the window is full.

        now_ms: monotonic. When nothing was settled for a while, the whole window is handed out once more.
        """
        if not self._connected:
            return []
        if self._in_flight and now_ms >= self._deadline_ms:
            self.resends += len(self._in_flight)
            self._resend_ms = min(2 * self._resend_ms, RESEND_MAX_MS)
            self._rewind()
        free = self._window - len(self._in_flight)
        if free <= 0:
            return []
        rows = self._outbox.to_send(self._last, free)  # type: ignore[attr-defined]
        if not rows:
            return []
        if not self._in_flight:
            self._set_deadline(now_ms)
        payloads = []
        for boot, seq, payload in rows:
            self._in_flight.append((boot, seq))
            self._last = (boot, seq)
            payloads.append(payload)
        return payloads

    def receive(self, data: bytes, now_ms: int) -> list:
        """Settle what an acknowledgement settles; return its rejections [(seq, code), ...].

        Raises DecodeError for bytes that are no acknowledgement, and whatever the outbox raises when it cannot write.
        """
        boot, upto, rejections = ack.decode(data)
        self._outbox.acknowledge(boot, upto, rejections)  # type: ignore[attr-defined]
        refused = [seq for seq, _ in rejections]
        waiting = []
        for item in self._in_flight:
            if item[0] == boot and (item[1] <= upto or item[1] in refused):
                continue
            waiting.append(item)
        if len(waiting) < len(self._in_flight):
            self._resend_ms = RESEND_FIRST_MS
            self._set_deadline(now_ms)
        self._in_flight = waiting
        return rejections

    def _set_deadline(self, now_ms: int) -> None:
        # Between half and all of the interval: devices that lost the server together do not come back together.
        self._deadline_ms = now_ms + self._uniform(self._resend_ms // 2, self._resend_ms)  # type: ignore[operator]

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting for an acknowledgement (the outbox may still hold more to send)."""
        return not self._in_flight
