"""A microcontroller's talk with its server: what is sent when, and what comes back.

It joins the session (which record is due), the flash log and the link, as `headway_edge.exchange` does on Linux.
"""

from headway_edge.band.band_link import CONNECTED, DISCONNECTED
from headway_edge.session import Session
from headway_protocol import const, record, topics
from headway_protocol.errors import DecodeError

WINDOW = 8  # as many payloads are in memory at once
_ASKED_MAX = const(8)
_NOT_KEPT = "not kept any more"


class BandExchange:
    """One device's exchange with its server.

    outbox: `headway_edge.flash.flash_log.FlashLog` or alike. link: `BandLink` or alike. uniform: random integer between two
    bounds. clock: `mono_ms()` and `wall()` as `headway_edge.band_clock.BandClock` has them. hear_benchmark: what to do with the
    bytes of a benchmark message; None: nothing.

    `refused` counts messages that could not be read, `failures` what the log refused: it is tried again.
    """

    def __init__(
        self,
        outbox: object,
        link: object,
        uniform: object,
        clock: object,
        hear_benchmark: object = None,
        window: int = WINDOW,
    ) -> None:
        self._outbox, self._link, self._clock = outbox, link, clock
        self._hear_benchmark = hear_benchmark
        self.session = Session(outbox, uniform, window)
        self._told = []  # type: list  # of what the server asked for and is not kept: [(boot, first, last), its LOSS record]
        self.refused = self.failures = 0

    def step(self) -> bool:
        """Handle one event of the link, and hand over what is due; return whether anything happened. Waits for nothing."""
        event, sent = None, 0
        try:
            now_ms = self._clock.mono_ms()  # type: ignore[attr-defined]
            event = self._link.poll(now_ms)  # type: ignore[attr-defined]
            if event is not None:
                self._on_event(event, now_ms)
            if self._outbox.may_have_losses:  # type: ignore[attr-defined]
                self.declare()
            sent = self._send(now_ms)
        except DecodeError:
            self.refused += 1
        except (OSError, MemoryError):
            self.failures += 1
        return event is not None or sent > 0

    def _on_event(self, event: tuple, now_ms: int) -> None:
        if event[0] == CONNECTED:
            self.session.connected()
        elif event[0] == DISCONNECTED:
            self.session.disconnected()
        elif event[1] == topics.ACK:
            self.session.receive(event[2], now_ms)
        elif event[1] == topics.CMD:
            self._on_command(event[2])
        elif self._hear_benchmark is not None:
            self._hear_benchmark(event[2])  # type: ignore[operator]

    def _send(self, now_ms: int) -> int:
        payloads = self.session.take(now_ms)
        for number in range(len(payloads)):
            if not self._link.publish(payloads[number]):  # type: ignore[attr-defined]
                self.session.unsent(len(payloads) - number)
                return number
        return len(payloads)

    def declare(self) -> None:
        """Declare what the log has lost. Raises OSError."""
        for key, boot, first, last, reason in self._outbox.undeclared():  # type: ignore[attr-defined]
            self._append_loss(boot, first, last, reason, {key: None})

    def _append_loss(self, boot: int, first: int, last: int, reason: str, settles: dict) -> None:
        mono_ms = self._clock.mono_ms()  # type: ignore[attr-defined]
        wall_ms, quality = self._clock.wall()  # type: ignore[attr-defined]
        body = record.loss_body(boot, first, last, reason)
        self._outbox.append(record.LOSS, mono_ms, wall_ms, quality, body, settles)  # type: ignore[attr-defined]

    def _on_command(self, data: bytes) -> None:
        from headway_protocol import command  # noqa: PLC0415 - a server seldom asks

        number, argument = command.decode(data)
        if number != command.RESEND:
            return
        _, missing = self._outbox.resend(argument)  # type: ignore[attr-defined]
        for gap in missing:
            self._tell_not_kept(gap)
        self.session.look_again()

    def _tell_not_kept(self, gap: tuple) -> None:
        # A server that asks twice gets the same record again, not another.
        for known, boot, seq in self._told:
            if known == gap:
                self._outbox.resend([(boot, seq, seq)])  # type: ignore[attr-defined]
                return
        self._append_loss(gap[0], gap[1], gap[2], _NOT_KEPT, {})
        self._told.append((gap, self._outbox.boot, self._outbox.last_seq))  # type: ignore[attr-defined]
        if len(self._told) > _ASKED_MAX:
            self._told.pop(0)
