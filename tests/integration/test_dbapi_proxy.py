"""The connection that is put under SQLAlchemy's, as PEP 249 describes one, beside the driver's own."""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy import Connection, NullPool, create_engine

from orchestrator.migrations.journal.dbapi_proxy import ProxyConnection, recording
from orchestrator.migrations.journal.steps import StatementResult
from tests.integration.carrier import Carrier
from tests.servers import Database, backends

ROWS = [(1, "rose"), (2, None), (3, "oak")]
QUERY = "SELECT id, name FROM plants ORDER BY id"


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Return a connection to a database with three plants."""
    database.execute("CREATE TABLE plants (id INTEGER PRIMARY KEY, name VARCHAR(50))")
    database.execute("INSERT INTO plants VALUES (1, 'rose'), (2, NULL), (3, 'oak')")
    with create_engine(database.synchronous_url, poolclass=NullPool).connect() as connection:
        yield connection


@pytest.fixture
def carrier() -> Carrier:
    """Return a carrier that carries out everything."""
    return Carrier()


@pytest.fixture
def recorded(connection: Connection, carrier: Carrier) -> ProxyConnection:
    """Return the connection that is tested."""
    return ProxyConnection(connection.connection.dbapi_connection, carrier)


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.name == "sqlite" else "%s"


def test_rows_are_fetched_as_from_the_driver(recorded: ProxyConnection) -> None:
    """fetchone, fetchmany, fetchall and iteration return the driver's rows, and stop after the last one."""
    cursor = recorded.cursor()
    cursor.execute(QUERY)
    assert tuple(cursor.fetchone()) == ROWS[0]
    assert [tuple(row) for row in cursor.fetchmany(1)] == ROWS[1:2]
    assert [tuple(row) for row in cursor.fetchmany(5)] == ROWS[2:]
    assert (cursor.fetchone(), list(cursor.fetchmany(3)), list(cursor.fetchall())) == (None, [], [])
    cursor.execute(QUERY)
    cursor.arraysize = 2
    assert [len(cursor.fetchmany()), len(cursor.fetchall())] == [2, 1]
    cursor.execute(QUERY)
    assert [tuple(row) for row in cursor] == ROWS


def test_what_a_cursor_shows_is_the_same(recorded: ProxyConnection, connection: Connection) -> None:
    """Columns, rows and keys, also after a statement that has none."""
    real = connection.connection.dbapi_connection
    assert real
    statements = (QUERY, "UPDATE plants SET name = 'ash' WHERE id < 3", "DELETE FROM plants WHERE id = 9", QUERY)
    for statement in statements:
        told = []
        for cursor in (real.cursor(), recorded.cursor()):
            cursor.execute(statement)
            rows = cursor.fetchall() if cursor.description else []
            names = [column[0] for column in cursor.description or ()]
            told.append((names, [tuple(row) for row in rows], cursor.rowcount))
            cursor.close()
        assert told[0] == told[1]


def test_many_sets_of_parameters_go_in_one_call(
    recorded: ProxyConnection, connection: Connection, carrier: Carrier
) -> None:
    """Also from a generator, which can be read once."""
    mark = _mark(connection)
    sql = f"INSERT INTO plants VALUES ({mark}, {mark})"  # noqa: S608  # our own
    with recorded.cursor() as cursor:
        cursor.executemany(sql, ((id_, "elm") for id_ in (4, 5)))
        assert cursor.rowcount == 2
    assert carrier.seen == [(sql, [(4, "elm"), (5, "elm")])]


def test_a_percent_sign_without_parameters_is_one(recorded: ProxyConnection) -> None:
    """No parameters differ from an empty set of them."""
    cursor = recorded.cursor()
    cursor.execute("SELECT id FROM plants WHERE name LIKE 'r%'")
    assert [tuple(row) for row in cursor.fetchall()] == [(1,)]


def test_numbers_can_be_given_without_asking(recorded: ProxyConnection, carrier: Carrier) -> None:
    """As from the record: the table need not even exist any more."""
    carrier.answer = StatementResult(rowcount=3, lastrowid=7, recorded=True)
    cursor = recorded.cursor()
    cursor.execute("DELETE FROM nothing")
    assert (cursor.description, cursor.rowcount, cursor.lastrowid) == (None, 3, 7)
    assert (cursor.fetchone(), cursor.fetchall(), cursor.fetchmany()) == (None, [], [])
    carrier.answer = None
    cursor.execute(QUERY)
    assert [tuple(row) for row in cursor.fetchall()] == ROWS


def test_execute_returns_what_the_driver_returns(recorded: ProxyConnection, connection: Connection) -> None:
    """Sqlite3 returns the cursor, so that calls can be chained, also where nothing is run."""
    real = connection.connection.dbapi_connection
    assert real
    theirs, cursor = real.cursor(), recorded.cursor()
    returned = theirs.execute(QUERY)
    ours = cursor.execute(QUERY)
    assert (ours is cursor) == (returned is theirs)
    assert ours is cursor or ours == returned


@backends("postgresql")
def test_statements_may_be_bytes_or_objects_of_the_driver(recorded: ProxyConnection, carrier: Carrier) -> None:
    """Psycopg2 takes them, so the proxy does."""
    from psycopg2 import sql

    cursor = recorded.cursor()
    cursor.execute(b"SELECT 1")
    cursor.execute(sql.SQL("SELECT {}").format(sql.Literal("x")))
    assert [text for text, _ in carrier.seen] == ["SELECT 1", "SELECT 'x'"]


