"""What each rule of `check` finds, and what it leaves alone: a false alarm teaches people to switch it off."""

import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from orchestrator.people.check.catalogue import RULES
from orchestrator.people.check.models import models_used
from orchestrator.people.check.needless import needless
from orchestrator.people.check.rules import hits
from orchestrator.people.ddl.columns import Columns
from orchestrator.people.ddl.reading import Sql
from orchestrator.people.recording.recorder import Statement


def _codes(dialect: str, *statements: str, column: dict[str, str] | None = None) -> list[str]:
    recorded = [Statement(sql, number, "execute", column or {}) for number, sql in enumerate(statements, start=1)]
    return [each.code for each in hits(recorded, dialect)]


@pytest.mark.parametrize(
    ("dialect", "sql", "codes"),
    [
        ("mysql", "DROP TABLE plants", ["drop-table"]),
        ("mysql", "ALTER TABLE plants DROP COLUMN tag", ["drop-column"]),
        ("sqlite", "ALTER TABLE plants DROP tag", ["drop-column"]),
        ("mysql", "ALTER TABLE plants DROP INDEX ix, DROP FOREIGN KEY fk", []),
        ("postgresql", "ALTER TABLE plants ALTER COLUMN tag DROP NOT NULL, ALTER a DROP DEFAULT", []),
        ("postgresql", "ALTER TABLE plants RENAME TO flowers", ["rename-table"]),
        ("mysql", "RENAME TABLE plants TO flowers", ["rename-table"]),
        ("postgresql", "ALTER TABLE plants RENAME name TO title", ["rename-column"]),
        ("mysql", "ALTER TABLE plants RENAME COLUMN name TO title", ["rename-column"]),
        ("postgresql", "ALTER TABLE plants RENAME CONSTRAINT a TO b", []),
        ("mysql", "ALTER TABLE plants RENAME INDEX a TO b", []),
        ("mysql", "ALTER TABLE plants ADD COLUMN tag VARCHAR(9) NOT NULL", ["required-column"]),
        ("mysql", "ALTER TABLE plants ADD COLUMN tag VARCHAR(9) NOT NULL DEFAULT 'a'", []),
        ("mysql", "ALTER TABLE plants ADD COLUMN tag VARCHAR(9) COMMENT 'it is not null'", []),
        ("postgresql", "ALTER TABLE plants ADD COLUMN tag VARCHAR(9) NOT NULL", []),  # squawk reports it
        ("mysql", "ALTER TABLE plants ADD FOREIGN KEY (a) REFERENCES pots (id)", ["foreign-key"]),
        ("mysql", "ALTER TABLE plants ADD FULLTEXT INDEX ft (name)", ["blocks-writes"]),
        ("mysql", "CREATE INDEX ix ON plants (name)", []),
        ("mysql", "ALTER TABLE plants CONVERT TO CHARACTER SET utf8mb4", ["copies-table"]),
        ("mysql", "UPDATE plants SET tag = 'where'", ["unbounded-change"]),
        ("postgresql", "DELETE FROM plants", ["unbounded-change"]),
        ("postgresql", "UPDATE plants SET tag = '' WHERE tag IS NULL", []),
        ("postgresql", "CREATE INDEX CONCURRENTLY ix ON plants (name)", ["needs-autocommit"]),
        ("mysql", "-- ALTER TABLE plants DROP COLUMN tag", []),
        ("mysql", "SELECT 'DROP TABLE plants'", []),
    ],
)
def test_what_a_rule_finds(dialect: str, sql: str, codes: Sequence[str]) -> None:
    """By the statement that would be executed, from any source."""
    assert _codes(dialect, sql) == codes


def test_a_table_that_the_revision_makes_is_not_in_use() -> None:
    """It may be filled and changed freely."""
    assert _codes("mysql", "CREATE TABLE pots (id INT)", "ALTER TABLE pots DROP COLUMN id", "DELETE FROM pots") == []


def test_a_type_is_compared_with_the_one_before() -> None:
    """A longer VARCHAR costs nothing, another type copies the table."""
    before = {"type": "VARCHAR(20)", "nullable": "YES"}
    assert _codes("mysql", "ALTER TABLE t MODIFY a VARCHAR(40)", column=before) == []
    assert _codes("mysql", "ALTER TABLE t MODIFY a TEXT", column=before) == ["copies-table"]
    assert _codes("mysql", "ALTER TABLE t MODIFY a VARCHAR(20) NOT NULL", column=before) == ["set-not-null"]


