"""The record: the unit a device syncs, identified by (device, boot, seq).

A record is a canonical CBOR array

    [version, kind, boot, seq, mono_ms, wall_ms / null, clock, body]

The device is not in it: identity is the topic. `boot` counts the device's starts, `seq` is contiguous from 1 within
a boot, so a gap is visible. Three times are kept because a clock may be wrong: the boot, the monotonic time within it,
and the wall time with its quality. The bytes are made once, when the record is stored, and never changed afterwards.

>>> data = encode(Record(LOSS, 3, 7, 5000, None, UNSYNCED, loss_body(2, 10, 19, "storage full")))
>>> data.hex()
'8801080307191388f60084020a136c73746f726167652066756c6c'
>>> record = decode(data)
>>> (record.kind, record.boot, record.seq), parse_loss(record.body)
((8, 3, 7), (2, 10, 19, 'storage full'))
"""

from headway_protocol import WIRE_VERSION, cbor
from headway_protocol.codes import IMPLAUSIBLE, MALFORMED
from headway_protocol.errors import DecodeError, EncodeError
from headway_protocol.fields import (
    TIME_MS_MAX,
    UINT32_MAX,
    array,
    check_length,
    integer,
    message,
    octets,
    readable,
    text,
    uint,
)

# Kinds. 3, 4 and 6 are named so that their numbers stay free. The bodies of 1, 2 and 8 are below, those of 5 and 7 in
# `headway_protocol.incident` and `headway_protocol.service`.
BIRTH = 1
EPISODE = 2
DAY = 3
FEEDBACK = 4
INCIDENT = 5
AGREEMENT = 6
SERVICE = 7
LOSS = 8

# Quality of the wall clock when the record was made.
UNSYNCED = 0  # the clock has never been set: wall_ms is null
HOLDOVER = 1  # set in an earlier boot, or by a battery-backed clock
SYNCED = 2  # set from GNSS or a time server in this boot

RECORD_BYTES_MAX = 1024  # a trip takes about 100; a birth with eight packs about 300
BODY_ITEMS_MAX = 64
PACK_ID_BYTES = 8
COUNTS_BYTES_MAX = 512
TEXT_LENGTH_MAX = 64
PACKS_MAX = 8
UTC_OFFSET_MIN_MAX = 24 * 60  # time zones lie within 14 hours of UTC


class Record:
    """The envelope of one record.

    kind: one of the kinds above, or a newer one. boot, seq: 1..2**32-1.
    mono_ms: milliseconds since this boot. wall_ms: Unix time in milliseconds, None while the clock was never set.
    clock: UNSYNCED, HOLDOVER or SYNCED. body: a list, whose meaning the kind gives.
    """

    def __init__(
        self, kind: int, boot: int, seq: int, mono_ms: int, wall_ms: "int | None", clock: int, body: list
    ) -> None:
        self.kind = kind
        self.boot = boot
        self.seq = seq
        self.mono_ms = mono_ms
        self.wall_ms = wall_ms
        self.clock = clock
        self.body = body


def encode(record: Record) -> bytes:
    """Return the record's bytes.

    Raises EncodeError for a field out of range, a clock that contradicts wall_ms, or a record over RECORD_BYTES_MAX.
    """
    for name, value, low, high in (
        ("kind", record.kind, 1, 255),
        ("boot", record.boot, 1, UINT32_MAX),
        ("seq", record.seq, 1, UINT32_MAX),
        ("mono_ms", record.mono_ms, 0, TIME_MS_MAX),
        ("wall_ms", 0 if record.wall_ms is None else record.wall_ms, 0, TIME_MS_MAX),
        ("clock", record.clock, UNSYNCED, SYNCED),
    ):
        if not low <= value <= high:
            raise EncodeError("%s %d is not in %d..%d" % (name, value, low, high))
    if (record.wall_ms is None) != (record.clock == UNSYNCED):
        raise EncodeError("clock %d with wall_ms %r" % (record.clock, record.wall_ms))
    if len(record.body) > BODY_ITEMS_MAX:
        raise EncodeError("a body of %d items; the limit is %d" % (len(record.body), BODY_ITEMS_MAX))
    data = cbor.encode(
        [
            WIRE_VERSION,
            record.kind,
            record.boot,
            record.seq,
            record.mono_ms,
            record.wall_ms,
            record.clock,
            record.body,
        ]
    )
    if len(data) > RECORD_BYTES_MAX:
        raise EncodeError("a record of %d bytes; the limit is %d" % (len(data), RECORD_BYTES_MAX))
    return data


