"""Losses that the outbox found or made and that no LOSS record declares yet; they are kept in its state until one does.

Each has a key of its own, made of what is lost: the LOSS record takes the key out in the transaction that stores it, so
that a power cut leaves the one or the other, and a loss that was noted meanwhile has another key and stays.
"""

from typing import NamedTuple

from headway_edge.store.outbox_schema import is_whole
from headway_protocol import cbor, record
from headway_protocol.errors import DecodeError, EncodeError

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
    return PendingLoss(f"{prefix_of(boot)}{first_seq:010d}/{last_seq:010d}", boot, first_seq, last_seq, reason)


def prefix_of(boot: int) -> str:
    """Return what the keys of a boot's losses begin with."""
    return f"{PREFIX}{boot:010d}/"


def value_of(loss: PendingLoss) -> bytes:
    """Return what is stored under the key."""
    return cbor.encode([loss.boot, loss.first_seq, loss.last_seq, loss.reason])


def read(key: str, value: object, its_crc: object) -> PendingLoss | None:
    """Return the loss stored under `key`; None for one of another version, or whose key has changed beyond use.

    Where the value's bytes have changed, what is lost stands in the key as well, all but why.
    """
    if "\ufffd" in key:
        return None  # it cannot be named to be removed, and would be told for ever; the server asks for what it lacks
    try:
        if isinstance(value, bytes) and is_whole(value, its_crc):
            items = cbor.decode(value)
        else:
            items = [*map(int, key[len(PREFIX) :].split("/")), DAMAGED]
        record.loss_body(*items)  # type: ignore[misc]
    except (DecodeError, EncodeError, TypeError, ValueError):
        return None
    return PendingLoss(key, *items)  # type: ignore[misc]