@pytest.mark.parametrize(
    ("dialect", "earlier", "sql", "codes"),
    [
        ("mysql", "CREATE TABLE t (id INTEGER, a VARCHAR(20))", "ALTER TABLE t MODIFY a VARCHAR(40)", []),
        (
            "mysql",
            "CREATE TABLE t (a VARCHAR(20) NOT NULL)",
            "ALTER TABLE t MODIFY a VARCHAR(90) NOT NULL",
            ["copies-table"],
        ),
        ("mysql", "CREATE TABLE t (a INTEGER, CHECK (a > 1))", "ALTER TABLE t MODIFY a INT NOT NULL", ["set-not-null"]),
        ("mysql", "CREATE TABLE t (a BOOL NOT NULL)", "ALTER TABLE t MODIFY a TINYINT(1) NOT NULL", []),
        ("mysql", "ALTER TABLE t ADD COLUMN `a` TEXT", "ALTER TABLE t MODIFY a TEXT", []),
        ("mysql", "ALTER TABLE t CHANGE b a TEXT", "ALTER TABLE t MODIFY a TEXT", []),
        ("mysql", "CREATE TABLE s (a TEXT); ALTER TABLE s RENAME TO t", "ALTER TABLE t MODIFY a TEXT", []),
        ("mysql", "CREATE TABLE t (a TEXT); DROP TABLE t", "ALTER TABLE t MODIFY a TEXT", ["copies-table"]),
        ("mysql", "CREATE TABLE t (b TEXT); ALTER TABLE t RENAME COLUMN b TO a", "ALTER TABLE t MODIFY a TEXT", []),
        ("postgresql", "CREATE TABLE t (a TEXT)", "ALTER TABLE t RENAME a TO b", ["rename-column"]),
    ],
)
def test_earlier_revisions_tell_what_a_column_was(dialect: str, earlier: str, sql: str, codes: Sequence[str]) -> None:
    """A revision rarely says it, and without it each change of a type would look expensive."""
    columns = Columns()
    for each in earlier.split("; "):
        columns.observe(Sql.of(each))
    assert [each.code for each in hits([Statement(sql, 1, "execute")], dialect, columns)] == codes


@pytest.mark.parametrize(
    "statements",
    [
        ("ALTER TABLE t ADD COLUMN a INT", "ALTER TABLE t DROP COLUMN a"),
        ("ALTER TABLE t ADD COLUMN a INT", "ALTER TABLE t RENAME COLUMN a TO b", "ALTER TABLE t DROP COLUMN b"),
        ("DROP TABLE IF EXISTS pots", "CREATE TEMP TABLE pots AS SELECT 1"),
        ("DROP TABLE IF EXISTS _alembic_tmp_t",),
    ],
)
def test_what_no_version_of_the_app_knows_may_go(statements: Sequence[str]) -> None:
    """A column or table that the revision makes itself, and the left-overs of a batch of Alembic."""
    assert _codes("postgresql", *statements) == []


@pytest.mark.parametrize(
    ("rule", "sql", "false_alarm"),
    [
        ("constraint-missing-not-valid", "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)", True),
        ("constraint-missing-not-valid", "ALTER TABLE t ADD CONSTRAINT p PRIMARY KEY (a)", True),
        ("constraint-missing-not-valid", "ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES s (a)", False),
        ("adding-required-field", "ALTER TABLE t ADD COLUMN id BIGSERIAL NOT NULL", True),
        ("adding-required-field", "ALTER TABLE t ADD COLUMN id BIGINT NOT NULL", False),
        ("adding-field-with-default", "ALTER TABLE t ADD COLUMN c TIMESTAMP DEFAULT (CURRENT_TIMESTAMP)", True),
        ("adding-field-with-default", "ALTER TABLE t ADD COLUMN c UUID DEFAULT (gen_random_uuid())", False),
        ("changing-column-type", "ALTER TABLE t ALTER COLUMN a TYPE TEXT", True),
        ("changing-column-type", "ALTER TABLE t ALTER COLUMN a TYPE VARCHAR(30)", True),
        ("changing-column-type", "ALTER TABLE t ALTER COLUMN a TYPE VARCHAR(10)", False),
        ("changing-column-type", "ALTER TABLE t ALTER COLUMN a TYPE JSONB USING a::jsonb", False),
        ("changing-column-type", "ALTER TABLE t ALTER COLUMN b TYPE BOOLEAN", True),
        ("changing-column-type", "ALTER TABLE t ALTER COLUMN unknown TYPE BOOLEAN", False),
        ("adding-not-nullable-field", "ALTER TABLE t ALTER COLUMN b SET NOT NULL", True),
        ("adding-not-nullable-field", "ALTER TABLE t ALTER COLUMN a SET NOT NULL", False),
        ("require-concurrent-index-creation", "CREATE INDEX i ON t (a)", False),
    ],
)
def test_a_finding_of_squawk_that_does_not_apply_is_left_out(rule: str, sql: str, false_alarm: bool) -> None:  # noqa: FBT001  # of the row
    """It sees one statement, and not what the column was before."""
    columns = Columns()
    columns.observe(Sql.of("CREATE TABLE t (id BIGINT NOT NULL, a VARCHAR(20), b BOOLEAN NOT NULL)"))
    assert needless(rule, Sql.of(sql), lambda name: columns.of("t", name).row) is false_alarm


@pytest.mark.parametrize(("use", "found"), [("db.Plant", True), ("db.READ", False), ("print(db)", True)])
def test_a_constant_beside_models_is_no_model(
    use: str,
    found: bool,  # noqa: FBT001  # of the row
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The values of a migration may come from the app; its tables change."""
    module = ModuleType("plants_db")
    vars(module).update(READ="read", Plant=type("Plant", (), {"__mapper__": None, "__module__": "plants_db"}))
    monkeypatch.setitem(sys.modules, "plants_db", module)
    script = tmp_path / "r1.py"
    script.write_text(f"import plants_db as db\n{use}\n")
    assert bool([*models_used(script)]) is found


def test_definitions_beside_rows_are_a_matter_of_mysql() -> None:
    """PostgreSQL rolls both back."""
    both = "ALTER TABLE t ADD COLUMN a INT", "UPDATE t SET a = 1 WHERE a IS NULL"
    assert _codes("mysql", *both) == ["definitions-and-rows"]
    assert _codes("postgresql", *both) == []


def test_every_rule_is_documented() -> None:
    """A code in an annotation of a pull request is looked up."""
    page = Path("docs/check.md").read_text(encoding="utf-8")
    assert [code for code in RULES if f"`{code}`" not in page] == []
