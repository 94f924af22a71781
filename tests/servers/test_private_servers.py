"""What tests may do to a private server."""

from collections.abc import Callable, Iterator

import psycopg2
import pymysql
import pytest
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.servers import HOST, Database, MariaDB, PostgreSQL
from tests.servers.private import PrivateServer

MAKES = [MariaDB, PostgreSQL]
ODD_PASSWORD = "a@b/c:d%e#f?g&h'i\"j\\k l="


@pytest.fixture(params=MAKES)
def own(request: pytest.FixtureRequest) -> Iterator[PrivateServer]:
    """Return a running server that no other test has."""
    with request.param() as server:
        yield server


def _reachable(database: Database) -> bool:
    try:
        return bool(database.execute("SELECT 1"))
    except OperationalError:
        return False


@pytest.mark.parametrize("end", [PrivateServer.stop, PrivateServer.kill])
def test_a_server_comes_back_where_it_was(own: PrivateServer, end: Callable[[PrivateServer], None]) -> None:
    """After an end, in order or not, connections are refused; after a start, committed data is there."""
    database = own.create_database()
    database.execute("CREATE TABLE plants (id INTEGER)")
    end(own)
    assert not _reachable(database)
    own.start()
    assert database.tables() == ["plants"]


def test_a_frozen_server_neither_refuses_nor_answers(own: PrivateServer) -> None:
    """The kernel accepts for it, the login hangs, and it continues after it is thawed."""
    own.pause()
    with pytest.raises((pymysql.err.OperationalError, psycopg2.OperationalError), match="time"):
        _log_in(own, timeout=1)
    own.resume()
    _log_in(own, timeout=10)


def test_a_frozen_server_can_be_killed(own: PrivateServer) -> None:
    """A test that leaves its server frozen leaves nothing behind."""
    directory = own.directory
    own.pause()
    own.close()
    assert not directory.exists()


def _log_in(server: PrivateServer, timeout: int) -> None:
    """Log in with a plain driver, whose error shows what the server does."""
    login = {"host": HOST, "port": server.port, "user": "app", "password": "s3cret"}
    if isinstance(server, MariaDB):
        pymysql.connect(**login, connect_timeout=timeout, read_timeout=timeout).close()
    else:
        psycopg2.connect(**login, connect_timeout=timeout, dbname="postgres").close()


def test_the_application_is_not_an_administrator(own: PrivateServer) -> None:
    """Its user may do everything in its databases, and nothing outside."""
    database = own.create_database()
    with pytest.raises(DBAPIError, match="denied"):
        database.execute("CREATE DATABASE somewhere_else")


def test_any_password_logs_in(own: PrivateServer) -> None:
    """Quotes, backslashes and all that means something in a URL are mere characters."""
    database = own.create_database()
    reader = own.add_user(database, 'o\'dd "user"', ODD_PASSWORD, "SELECT")
    assert reader.execute("SELECT 1") == [(1,)]
    assert ODD_PASSWORD not in reader.url


def test_a_user_has_the_rights_that_were_given(own: PrivateServer) -> None:
    """One who may only read can't write, whether a table was there before or not."""
    database = own.create_database()
    database.execute("CREATE TABLE plants (id INTEGER)")
    reader = own.add_user(database, "reader", "r", "SELECT")
    database.execute("CREATE TABLE animals (id INTEGER)")
    assert reader.execute("SELECT * FROM plants") == reader.execute("SELECT * FROM animals") == []
    with pytest.raises(DBAPIError, match="denied"):
        reader.execute("INSERT INTO animals VALUES (1)")


def test_a_user_who_may_create_tables_creates_tables(own: PrivateServer) -> None:
    """CREATE is a right on the schema in one make and on tables in the other."""
    database = own.create_database()
    own.add_user(database, "builder", "b", "CREATE").execute("CREATE TABLE plants (id INTEGER)")
    assert own.execute("SELECT 1") == [(1,)]
    with pytest.raises(DBAPIError, match="denied"):
        own.add_user(database, "guest", "g").execute("CREATE TABLE animals (id INTEGER)")


def test_a_user_goes_with_the_database(own: PrivateServer) -> None:
    """The next test may use the same name."""
    for _ in range(2):
        database = own.create_database("app_again")
        own.add_user(database, "reader", "r", "SELECT", "INSERT")
        own.drop_database(database)


@pytest.mark.parametrize(
    ("make", "show"), [(MariaDB, "SELECT @@max_connections"), (PostgreSQL, "SHOW max_connections")]
)
def test_options_are_those_of_the_server(make: type[PrivateServer], show: str) -> None:
    """They are given as on its command line, for every start or for one."""
    with make("--max-connections=11") as server:
        assert [int(value) for (value,) in server.execute(show)] == [11]
        server.restart("--max-connections=12")
        assert [int(value) for (value,) in server.execute(show)] == [12]


def test_a_wrong_option_is_reported_with_the_log() -> None:
    """A server that does not start fails the test with its own last words."""
    server = MariaDB("--no-such-option")
    with pytest.raises(RuntimeError, match="no-such-option"):
        server.start()


def test_read_only_binds_the_application_in_mariadb() -> None:
    """read_only binds the application's user too."""
    with MariaDB() as server:
        database = server.create_database()
        server.execute("SET GLOBAL read_only=1")
        with pytest.raises(DBAPIError, match="1290"):
            database.execute("CREATE TABLE plants (id INTEGER)")


def test_a_standby_can_be_read_only() -> None:
    """PostgreSQL in recovery answers and refuses to write."""
    with PostgreSQL() as server:
        database = server.create_database()
        server.restart_as_standby()
        assert database.execute("SELECT pg_is_in_recovery()") == [(True,)]
        with pytest.raises(DBAPIError, match="read-only"):
            database.execute("CREATE TABLE plants (id INTEGER)")


@pytest.mark.parametrize("make", [MariaDB, PostgreSQL])
def test_a_full_disk_fails_statements_and_not_the_server(make: type[PrivateServer]) -> None:
    """What does not fit is refused, and fits once there is room."""
    fill = "INSERT INTO plants SELECT repeat('x', 1500) FROM {0} a, {0} b, {0} c, {0} d"
    with make() as server:
        database = server.create_database()
        database.execute("CREATE TABLE plants (name varchar(2000))")
        database.execute("CREATE TABLE tens (i integer)")
        database.execute("INSERT INTO tens VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)")
        server.limit_file_size(13 * 2**20)
        with pytest.raises(DBAPIError, match=r"full|too large"):
            database.execute(fill.format("tens"))
        server.limit_file_size(None)
        database.execute(fill.format("tens"))
        assert database.execute("SELECT count(*) FROM plants") == [(10_000,)]


def test_nothing_of_a_server_stays(own: PrivateServer) -> None:
    """Its process and its directory are gone, and closing again does no harm."""
    process, directory = own.process, own.directory
    own.close()
    own.close()
    assert process.poll() is not None
    assert not directory.exists()
