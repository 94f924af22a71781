"""Let plants have a height.

Revision ID: 9e27d5b8c340
Revises: 4b1d0c6f2a11
Create Date: 2026-02-03 15:40:51
"""

import sqlalchemy as sa
from alembic import op

revision = "9e27d5b8c340"
down_revision = "4b1d0c6f2a11"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it may be empty, so that the release before this one can go on writing."""
    op.add_column("plants", sa.Column("height_cm", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("plants", "height_cm")
