"""The first tables.

A migration is a record of what was done to databases in the field: once released it is never edited.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create every table."""
    op.create_table(
        "dead_letters",
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("payload_bytes", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_dead_letters")),
    )
    op.create_table(
        "devices",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("vehicle_class", sa.String(length=64), nullable=True),
        sa.Column("firmware", sa.String(length=64), nullable=True),
        sa.Column("boot", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("birth_boot", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("online", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("last_seen_ms", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.SmallInteger(), nullable=True),
        sa.Column("backlog", sa.BigInteger(), nullable=True),
        sa.Column("dropped", sa.BigInteger(), nullable=True),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=True),
        sa.Column("pack_name", sa.String(length=64), nullable=True),
        sa.Column("pack_version", sa.BigInteger(), nullable=True),
        sa.Column("offered_pack_id", sa.LargeBinary(length=8), nullable=True),
        sa.Column("records", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("trips", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("distance_m", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("conflicts", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_devices")),
    )
    op.create_index(op.f("ix_devices_person"), "devices", ["person"], unique=False)
    op.create_table(
        "epochs",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("opened_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_epochs")),
    )
    op.create_table(
        "benchmarks",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("cohort", sa.String(length=64), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("characteristic", sa.Integer(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("shares_permille", sa.JSON(), nullable=False),
        sa.Column("knot_values", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["epoch"], ["epochs.number"], name=op.f("fk_benchmarks_epochs")),
        sa.PrimaryKeyConstraint("epoch", "cohort", "pack_id", "characteristic", name=op.f("pk_benchmarks")),
    )
    op.create_table(
        "boots",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("upto", sa.BigInteger(), nullable=False),
        sa.Column("highest", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_boots_devices")),
        sa.PrimaryKeyConstraint("device", "boot", name=op.f("pk_boots")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "day_totals",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("context", sa.SmallInteger(), nullable=False),
        sa.Column("trips", sa.BigInteger(), nullable=False),
        sa.Column("distance_m", sa.BigInteger(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_day_totals_devices")),
        sa.PrimaryKeyConstraint("device", "day", "person", "pack_id", "context", name=op.f("pk_day_totals")),
    )
    op.create_index(op.f("ix_day_totals_person_pack_id_day"), "day_totals", ["person", "pack_id", "day"], unique=False)
    op.create_table(
        "episodes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("start_ms", sa.BigInteger(), nullable=True),
        sa.Column("utc_offset_min", sa.SmallInteger(), nullable=True),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("context", sa.SmallInteger(), nullable=False),
        sa.Column("clock", sa.SmallInteger(), nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.Column("gates", sa.LargeBinary(), nullable=False),
        sa.Column("distance_m", sa.BigInteger(), nullable=False),
        sa.Column("revises_boot", sa.BigInteger(), nullable=True),
        sa.Column("revises_seq", sa.BigInteger(), nullable=True),
        sa.Column("trip_boot", sa.BigInteger(), nullable=True),
        sa.Column("trip_seq", sa.BigInteger(), nullable=True),
        sa.Column("superseded", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("counted_epoch", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_episodes_devices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_episodes")),
        sa.UniqueConstraint("device", "boot", "seq", name=op.f("uq_episodes_device_boot_seq")),
    )
    op.create_index(op.f("ix_episodes_device_id"), "episodes", ["device", "id"], unique=False)
    op.create_index(op.f("ix_episodes_device_day"), "episodes", ["device", "day"], unique=False)
    op.create_index(
        op.f("ix_episodes_revises_boot"),
        "episodes",
        ["revises_boot"],
        unique=False,
        sqlite_where=sa.text("revises_boot IS NOT NULL"),
        postgresql_where=sa.text("revises_boot IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_episodes_device_trip_boot_trip_seq"),
        "episodes",
        ["device", "trip_boot", "trip_seq"],
        unique=False,
        sqlite_where=sa.text("trip_boot IS NOT NULL"),
        postgresql_where=sa.text("trip_boot IS NOT NULL"),
    )
    op.create_table(
        "incident_closings",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("closes_boot", sa.BigInteger(), nullable=False),
        sa.Column("closes_seq", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_incident_closings_devices")),
        sa.PrimaryKeyConstraint("device", "boot", "seq", name=op.f("pk_incident_closings")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_incident_closings_device_closes_boot_closes_seq"),
        "incident_closings",
        ["device", "closes_boot", "closes_seq"],
        unique=False,
    )
    op.create_table(
        "incidents",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("severity", sa.SmallInteger(), nullable=False),
        sa.Column("opened_ms", sa.BigInteger(), nullable=True),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=True),
        sa.Column("code_values", sa.JSON(), nullable=False),
        sa.Column("closed_by_boot", sa.BigInteger(), nullable=True),
        sa.Column("closed_by_seq", sa.BigInteger(), nullable=True),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_incidents_devices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
        sa.UniqueConstraint("device", "boot", "seq", name=op.f("uq_incidents_device_boot_seq")),
    )
    op.create_index(op.f("ix_incidents_device_id"), "incidents", ["device", "id"], unique=False)
    op.create_index(op.f("ix_incidents_person_id"), "incidents", ["person", "id"], unique=False)
    op.create_index(
        "ix_incidents_open",
        "incidents",
        ["id"],
        unique=False,
        sqlite_where=sa.text("closed_by_boot IS NULL"),
        postgresql_where=sa.text("closed_by_boot IS NULL"),
    )
    op.create_table(
        "losses",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("told_boot", sa.BigInteger(), nullable=False),
        sa.Column("told_seq", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_losses_devices")),
        sa.PrimaryKeyConstraint("device", "told_boot", "told_seq", name=op.f("pk_losses")),
    )
    op.create_index(op.f("ix_losses_device_boot"), "losses", ["device", "boot"], unique=False)
    op.create_table(
        "packs",
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("name", sa.String(length=64), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("catalogue", sa.JSON(), nullable=False),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("added_at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("pack_id", name=op.f("pk_packs")),
    )
    op.create_table(
        "person_totals",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("trips", sa.BigInteger(), nullable=False),
        sa.Column("distance_m", sa.BigInteger(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_person_totals_devices")),
        sa.ForeignKeyConstraint(["epoch"], ["epochs.number"], name=op.f("fk_person_totals_epochs")),
        sa.PrimaryKeyConstraint("epoch", "device", "person", "pack_id", name=op.f("pk_person_totals")),
    )
    op.create_table(
        "quarantine",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_quarantine_devices")),
        sa.PrimaryKeyConstraint("device", "boot", "seq", "hash", name=op.f("pk_quarantine")),
    )
    op.create_table(
        "records",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.SmallInteger(), nullable=False),
        sa.Column("schema", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("parked", sa.String(length=16), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_records_devices")),
        sa.PrimaryKeyConstraint("device", "boot", "seq", name=op.f("pk_records")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        op.f("ix_records_parked"),
        "records",
        ["parked"],
        unique=False,
        sqlite_where=sa.text("parked IS NOT NULL"),
        postgresql_where=sa.text("parked IS NOT NULL"),
    )
    op.create_table(
        "rejections",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("received_at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_rejections_devices")),
        sa.PrimaryKeyConstraint("device", "boot", "seq", name=op.f("pk_rejections")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "services",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("what", sa.SmallInteger(), nullable=False),
        sa.Column("done_ms", sa.BigInteger(), nullable=True),
        sa.Column("odometer_km", sa.Integer(), nullable=True),
        sa.Column("millilitres", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_services_devices")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("device", "boot", "seq", name=op.f("uq_services_device_boot_seq")),
    )
    op.create_index(op.f("ix_services_device_id"), "services", ["device", "id"], unique=False)
    op.create_index(op.f("ix_services_person_id"), "services", ["person", "id"], unique=False)
    op.create_table(
        "withheld",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("cohort", sa.String(length=64), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("characteristic", sa.Integer(), nullable=False),
        sa.Column("persons", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["epoch"], ["epochs.number"], name=op.f("fk_withheld_epochs")),
        sa.PrimaryKeyConstraint("epoch", "cohort", "pack_id", "characteristic", name=op.f("pk_withheld")),
    )