def identity(data: bytes) -> tuple:
    """Return (boot, seq) if `data` shows them, else None; so that even a record that is refused can be answered.

    Reads only the first four items, whatever the version and the kind are and however broken the rest is: a device
    whose malformed record got no answer would send it for ever.
    """
    try:
        return _identity(cbor.first_items(data, 4))
    except DecodeError:
        return None  # type: ignore[return-value]


def _identity(items: list) -> tuple:
    boot, seq = uint(items, 2, UINT32_MAX, "boot"), uint(items, 3, UINT32_MAX, "seq")
    if boot == 0 or seq == 0:
        raise DecodeError(IMPLAUSIBLE, "boot %d, seq %d: both count from 1" % (boot, seq))
    return boot, seq


def decode(data: bytes) -> Record:
    """Return the record in `data`, its body still a list. Raises DecodeError with a code that says why not.

    A kind this version does not know is returned as it is: the caller keeps its bytes.
    """
    items = message(data, RECORD_BYTES_MAX, WIRE_VERSION, 8, "record")
    boot, seq = _identity(items)
    wall_ms = None if items[5] is None else uint(items, 5, TIME_MS_MAX, "wall_ms")
    clock = uint(items, 6, SYNCED, "clock")
    if (wall_ms is None) != (clock == UNSYNCED):
        raise DecodeError(IMPLAUSIBLE, "clock %d with wall_ms %r" % (clock, wall_ms))
    return Record(
        uint(items, 1, 255, "kind", 1),
        boot,
        seq,
        uint(items, 4, TIME_MS_MAX, "mono_ms"),
        wall_ms,
        clock,
        array(items, 7, BODY_ITEMS_MAX, "body"),
    )


def episode_body(
    pack_id: bytes,
    start_ago_ms: int,
    counts: bytes,
    gates: bytes,
    utc_offset_min: "int | None" = None,
    revises: "tuple | None" = None,
) -> list:
    """Return the body of an EPISODE.

    pack_id: PACK_ID_BYTES of the definition's hash; values of different definitions are never compared.
    start_ago_ms: how long before the record's mono_ms the episode began (which may be before this boot).
    counts, gates: accumulators and data-quality counters in the pack's order (`headway_protocol.counts`).
    utc_offset_min: what the person's local time was ahead of UTC, so that a day is their day; None: not known.
    revises: (boot, seq) of the record of this device that this one takes the place of; None: of none.
    Raises EncodeError for a body that `parse_episode` would refuse; so do the others.
    """
    body = [pack_id, start_ago_ms, counts, gates]
    if utc_offset_min is not None or revises is not None:
        body.append(utc_offset_min)
    if revises is not None:
        body.append([revises[0], revises[1]])
    return readable(parse_episode, body)


