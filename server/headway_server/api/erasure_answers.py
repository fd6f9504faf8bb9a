"""The shapes of the API's answers about erasures and the audit log."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class Erased(BaseModel):
    """A person was erased."""

    number: int = Field(description="By which the erasure's certificate is asked for.")
    rows: dict[str, int] = Field(description="Rows that were deleted, by table.")
    devices: int = Field(description="Devices that have to be wiped, each told when it speaks next.")


class Erasure(BaseModel):
    """An erasure and how far it has come."""

    number: int
    erased: datetime | None
    devices: int
    wiped: int = Field(description="Devices that said that they are wiped.")


class WipedDevice(BaseModel, extra="forbid"):
    """A device that was reflashed or destroyed."""

    device: str = Field(max_length=65, description="<group>/<name>, as it was.")


class AuditRow(BaseModel):
    """One row of the audit log."""

    number: int
    at: datetime | None
    actor: str
    action: str
    subject: str | None = Field(description="Keyed hash of a person, in hex; null: nobody.")
    detail: dict[str, Any]
    hash: str = Field(description="SHA-256 over the row and the hash of the row before, in hex.")


class AuditPage(BaseModel):
    """A page of the audit log, the newest row first."""

    rows: list[AuditRow]
    total: int
    next: int | None = Field(description="Give it as `before` for the next page; null on the last one.")


class AuditVerified(BaseModel):
    """Whether the chain of the audit log holds."""

    rows: int
    newest_hash: str = Field(description="Keep it elsewhere: with it, a log whose end was cut off is found.")
    problems: list[str] = Field(description="Rows that do not fit; empty where all do.")
