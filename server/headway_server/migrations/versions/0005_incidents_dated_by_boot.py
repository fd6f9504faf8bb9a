"""Incidents and services dated by their boots, as trips are: a database that has records is dated again at the next start."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Note what is to be done; it may be noted already."""
    op.execute(
        "INSERT INTO marks (name, at_ms) SELECT 'boots to be dated', 0 WHERE EXISTS (SELECT 1 FROM records) "
        "AND NOT EXISTS (SELECT 1 FROM marks WHERE name = 'boots to be dated')"
    )
