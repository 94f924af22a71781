"""${message.lstrip("0123456789 ")}.

Revision ID: ${up_revision}
Revises: ${down_revision | comma,n}
Create Date: ${create_date}

One DDL statement a revision: on MySQL and MariaDB each one commits by itself, together with everything
before it. A revision of one statement is done or not done, never half done. Changes of data are a
revision of their own, and come out the same when they run twice. A released image knows the tables as
they were: add first, remove in a later release.
"""

import sqlalchemy as sa

from alembic import op
${imports if imports else ""}
revision = ${repr(up_revision).replace("'", '"')}
down_revision = ${repr(down_revision).replace("'", '"')}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """Upgrade the schema."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Bring the schema back."""
    ${downgrades if downgrades else "pass"}
