"""What each rule of `check` finds, and what it leaves alone: a false alarm teaches people to switch it off."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from orchestrator.people.check.catalogue import RULES
from orchestrator.people.check.rules import hits
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


def test_definitions_beside_rows_are_a_matter_of_mysql() -> None:
    """PostgreSQL rolls both back."""
    both = "ALTER TABLE t ADD COLUMN a INT", "UPDATE t SET a = 1 WHERE a IS NULL"
    assert _codes("mysql", *both) == ["definitions-and-rows"]
    assert _codes("postgresql", *both) == []


def test_every_rule_is_documented() -> None:
    """A code in an annotation of a pull request is looked up."""
    page = Path("docs/check.md").read_text(encoding="utf-8")
    assert [code for code in RULES if f"`{code}`" not in page] == []
