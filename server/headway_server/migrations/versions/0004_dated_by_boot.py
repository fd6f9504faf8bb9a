"""Trips dated by their boots: what each boot has to date by, and whether a trip has its date from there.

A database that has records is dated at the next start.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and the column, and note what is to be done."""
    op.create_table(
        "boot_clocks",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("clock", sa.SmallInteger(), nullable=False),
        sa.Column("ahead_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_boot_clocks_devices")),
        sa.PrimaryKeyConstraint("device", "boot", name=op.f("pk_boot_clocks")),
        sqlite_with_rowid=False,
    )
    op.add_column("episodes", sa.Column("dated_by_boot", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("INSERT INTO marks (name, at_ms) SELECT 'boots to be dated', 0 WHERE EXISTS (SELECT 1 FROM records)")
