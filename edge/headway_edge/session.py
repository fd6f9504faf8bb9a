"""Which record to send when, and when to send it again: the device's half of the acknowledgement protocol.

No socket and no clock: the agent tells it what happened and asks what to do. Runs on MicroPython with any outbox that has
what `Session` names. Only the server's own acknowledgement settles a record; until then it is sent again, thus:

- At most `window` records are in anybody else's hands. A quarter of these places is for the newest records while there is
  more than fits: what happens now does not wait behind last week.
- While the server is silent, one record at a time asks whether it is back, at random intervals that grow to five minutes;
  by turns one that was sent and one that was not, for what fills the window may be what never arrives.
  Twenty unanswered records cost as much as one.
- Once the server has settled a record, whatever was sent before it and is not settled was lost on the way: it is sent
  again, and after SENDS_MAX such losses it is put away as undeliverable. It is never deleted, and tried again in the next
  boot, or when a connection is made at least a day later.
- A record with which connections end, one after the other, waits until the others are through and then goes alone.

The window halves with each loss and grows with what is settled, as TCP's does (RFC 5681), so a server that takes only so
many records a minute is not sent the same ones over and over.
"""

from headway_protocol import ack, const

WINDOW = 20
RESEND_FIRST_MS = 10000
RESEND_MAX_MS = 300000
SENDS_MAX = 8
RETRY_MS = 86400000
_JITTER_LEAST_MS = const(1000)
_CUTS_MAX = const(3)  # connections that ended with the same record first in flight, and no answer

# What is in flight: [boot, seq, number of the send, due_ms, whether it went ahead of its turn]; due_ms -1: not overtaken.
_ORDER = const(2)
_DUE = const(3)
_AHEAD = const(4)


