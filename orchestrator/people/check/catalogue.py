"""The orchestrator's rules: the name of each, the danger, the safe way, and a page about it.

They are for all databases, and for MySQL. For the locks of PostgreSQL, `squawk` runs a maintained tool.
"""

from typing import NamedTuple

from orchestrator.people.check.model import Severity

_ONLINE_DDL = "https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html"
_OLD_VERSION = "while this migration runs, and after a rollback, the version before it still serves"


class Rule(NamedTuple):
    """One rule.

    Attributes:
        message: a template; `{reason}` and `{table}` come from the statement.
    """

    code: str
    severity: Severity
    message: str
    cure: str
    manual: str


RULES = {
    rule.code: rule
    for rule in (
        Rule(
            "drop-table",
            "error",
            f"It drops {{table}}: {_OLD_VERSION}, and fails if it uses the table.",
            "Remove its use from the app first; drop it in a later release.",
            "https://planetscale.com/docs/vitess/schema-changes/handling-table-and-column-renames",
        ),
        Rule(
            "drop-column",
            "error",
            f"It drops a column of {{table}}: {_OLD_VERSION}, and its SELECT and INSERT name the column.",
            "Remove the column from the models first; drop it in a later release.",
            "https://github.com/ankane/strong_migrations#removing-a-column",
        ),
        Rule(
            "rename-table",
            "error",
            f"It renames {{table}}: {_OLD_VERSION}, and uses the old name.",
            "Make a table of the new name, write to both, copy the rows, read the new one; drop the old one later.",
            "https://github.com/ankane/strong_migrations#renaming-a-table",
        ),
        Rule(
            "rename-column",
            "error",
            f"It renames a column of {{table}}: {_OLD_VERSION}, and uses the old name.",
            "Keep the column's name and rename the attribute of the model, or add a new column and fill it.",
            "https://github.com/ankane/strong_migrations#renaming-a-column",
        ),
        Rule(
            "required-column",
            "error",
            f"It adds a NOT NULL column without default to {{table}}: {_OLD_VERSION}, and its INSERT leaves it out.",
            "Give it a server_default, or add it nullable, fill it, and make it NOT NULL in a later release.",
            "https://dev.mysql.com/doc/refman/8.4/en/data-type-defaults.html",
        ),
        Rule(
            "set-not-null",
            "warning",
            f"It makes a column of {{table}} NOT NULL: {_OLD_VERSION}, and may write NULL.",
            "Have the app write it always, fill the NULLs, and do this in a later release.",
            _ONLINE_DDL,
        ),
        Rule(
            "copies-table",
            "warning",
            "It copies {table} row by row and blocks all writes to it meanwhile: {reason}.",
            "On a large table fill a new column in batches, or use a tool such as gh-ost or pt-online-schema-change.",
            _ONLINE_DDL,
        ),
        Rule(
            "blocks-writes",
            "warning",
            "It blocks all writes to {table} while it runs: {reason}.",
            "Run it while there are no writes, or use a tool such as gh-ost or pt-online-schema-change.",
            _ONLINE_DDL,
        ),
        Rule(
            "foreign-key",
            "warning",
            "It adds a foreign key to {table}, which copies the table and blocks writes to it meanwhile.",
            "On a large table set foreign_key_checks=0 for this statement, after having checked the rows by a query.",
            "https://dev.mysql.com/doc/refman/8.4/en/innodb-online-ddl-operations.html#online-ddl-foreign-key-operations",
        ),
        Rule(
            "unbounded-change",
            "warning",
            "It changes every row of {table} in one transaction: all of them stay locked until it commits.",
            "Change them in batches by primary key, in a separate revision or in a job beside the app.",
            "https://github.com/ankane/strong_migrations#backfilling-data",
        ),
        Rule(
            "definitions-and-rows",
            "warning",
            "It changes definitions and rows: MySQL commits each definition, so a failure leaves a part of it.",
            "Put the definitions and the rows into separate revisions.",
            "https://dev.mysql.com/doc/refman/8.4/en/implicit-commit.html",
        ),
        Rule(
            "not-repeatable",
            "warning",
            "Two runs of it give different SQL (a random value, the time): killed half way, it cannot be resumed.",
            "Compute the value in SQL (`NOW()`, `UUID()`), or put this into a separate revision.",
            "https://alembic.sqlalchemy.org/en/latest/offline.html",
        ),
        Rule(
            "needs-autocommit",
            "error",
            "It cannot run inside a transaction, in which Alembic runs it.",
            "Put it into `with op.get_context().autocommit_block():`.",
            "https://alembic.sqlalchemy.org/en/latest/api/runtime.html#alembic.runtime.migration.MigrationContext.autocommit_block",
        ),
        Rule(
            "imports-models",
            "warning",
            "It uses the app's {table}: with a later version of the model this revision does something else, or fails.",
            "Describe the table in the revision itself: `sa.table('name', sa.column('id'))`.",
            "https://alembic.sqlalchemy.org/en/latest/ops.html#alembic.operations.Operations.bulk_insert",
        ),
        Rule(
            "allowed-without-reason",
            "warning",
            "A comment allows a finding and gives no reason.",
            "Write it as `# orchestrator: allow CODE: REASON`.",
            "https://github.com/ankane/strong_migrations#assuring-safety",
        ),
    )
}
