"""Records to put into an outbox, and what a test looks at in it."""

import logging
from pathlib import Path

import structlog

from headway_edge.store.outbox import Outbox
from headway_protocol import record

BODY = record.loss_body(1, 1, 1, "test")
EPISODE = record.episode_body(bytes(8), 0, bytes(range(1, 40)), b"")

Key = tuple[int, int]


def quiet() -> None:
    """Say nothing of the failures that tests make by the thousand."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))


def append(outbox: Outbox, kind: int = record.EPISODE, **state: bytes) -> Key:
    payload = outbox.append(kind, 1000, None, record.UNSYNCED, EPISODE if kind == record.EPISODE else BODY, state)
    boot, seq = record.identity(payload)
    return boot, seq


def keys(outbox: Outbox) -> list[Key]:
    return [(boot, seq) for boot, seq, _ in outbox.to_send((0, 0), 100_000)]


def losses(outbox: Outbox) -> list[tuple[int, int, int]]:
    return [(loss.boot, loss.first_seq, loss.last_seq) for loss in outbox.undeclared()]


def filled(path: Path, count: int) -> list[Key]:
    """Make an outbox with that many records, closed; return their keys."""
    outbox = Outbox(path)
    made = [append(outbox) for _ in range(count)]
    outbox.close()
    return made