class Session:
    """The sending side of one device.

    outbox: has boot, last_seq, to_send, newest, acknowledge, set_undeliverable and retry_undeliverable, as
    `headway_edge.store.outbox` describes them. uniform: a function of (low, high) that returns a random integer between; passed
    in, so that a run can be repeated. window: 1 or more.

    `resends` counts records handed out again, `given_up` those put away as undeliverable. `last_ack_ms` is when the
    server was last heard, None: never. RAM: the window's identities, no payload.
    """

    def __init__(self, outbox: object, uniform: object, window: int = WINDOW) -> None:
        self._outbox = outbox
        self._uniform = uniform
        self._window = window
        self._width = window  # of the window now
        self._connected = False
        self._heard = False  # from the server, on this connection
        self._in_flight = []  # type: list
        self._after = (0, 0)  # the furthest record handed out in its turn on this connection
        self._newest = None  # type: tuple | None
        self._drained = None  # type: tuple | None
        self._sends = 0
        self._pause_ms = RESEND_FIRST_MS
        self._ask_ms = 0
        self._widen = False  # whether the next ask is with a record that was not sent yet
        self._losses = {}  # type: dict
        self._aside = []  # type: list
        self._first_cut = None  # type: tuple | None
        self._cuts = 0
        self._to_retry = False
        self._retried_ms = None  # type: int | None
        self.resends = 0
        self.given_up = 0
        self.last_ack_ms = None  # type: int | None

    @property
    def in_flight(self) -> int:
        """How many records were handed out and not settled."""
        return len(self._in_flight)

    @property
    def idle(self) -> bool:
        """Whether nothing is waiting for an acknowledgement (the outbox may still hold more to send)."""
        return not self._in_flight

    def connected(self) -> None:
        """The link is up: everything unsettled is sent (again) from the oldest on."""
        self._connected = self._to_retry = True
        self._heard = False
        self._in_flight = []
        self.look_again()

    def disconnected(self) -> None:
        """The link is down: nothing is handed out until it is up again."""
        if self._connected and self._in_flight:
            self._blame()
        self._connected = False
        self._in_flight = []

    def _blame(self) -> None:
        if self._heard:
            for item in self._in_flight:
                if (item[0], item[1]) in self._aside:
                    self._count_loss((item[0], item[1]))
            return
        self._width = 1  # the next connection begins with one record, and shows whether that one is the reason
        first = (self._in_flight[0][0], self._in_flight[0][1])
        self._cuts = self._cuts + 1 if first == self._first_cut else 1
        self._first_cut = first
        if self._cuts >= _CUTS_MAX and first not in self._aside and len(self._aside) < self._window:
            self._aside.append(first)

    def look_again(self) -> None:
        """There are unsettled records older than what was handed out: the server asked for some again."""
        self._after = (0, 0)
        self._newest = self._drained = None

    def unsent(self, count: int) -> None:
        """The last `count` payloads that `take` returned were not sent: they are handed out again."""
        del self._in_flight[len(self._in_flight) - count :]
        self.look_again()

    def take(self, now_ms: int) -> list:
        """Return the payloads to send now; empty when disconnected or the window is full.

        now_ms: monotonic. Raises whatever the outbox raises when it cannot be read or written.
        """
        if not self._connected:
            return []
        if self._to_retry:
            self._to_retry = False
            if self._retried_ms is None or now_ms - self._retried_ms >= RETRY_MS:
                self._retried_ms = now_ms
                self._outbox.retry_undeliverable()  # type: ignore[attr-defined]
        was_idle = not self._in_flight
        payloads = self._again(now_ms)
        self.resends += len(payloads)
        for boot, seq, payload, ahead in self._next():
            self._in_flight.append([boot, seq, self._sends, -1, ahead])
            self._sends += 1
            payloads.append(payload)
        if was_idle and payloads:
            self._ask_ms = now_ms + self._jitter(self._pause_ms)
        return payloads

    def _again(self, now_ms: int) -> list:
        due, longest = [], None
        for item in self._in_flight:
            if item[_DUE] < 0:
                longest = longest or item
            elif item[_DUE] <= now_ms:
                self._count_loss((item[0], item[1]))
                item[_DUE] = now_ms + RESEND_FIRST_MS  # should the outbox raise below
                due.append(item)
        if due:
            self._width = max(min(2, self._window), self._width // 2)
        elif longest and now_ms >= self._ask_ms:
            self._pause_ms = min(2 * self._pause_ms, RESEND_MAX_MS)
            self._ask_ms = now_ms + self._jitter(self._pause_ms)
            # Not the server may be silent, but what is in flight never arrive: ask with one that has not been sent in turn.
            self._widen = not self._widen
            if self._widen or self._width >= self._window:
                due = [longest]
            else:
                self._width = min(self._window, max(self._width, len(self._in_flight)) + 1)
        payloads = []
        for item in due:
            rows = [] if self._is_given_up(item) else self._outbox.to_send((item[0], item[1] - 1), 1)  # type: ignore[attr-defined]
            self._in_flight.remove(item)
            if rows and rows[0][0] == item[0] and rows[0][1] == item[1]:  # else it was settled meanwhile
                item[_ORDER], item[_DUE] = self._sends, -1
                self._sends += 1
                self._in_flight.append(item)
                payloads.append(rows[0][2])
        return payloads

    def _is_given_up(self, item: list) -> bool:
        key = (item[0], item[1])
        if self._losses.get(key, 0) < SENDS_MAX:
            return False
        self._outbox.set_undeliverable(item[0], item[1])  # type: ignore[attr-defined]
        self._forget(key)
        self.given_up += 1
        return True

    def _next(self) -> list:
        # Returns (boot, seq, payload, whether ahead of its turn) of records that are not in flight.
        outbox = self._outbox
        end = (outbox.boot, outbox.last_seq)  # type: ignore[attr-defined]
        if end == self._drained:
            return self._one_aside()
        in_flight, ahead, beyond = [], 0, 0
        for item in self._in_flight:
            in_flight.append((item[0], item[1]))
            ahead += item[_AHEAD]
            beyond += (item[0], item[1]) > self._after
        places = self._width // 4 - ahead
        free = self._width - self._width // 4 - (len(in_flight) - ahead)
        found = []  # type: list
        if free > 0:
            limit = free + beyond + len(self._aside)
            rows = outbox.to_send(self._after, limit)  # type: ignore[attr-defined]
            for boot, seq, payload in rows:
                if len(found) == free:
                    break
                self._after = (boot, seq)
                if self._after not in in_flight and self._after not in self._aside:
                    found.append((boot, seq, payload, False))
            else:
                if len(rows) < limit:
                    self._drained, self._newest = end, None
                    return found or self._one_aside()
        if places > 0 and self._newest != end:
            if self._newest is None:
                rows = outbox.newest(places)  # type: ignore[attr-defined]
                rows.reverse()
            else:
                rows = outbox.to_send(self._newest, places)  # type: ignore[attr-defined]
            for boot, seq, payload in rows:
                self._newest = (boot, seq)
                if self._newest > self._after and self._newest not in in_flight and self._newest not in self._aside:
                    found.append((boot, seq, payload, True))
        return found

    def _one_aside(self) -> list:
        # Alone, and only when nothing else is to be sent: if it ends the connection, it holds up nothing.
        while self._aside and not self._in_flight:
            boot, seq = self._aside[0]
            if not self._is_given_up([boot, seq]):
                rows = self._outbox.to_send((boot, seq - 1), 1)  # type: ignore[attr-defined]
                if rows and rows[0][0] == boot and rows[0][1] == seq:
                    return [(boot, seq, rows[0][2], False)]
                self._forget((boot, seq))
        return []

    def receive(self, data: bytes, now_ms: int) -> list:
        """Settle what an acknowledgement settles; return its rejections [(seq, code), ...].

        Raises DecodeError for bytes that are no acknowledgement, and whatever the outbox raises when it cannot write.
        """
        boot, upto, rejections, stored = ack.decode_all(data)
        if stored:
            self._outbox.acknowledge(boot, upto, rejections, stored)  # type: ignore[attr-defined]
        else:
            self._outbox.acknowledge(boot, upto, rejections)  # type: ignore[attr-defined]
        self._heard = True
        self.last_ack_ms = now_ms
        refused = [seq for seq, _ in rejections]
        latest, waiting = -1, []
        for item in self._in_flight:
            if item[0] == boot and (item[1] <= upto or item[1] in refused or _within(item[1], stored)):
                latest = max(latest, item[_ORDER])
                self._forget((item[0], item[1]))
            else:
                waiting.append(item)
        settled = len(self._in_flight) - len(waiting)
        self._in_flight = waiting
        if settled:
            self._width = min(self._window, self._width + settled)
            self._pause_ms = RESEND_FIRST_MS
            self._ask_ms = now_ms + self._jitter(RESEND_FIRST_MS)
            for item in waiting:
                if item[_ORDER] < latest and item[_DUE] < 0:
                    pause_ms = RESEND_FIRST_MS << self._losses.get((item[0], item[1]), 0)
                    item[_DUE] = now_ms + self._jitter(min(pause_ms, RESEND_MAX_MS))
        return rejections

    def _count_loss(self, key: tuple) -> None:
        if len(self._losses) >= 2 * self._window and key not in self._losses:
            self._losses.clear()  # bounded; what is lost again is counted again
        self._losses[key] = self._losses.get(key, 0) + 1

    def _forget(self, key: tuple) -> None:
        self._losses.pop(key, None)
        if key in self._aside:
            self._aside.remove(key)

    def _jitter(self, pause_ms: int) -> int:
        # Devices that lost the server together do not come back together. A tenth is the least, so that no run of luck
        # makes a storm.
        return self._uniform(max(_JITTER_LEAST_MS, pause_ms // 10), pause_ms)  # type: ignore[operator]


def _within(seq: int, ranges: list) -> bool:
    for first, last in ranges:
        if first <= seq <= last:
            return True
    return False
