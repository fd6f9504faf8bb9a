"""The shapes of the API's answers. Times are ISO 8601 in UTC, values decimal numbers in the unit beside them."""

from datetime import UTC, date, datetime, timedelta

from pydantic import BaseModel, Field

from headway_edge.core.process import Characteristic

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def instant(unix_ms: int | None) -> datetime | None:
    """Return a time for an answer; None stays None, and so does one that no calendar has (a device's clock may lie)."""
    if unix_ms is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=unix_ms)
    except OverflowError:
        return None


def decimal(characteristic: Characteristic, value: int | None) -> float | None:
    """Return a characteristic's integer value as a number in its unit."""
    return None if value is None else value / 10**characteristic.decimals


class Health(BaseModel):
    """Whether the server does its work."""

    ok: bool = Field(description="Database and broker both work.")
    database: bool
    broker: bool | None = Field(description="Subscribed at the broker; null where the server runs without one.")
    queue_depth: int = Field(description="Messages received and not yet committed.")
    last_commit_age_s: float | None = Field(description="Since the last commit of this process; null before the first.")
    held_back: int = Field(description="Messages held back since the start, of devices that send too much (alarms).")
    restored: datetime | None = Field(description="When the database was last restored from a backup; null: never.")


class Pack(BaseModel):
    """Which pack something is of: values of packs with different ids are never compared."""

    id: str = Field(description="First 8 bytes of the SHA-256 of the compiled pack, in hex.")
    name: str | None = Field(description="Null for a pack that this server does not know.")
    version: int | None


class Device(BaseModel):
    """A device, as it last told."""

    device: str = Field(description="<group>/<name>, from its topic.", examples=["depot-7/bus-0142"])
    person: str = Field(description="Pseudonymous id of who is counted.")
    vehicle_class: str | None = Field(description="Null until the device's birth record has come.")
    firmware: str | None
    pack: Pack | None = Field(description="What it runs, as its birth record said.")
    offered_pack_id: str | None = Field(description="The pack it was offered last; null: none.")
    boot: int = Field(description="Highest boot heard of; 0: none.")
    online: bool
    first_seen: datetime | None
    last_seen: datetime | None
    clock: str | None = Field(description="Quality of its clock: unsynced, holdover or synced.")
    backlog: int | None = Field(description="Records not acknowledged when it started.")
    dropped: int | None = Field(description="Records it lost for good before it started.")
    records: int
    trips: int
    km: float
    duplicates: int
    rejected: int
    conflicts: int


class DevicePage(BaseModel):
    """A page of devices by name."""

    devices: list[Device]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one.")


class Boot(BaseModel):
    """How far one boot of a device is complete."""

    boot: int
    upto: int = Field(description="Up to this seq every record is stored, refused for good, or declared lost.")
    highest: int = Field(description="Highest seq heard of; above `upto` there are gaps.")


class Gap(BaseModel):
    """Records that are missing: neither stored, nor refused, nor declared lost."""

    boot: int
    first_seq: int
    last_seq: int | None = Field(description="Null where nobody knows: nothing of this boot has come.")
    since: datetime | None
    state: str = Field(description="waiting, asked, or unfilled: asked for the last time.")
    asked: int = Field(description="How often the device was asked for them.")
    last_asked: datetime | None


class Loss(BaseModel):
    """Records that will never come."""

    boot: int
    first_seq: int
    last_seq: int
    reason: str


class DeviceDetail(Device):
    """A device, with its latest boots, gaps and losses."""

    boots: list[Boot]
    gaps: list[Gap]
    losses: list[Loss]


class Value(BaseModel):
    """A characteristic's value; null where it is not defined, which is not zero."""

    value: float | None
    unit: str


class Place(BaseModel):
    """A record of the same device."""

    boot: int
    seq: int


class Trip(BaseModel):
    """One trip."""

    device: str
    boot: int
    seq: int
    record_sha256: str = Field(description="SHA-256 of the record's bytes, in hex: equal to the device's own.")
    person: str
    pack: Pack
    epoch: int = Field(description="The epoch it was committed in, whenever it was driven.")
    start: datetime | None = Field(description="By the device's clock; null where that was never set in the boot.")
    end: datetime | None
    clock: str = Field(
        description="Quality of the device's clock when it made the record: unsynced, holdover or synced."
    )
    dated: str | None = Field(
        description="Whose time `start` is: `own`, of the record; `boot`, of another record of its boot, whose clock was better."
    )
    day: date | None = Field(description="The person's local day, that of UTC where the device does not know; or null.")
    contexts: dict[str, bool]
    revises: Place | None = Field(description="The record whose place it was made to take.")
    superseded: bool = Field(description="Whether a later record has taken its place: then it counts no more.")
    characteristics: dict[str, Value]
    gates: dict[str, float] = Field(description="What the data lacks: gaps, bridged metres, dropped samples.")


