"""A missing privilege is reported as the GRANT that cures it."""

import pytest

from tests.acceptance.migrations import migrate, stamped
from tests.acceptance.outcome import failure
from tests.acceptance.users import DDL, DML, MYSQL, hint_of, name_of, run_grant, user
from tests.harness import Project
from tests.servers import Database, Server, backends

pytestmark = pytest.mark.usefixtures("every_right_needed")

HALF_ALLOWED = """
op.create_table("weeds", sa.Column("id", sa.Integer))
op.execute("INSERT INTO weeds VALUES (1)")
op.add_column("weeds", sa.Column("height", sa.Integer))
"""


@MYSQL
@pytest.mark.parametrize(
    ("missing", "upgrade"),
    [
        ("ALTER", "op.execute('ALTER TABLE plants ADD COLUMN width INTEGER')"),
        ("INSERT", "op.execute(\"INSERT INTO plants VALUES (2, 'iris', 1)\")"),
        ("CREATE VIEW", "op.execute('CREATE VIEW tall AS SELECT * FROM plants')"),
        ("CREATE ROUTINE", "op.execute('CREATE PROCEDURE grow() UPDATE plants SET height = height + 1')"),
        ("CREATE TEMPORARY TABLES", "op.execute('CREATE TEMPORARY TABLE few (id INTEGER)')"),
    ],
)
async def test_the_right_that_a_statement_lacks_is_named_and_the_grant_in_the_hint_cures_it(
    database: Database, server: Server, project: Project, missing: str, upgrade: str
) -> None:
    """Pasted as it stands; then the next start goes through."""
    assert (await migrate(project, database)).exit_code == 0
    limited = user(server, database, "limited", *sorted({*DML, *DDL} - {missing}))
    if missing in DML:  # the journal needs them too, but only on its own tables
        for table in [*database.tables()]:
            if table != "plants":
                server.execute(f"GRANT {missing} ON `{database.name}`.`{table}` TO {name_of(limited)}@'%'")
    project.add_revision("r3", upgrade)
    refused = await migrate(project, limited)
    failed = failure(refused, "migration_failed", 7)
    assert f"GRANT {missing} ON `{database.name}`.* TO '{name_of(limited)}'@'%';" in hint_of(failed)
    assert failed["revision"] == "r3"
    run_grant(failed["hint"], server, database)
    assert (await migrate(project, limited)).exit_code == 0
    assert stamped(database) == ["r3"]


@backends("postgresql")
@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        ("op.execute('CREATE TABLE weeds (id INTEGER)')", 'GRANT USAGE, CREATE ON SCHEMA "public"'),
        ("op.execute('CREATE SCHEMA garden')", 'GRANT CREATE ON DATABASE "{database}"'),
        ("op.execute('ALTER TABLE plants ADD COLUMN width INTEGER')", "GRANT owner"),
        ("op.execute('DROP INDEX by_name')", "GRANT owner"),
        (
            'op.execute("INSERT INTO secrets VALUES (1) RETURNING id")',
            'GRANT SELECT, INSERT ON "secrets"',
        ),
        ("op.execute('UPDATE secrets SET id = 2 WHERE id = 1')", 'GRANT SELECT, UPDATE ON "secrets"'),
        ("op.execute(\"SELECT nextval('numbers')\")", 'GRANT USAGE, SELECT ON SEQUENCE "numbers"'),
        ("op.execute('SELECT id FROM hidden.things')", 'GRANT USAGE ON SCHEMA "hidden"'),
    ],
)
async def test_the_grant_that_postgresql_does_not_name_is_worked_out_and_cures_it(
    database: Database, server: Server, project: Project, upgrade: str, expected: str
) -> None:
    """Its messages name neither the right nor the role."""
    assert (await migrate(project, database)).exit_code == 0
    limited = user(server, database, "limited", *DML)
    for statement in (
        "CREATE TABLE secrets (id INTEGER)",
        f"REVOKE ALL ON secrets FROM {name_of(limited)}",
        "CREATE SEQUENCE numbers",
        f"REVOKE ALL ON SEQUENCE numbers FROM {name_of(limited)}",
        "CREATE SCHEMA hidden",
        "CREATE TABLE hidden.things (id INTEGER)",
        f"GRANT SELECT ON hidden.things TO {name_of(limited)}",
    ):
        database.execute(statement)
    project.add_revision("r3", upgrade)
    failed = failure(await migrate(project, limited), "migration_failed", 7)
    assert f'{expected.format(database=database.name)} TO "{name_of(limited)}";' in hint_of(failed)
    assert failed["revision"] == "r3"
    run_grant(failed["hint"], server, database)
    assert (await migrate(project, limited)).exit_code == 0
    assert stamped(database) == ["r3"]


@MYSQL
async def test_a_right_that_is_missed_half_way_is_all_that_the_next_start_needs(
    database: Database, server: Server, project: Project
) -> None:
    """Finished work stays, and is not repeated: the rows are there once."""
    assert (await migrate(project, database)).exit_code == 0
    project.add_revision("r3", HALF_ALLOWED)
    limited = user(server, database, "limited", *DML, *(right for right in DDL if right != "ALTER"))
    failed = failure(await migrate(project, limited), "migration_half_applied", 8)
    assert (failed["revision"], failed["statements_done"]) == ("r3", 2)
    run_grant(failed["hint"], server, database)
    assert (await migrate(project, limited)).exit_code == 0
    assert database.execute("SELECT * FROM weeds") == [(1, None)]
