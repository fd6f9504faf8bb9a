"""Records that stand for several episodes, with what they name and the totals of months whose days are not known."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables. Folds that were stored unread are read at the next start."""
    op.create_table(
        "folds",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("span", sa.SmallInteger(), nullable=False),
        sa.Column("context", sa.SmallInteger(), nullable=False),
        sa.Column("trips", sa.BigInteger(), nullable=False),
        sa.Column("distance_m", sa.BigInteger(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.Column("superseded", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("counted_epoch", sa.Integer(), nullable=True),
        sa.Column("counted_trips", sa.BigInteger(), nullable=True),
        sa.Column("counted_distance_m", sa.BigInteger(), nullable=True),
        sa.Column("counted_totals", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_folds_devices")),
        sa.PrimaryKeyConstraint("device", "boot", "seq", name=op.f("pk_folds")),
    )
    op.create_index(op.f("ix_folds_device_day"), "folds", ["device", "day"], unique=False)
    op.create_table(
        "fold_ranges",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("told_boot", sa.BigInteger(), nullable=False),
        sa.Column("told_seq", sa.BigInteger(), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_fold_ranges_devices")),
        sa.PrimaryKeyConstraint("device", "told_boot", "told_seq", "boot", "first_seq", name=op.f("pk_fold_ranges")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_fold_ranges_device_boot"), "fold_ranges", ["device", "boot"], unique=False)
    op.create_table(
        "month_totals",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("context", sa.SmallInteger(), nullable=False),
        sa.Column("trips", sa.BigInteger(), nullable=False),
        sa.Column("distance_m", sa.BigInteger(), nullable=False),
        sa.Column("totals", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_month_totals_devices")),
        sa.PrimaryKeyConstraint("device", "day", "person", "pack_id", "context", name=op.f("pk_month_totals")),
    )
    op.create_index(
        op.f("ix_month_totals_person_pack_id_day"), "month_totals", ["person", "pack_id", "day"], unique=False
    )
