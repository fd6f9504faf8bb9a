"""The shapes of the API's questions and answers about packs."""

from typing import Any

from pydantic import BaseModel, Field

from headway_server.reading.answers import Pack


class PackSummary(BaseModel):
    """A pack that this server knows."""

    id: str
    name: str
    version: int
    title: str
    kind: str
    classes: list[str]
    devices: int = Field(description="Devices that run it, as their birth records said.")


class PackDevice(BaseModel):
    """A device that runs a pack or was offered it."""

    device: str
    vehicle_class: str | None
    runs: bool
    offered: bool


class PackDetail(PackSummary):
    """A pack with its texts, and who runs it."""

    catalogue: dict[str, Any] = Field(description="Everything people read about the pack.")
    source: str | None = Field(description="What its author wrote, in TOML; null where it is not kept.")
    on: list[PackDevice] = Field(description="Devices that run it or were offered it, by name, the first 500.")


class PackSource(BaseModel, extra="forbid"):
    """A pack to be compiled."""

    source: str = Field(description="TOML, as docs/packs.md describes it.")


class PackAdded(BaseModel):
    """A pack that is known now."""

    id: str
    name: str
    version: int
    new: bool = Field(description="False for one that was known: at most its texts are others now.")
    records_read: int = Field(description="Records that were waiting for this pack.")


class PackProblem(BaseModel):
    """One thing that is wrong with a source. line: from 1, 0 for the whole of it."""

    line: int
    field: str
    message: str


class PackProblems(BaseModel):
    """Why a source is no pack: all of it, up to 200."""

    detail: list[PackProblem]


class PackOffer(BaseModel, extra="forbid"):
    """Which pack a device is offered."""

    pack_id: str = Field(pattern="^[0-9a-f]{16}$")


class PackOffered(BaseModel):
    """An offer that is stored."""

    device: str
    pack: Pack
    published: bool = Field(description="Whether the broker has it; if not, it gets it when it is reached next.")
