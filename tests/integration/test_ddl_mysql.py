"""How MySQL and MariaDB carry out a definition is asked of the servers themselves, clause by clause."""

from collections.abc import Iterator, Mapping

import pytest
from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError

from orchestrator.people.ddl.mysql_online import Algorithm, Server, effect
from orchestrator.people.ddl.reading import Sql
from tests.servers import Database, backends

COLUMNS: Mapping[str, Mapping[str, str]] = {
    "id": {"type": "int", "nullable": "NO"},
    "b": {"type": "varchar(20)", "nullable": "YES"},
    "n": {"type": "int", "nullable": "YES"},
    "m": {"type": "int", "nullable": "YES", "key": "MUL"},
    "en": {"type": "enum('a','b')", "nullable": "YES"},
}
CLAUSES = """
ADD COLUMN x INT
ADD COLUMN x INT NOT NULL DEFAULT 3
ADD COLUMN x INT FIRST
ADD COLUMN x INT AFTER id
ADD COLUMN x INT AUTO_INCREMENT UNIQUE
ADD COLUMN x INT AS (id+1) VIRTUAL
ADD COLUMN x INT AS (id+1) STORED
ADD COLUMN x INT UNIQUE
DROP COLUMN b
DROP b
DROP COLUMN m
RENAME COLUMN b TO bb
RENAME TO t2
RENAME INDEX im TO im2
MODIFY b VARCHAR(60)
MODIFY b VARCHAR(200)
MODIFY b VARCHAR(20) NOT NULL
MODIFY b TEXT
MODIFY m BIGINT
MODIFY b VARCHAR(10)
MODIFY en ENUM('a','b','c')
MODIFY m INTEGER NULL
CHANGE b bb VARCHAR(20)
CHANGE COLUMN m mm BIGINT
ALTER COLUMN m SET DEFAULT 4
ALTER m DROP DEFAULT
ADD INDEX i2 (m)
ADD CONSTRAINT u3 UNIQUE (m)
ADD FULLTEXT INDEX f2 (b)
DROP INDEX im
DROP PRIMARY KEY
ADD CONSTRAINT fk FOREIGN KEY (m) REFERENCES p (id)
DROP FOREIGN KEY fk0
ADD CONSTRAINT ck CHECK (m > 0)
DROP CONSTRAINT ck0
CONVERT TO CHARACTER SET latin1
COMMENT 'x'
AUTO_INCREMENT = 5
ENGINE = InnoDB
FORCE
ADD COLUMN x INT, ADD INDEX i2 (m)
""".strip().splitlines()
_TABLE = """
CREATE TABLE t (
    id INT NOT NULL PRIMARY KEY, b VARCHAR(20), n INT NULL, m INT NULL, en ENUM('a','b'),
    INDEX im (m), CONSTRAINT fk0 FOREIGN KEY (n) REFERENCES p (id), CONSTRAINT ck0 CHECK (id > 0)
) ENGINE=InnoDB DEFAULT CHARSET utf8mb4
"""
_CHEAPEST_FIRST = (
    (Algorithm.INSTANT, False, "ALGORITHM=INSTANT"),
    (Algorithm.INPLACE, False, "ALGORITHM=INPLACE, LOCK=NONE"),
    (Algorithm.INPLACE, True, "ALGORITHM=INPLACE, LOCK=SHARED"),
    (Algorithm.COPY, False, "ALGORITHM=COPY, LOCK=NONE"),
    (Algorithm.COPY, True, "ALGORITHM=COPY, LOCK=SHARED"),
)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Connect, for statements that commit by themselves."""
    with create_engine(database.synchronous_url, poolclass=NullPool).connect() as connection:
        yield connection


def _carried_out(connection: Connection, clause: str) -> tuple[Algorithm, bool]:
    """Return the cheapest way that the server accepts, and whether it blocks writes."""
    refused = ""
    for algorithm, blocks_writes, words in _CHEAPEST_FIRST:
        for statement in (
            "DROP TABLE IF EXISTS t, t2, p",
            "CREATE TABLE p (id INT PRIMARY KEY) ENGINE=InnoDB",
            _TABLE,
            "INSERT INTO p VALUES (1)",
            "INSERT INTO t VALUES (1, 'x', 1, 1, 'a')",
        ):
            connection.exec_driver_sql(statement)
        connection.commit()
        try:
            connection.exec_driver_sql(f"ALTER TABLE t {clause}, {words}")
        except DBAPIError as error:
            refused = str(error.orig)
            connection.rollback()
        else:
            return algorithm, blocks_writes
    raise AssertionError(refused)


@backends("mysql", "mariadb")
def test_the_servers_carry_definitions_out_as_they_are_judged(database: Database, connection: Connection) -> None:
    """`plan` and `check` report what is blocked: a wrong word costs an hour of writes."""
    version = connection.exec_driver_sql("SELECT VERSION()").scalar_one()
    server = Server(database.backend == "mariadb", tuple(map(int, version.partition("-")[0].split(".")[:3])))
    wrong = {}
    for clause in CLAUSES:
        judged = effect(Sql.of(f"ALTER TABLE t {clause}"), server, lambda name: COLUMNS.get(name, {}))
        assert judged
        if (mine := (judged.algorithm, judged.blocks_writes)) != (theirs := _carried_out(connection, clause)):
            wrong[clause] = f"judged {mine}, is {theirs}"
    assert not wrong, "\n".join(f"{clause}: {words}" for clause, words in wrong.items())
