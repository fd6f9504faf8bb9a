"""Offers are signed: which version a device was offered last, until when it holds, and the signature that was published."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; an offer of before is signed when the broker is reached next."""
    op.add_column("devices", sa.Column("offer_version", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.add_column("devices", sa.Column("offer_not_after_s", sa.BigInteger()))
    op.add_column("devices", sa.Column("offer_hash", sa.LargeBinary(32)))
    op.add_column("devices", sa.Column("offer_seal", sa.LargeBinary(128)))
