"""What a message turned out to be, before anything is stored: a record, a presence, or a refusal with its reason.

Pure: bytes in, a value out, in time linear in the message. It never raises, because one bad message must not stop a
good one; who the message is from comes from its topic only.

>>> from headway_protocol import record
>>> data = record.encode(record.Record(record.LOSS, 3, 7, 5000, None, 0, record.loss_body(2, 10, 19, "full")))
>>> arrival = read(Received("headway/v1/depot/bus-1/up", data), lambda pack_id: None)
>>> arrival.device, arrival.boot, arrival.seq, arrival.loss
('depot/bus-1', 3, 7, Loss(boot=2, first_seq=10, last_seq=19, reason='full'))
>>> read(Received("headway/v1/depot/bus-1/up", b"hello"), lambda pack_id: None).reason
'byte 0: a string of 8 bytes does not fit'
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from headway_edge.core.data_quality import GATES
from headway_edge.core.episode import DISTANCE
from headway_edge.core.process import Process
from headway_protocol import cbor, counts, incident, record, service, state, topics
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED, NEWER_VERSION, TOO_LARGE
from headway_protocol.errors import DecodeError
from headway_server.ingest.dating import possible
from headway_server.ingest.folded import Folded, pack_of, read_fold
from headway_server.ingest.plausibility import contradiction
from headway_server.totals.periods import day_of
from headway_server.totals.tally import Tally

Find = Callable[[bytes], Process | None]  # the process of a pack id, None for a pack that is not known

MESSAGE_BYTES_MAX = 16 * record.RECORD_BYTES_MAX  # of a larger message not even the identity is looked for
_INT64_MAX = (1 << 63) - 1

# Why a stored record was not read.
PARKED_VERSION, PARKED_KIND, PARKED_PACK = "version", "kind", "pack"


@dataclass(frozen=True, slots=True)
class Received:
    """One message as the broker delivered it.

    retained: it was kept by the broker, not sent just now. bytes_total: of a payload of which only the beginning was kept,
    because it was larger than MESSAGE_BYTES_MAX; None: it is whole.
    """

    topic: str
    payload: bytes
    retained: bool = False
    bytes_total: int | None = None


@dataclass(frozen=True, slots=True)
class Birth:
    """What a device says of itself at the start of a boot.

    pack: (id, name, version) of what it runs, if anything. wiped: as `headway_protocol.record.wiped_of`.
    """

    vehicle_class: str
    firmware: str
    backlog: int
    dropped: int
    pack: tuple[bytes, str, int] | None
    wiped: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Loss:
    """Records first_seq..last_seq of `boot` will never come."""

    boot: int
    first_seq: int
    last_seq: int
    reason: str


@dataclass(frozen=True, slots=True)
class Episode:
    """A trip (or day) of a known pack.

    start_ms: by its own record, None without a time that can be, until it is dated by its boot (`dating`: dated_by_boot). ago_ms:
    how long before its record was made it began. day: local, `periods.day_of`. context: bit mask. counts, gates:
    packed. tally: its share of a period. revises: (boot, seq) of the record of the same device that it takes the place of.
    """

    pack_id: bytes
    start_ms: int | None
    utc_offset_min: int | None
    day: int
    context: int
    counts: bytes
    gates: bytes
    tally: Tally
    revises: tuple[int, int] | None
    ago_ms: int
    dated_by_boot: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """A record that opens an incident, or closes one.

    began_ms: by its own record, None without a time that can be, until it is dated by its boot (`told_dates`). told_ms: when the
    record was made, likewise: an incident is closed when the device says that it is over. ago_ms: how long before that it began.
    pack_id: that the values are of, None: of none. closes: (boot, seq)
    of the record of the same device that opened it; None: this one opens it.
    """

    code: int
    severity: int
    began_ms: int | None
    told_ms: int | None
    pack_id: bytes | None
    values: tuple[int, ...]
    closes: tuple[int, int] | None
    ago_ms: int


@dataclass(frozen=True, slots=True)
class Service:
    """What a person says was done. done_ms, ago_ms: when, as of an incident."""

    what: int
    done_ms: int | None
    odometer_km: int | None
    millilitres: int | None
    ago_ms: int


@dataclass(frozen=True, slots=True)
class Arrival:
    """A record to be stored. At most one of birth, loss, episode, incident, service and folded is set; none if it is parked.

    device: "<group>/<name>". parked: why its meaning was not read, or None. mono_ms, wall_ms: when it was made; no mono_ms
    where its version is not readable.
    """

    device: str
    boot: int
    seq: int
    payload: bytes
    hash: bytes
    kind: int
    schema: int
    clock: int | None = None
    parked: str | None = None
    birth: Birth | None = None
    loss: Loss | None = None
    episode: Episode | None = None
    incident: Incident | None = None
    service: Service | None = None
    folded: Folded | None = None
    mono_ms: int | None = None
    wall_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Presence:
    """A device's online flag, with the boot it is of; ends: how far its boots had come, as (boot, last_seq)."""

    device: str
    boot: int
    online: bool
    ends: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that is not stored as a record.

    device, boot, seq: None where the message does not show them; with all three, the device is told. code: of
    `headway_protocol.codes`, None when none fits (nobody is told then).
    """

    message: Received
    code: int | None
    reason: str
    device: str | None = None
    boot: int | None = None
    seq: int | None = None


def read(message: Received, find: Find) -> Arrival | Presence | Refusal:
    """Return what `message` is; `find` is asked for the pack of a trip."""
    try:
        group, name, channel = topics.parse(message.topic)
    except DecodeError as e:
        return Refusal(message, e.code, str(e))
    device = f"{group}/{name}"
    if channel == topics.STATE:
        return _read_presence(message, device)
    if channel != topics.UP:
        return Refusal(message, None, f"devices do not speak on {channel!r}")
    if message.retained:
        # Nobody sends these: what a broker kept may be of any age and from anybody, and would come again at each start.
        return Refusal(message, None, "a retained message on an up topic")
    if message.bytes_total is not None:
        reason = f"a message of {message.bytes_total} bytes; the limit is {record.RECORD_BYTES_MAX}"
        return Refusal(message, TOO_LARGE, reason)
    try:
        return _read_record(device, message.payload, find)
    except DecodeError as e:
        if e.code == NEWER_VERSION:
            parked = _park_newer(device, message.payload)
            if parked is not None:
                return parked
        return _refuse(message, device, e.code, str(e))
    except Exception as e:  # noqa: BLE001 - a parser's own bug must cost one message, not the batch it came in
        return _refuse(message, device, MALFORMED, f"{type(e).__name__} while reading")


def _refuse(message: Received, device: str, code: int, reason: str) -> Refusal:
    boot = seq = None
    if len(message.payload) <= MESSAGE_BYTES_MAX:
        boot, seq = record.identity(message.payload) or (None, None)
    return Refusal(message, code, reason, device, boot, seq)


def _read_presence(message: Received, device: str) -> Presence | Refusal:
    try:
        boot, online, ends = state.decode(message.payload)
    except DecodeError as e:
        return Refusal(message, e.code, str(e), device)
    return Presence(device, boot, online, tuple(ends))


def _read_record(device: str, payload: bytes, find: Find) -> Arrival:
    found = record.decode(payload)
    birth = loss = episode = told = done = folded = parked = None
    if found.kind == record.BIRTH:
        firmware, vehicle_class, packs, backlog, dropped = record.parse_birth(found.body)
        runs = next(((pack_id, storable(name), version) for pack_id, name, version in packs), None)
        wiped = record.wiped_of(found.body)
        birth = Birth(storable(vehicle_class), storable(firmware), backlog, dropped, runs, wiped)
    elif found.kind == record.LOSS:
        boot, first_seq, last_seq, reason = record.parse_loss(found.body)
        loss = Loss(boot, first_seq, last_seq, storable(reason))
    elif found.kind == record.EPISODE:
        episode = _read_episode(found, find)
        if episode is None:
            parked = PARKED_PACK
    elif found.kind == record.DAY:
        process = find(pack_of(found))
        folded = None if process is None else read_fold(found, process)
        parked = PARKED_PACK if process is None else None
    elif found.kind == record.INCIDENT:
        told = _read_incident(found)
    elif found.kind == record.SERVICE:
        what, ago_ms, odometer_km, millilitres = service.parse_service(found.body)
        done = Service(what, _before(possible(found.wall_ms), ago_ms), odometer_km, millilitres, ago_ms)
    else:
        parked = PARKED_KIND
    return Arrival(
        device,
        found.boot,
        found.seq,
        payload,
        hashlib.sha256(payload).digest(),
        found.kind,
        1,
        found.clock,
        parked,
        birth,
        loss,
        episode,
        told,
        done,
        folded,
        found.mono_ms,
        found.wall_ms,
    )


def _read_episode(found: record.Record, find: Find) -> Episode | None:
    pack_id, start_ago_ms, packed, packed_gates, utc_offset_min, revises = record.parse_episode(found.body)
    process = find(pack_id)
    if process is None:
        return None
    numbers = process.numbers(packed)
    counts.unpack(packed_gates, GATES)
    totals = process.totals(numbers)
    impossible = contradiction(process, numbers, totals)
    if impossible:
        raise DecodeError(IMPLAUSIBLE, impossible)
    start_ms = _before(possible(found.wall_ms), start_ago_ms)
    return Episode(
        pack_id,
        start_ms,
        utc_offset_min,
        day_of(process, start_ms, utc_offset_min),
        process.context(numbers),
        packed,
        packed_gates,
        Tally(1, numbers[DISTANCE], totals),
        revises,
        start_ago_ms,
    )


def _read_incident(found: record.Record) -> Incident:
    code, severity, start_ago_ms, pack_id, values, closes = incident.parse_incident(found.body)
    told_ms = possible(found.wall_ms)
    began_ms = _before(told_ms, start_ago_ms)
    return Incident(code, severity, began_ms, told_ms, pack_id, tuple(values), closes, start_ago_ms)


def _before(wall_ms: int | None, ago_ms: int) -> int | None:
    return None if wall_ms is None else wall_ms - ago_ms


def _park_newer(device: str, payload: bytes) -> Arrival | None:
    identity = record.identity(payload)
    items = cbor.decode(payload)
    if identity is None or not isinstance(items, list):
        return None
    boot, seq = identity
    kind = items[1] if isinstance(items[1], int) and 0 <= items[1] <= 255 else 0
    schema = min(items[0], _INT64_MAX)
    return Arrival(device, boot, seq, payload, hashlib.sha256(payload).digest(), kind, schema, parked=PARKED_VERSION)


def storable(text: str) -> str:
    """Return `text` as a database can hold it: PostgreSQL's text has no NUL, SQLite's tools stop at one."""
    return text.replace("\x00", "\ufffd")
