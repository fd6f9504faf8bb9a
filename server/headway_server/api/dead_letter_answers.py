"""The shapes of the API's answers about dead letters, and of the requests that read them again or drop them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field


class DeadLetter(BaseModel):
    """A message that is no record; the same bytes on the same topic are one letter."""

    hash: str = Field(description="SHA-256 of topic, NUL and payload, in hex.")
    topic: str
    payload_bytes: int
    whole: bool = Field(description="Whether every byte was kept, so that it can be read again.")
    code: str | None = Field(description="Name of the refusal; null where none fits.")
    reason: str
    received: datetime | None = Field(description="When it came last, by the server's clock.")
    count: int = Field(description="How often it came.")
    retained: bool = Field(description="Whether the broker had kept it, so that it may be of any age.")


class DeadLetterPage(BaseModel):
    """A page of letters, the last received first."""

    letters: list[DeadLetter]
    total: int
    next: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class DeadLetterDetail(DeadLetter):
    """A letter with what was kept of it."""

    payload: str = Field(description="The bytes that were kept, in hex.")
    diagnostic: str | None = Field(description="The same in CBOR diagnostic notation; null where they are no CBOR.")


class Letters(BaseModel, extra="forbid"):
    """Which letters are meant."""

    hashes: list[str] = Field(min_length=1, max_length=500, description="In hex, whole.")


class Outcome(BaseModel):
    """What came of reading a letter again."""

    hash: str
    outcome: Literal["taken", "refused", "cut", "gone"]
    why: str


class Replayed(BaseModel):
    """What came of reading letters again."""

    letters: list[Outcome]


class Dropped(BaseModel):
    """How many letters were deleted."""

    dropped: int
