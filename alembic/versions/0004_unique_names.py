"""Make names unique.

Revision ID: 70f3e8a4b19d
Revises: c51a7f09e6d2
Create Date: 2026-03-17 08:31:10
"""

from alembic import op

revision = "70f3e8a4b19d"
down_revision = "c51a7f09e6d2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index; an index, because SQLite cannot add a constraint to a table."""
    op.create_index("uq_plants_name_key", "plants", ["name_key"], unique=True)


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("uq_plants_name_key", table_name="plants")
