"""Let plants have tags.

Revision ID: 2d86b0c7f5e9
Revises: 70f3e8a4b19d
Create Date: 2026-05-20 11:55:36
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "2d86b0c7f5e9"
down_revision = "70f3e8a4b19d"
branch_labels = None
depends_on = None

# Compared byte by byte, also on MySQL.
EXACT = sa.String(40).with_variant(mysql.VARCHAR(40, collation="utf8mb4_bin"), "mysql", "mariadb")


def upgrade() -> None:
    """Create the table; tags go with their plant."""
    op.create_table(
        "plant_tags",
        sa.Column("plant_id", sa.Integer(), nullable=False),
        sa.Column("tag", EXACT, nullable=False),
        sa.ForeignKeyConstraint(["plant_id"], ["plants.id"], name="fk_plant_tags_plant_id_plants", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("plant_id", "tag", name="pk_plant_tags"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("plant_tags")