class TripPage(BaseModel):
    """A page of trips, the last committed first."""

    trips: list[Trip]
    next: str | None = Field(description="Give it as `cursor` for the next page; null on the last one.")


class Cohort(BaseModel):
    """A cohort in one epoch: who is compared with whom, people of one vehicle class and one pack."""

    cohort: str
    pack: Pack
    persons: int
    trips: int
    km: float


class Epoch(BaseModel):
    """An epoch and who drove in it."""

    epoch: int
    opened: datetime | None
    closed: datetime | None
    cohorts: list[Cohort]


class Cohorts(BaseModel):
    """The open epoch, and the last closed one if there is one."""

    open: Epoch
    last_closed: Epoch | None


class Knot(BaseModel):
    """A point of a distribution: the mean of at least five persons around that share, a value that dominates it cut down."""

    share_pct: float
    value: float


class Table(BaseModel):
    """The distribution of one characteristic over a cohort's persons."""

    id: int
    key: str
    unit: str
    persons: int
    knots: list[Knot]


class Benchmark(BaseModel):
    """What a cohort's devices were sent."""

    cohort: str
    pack: Pack
    epoch: int
    tables: list[Table]


class NotPublished(BaseModel):
    """What was held back at the close. characteristic: null for the whole cohort."""

    cohort: str
    pack: Pack
    characteristic: str | None
    persons: int
    reason: str


class Benchmarks(BaseModel):
    """Benchmarks, and what the same epoch held back."""

    benchmarks: list[Benchmark]
    withheld: list[NotPublished]


class Counters(BaseModel):
    """Where every message went."""

    records: int = Field(description="Stored, once each.")
    duplicates: int = Field(description="The same record again; acknowledged again, not stored again.")
    rejected: int = Field(description="Refused for good, with a code sent to the device.")
    conflicts: int = Field(description="Other content under a key that is stored; in quarantine.")
    quarantined: int
    dead_letters: int = Field(description="Messages that are no record.")
    parked: int = Field(description="Stored, but newer than this server; read after its upgrade.")
    lost: int = Field(description="Records that devices declared lost; of a boot whose end nobody knows, none.")
    gaps: int = Field(description="Stretches of records that are missing and asked for.")
    missing: int = Field(description="Records in them; of a boot whose end nobody knows, none.")
    unfilled: int = Field(description="Those of the gaps that were asked for to no avail.")
    superseded: int = Field(description="Trips whose place a correction has taken.")
    folded: int = Field(
        description="Trips that are known as a part of a sum only, because the device's store was full: of a day, or of a month."
    )
    unplaced: int = Field(description="Corrections of what is no trip here, or not yet; they count as trips.")
    incidents: int
    incidents_open: int
    closings_unplaced: int = Field(
        description="Records that close what is no incident here, or not yet, or closed already; they are kept."
    )
    services: int = Field(description="What people said was done to their vehicles.")


class Alarm(BaseModel):
    """Something about a device that somebody should look at."""

    device: str = Field(description="Of kind unerased: `erasure` and its number, for no name of it is known any more.")
    kind: str = Field(description="clone, unerased, unfilled, flood, lost, refused, untaken or missing.")
    words: str
    last: datetime | None = Field(description="When it was last so, by the server's clock.")
    next_step: str


class Alarms(BaseModel):
    """The alarms of the last 30 days, the gravest kind first, then the latest."""

    alarms: list[Alarm]
    others: int = Field(description="How many more there are.")


class CloseRequest(BaseModel, extra="forbid"):
    """Which epoch is meant."""

    expected: int | None = Field(None, ge=1, description="Close only if this epoch is the open one.")


class Published(BaseModel):
    """A cohort that got a benchmark."""

    cohort: str
    pack: Pack
    persons: int


class EpochClosed(BaseModel):
    """A closed epoch."""

    epoch: int
    persons: int
    cohorts: list[Published]
    withheld: list[NotPublished]
    messages: int = Field(description="Benchmark messages for devices.")


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str