def parse_episode(body: list) -> tuple:
    """Return (pack_id, start_ago_ms, counts, gates, utc_offset_min, revises), counts and gates still packed.

    Raises DecodeError.
    """
    check_length(body, 4, "episode")
    offset = body[4] if len(body) > 4 else None
    if offset is not None and not -UTC_OFFSET_MIN_MAX <= integer(body, 4, "utc_offset_min") <= UTC_OFFSET_MIN_MAX:
        raise DecodeError(IMPLAUSIBLE, "utc_offset_min %d" % offset)
    revises = None
    if len(body) > 5 and body[5] is not None:
        found = array(body, 5, 2, "revises")
        if len(found) != 2:
            raise DecodeError(MALFORMED, "revises is [boot, seq]")
        revises = uint(found, 0, UINT32_MAX, "boot", 1), uint(found, 1, UINT32_MAX, "seq", 1)
    return (
        octets(body, 0, PACK_ID_BYTES, "pack_id", PACK_ID_BYTES),
        uint(body, 1, TIME_MS_MAX, "start_ago_ms"),
        octets(body, 2, COUNTS_BYTES_MAX, "counts"),
        octets(body, 3, COUNTS_BYTES_MAX, "gates"),
        offset,
        revises,
    )


def birth_body(
    firmware: str, vehicle_class: str, packs: list, backlog: int, dropped: int, wiped: "tuple | None" = None
) -> list:
    """Return the body of a BIRTH, the first record of a boot.

    firmware: name and version. vehicle_class: "car", "taxi", "bus", "truck".
    packs: [(pack_id, name, version), ...] held. backlog: records not yet acknowledged. dropped: records lost for good.
    wiped: (version of the order, boot that began with it) of the last time the device was wiped (`headway_protocol.wipe`);
    None: it never was.
    """
    body = readable(parse_birth, [firmware, vehicle_class, [list(pack) for pack in packs], backlog, dropped])
    if wiped is not None:
        body.append([wiped[0], wiped[1]])
    return body


def parse_birth(body: list) -> tuple:
    """Return (firmware, vehicle_class, packs, backlog, dropped) as in `birth_body`. Raises DecodeError."""
    check_length(body, 5, "birth")
    packs = []
    for item in array(body, 2, PACKS_MAX, "packs"):
        if not isinstance(item, list) or len(item) < 3:
            raise DecodeError(MALFORMED, "a pack is [id, name, version]")
        packs.append(
            (
                octets(item, 0, PACK_ID_BYTES, "pack_id", PACK_ID_BYTES),
                text(item, 1, TEXT_LENGTH_MAX, "pack name"),
                uint(item, 2, UINT32_MAX, "pack version"),
            )
        )
    return (
        text(body, 0, TEXT_LENGTH_MAX, "firmware"),
        text(body, 1, TEXT_LENGTH_MAX, "vehicle_class"),
        packs,
        uint(body, 3, UINT32_MAX, "backlog"),
        uint(body, 4, UINT32_MAX, "dropped"),
    )


def wiped_of(body: list) -> "tuple | None":
    """Return (version of the order, boot) of the last wipe that a BIRTH tells of; None for one that tells of none."""
    found = body[5] if len(body) > 5 else None
    if not isinstance(found, list) or len(found) < 2:
        return None  # also what a later version may say there
    try:
        return uint(found, 0, UINT32_MAX, "version", 1), uint(found, 1, UINT32_MAX, "boot", 1)
    except DecodeError:
        return None


def loss_body(boot: int, first_seq: int, last_seq: int, reason: str) -> list:
    """Return the body of a LOSS: records first_seq..last_seq of `boot` will never come, and why."""
    return readable(parse_loss, [boot, first_seq, last_seq, reason])


def parse_loss(body: list) -> tuple:
    """Return (boot, first_seq, last_seq, reason). Raises DecodeError."""
    check_length(body, 4, "loss")
    boot, first_seq, last_seq = (integer(body, i, name) for i, name in enumerate(("boot", "first_seq", "last_seq")))
    if not 1 <= boot <= UINT32_MAX or not 1 <= first_seq <= last_seq <= UINT32_MAX:
        raise DecodeError(IMPLAUSIBLE, "loss of %d..%d of boot %d" % (first_seq, last_seq, boot))
    return boot, first_seq, last_seq, text(body, 3, TEXT_LENGTH_MAX, "reason")
