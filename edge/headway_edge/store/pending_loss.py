"""Losses that the outbox found or made and that no LOSS record declares yet; they are kept in its state until one does.

Each has a key of its own, made of what is lost: the LOSS record takes the key out in the transaction that stores it, so
that a power cut leaves the one or the other, and a loss that was noted meanwhile has another key and stays.
"""

from typing import NamedTuple

from headway_protocol import cbor
from headway_protocol.errors import DecodeError

PREFIX = "outbox/undeclared/"

# Reasons, as a LOSS record tells them.
CUT_OFF = "the end of the store was lost"
DAMAGED = "damaged in the store"
STORE_FULL = "dropped, the store was full"
DISK_REFUSED = "the disk refused it for too long"


class PendingLoss(NamedTuple):
    """Records first_seq..last_seq of `boot` are lost. key: of the outbox's state, to be removed with the declaration."""

    key: str
    boot: int
    first_seq: int
    last_seq: int
    reason: str


def pending(boot: int, first_seq: int, last_seq: int, reason: str) -> PendingLoss:
    """Return the loss with its key, whose order is that of the records."""
    return PendingLoss(f"{PREFIX}{boot:010d}/{first_seq:010d}/{last_seq:010d}", boot, first_seq, last_seq, reason)


def value_of(loss: PendingLoss) -> bytes:
    """Return what is stored under the key."""
    return cbor.encode([loss.boot, loss.first_seq, loss.last_seq, loss.reason])


def read(key: str, value: bytes) -> PendingLoss | None:
    """Return the loss stored under `key`; None for a value of another version."""
    try:
        items = cbor.decode(value)
    except DecodeError:
        return None
    if not isinstance(items, list) or len(items) != 4:
        return None
    boot, first_seq, last_seq, reason = items
    return PendingLoss(key, boot, first_seq, last_seq, reason)
