"""The shapes of the API's answers about incidents and services."""

from datetime import datetime

from pydantic import BaseModel, Field

from headway_server.reading.answers import Pack, Place, Value


class IncidentChange(BaseModel):
    """A change in a characteristic of the pack, against what was usual."""

    characteristic: str = Field(description="Its key.")
    title: str
    direction: int = Field(description="1 upwards, -1 downwards.")
    since: int = Field(description="In how many of the latest numbers it showed.")
    each: str = Field(description="What it has a number of: trip or day.")
    size: Value = Field(description="By how much, without a sign; null where events were counted.")
    error: Value = Field(description="Standard error of the size; null likewise.")
    seen: int | None = Field(description="Events in those numbers; null where none were counted.")
    usual: float | None = Field(description="How many would have been usual.")


class Incident(BaseModel):
    """Something that somebody should look at, as one device told it. Times are by its clock, the best of that boot."""

    device: str
    boot: int
    seq: int
    person: str
    pack: Pack | None = Field(description="The pack that the values are of; null: of none.")
    code: int = Field(description="As `headway_protocol.incident` numbers it; others are kept as they are.")
    name: str = Field(description="What the code is called.")
    severity: str = Field(examples=["notice", "warning", "critical"])
    words: str = Field(description="The incident in a sentence, as the device tells a change to its person.")
    values: list[int] = Field(description="As the record has them; what they mean goes by the code.")
    change: IncidentChange | None = Field(description="Of a change in a characteristic of a pack that is known.")
    opened: datetime | None = Field(description="When it began; null where no clock of that boot was ever set.")
    is_open: bool
    closed: datetime | None = Field(description="When the device said that it is over.")
    closed_by: Place | None = Field(description="The record that closed it.")
    time_to_restore_s: float | None = Field(
        description="From opened to closed; null where either is not known or the clock was put back between."
    )


class IncidentPage(BaseModel):
    """A page of incidents, the last committed first."""

    incidents: list[Incident]
    next: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class Service(BaseModel):
    """What a person said was done to the vehicle."""

    device: str
    boot: int
    seq: int
    person: str
    what: int = Field(description="As `headway_protocol.service` numbers it; others are kept as they are.")
    name: str = Field(description="What that is called.", examples=["oil changed"])
    done: datetime | None = Field(
        description="By the device's clock, the best of that boot; null where none was ever set."
    )
    odometer_km: int | None
    litres: float | None


class ServicePage(BaseModel):
    """A page of services, the last committed first."""

    services: list[Service]
    next: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")
