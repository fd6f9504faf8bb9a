"""Whom published benchmarks were over, so that the next ones can be held against them; of those of before, the next close
works it out from the totals of their epochs."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "benchmark_persons",
        sa.Column("number", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("person", sa.String(length=65), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_benchmark_persons")),
        sa.UniqueConstraint("person", name=op.f("uq_benchmark_persons_person")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "benchmark_members",
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("cohort", sa.String(length=64), nullable=False),
        sa.Column("pack_id", sa.LargeBinary(length=8), nullable=False),
        sa.Column("characteristic", sa.Integer(), nullable=False),
        sa.Column("persons", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["epoch"], ["epochs.number"], name=op.f("fk_benchmark_members_epochs")),
        sa.PrimaryKeyConstraint("epoch", "cohort", "pack_id", "characteristic", name=op.f("pk_benchmark_members")),
    )
