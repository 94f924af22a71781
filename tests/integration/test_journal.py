"""The journal on real databases, with each driver that an env.py may bring: what is written is read again as it was."""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine

from orchestrator.databases import backend_for
from orchestrator.databases.statements import Kind
from orchestrator.migrations.journal.steps import STATEMENT_LENGTH, Outcome, Record, Step
from orchestrator.migrations.journal.store import Journal, RevisionInfo
from tests.servers import Database, Server, backends

T = TypeVar("T")

HOSTILE = 'it\'s "100 %" of `all` \\ %s %(x)s :x $1 ? \n\r\t\x1a ü → 🌳 '
SETTINGS = (
    "",
    "NO_BACKSLASH_ESCAPES",
    "ANSI_QUOTES",
    "ANSI,TRADITIONAL",
    "NO_BACKSLASH_ESCAPES,ANSI_QUOTES,PIPES_AS_CONCAT",
)


def _about(**changes: Any) -> RevisionInfo:
    known: dict[str, Any] = {"revision": "r1", "path": "/r1.py", "needs": ("r0", "q0"), "description": HOSTILE}
    known |= {"checksum": "c" * 64, "app_version": "1.0", "boot_id": "b", "task_id": "t", "connection_id": 2**40}
    return RevisionInfo(**(known | changes))


def _step(index: int, **changes: Any) -> Step:
    known: dict[str, Any] = {"index": index, "kind": Kind.WRITE, "text": HOSTILE, "outcome": Outcome.DONE}
    known |= {"digest": "d" * 64, "rowcount": 3, "lastrowid": 2**40, "line": -7}
    known |= {"before": {HOSTILE: "x"}, "after": {HOSTILE: ""}}
    return Step(**(known | changes))


def _record(*steps: Step) -> Record:
    return Record("server 1", HOSTILE, {"sql_mode": HOSTILE}, list(steps))


def _journal(connection: Connection) -> Journal:
    pooled = connection.connection
    backend = backend_for(connection.dialect.name)
    session = backend.recorded(pooled.dbapi_connection, pooled.driver_connection)
    schema = backend.default_schema(pooled.dbapi_connection)
    return Journal(pooled.dbapi_connection, connection.dialect, session.now, schema, session.encoding)


@pytest.fixture(params=["asynchronous", "synchronous"])
def on(request: pytest.FixtureRequest) -> Callable[[Database, Callable[[Connection], T]], T]:
    """Return what runs a function on a new connection, and commits what it did."""
    return _asynchronously if request.param == "asynchronous" else _synchronously


def _asynchronously(database: Database, work: Callable[[Connection], T]) -> T:
    async def run() -> T:
        engine = create_async_engine(database.url, poolclass=NullPool)
        async with engine.connect() as connection:
            return await connection.run_sync(_committing(work))

    return asyncio.run(run())


def _synchronously(database: Database, work: Callable[[Connection], T]) -> T:
    with create_engine(database.synchronous_url, poolclass=NullPool).connect() as connection:
        return _committing(work)(connection)


def _committing(work: Callable[[Connection], T]) -> Callable[[Connection], T]:
    def run(connection: Connection) -> T:
        result = work(connection)
        connection.connection.dbapi_connection.commit()  # type: ignore[union-attr]  # it is connected
        return result

    return run


On = Callable[[Database, Callable[[Connection], Any]], Any]


def test_a_life_of_a_revision(database: Database, on: On) -> None:
    """It begins, is interrupted, continues in another process, and is finished."""

    def begin(connection: Connection) -> None:
        journal = _journal(connection)
        journal.create()
        journal.begin(_about())
        journal.save("r1", _record(_step(1), _step(2)), 2, HOSTILE)

    def go_on(connection: Connection) -> Record:
        journal = _journal(connection)
        assert journal.entries()["r1"].half_applied
        assert journal.entries()["r1"].pending_statement == HOSTILE
        found = journal.record("r1")
        journal.begin(_about(boot_id="c"))
        journal.save("r1", _record(_step(2, outcome=Outcome.FAILED), _step(3)), 3, "")
        return found

    def finish(connection: Connection) -> None:
        journal = _journal(connection)
        assert [step.outcome for step in journal.record("r1").steps] == [Outcome.DONE, Outcome.FAILED, Outcome.DONE]
        journal.finish("r1", 3, 1.5)
        journal.forget("r1")

    on(database, begin)
    found = on(database, go_on)
    assert (found.server, found.reason, found.state) == ("server 1", HOSTILE, {"sql_mode": HOSTILE})
    assert found.steps == [_step(1), _step(2)]
    assert found.recorded_at.endswith("Z")
    on(database, finish)
    (entry,) = on(database, lambda connection: list(_journal(connection).entries().values()))
    assert (entry.revision, entry.down_revisions, entry.boot_id, entry.finished) == ("r1", ("r0", "q0"), "c", True)
    assert database.execute("SELECT description, connection_id, pending_statement FROM orchestrator_journal") == [
        (HOSTILE, 2**40, None)
    ]
    assert database.execute("SELECT * FROM orchestrator_journal_statements") == []


