"""Find plants by their tag.

Revision ID: e40b9d3172c8
Revises: 2d86b0c7f5e9
Create Date: 2026-05-20 12:10:48
"""

from alembic import op

revision = "e40b9d3172c8"
down_revision = "2d86b0c7f5e9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index("ix_plant_tags_tag", "plant_tags", ["tag"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_plant_tags_tag", table_name="plant_tags")
