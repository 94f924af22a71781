"""Create the plants.

Revision ID: 4b1d0c6f2a11
Revises:
Create Date: 2026-01-12 09:14:03
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "4b1d0c6f2a11"
down_revision = None
branch_labels = None
depends_on = None

# Compared byte by byte, also on MySQL.
EXACT = sa.String(240).with_variant(mysql.VARCHAR(240, collation="utf8mb4_bin"), "mysql", "mariadb")
# To the microsecond, also on MySQL.
MOMENT = sa.DateTime(timezone=True).with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "plants",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("name_key", EXACT, nullable=False),
        sa.Column("description", sa.String(2000), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_plants"),
        mysql_engine="InnoDB",
        mysql_charset="utf8mb4",
        mariadb_engine="InnoDB",
        mariadb_charset="utf8mb4",
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    """Drop the table, plants and all."""
    op.drop_table("plants")
