"""Gaps, and what a restore and a crash leave to do.

Until now a boot said only how far it was complete. What is missing in databases of before is worked out here, once.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and note the gaps that there are."""
    op.create_table(
        "gaps",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("first_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("since_ms", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("asked_ms", sa.BigInteger(), nullable=True),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_gaps_devices")),
        sa.PrimaryKeyConstraint("device", "boot", "first_seq", name=op.f("pk_gaps")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_gaps_due_ms"), "gaps", ["due_ms"], unique=False)
    op.create_table(
        "refills",
        sa.Column("device", sa.String(length=65), nullable=False),
        sa.Column("boot", sa.BigInteger(), nullable=False),
        sa.Column("asked", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["device"], ["devices.device"], name=op.f("fk_refills_devices")),
        sa.PrimaryKeyConstraint("device", name=op.f("pk_refills")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "in_hand",
        sa.Column("server", sa.String(length=65), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("times", sa.SmallInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("server", "hash", name=op.f("pk_in_hand")),
    )
    op.create_table(
        "marks",
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_marks")),
    )
    op.add_column("dead_letters", sa.Column("retained", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index(op.f("ix_quarantine_received_at_ms"), "quarantine", ["received_at_ms"], unique=False)
    op.create_index(op.f("ix_rejections_received_at_ms"), "rejections", ["received_at_ms"], unique=False)
    _note_gaps(op.get_bind())


def _note_gaps(connection: sa.Connection) -> None:
    incomplete = connection.execute(
        sa.text(
            "SELECT b.device, b.boot, b.upto, b.highest, d.last_seen_ms FROM boots b "
            "JOIN devices d ON d.device = b.device WHERE b.upto < b.highest"
        )
    ).all()
    handled = sa.text(
        "SELECT seq AS first_seq, seq AS last_seq FROM records WHERE device = :device AND boot = :boot AND seq > :upto "
        "UNION ALL SELECT seq, seq FROM rejections WHERE device = :device AND boot = :boot AND seq > :upto "
        "UNION ALL SELECT first_seq, last_seq FROM losses WHERE device = :device AND boot = :boot AND last_seq > :upto "
        "ORDER BY 1"
    )
    note = sa.text(
        "INSERT INTO gaps (device, boot, first_seq, last_seq, since_ms, due_ms) "
        "VALUES (:device, :boot, :first_seq, :last_seq, :since_ms, :since_ms)"
    )
    for device, boot, upto, highest, seen_ms in incomplete:
        reached = upto
        ranges = connection.execute(handled, {"device": device, "boot": boot, "upto": upto}).all()
        for first, last in [*ranges, (highest + 1, highest)]:
            if first > reached + 1:
                row = {"device": device, "boot": boot, "first_seq": reached + 1, "last_seq": first - 1}
                connection.execute(note, {**row, "since_ms": seen_ms})
            reached = max(reached, last)