def test_rolled_back_rows_were_never_written(database: Database, on: On) -> None:
    """The journal itself commits nothing but its tables."""

    def work(connection: Connection) -> None:
        journal = _journal(connection)
        journal.create()
        journal.create()  # as a second replica does that was as early
        journal.begin(_about())
        journal.save("r1", _record(_step(1)), 1, "")
        connection.connection.dbapi_connection.rollback()  # type: ignore[union-attr]  # it is connected

    on(database, work)
    assert database.execute("SELECT * FROM orchestrator_journal") == []
    assert database.execute("SELECT * FROM orchestrator_journal_statements") == []


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 49, 50, 51, 203])
@pytest.mark.paired("count")
def test_any_number_of_steps_is_saved(database: Database, on: On, count: int) -> None:
    """They go in few statements."""
    steps = [_step(number + 1) for number in range(count)]

    def work(connection: Connection) -> list[Step]:
        journal = _journal(connection)
        journal.create()
        journal.begin(_about())
        journal.save("r1", _record(*steps), count, "")
        return journal.record("r1").steps

    assert on(database, work) == steps


def test_large_and_strange_texts_are_kept(database: Database, on: On) -> None:
    """Of a statement its beginning; of what can be written nowhere, what is left of it."""
    large, strange = _step(2, text="y" * 5000), _step(1, text="a\x00b\ud800c")

    def work(connection: Connection) -> list[Step]:
        journal = _journal(connection)
        journal.create()
        journal.begin(_about(description="a\x00b\ud800c", app_version="1" * 500, task_id="2" * 500))
        journal.save("r1", _record(strange, large), 1, "a\x00b\ud800c")
        return journal.record("r1").steps

    found = on(database, work)
    assert found[0].statement.startswith("a")
    assert len(found[1].statement) == STATEMENT_LENGTH


def test_a_record_of_another_version_is_not_resumed(database: Database, on: On) -> None:
    """A revision that is half applied while the product is replaced is reported, and refused."""

    def work(connection: Connection) -> Record:
        journal = _journal(connection)
        journal.create()
        journal.begin(_about())
        journal.save("r1", _record(_step(1)), 1, "")
        connection.exec_driver_sql("UPDATE orchestrator_journal_statements SET answer = '[]'")
        return journal.record("r1")

    found = on(database, work)
    assert "another version" in found.reason
    assert found.left_something


@backends("mariadb", "mysql")
@pytest.mark.parametrize("sql_mode", SETTINGS)
def test_settings_of_the_session_change_nothing(database: Database, on: On, sql_mode: str) -> None:
    """A revision may have set them before."""

    def work(connection: Connection) -> list[Step]:
        journal = _journal(connection)
        journal.create()
        connection.exec_driver_sql(f"SET sql_mode = '{sql_mode}', sql_safe_updates = 1")
        journal.begin(_about())
        journal.save("r1", _record(_step(1), _step(2)), 2, HOSTILE)
        found = journal.record("r1").steps
        journal.finish("r1", 2, None)
        journal.forget("r1")
        return found

    assert on(database, work) == [_step(1), _step(2)]


@backends("mariadb", "mysql")
def test_a_database_in_latin_1_keeps_all_characters(database: Database, server: Server, on: On) -> None:
    """The tables are in UTF-8, even if others are not."""
    server.execute(f"ALTER DATABASE `{database.name}` CHARACTER SET latin1 COLLATE latin1_swedish_ci")

    def work(connection: Connection) -> list[Step]:
        journal = _journal(connection)
        journal.create()
        journal.begin(_about())
        journal.save("r1", _record(_step(1)), 1, "")
        return journal.record("r1").steps

    assert on(database, work) == [_step(1)]
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
        journal = _journal(connection)
        journal.create()
        journal.begin(_about())

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
        journal.begin(_about())
        journal.save("r1", _record(_step(1), _step(2)), 2, HOSTILE)
        assert journal.record("r1").steps == [_step(1), _step(2)]
        assert journal.entries()["r1"].pending_statement == HOSTILE
        journal.finish("r1", 2, 0.5)
        journal.forget("r1")
        assert journal.entries()["r1"].finished
