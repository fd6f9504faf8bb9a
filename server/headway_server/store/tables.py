"""The tables, as SQLAlchemy Core metadata: what is kept, under which key, in which unit.

A device is addressed as "<group>/<name>", the two levels of its topic. Everything a device says is keyed by it first, so
that PostgreSQL can be distributed by device. Times are Unix milliseconds of the server's clock and are shown, never
compared: order is boot and seq within a device, and the epoch number across devices.

Changing a table here needs a migration beside it (`migrations/versions`); a test compares the two.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

DEVICE_LENGTH_MAX = 65  # two ids of 32 and the slash between them
TEXT_LENGTH_MAX = 64  # of texts in records
REASON_LENGTH_MAX = 200
TOPIC_LENGTH_MAX = 200
CLIENT_ID_LENGTH_MAX = 65
MARK_LENGTH_MAX = 80

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_ZERO = text("0")


def _device_key() -> Column[str]:
    return Column("device", String(DEVICE_LENGTH_MAX), ForeignKey("devices.device"), primary_key=True)


def _tally() -> tuple[Column[int], Column[int], Column[list[int]]]:
    return (
        Column("trips", BigInteger, nullable=False),
        Column("distance_m", BigInteger, nullable=False),
        Column("totals", JSON, nullable=False),  # in the order of the pack (`headway_edge.core.process`)
    )


# One row a device that ever spoke. A NULL vehicle_class means that no birth has come yet.
devices = Table(
    "devices",
    metadata,
    Column("device", String(DEVICE_LENGTH_MAX), primary_key=True),
    Column(
        "person", String(DEVICE_LENGTH_MAX), nullable=False, index=True
    ),  # pseudonymous; the device until told otherwise
    Column("vehicle_class", String(TEXT_LENGTH_MAX)),
    Column("firmware", String(TEXT_LENGTH_MAX)),
    Column("boot", BigInteger, nullable=False, server_default=_ZERO),  # highest heard of, in any message
    Column(
        "birth_boot", BigInteger, nullable=False, server_default=_ZERO
    ),  # of the birth that class and firmware are from
    Column("online", Boolean, nullable=False, server_default=false()),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=False),
    Column("clock", SmallInteger),  # quality, of the record last stored (`headway_protocol.record`)
    Column("backlog", BigInteger),  # records not yet acknowledged, as the birth said
    Column("dropped", BigInteger),  # records lost for good, as the birth said
    Column("pack_id", LargeBinary(8)),  # what it runs, as the birth said: the first of its packs
    Column("pack_name", String(TEXT_LENGTH_MAX)),
    Column("pack_version", BigInteger),
    Column("offered_pack_id", LargeBinary(8)),  # what it was offered to run instead
    # Of the statement last signed for it (`signed_offers`): its version, Unix seconds, SHA-256, and who signed it how.
    Column("offer_version", BigInteger, nullable=False, server_default=_ZERO),
    Column("offer_not_after_s", BigInteger),
    Column("offer_hash", LargeBinary(32)),
    Column("offer_seal", LargeBinary(128)),
    Column("records", BigInteger, nullable=False, server_default=_ZERO),
    Column("trips", BigInteger, nullable=False, server_default=_ZERO),
    Column("distance_m", BigInteger, nullable=False, server_default=_ZERO),
    Column("duplicates", BigInteger, nullable=False, server_default=_ZERO),
    Column("rejected", BigInteger, nullable=False, server_default=_ZERO),
    Column("conflicts", BigInteger, nullable=False, server_default=_ZERO),
)

# Every record as it came, once. `parked`: why its meaning was not read (version, kind, pack); NULL: it was.
records = Table(
    "records",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("kind", SmallInteger, nullable=False),
    Column("schema", BigInteger, nullable=False),
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256 of the payload
    Column("payload", LargeBinary, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("parked", String(16)),
    Index(None, "parked", sqlite_where=text("parked IS NOT NULL"), postgresql_where=text("parked IS NOT NULL")),
    sqlite_with_rowid=False,
)

# What the server knows to read: the packs that ship and those that an operator added. Never deleted: trips need them.
packs = Table(
    "packs",
    metadata,
    Column("pack_id", LargeBinary(8), primary_key=True),
    Column("name", String(TEXT_LENGTH_MAX), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),  # compiled, as devices get it
    Column("catalogue", JSON, nullable=False),
    Column("source", Text),  # TOML
    Column("added_at_ms", BigInteger, nullable=False),
)

# The trips among them, in the order of commit (`id`), which is what lists are paged by. A record may revise an earlier
# one: all that follow from one another that way are one trip, whose latest record counts and supersedes the others.
episodes = Table(
    "episodes",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("device", String(DEVICE_LENGTH_MAX), ForeignKey("devices.device"), nullable=False),
    Column("boot", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("person", String(DEVICE_LENGTH_MAX), nullable=False),
    Column("pack_id", LargeBinary(8), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("start_ms", BigInteger),  # by the device's clock; NULL while that had never been set in its boot
    Column("dated_by_boot", Boolean, nullable=False, server_default=false()),  # not by its own record (`dating`)
    Column("utc_offset_min", SmallInteger),  # of the person's local time; NULL: not known
    Column("day", Integer, nullable=False),  # local, `headway_server.totals.periods.day_of`
    Column("context", SmallInteger, nullable=False),  # bit i: context i of the pack holds
    Column("clock", SmallInteger, nullable=False),
    Column("counts", LargeBinary, nullable=False),
    Column("gates", LargeBinary, nullable=False),
    Column("distance_m", BigInteger, nullable=False),
    Column("revises_boot", BigInteger),  # as the record says; NULL: it revises none
    Column("revises_seq", BigInteger),
    Column("trip_boot", BigInteger),  # first record of the trip, as far as is known; NULL: it has only this one
    Column("trip_seq", BigInteger),
    Column("superseded", Boolean, nullable=False, server_default=false()),
    Column("counted_epoch", Integer),  # in whose totals it is; NULL: in no epoch's
    UniqueConstraint("device", "boot", "seq"),
    Index(None, "device", "id"),
    Index(None, "device", "day"),
    Index(
        None,
        "revises_boot",
        sqlite_where=text("revises_boot IS NOT NULL"),
        postgresql_where=text("revises_boot IS NOT NULL"),
    ),
    Index(
        None,
        "device",
        "trip_boot",
        "trip_seq",
        sqlite_where=text("trip_boot IS NOT NULL"),
        postgresql_where=text("trip_boot IS NOT NULL"),
    ),
)

# How far each boot of a device is complete: every seq up to `upto` is stored, refused for good, or declared lost. `highest`
# is what was heard of, from a record or from what the device says its boots came to.
boots = Table(
    "boots",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("upto", BigInteger, nullable=False),
    Column("highest", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# What the trips of a boot are dated by whose own clock is worse: its record `seq` (`dating`). A boot without a row has no time.
boot_clocks = Table(
    "boot_clocks",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("clock", SmallInteger, nullable=False),
    Column("ahead_ms", BigInteger, nullable=False),  # of its wall clock before its monotonic one
    sqlite_with_rowid=False,
)

# What is missing: seqs between `upto` and `highest` of a boot that are neither stored, nor refused, nor declared lost. A boot
# of which nothing came, between two of which something did, is one gap from 1 to no known end (`gap_rows.OPEN_END`).
gaps = Table(
    "gaps",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("since_ms", BigInteger, nullable=False),
    Column("asked", SmallInteger, nullable=False, server_default=_ZERO),  # how often the device was asked for it
    Column("asked_ms", BigInteger),  # when last; NULL: not yet
    Column("due_ms", BigInteger, nullable=False, index=True),  # when it may be asked for (again)
    sqlite_with_rowid=False,
)

# Devices to be asked what came after the last that this database knows, because it was restored from a backup. `boot`: the
# newest of the backup; of the newest boot heard of since then is asked as well.
refills = Table(
    "refills",
    metadata,
    _device_key(),
    Column("boot", BigInteger, nullable=False),
    Column("asked", SmallInteger, nullable=False, server_default=_ZERO),
    Column("due_ms", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

# Seqs that were refused for good; with `records` and `losses` they close the gaps.
rejections = Table(
    "rejections",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("code", Integer, nullable=False),
    Column("reason", String(REASON_LENGTH_MAX), nullable=False),
    Column("received_at_ms", BigInteger, nullable=False, index=True),
    sqlite_with_rowid=False,
)

# What devices declared lost: first_seq..last_seq of `boot`, told by the record (told_boot, told_seq).
losses = Table(
    "losses",
    metadata,
    _device_key(),
    Column("told_boot", BigInteger, primary_key=True),
    Column("told_seq", BigInteger, primary_key=True),
    Column("boot", BigInteger, nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("reason", String(TEXT_LENGTH_MAX), nullable=False),
    Index(None, "device", "boot"),
)

# Records of what episodes add up to, in whose place they stand (`headway_protocol.fold`): of a day, or of a month. A record
# that one names counts no more. `counted_...`: what it adds to the totals of `counted_epoch`: without what was in those of
# closed epochs already.
folds = Table(
    "folds",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("person", String(DEVICE_LENGTH_MAX), nullable=False),
    Column("pack_id", LargeBinary(8), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("day", Integer, nullable=False),  # the first of the span; `periods.UNDATED` where it is not known
    Column("span", SmallInteger, nullable=False),
    Column("context", SmallInteger, nullable=False),
    *_tally(),
    Column("superseded", Boolean, nullable=False, server_default=false()),
    Column("counted_epoch", Integer),  # in whose totals it is; NULL: in no epoch's
    Column("counted_trips", BigInteger),
    Column("counted_distance_m", BigInteger),
    Column("counted_totals", JSON(none_as_null=True)),
    Index(None, "device", "day"),
)

# What they name: records first_seq..last_seq of `boot`.
fold_ranges = Table(
    "fold_ranges",
    metadata,
    _device_key(),
    Column("told_boot", BigInteger, primary_key=True),
    Column("told_seq", BigInteger, primary_key=True),
    Column("boot", BigInteger, primary_key=True),
    Column("first_seq", BigInteger, primary_key=True),
    Column("last_seq", BigInteger, nullable=False),
    Column("pack_id", LargeBinary(8), nullable=False),
    Index(None, "device", "boot"),
    sqlite_with_rowid=False,
)

# What somebody should look at, in the order of commit (`id`): opened by the record (device, boot, seq), closed by another.
incidents = Table(
    "incidents",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("device", String(DEVICE_LENGTH_MAX), ForeignKey("devices.device"), nullable=False),
    Column("boot", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("person", String(DEVICE_LENGTH_MAX), nullable=False),
    Column("code", Integer, nullable=False),  # of `headway_protocol.incident`, or one that it does not know
    Column("severity", SmallInteger, nullable=False),
    Column("opened_ms", BigInteger),  # NULL where no clock of its boot tells
    Column("pack_id", LargeBinary(8)),  # that the values are of; NULL: of none
    Column("code_values", JSON, nullable=False),  # integers, as the code says
    Column("closed_by_boot", BigInteger),  # the first record that closes it; NULL: it is open
    Column("closed_by_seq", BigInteger),
    Column("closed_ms", BigInteger),
    UniqueConstraint("device", "boot", "seq"),
    Index(None, "device", "id"),
    Index(None, "person", "id"),
    Index(
        "ix_incidents_open",
        "id",
        sqlite_where=text("closed_by_boot IS NULL"),
        postgresql_where=text("closed_by_boot IS NULL"),
    ),
)

# Every record that closes an incident, also of one that is not here, or not yet, or closed already.
incident_closings = Table(
    "incident_closings",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("closes_boot", BigInteger, nullable=False),
    Column("closes_seq", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),  # NULL where no clock of its boot tells
    Index(None, "device", "closes_boot", "closes_seq"),
    sqlite_with_rowid=False,
)

# What people say was done to a vehicle, in the order of commit (`id`).
services = Table(
    "services",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("device", String(DEVICE_LENGTH_MAX), ForeignKey("devices.device"), nullable=False),
    Column("boot", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("person", String(DEVICE_LENGTH_MAX), nullable=False),
    Column("what", SmallInteger, nullable=False),  # of `headway_protocol.service`, or one that it does not know
    Column("done_ms", BigInteger),  # NULL where no clock of its boot tells
    Column("odometer_km", Integer),
    Column("millilitres", Integer),
    UniqueConstraint("device", "boot", "seq"),
    Index(None, "device", "id"),
    Index(None, "person", "id"),
)

# Content that cannot be taken as it is, under an identity that is known: for a person to look at.
quarantine = Table(
    "quarantine",
    metadata,
    _device_key(),
    Column("boot", BigInteger, primary_key=True),
    Column("seq", BigInteger, primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),
    Column("code", Integer, nullable=False),
    Column("reason", String(REASON_LENGTH_MAX), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False, index=True),
)

# Messages that are no record; the same bytes on the same topic are one row that counts.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of topic, NUL, payload
    Column("topic", String(TOPIC_LENGTH_MAX), nullable=False),
    Column("payload", LargeBinary, nullable=False),  # its first DEAD_LETTER_BYTES_MAX bytes
    Column("payload_bytes", BigInteger, nullable=False),  # of all of it
    Column("code", Integer),  # of `headway_protocol.codes`; NULL where none fits
    Column("reason", String(REASON_LENGTH_MAX), nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("retained", Boolean, nullable=False, server_default=false()),  # it came from the broker's store
)

# Messages that were about to be read, counted before each reading while a server finds out which of them ends it
# (`crash_counter`); empty otherwise.
in_hand = Table(
    "in_hand",
    metadata,
    Column("server", String(CLIENT_ID_LENGTH_MAX), primary_key=True),
    Column("hash", LargeBinary(32), primary_key=True),  # SHA-256 of topic, NUL, payload
    Column("times", SmallInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

# Persons that were erased, by keyed hashes: no name is kept (`erasures`). Never deleted; `erasure_journal` has the same beside
# the database, so that an older backup does not bring anybody back.
erasures = Table(
    "erasures",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),  # of the order to the devices (`headway_protocol.wipe`)
    Column("person_hash", LargeBinary(32), nullable=False, index=True),
    Column("erased_at_ms", BigInteger, nullable=False),
    Column("places", JSON, nullable=False),  # {table: rows that were deleted there}
)

# The devices of each, which have to be wiped before anything is taken from them again.
erased_devices = Table(
    "erased_devices",
    metadata,
    Column("device_hash", LargeBinary(32), primary_key=True),
    Column("number", Integer, ForeignKey("erasures.number"), primary_key=True),
    Column("cleared_at_ms", BigInteger),  # when the broker was told to forget what it kept for it; NULL: not yet
    Column("asked_at_ms", BigInteger),  # when it was last told to wipe its store; NULL: not heard of since
    Column("confirmed_at_ms", BigInteger),  # when it said that it is wiped; NULL: not yet
    Column("from_boot", BigInteger),  # the boot that began with that: earlier ones are refused
    sqlite_with_rowid=False,
)

# What operators did, and what was refused to others, in order; each row has the hash of the one before (`audit_log`).
audit = Table(
    "audit",
    metadata,
    Column("number", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", String(TEXT_LENGTH_MAX), nullable=False),
    Column("action", String(TEXT_LENGTH_MAX), nullable=False),
    Column("subject", LargeBinary(32)),  # keyed hash of a person or device; NULL: nobody
    Column("detail", JSON, nullable=False),
    Column("previous", LargeBinary(32), nullable=False),
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256, see `audit_log`
)

# What happened to this database, or holds now, by name: restored, backed up, a server that is running.
marks = Table(
    "marks",
    metadata,
    Column("name", String(MARK_LENGTH_MAX), primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("number", BigInteger, nullable=False, server_default=_ZERO),  # what it counts, the name says
)

epochs = Table(
    "epochs",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("opened_at_ms", BigInteger, nullable=False),
    Column("closed_at_ms", BigInteger),  # NULL: the open one, of which there is exactly one
)

# What a person's trips of an epoch add up to, by device: which cohort that is follows from the device's class at the
# close, so that a trip that arrives before its device's birth counts where it belongs.
person_totals = Table(
    "person_totals",
    metadata,
    Column("epoch", Integer, ForeignKey("epochs.number"), primary_key=True),
    _device_key(),
    Column("person", String(DEVICE_LENGTH_MAX), primary_key=True),
    Column("pack_id", LargeBinary(8), primary_key=True),
    *_tally(),
)

# The same by the person's own local day and by context, whatever epoch the trips came in.
day_totals = Table(
    "day_totals",
    metadata,
    _device_key(),
    Column("day", Integer, primary_key=True),
    Column("person", String(DEVICE_LENGTH_MAX), primary_key=True),
    Column("pack_id", LargeBinary(8), primary_key=True),
    Column("context", SmallInteger, primary_key=True),
    *_tally(),
    Index(None, "person", "pack_id", "day"),
)

# What folds of whole months add up to, whose days are not known; `day` is the first of the month.
month_totals = Table(
    "month_totals",
    metadata,
    _device_key(),
    Column("day", Integer, primary_key=True),
    Column("person", String(DEVICE_LENGTH_MAX), primary_key=True),
    Column("pack_id", LargeBinary(8), primary_key=True),
    Column("context", SmallInteger, primary_key=True),
    *_tally(),
    Index(None, "person", "pack_id", "day"),
)

benchmarks = Table(
    "benchmarks",
    metadata,
    Column("epoch", Integer, ForeignKey("epochs.number"), primary_key=True),
    Column("cohort", String(TEXT_LENGTH_MAX), primary_key=True),
    Column("pack_id", LargeBinary(8), primary_key=True),
    Column("characteristic", Integer, primary_key=True),
    Column("persons", Integer, nullable=False),
    Column("shares_permille", JSON, nullable=False),
    Column("knot_values", JSON, nullable=False),  # in the characteristic's quantum
)

# Persons by numbers of their own, which are never given again: who is deleted here is nobody in `benchmark_members`, and counts.
benchmark_persons = Table(
    "benchmark_persons",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=True),
    Column("person", String(DEVICE_LENGTH_MAX), nullable=False, unique=True),
    sqlite_autoincrement=True,
)

# Whom the latest of the published tables are over (`differencing.EARLIER_MAX` of each cohort's).
benchmark_members = Table(
    "benchmark_members",
    metadata,
    Column("epoch", Integer, ForeignKey("epochs.number"), primary_key=True),
    Column("cohort", String(TEXT_LENGTH_MAX), primary_key=True),
    Column("pack_id", LargeBinary(8), primary_key=True),
    Column("characteristic", Integer, primary_key=True),
    Column("persons", LargeBinary, nullable=False),  # bit n % 8 of byte n // 8 is the person with number n
)

# Why a cohort has no benchmark in an epoch, or one of its characteristics (0: all of them).
withheld = Table(
    "withheld",
    metadata,
    Column("epoch", Integer, ForeignKey("epochs.number"), primary_key=True),
    Column("cohort", String(TEXT_LENGTH_MAX), primary_key=True),
    Column("pack_id", LargeBinary(8), primary_key=True),
    Column("characteristic", Integer, primary_key=True),
    Column("persons", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)
