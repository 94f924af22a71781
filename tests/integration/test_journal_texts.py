"""The journal keeps any text: in each character set, sql_mode and style of parameters."""

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, NullPool, create_engine

from orchestrator.migrations.journal.steps import STATEMENT_LENGTH, Step
from orchestrator.migrations.journal.store import Journal
from tests.integration.journals import HOSTILE, On, about, journal_on, record, step
from tests.servers import Database, Server, backends

SETTINGS = (
    "",
    "NO_BACKSLASH_ESCAPES",
    "ANSI_QUOTES",
    "ANSI,TRADITIONAL",
    "NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT",
)


def test_large_and_strange_texts_are_kept(database: Database, on: On) -> None:
    """Of a statement its beginning; of what can be written nowhere, what is left of it."""
    large, strange = step(2, text="y" * 5000), step(1, text="a\x00b\ud800c")

    def work(connection: Connection) -> list[Step]:
        journal = journal_on(connection)
        journal.create()
        journal.begin(about(description="a\x00b\ud800c", app_version="1" * 500, task_id="2" * 500))
        journal.save("r1", record(strange, large), 1, "a\x00b\ud800c")
        return journal.record("r1").steps

    found = on(database, work)
    assert found[0].statement.startswith("a")
    assert len(found[1].statement) == STATEMENT_LENGTH


@backends("mariadb", "mysql")
@pytest.mark.parametrize("sql_mode", SETTINGS)
def test_settings_of_the_session_change_nothing(database: Database, on: On, sql_mode: str) -> None:
    """A revision may have set them before."""

    def work(connection: Connection) -> list[Step]:
        journal = journal_on(connection)
        journal.create()
        connection.exec_driver_sql(f"SET sql_mode = '{sql_mode}', sql_safe_updates = 1")
        journal.begin(about())
        journal.save("r1", record(step(1), step(2)), 2, HOSTILE)
        found = journal.record("r1").steps
        journal.finish("r1", 2, None)
        journal.forget("r1")
        return found

    assert on(database, work) == [step(1), step(2)]


@backends("mariadb", "mysql")
def test_a_database_in_latin_1_keeps_all_characters(database: Database, server: Server, on: On) -> None:
    """The tables are in UTF-8, even if others are not."""
    server.execute(f"ALTER DATABASE `{database.name}` CHARACTER SET latin1 COLLATE latin1_swedish_ci")

    def work(connection: Connection) -> list[Step]:
        journal = journal_on(connection)
        journal.create()
        journal.begin(about())
        journal.save("r1", record(step(1)), 1, "")
        return journal.record("r1").steps

    assert on(database, work) == [step(1)]
    assert database.execute("SELECT description FROM orchestrator_journal") == [(HOSTILE,)]


@contextlib.contextmanager
def _in_latin_1(server: Server, database: Database) -> Iterator[Database]:
    """Create a database that can store only 256 characters."""
    name = f"{database.name}_latin1"
    owner = server.application_url.username
    server.execute(f"CREATE DATABASE {name} OWNER {owner} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    found = Database(server.application_url.set(database=name).render_as_string(hide_password=False), "postgresql")
    try:
        yield found
    finally:
        server.drop_database(found)


@backends("postgresql")
def test_a_database_of_few_characters_does_not_fail_for_a_description(
    database: Database, server: Server, on: On
) -> None:
    """The revision itself may well be in ASCII."""

    def work(connection: Connection) -> None:
        journal = journal_on(connection)
        journal.create()
        journal.begin(about())

    with _in_latin_1(server, database) as narrow:
        on(narrow, work)
        ((description,),) = narrow.execute("SELECT description FROM orchestrator_journal")
    assert description.startswith("it's")


NUMBERED = pytest.param(
    "numeric",
    marks=pytest.mark.skipif(sys.version_info >= (3, 12), reason="sqlite3 takes `:1` as a name, for SQLAlchemy too"),
)


@pytest.mark.parametrize("style", ["qmark", "named", NUMBERED])
def test_parameters_are_written_in_the_style_of_the_dialect(style: Any, tmp_path: Path) -> None:
    """`create_engine` takes another style than the driver's usual one; a name may contain what looks like a place."""
    engine = create_engine(f"sqlite:///{tmp_path}/main.db", paramstyle=style, poolclass=NullPool)
    with engine.connect() as connection:
        real: Any = connection.connection.dbapi_connection
        real.execute("ATTACH DATABASE ':memory:' AS [{} 100 %s ? :1 \"]")
        journal = Journal(real, connection.dialect, "CURRENT_TIMESTAMP", '{} 100 %s ? :1 "')
        journal.create()
        journal.begin(about())
        journal.save("r1", record(step(1), step(2)), 2, HOSTILE)
        assert journal.record("r1").steps == [step(1), step(2)]
        assert journal.entries()["r1"].pending_statement == HOSTILE
        journal.finish("r1", 2, 0.5)
        journal.forget("r1")
        assert journal.entries()["r1"].finished
