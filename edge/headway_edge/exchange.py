"""The agent's talk with its server: what is sent when, what comes back, and what to say about it.

It joins the session (which record is due), the outbox and a link. A link is anything with `poll` and `publish` as
`headway_edge.mqtt.link.Link` has them, so that a simulation can pass its own.
"""

import sqlite3
from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from headway_edge import agent_status
from headway_edge.agent_status import AgentStatus
from headway_edge.mqtt.link_events import Connected, Disconnected, Event, Message, Trouble
from headway_edge.session import Session
from headway_edge.store.outbox import Outbox
from headway_edge.store.record_keeper import RecordKeeper
from headway_protocol import ack, code_texts, codes, command, record, signed, topics
from headway_protocol.errors import DecodeError

log = structlog.get_logger("headway.agent")

_NOT_KEPT = "not kept any more"


class AnyLink(Protocol):
    """What is used of a link."""

    def poll(self, timeout_s: float = ..., /) -> Event | None:
        """Return the next event, waiting up to `timeout_s`; None if there is none."""

    def publish(self, payload: bytes, /) -> bool:
        """Take one record; False when it cannot be taken now."""


class Exchange:
    """One device's exchange with its server.

    link: None keeps everything on the device. uniform: random integer between two bounds. keeper: for the losses that the
    server asks to be told. hearers: what to do with a message, by channel; each raises DecodeError for one that it refuses,
    sqlite3.Error or OSError when it cannot store it. on_order: the same for a signed order on `cmd`.
    """

    def __init__(
        self,
        outbox: Outbox,
        link: AnyLink | None,
        uniform: Callable[[int, int], int],
        keeper: RecordKeeper,
        hearers: Mapping[str, Callable[[bytes], None]],
        on_order: Callable[[bytes], None] | None = None,
    ) -> None:
        self._outbox, self._link, self._keeper = outbox, link, keeper
        self._uniform, self._on_order = uniform, on_order
        self._wiped_boot = 0
        self._session = Session(outbox, uniform)
        self._hearers = {topics.ACK: self._on_acknowledgement, topics.CMD: self._on_command, **hearers}
        self._now_ms = 0
        self._given_up = 0
        self._state = agent_status.OFF if link is None else agent_status.CONNECTING
        self._cause = self._next_step = ""

    @property
    def online(self) -> bool:
        """Whether the link is up."""
        return self._state == agent_status.CONNECTED

    def begin_anew(self, keeper: RecordKeeper) -> None:
        """The store was wiped, and another boot has begun in it, whose records `keeper` keeps."""
        self._keeper, self._given_up = keeper, 0
        self._session = Session(self._outbox, self._uniform)
        if self.online:
            self._session.connected()

    def wiped_since(self, boot: int) -> None:
        """The store was wiped when `boot` began: that the server has not heard of it yet is no verdict on newer records."""
        self._wiped_boot = boot

    def status(self) -> AgentStatus:
        """How it stands, as of the last `step`. Raises sqlite3.Error when the store cannot be read."""
        heard_ms = self._session.last_ack_ms
        return AgentStatus(
            self._state,
            self._cause,
            self._next_step,
            self._outbox.backlog(),
            self._session.in_flight,
            self._session.given_up,
            None if heard_ms is None else self._now_ms - heard_ms,
        )

    def step(self, now_ms: int, timeout_s: float = 0.0) -> bool:
        """Handle what came from the link and hand over what is due; return whether anything happened.

        now_ms: monotonic. timeout_s: how long to wait for something to happen.
        """
        link = self._link
        if link is None:
            return False
        self._now_ms = now_ms
        busy = False
        while (event := link.poll(0 if busy else timeout_s)) is not None:
            busy = True
            self._on_event(event)
        try:
            payloads = self._session.take(now_ms)
        except (sqlite3.Error, OSError) as error:
            _tell_store_failed(error)
            return busy
        self._tell_given_up()
        for number, payload in enumerate(payloads):
            if not link.publish(payload):
                self._session.unsent(len(payloads) - number)
                break
            busy = True
        return busy

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Message):
            self._on_message(event)
        elif isinstance(event, Trouble):
            self._cause, self._next_step = event.cause, event.next_step
            log.error("agent.link_troubled", cause=event.cause, next_step=event.next_step)
        elif isinstance(event, Connected):
            self._state, self._cause, self._next_step = agent_status.CONNECTED, "", ""
            self._session.connected()
        elif isinstance(event, Disconnected):
            self._state = agent_status.REFUSED if event.refused else agent_status.DOWN
            self._cause, self._next_step = event.reason, event.next_step
            self._session.disconnected()

    def _on_message(self, message: Message) -> None:
        hearer = self._hearers.get(message.channel)
        if hearer is None or not message.payload:
            return
        try:
            hearer(message.payload)
        except DecodeError as error:
            log.warning("agent.message_refused", channel=message.channel, cause=str(error))
        except (sqlite3.Error, OSError) as error:
            # Not settled, so it is sent again and acknowledged again; what was asked for is asked for again.
            _tell_store_failed(error)

    def _on_acknowledgement(self, data: bytes) -> None:
        if self._wiped_boot:
            boot, _, rejections = ack.decode(data)
            if boot >= self._wiped_boot and any(code == codes.ERASED for _, code in rejections):
                return  # so they are sent again, and taken after the birth record that tells of the wipe
        for seq, code in self._session.receive(data, self._now_ms):
            name, cause, next_step = code_texts.explain(code)
            log.error("agent.record_refused", seq=seq, code=name, cause=cause, next_step=next_step)
        if self._state == agent_status.CONNECTED:
            self._cause = self._next_step = ""  # it works, whatever the trouble was

    def _on_command(self, data: bytes) -> None:
        if signed.is_signed(data):
            if self._on_order is not None:
                self._on_order(data)
            return
        number, argument = command.decode(data)
        if number != command.RESEND:
            log.info("agent.command_unknown", command=number)
            return
        count, missing = self._outbox.resend(argument)
        for boot, first, last in missing:
            self._declare(boot, first, last)
        log.info("agent.sending_again", records=count, not_kept=len(missing))
        self._session.look_again()

    def _declare(self, boot: int, first: int, last: int) -> None:
        # A server that asks twice, or that forgot what it was told, gets the same record again, not another.
        for payload in self._outbox.payloads(record.LOSS):
            told = record.decode(payload)
            its_boot, its_first, its_last, _ = record.parse_loss(told.body)
            if its_boot == boot and its_first <= first and last <= its_last:
                self._outbox.resend([(told.boot, told.seq, told.seq)])
                return
        self._keeper.append(record.LOSS, record.loss_body(boot, first, last, _NOT_KEPT), {})

    def _tell_given_up(self) -> None:
        if self._session.given_up > self._given_up:
            name, cause, next_step = code_texts.explain(codes.UNDELIVERABLE)
            records = self._session.given_up - self._given_up
            log.error("agent.record_undeliverable", records=records, code=name, cause=cause, next_step=next_step)
            self._given_up = self._session.given_up


def _tell_store_failed(error: Exception) -> None:
    log.error("agent.store_failed", error=str(error), next_step="free space on the device's disk")