def test_a_cursor_is_an_iterator(recorded: ProxyConnection) -> None:
    """As PEP 249 suggests, and revisions use."""
    cursor = recorded.cursor()
    cursor.execute(QUERY)
    assert tuple(next(cursor)) == ROWS[0]
    assert len(list(cursor)) == 2


def test_commits_and_rollbacks_are_the_carriers(
    recorded: ProxyConnection, carrier: Carrier, database: Database
) -> None:
    """Each with what it was about."""
    cursor = recorded.cursor()
    cursor.execute("DELETE FROM plants WHERE id = 1")
    recorded.rollback()
    cursor.execute("DELETE FROM plants WHERE id = 2")
    recorded.commit()
    assert [each for each in carrier.seen if isinstance(each, str)] == ["ROLLBACK", "COMMIT"]
    assert database.execute("SELECT id FROM plants ORDER BY id") == [(1,), (3,)]


@backends("mariadb", "mysql")
def test_the_switch_to_autocommit_is_a_commit(recorded: ProxyConnection, carrier: Carrier, database: Database) -> None:
    """The server makes it one."""
    recorded.cursor().execute("DELETE FROM plants WHERE id = 1")
    recorded.autocommit(True)  # noqa: FBT003  # as drivers have it
    assert carrier.seen[-1] == "COMMIT"
    assert database.execute("SELECT count(*) FROM plants") == [(2,)]


@backends("mariadb", "mysql")
def test_a_procedure_is_called(recorded: ProxyConnection, carrier: Carrier, database: Database) -> None:
    """With all its results."""
    database.execute("CREATE PROCEDURE p(n INTEGER) BEGIN SELECT n; SELECT n + 1; END")
    cursor = recorded.cursor()
    assert cursor.callproc("p", (5,)) == (5,)
    assert carrier.seen == [("CALL p", (5,))]
    assert list(cursor.fetchall()) == [(5,)]
    assert cursor.nextset()
    assert list(cursor.fetchall()) == [(6,)]


@backends("postgresql", "sqlite")
def test_attributes_are_the_drivers(recorded: ProxyConnection, connection: Connection) -> None:
    """To be read and to be set."""
    real: Any = connection.connection.dbapi_connection
    name = "isolation_level"
    assert getattr(recorded, name) == getattr(real, name)
    recorded.cursor().execute(QUERY)
    recorded.rollback()
    recorded.isolation_level = "SERIALIZABLE" if connection.dialect.name == "postgresql" else "IMMEDIATE"
    assert real.isolation_level != "DEFERRED"
    assert getattr(recorded, name) == getattr(real, name)
    with pytest.raises(AttributeError):
        _ = recorded.no_such_thing


@backends("postgresql")
def test_a_cursor_in_the_server_stays_one(recorded: ProxyConnection) -> None:
    """A large result streams, as it does without us."""
    cursor = recorded.cursor("mine")
    cursor.execute(QUERY)
    assert tuple(cursor.fetchone()) == ROWS[0]
    assert [column[0] for column in cursor.description] == ["id", "name"]
    assert list(cursor.fetchall()) == ROWS[1:]


def test_errors_are_the_drivers(recorded: ProxyConnection, connection: Connection) -> None:
    """Whoever catches them does so by their class."""
    with pytest.raises(connection.dialect.loaded_dbapi.Error):
        recorded.cursor().execute("SELECT * FROM nothing")


def test_who_asks_for_the_drivers_connection_gets_it(connection: Connection, carrier: Carrier) -> None:
    """The caller gets the real connection, the carrier is notified, and SQLAlchemy's statements are recorded."""
    real, pooled = connection.connection.dbapi_connection, connection.connection
    with recording(connection, carrier):
        assert isinstance(connection, Connection)
        connection.exec_driver_sql(QUERY)
        assert connection.connection is pooled
        assert pooled.dbapi_connection is real
        assert getattr(connection, "connection").cursor().connection is real or connection.dialect.name == "mysql"  # noqa: B009
        connection.info["kept"] = True
        assert sqlalchemy.inspect(connection).get_table_names() == ["plants"]
        connection.commit()
    assert carrier.seen[0][0] == QUERY
    assert carrier.seen[1] == "it used the driver's own connection"
    assert carrier.seen[-1] == "COMMIT"


def test_it_is_there_for_a_while_only(connection: Connection, carrier: Carrier) -> None:
    """Then SQLAlchemy has its own again."""
    real = connection.connection.dbapi_connection
    with recording(connection, carrier):
        assert connection.exec_driver_sql(QUERY).all() == ROWS
    assert connection.connection.dbapi_connection is real
    assert [statement for statement, _ in carrier.seen] == [QUERY]
    connection.exec_driver_sql(QUERY)
    assert len(carrier.seen) == 1


def test_a_connection_that_was_given_up_meanwhile_is_not_put_back(connection: Connection, carrier: Carrier) -> None:
    """SQLAlchemy has thrown it away, and may have another by now."""
    pooled = connection.connection
    with contextlib.suppress(Exception), recording(connection, carrier):
        connection.invalidate()
    assert pooled.dbapi_connection is None
