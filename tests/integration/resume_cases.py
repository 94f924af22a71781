"""Revisions that are killed at `die()`, and the expected end: resumed, or refused."""

from dataclasses import dataclass

RESUMED = ""
"""Instead of a reason."""

PLANTS = "CREATE TABLE plants (id INTEGER, name VARCHAR(50))"
COUNTER = "CREATE TABLE counter (n INTEGER)", "INSERT INTO counter VALUES (0)"
BUMP = """CREATE FUNCTION bump() RETURNS INTEGER MODIFIES SQL DATA BEGIN UPDATE counter SET n = n + 1; RETURN 1; END"""
KEYED = "CREATE TABLE keyed (id INTEGER AUTO_INCREMENT PRIMARY KEY, parent INTEGER)"
TREES, SHRUBS = "CREATE TABLE trees (id INTEGER)", "CREATE TABLE shrubs (id INTEGER)"
DIE = "die()"
TABLES = "sa.inspect(op.get_bind()).get_table_names()"


@dataclass(frozen=True)
class Case:
    """A revision.

    Attributes:
        first: SQL of the revision before it.
        body: SQL, and `die()`; what begins with a space is Python.
        reason: A part of the reason for refusing it.
        asynchronous: With the asynchronous driver.
    """

    first: tuple[str, ...]
    body: tuple[str, ...]
    reason: str
    asynchronous: bool = False

    @property
    def python(self) -> str:
        """The revision's `upgrade`."""
        return script(self.body)


def script(statements: tuple[str, ...]) -> str:
    """Return the Python that runs these."""
    run = "op.get_bind().exec_driver_sql({!r})"
    return "\n".join(each.strip() if each == DIE or each[0] == " " else run.format(each) for each in statements)


NOTHING_KNOWN = "whose effect cannot be proven"
READ = "it read from the database"
ZERO = (
    "CREATE TABLE zero (id INTEGER NOT NULL AUTO_INCREMENT PRIMARY KEY, at TIMESTAMP NULL)",
    SHRUBS,
    DIE,
    "INSERT INTO zero VALUES (0, '2020-01-01 00:00:00'), (5, '2020-01-02 00:00:00')",
    TREES,
)
SETS = "SET SESSION sql_mode = 'NO_AUTO_VALUE_ON_ZERO'", "SET time_zone = '+05:00'"
ELSEWHERE = "another network connection was opened"
ENGINE = " other = sa.create_engine(op.get_bind().engine.url)"
YEW = "INSERT INTO plants VALUES (9, 'yew')"
THREAD = " def insert():\n    with other.begin() as c: c.exec_driver_sql(\"INSERT INTO plants VALUES (9, 'yew')\")"
PROCESS = " import subprocess\nsubprocess.run(['true'], check=True)"
OLD = "CREATE TABLE old (id INTEGER) ENGINE=MyISAM"
INTO_OLD = "INSERT INTO old VALUES (1)"

MYSQL: dict[str, Case] = {
    # ------------------------------------------------------------ settings of the session
    "settings are made again": Case((), (*SETS, *ZERO), RESUMED),
    "settings in a version comment": Case(
        (), ("/*!40101 SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO' */", *ZERO), NOTHING_KNOWN
    ),
    "settings in a comment of MariaDB": Case(
        (), ("/*M!100100 SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO' */", *ZERO), NOTHING_KNOWN
    ),
    "settings in a text of several statements": Case((), ("; ".join(SETS), *ZERO), NOTHING_KNOWN),
    "settings in a procedure": Case(
        ("CREATE PROCEDURE settle() SET SESSION time_zone = '+05:00'",), ("CALL settle()", *ZERO), NOTHING_KNOWN
    ),
    "two settings in one statement": Case((), ("SET time_zone = '+05:00', @x = 1", *ZERO), NOTHING_KNOWN),
    "a setting that is computed": Case((), ("SET time_zone = CONCAT('+05', ':00')", *ZERO), NOTHING_KNOWN),
    "a setting by a trigger": Case(
        (PLANTS, "CREATE TRIGGER t BEFORE INSERT ON plants FOR EACH ROW SET SESSION time_zone = '+05:00'"),
        (YEW, *ZERO),
        "its session is not as it was: time_zone",
    ),
    "a setting that is taken back": Case(
        (),
        ("SET foreign_key_checks = 0", TREES, "SET foreign_key_checks = 1", SHRUBS, DIE, "DROP TABLE trees"),
        RESUMED,
    ),
    "another default database": Case(
        (), (" op.execute('USE ' + op.get_bind().scalar(sa.text('SELECT DATABASE()')))", *ZERO), NOTHING_KNOWN
    ),
    # ------------------------------------------------------------ what looks like a read
    "a function in a SELECT": Case((*COUNTER, BUMP), (TREES, "SELECT bump()", DIE, SHRUBS), NOTHING_KNOWN),
    "a function in a DO": Case((*COUNTER, BUMP), (TREES, "DO bump()", DIE, SHRUBS), NOTHING_KNOWN),
    "a function in a change of rows": Case(
        (*COUNTER, BUMP, PLANTS), ("INSERT INTO plants VALUES (bump(), 'x')", TREES, DIE, SHRUBS), NOTHING_KNOWN
    ),
    "a read behind which nothing is durable": Case(
        (PLANTS, YEW), (TREES, "SELECT * FROM plants", DIE, SHRUBS), RESUMED
    ),
    "a read before a definition": Case((PLANTS, YEW), ("SELECT * FROM plants", TREES, DIE, SHRUBS), READ),
    "rows that are locked": Case((PLANTS, YEW), ("SELECT * FROM plants FOR UPDATE", TREES, DIE, SHRUBS), READ),
    "a common table expression": Case(
        (PLANTS, YEW),
        ("DELETE FROM plants WHERE id IN (WITH a AS (SELECT 9) SELECT * FROM a)", TREES, DIE, SHRUBS),
        RESUMED,
    ),
    "a user variable": Case(
        (PLANTS,), ("SELECT 1 INTO @n", TREES, DIE, "INSERT INTO plants VALUES (@n, 'x')"), NOTHING_KNOWN
    ),
    "a look at the catalogue": Case(
        (), (" sa.inspect(op.get_bind()).has_table('alembic_version')", TREES, DIE, SHRUBS), READ
    ),
    "an error that was caught": Case(
        (),
        (" try:\n    op.execute('DROP TABLE no_such')\nexcept sa.exc.DBAPIError:\n    pass", TREES, SHRUBS, DIE),
        "a statement failed",
    ),
    # ------------------------------------------------------------ procedures and prepared statements
    "a procedure": Case(
        (PLANTS, "CREATE PROCEDURE fill() INSERT INTO plants VALUES (1, 'x')"),
        (TREES, "CALL fill()", DIE, SHRUBS),
        NOTHING_KNOWN,
    ),
    "a procedure that commits": Case(
        (
            PLANTS,
            f"CREATE PROCEDURE fill() BEGIN {YEW}; COMMIT; {YEW}; END",
        ),
        ("CALL fill()", DIE, SHRUBS),
        NOTHING_KNOWN,
    ),
    "a prepared statement": Case(
        (PLANTS,), (TREES, "PREPARE p FROM 'INSERT INTO plants VALUES (1, 2)'", "EXECUTE p", DIE, SHRUBS), NOTHING_KNOWN
    ),
    "rows in a procedure without a commit": Case(
        (PLANTS, "CREATE PROCEDURE fill() INSERT INTO plants VALUES (1, 'x')"), ("CALL fill()", DIE, SHRUBS), RESUMED
    ),
    # ------------------------------------------------------------ implicit commits
    "autocommit by a statement": Case((PLANTS,), ("SET LOCAL autocommit = 1", YEW, DIE, TREES), NOTHING_KNOWN),
    "autocommit among others": Case((PLANTS,), (YEW, "SET @a = 0, autocommit = 1", DIE, TREES), NOTHING_KNOWN),
    "autocommit in a block": Case(
        (PLANTS,),
        (f" with op.get_context().autocommit_block():\n    op.execute({YEW!r})\n    die()", TREES),
        "it ran a statement in autocommit mode",
    ),
    "truncated": Case((PLANTS, YEW), ("TRUNCATE TABLE plants", YEW, DIE, TREES), NOTHING_KNOWN),
    "a table and its rows": Case((PLANTS, YEW), ("CREATE TABLE c AS SELECT * FROM plants", DIE, TREES), NOTHING_KNOWN),
    "two tables exchanged": Case(
        (TREES, SHRUBS, "INSERT INTO trees VALUES (1)"),
        ("RENAME TABLE trees TO x, shrubs TO trees, x TO shrubs", DIE, PLANTS),
        NOTHING_KNOWN,
    ),
    "tables locked": Case((PLANTS,), (YEW, "LOCK TABLES plants WRITE", DIE, "UNLOCK TABLES"), NOTHING_KNOWN),
    # ------------------------------------------------------------ beside the connection
    "a second connection": Case(
        (PLANTS,), (TREES, ENGINE, f" with other.begin() as c: c.exec_driver_sql({YEW!r})", DIE, SHRUBS), ELSEWHERE
    ),
    "a second connection of the same engine": Case(
        (PLANTS,),
        (TREES, f" with op.get_bind().engine.begin() as c: c.exec_driver_sql({YEW!r})", DIE, SHRUBS),
        ELSEWHERE,
    ),
    "a thread": Case(
        (PLANTS,),
        (
            TREES,
            " import threading",
            ENGINE,
            THREAD,
            " t = threading.Thread(target=insert)\nt.start()\nt.join()",
            DIE,
            SHRUBS,
        ),
        "a thread was started",
    ),
    "another process": Case((PLANTS,), (TREES, PROCESS, DIE, SHRUBS), "another process"),
    "a second connection of an asynchronous engine": Case(
        (PLANTS,),
        (TREES, f" with op.get_bind().engine.begin() as c: c.exec_driver_sql({YEW!r})", DIE, SHRUBS),
        "it used a second connection",
        asynchronous=True,
    ),
    "a second connection before anything is durable": Case(
        (PLANTS,), (YEW, ENGINE, f" with other.begin() as c: c.exec_driver_sql({YEW!r})", DIE, SHRUBS), ELSEWHERE
    ),
    "a second connection between savepoints": Case(
        (PLANTS,),
        (
            TREES,
            " savepoint = op.get_bind().begin_nested()",
            YEW,
            ENGINE,
            f" with other.begin() as c: c.exec_driver_sql({YEW!r})",
            DIE,
            SHRUBS,
        ),
        ELSEWHERE,
    ),
    "the driver's own connection": Case(
        (PLANTS,),
        (
            TREES,
            f" c = op.get_bind().connection.driver_connection.cursor()\nc.execute({YEW!r})\nc.execute('COMMIT')",
            DIE,
            SHRUBS,
        ),
        "the driver's own connection",
    ),
    # ------------------------------------------------------------ tables without transactions
    "without transactions": Case((), (OLD, INTO_OLD, DIE, SHRUBS), NOTHING_KNOWN),
    "without transactions, between savepoints": Case(
        (OLD, PLANTS), (" savepoint = op.get_bind().begin_nested()", YEW, INTO_OLD, DIE, SHRUBS), NOTHING_KNOWN
    ),
    "without transactions, between savepoints, half applied": Case(
        (OLD, PLANTS), (TREES, " savepoint = op.get_bind().begin_nested()", YEW, INTO_OLD, DIE, SHRUBS), NOTHING_KNOWN
    ),
    "without transactions, renamed": Case(
        (OLD,), ("RENAME TABLE old TO older", "INSERT INTO older VALUES (1)", DIE, SHRUBS), NOTHING_KNOWN
    ),
    "without transactions, as another": Case(
        (OLD,), ("CREATE TABLE older LIKE old", "INSERT INTO older VALUES (1)", DIE, SHRUBS), NOTHING_KNOWN
    ),
    "without transactions, by default": Case(
        (), ("SET default_storage_engine = MyISAM", TREES, "INSERT INTO trees VALUES (1)", DIE, SHRUBS), NOTHING_KNOWN
    ),
    "without transactions, by a trigger": Case(
        (OLD, PLANTS, "CREATE TRIGGER t AFTER INSERT ON plants FOR EACH ROW INSERT INTO old VALUES (1)"),
        (SHRUBS, YEW, DIE, TREES),
        NOTHING_KNOWN,
    ),
    "without transactions, by a procedure": Case(
        (OLD, "CREATE PROCEDURE fill() INSERT INTO old VALUES (1)"), ("CALL fill()", DIE, TREES), NOTHING_KNOWN
    ),
    "without transactions, changed": Case(
        (PLANTS,), ("ALTER TABLE plants ENGINE=MyISAM", YEW, DIE, SHRUBS), NOTHING_KNOWN
    ),
    # ------------------------------------------------------------ what a session remembers
    "the last key": Case(
        (),
        (
            KEYED,
            "INSERT INTO keyed (parent) VALUES (NULL)",
            TREES,
            DIE,
            "INSERT INTO keyed (parent) VALUES (LAST_INSERT_ID())",
        ),
        RESUMED,
    ),
    "the row count": Case(
        (PLANTS,),
        (YEW, TREES, DIE, "INSERT INTO plants SELECT ROW_COUNT(), 'x'", SHRUBS),
        "needs the session that is gone",
    ),
    "a temporary table": Case(
        (PLANTS,), ("CREATE TEMPORARY TABLE bag (id INTEGER)", TREES, DIE, "INSERT INTO bag VALUES (1)"), NOTHING_KNOWN
    ),
    # ------------------------------------------------------------ definitions
    "more rows than are kept in memory": Case(
        (PLANTS,),
        (
            " for n in range(1100): op.execute(f'INSERT INTO plants VALUES ({n}, 1)')",
            TREES,
            " for n in range(1100): op.execute(f'INSERT INTO plants VALUES ({n}, 2)')",
            DIE,
            SHRUBS,
        ),
        RESUMED,
    ),
    "a parent that is renamed": Case(
        ("CREATE TABLE parent (id INTEGER PRIMARY KEY)",),
        (
            "CREATE TABLE child (id INTEGER, FOREIGN KEY (id) REFERENCES parent (id))",
            "RENAME TABLE parent TO mother",
            TREES,
            DIE,
            SHRUBS,
        ),
        RESUMED,
    ),
    "a view whose column is dropped": Case(
        (PLANTS,),
        ("CREATE VIEW v AS SELECT name FROM plants", "ALTER TABLE plants DROP COLUMN name", TREES, DIE, SHRUBS),
        RESUMED,
    ),
    "a table of several indexes": Case(
        (),
        (" op.create_table('t', *[sa.Column(f'c{n}', sa.Integer, index=True) for n in range(9)])", DIE, SHRUBS),
        RESUMED,
    ),
    "a table that is dropped with its trigger": Case(
        (PLANTS,),
        (
            "CREATE TRIGGER t BEFORE INSERT ON plants FOR EACH ROW SET NEW.id = 1",
            "DROP TABLE plants",
            TREES,
            DIE,
            SHRUBS,
        ),
        RESUMED,
    ),
    "all tables dropped": Case(
        (PLANTS,),
        (
            f" for name in {TABLES}:\n    if name != 'alembic_version': op.drop_table(name)",
            TREES,
            DIE,
            SHRUBS,
        ),
        READ,
    ),
    "the journal dropped": Case(
        (),
        (TREES, "DROP TABLE orchestrator_journal", "DROP TABLE orchestrator_journal_statements", SHRUBS, DIE, PLANTS),
        RESUMED,
    ),
}

MARIADB: dict[str, Case] = {
    "a table whose engine knows no savepoints": Case(
        (),
        ("CREATE TABLE aria (id INTEGER) ENGINE=Aria", "INSERT INTO aria VALUES (1)", TREES, DIE, SHRUBS),
        NOTHING_KNOWN,
    ),
    "a default role": Case((), (TREES, "SET DEFAULT ROLE NONE", DIE, SHRUBS), NOTHING_KNOWN),
    "a key from a sequence": Case(("CREATE SEQUENCE s",), (TREES, "SELECT NEXTVAL(s)", DIE, SHRUBS), NOTHING_KNOWN),
    "rows that are returned": Case((PLANTS, YEW), ("DELETE FROM plants RETURNING id", TREES, DIE, SHRUBS), READ),
    "a setting for one statement": Case(
        (*COUNTER,),
        (TREES, "SET STATEMENT max_statement_time = 9 FOR UPDATE counter SET n = n + 1", DIE, SHRUBS),
        NOTHING_KNOWN,
    ),
    "a setting for one definition": Case(
        (PLANTS,),
        (TREES, "SET STATEMENT max_statement_time = 9 FOR ALTER TABLE plants ADD x INTEGER", DIE, SHRUBS),
        NOTHING_KNOWN,
    ),
    "a compound statement": Case((PLANTS,), (f"BEGIN NOT ATOMIC {YEW}; COMMIT; END", DIE, SHRUBS), NOTHING_KNOWN),
}


def _block(*statements: str) -> str:
    """Python that runs these in autocommit mode."""
    lines = [
        each.strip() if each == DIE or each[0] == " " else f"op.get_bind().exec_driver_sql({each!r})"
        for each in statements
    ]
    return "\n    ".join([" with op.get_context().autocommit_block():", *lines])


CONCURRENTLY = _block("CREATE INDEX CONCURRENTLY names ON plants (name)")
BUMP_ON_POSTGRESQL = "CREATE FUNCTION bump() RETURNS int LANGUAGE sql AS $$ UPDATE counter SET n = n + 1 RETURNING n $$"
MOOD = "CREATE TYPE mood AS ENUM ('sad', 'ok')", "CREATE TABLE people (id int, m mood)"

_BY_PSYCOPG2 = (
    " import psycopg2\naddress = op.get_bind().engine.url.set(drivername='postgresql')",
    f" c = psycopg2.connect(address.render_as_string(hide_password=False))\nc.cursor().execute({YEW!r})\nc.commit()",
)

POSTGRESQL: dict[str, Case] = {
    "an index": Case((PLANTS,), (YEW, CONCURRENTLY, DIE, SHRUBS), RESUMED),
    "a commit in words": Case(
        MOOD,
        ("COMMIT", "ALTER TYPE mood ADD VALUE 'happy'", "INSERT INTO people VALUES (1, 'happy')", DIE, SHRUBS),
        RESUMED,
    ),
    "a commit in words before an index": Case(
        (PLANTS,), ("COMMIT", "CREATE INDEX CONCURRENTLY names ON plants (name)", DIE, SHRUBS), RESUMED
    ),
    "a value of an enum": Case(MOOD, (_block("ALTER TYPE mood ADD VALUE 'happy'"), DIE, SHRUBS), RESUMED),
    "a function in a SELECT": Case(
        (*COUNTER, BUMP_ON_POSTGRESQL, PLANTS), (_block("SELECT bump()", DIE), CONCURRENTLY), "in autocommit mode"
    ),
    "a function in the FROM of a SELECT": Case(
        (*COUNTER, BUMP_ON_POSTGRESQL, PLANTS),
        (_block("SELECT * FROM bump()", DIE), CONCURRENTLY),
        "in autocommit mode",
    ),
    "a procedure": Case(
        (PLANTS,), (_block(f"DO $$ BEGIN {YEW}; COMMIT; END $$", DIE), CONCURRENTLY), "in autocommit mode"
    ),
    "rows that are returned": Case(
        (*COUNTER, PLANTS), ("UPDATE counter SET n = n + 1 RETURNING n", CONCURRENTLY, DIE, SHRUBS), READ
    ),
    "rows that an expression returns": Case(
        (PLANTS, YEW),
        ("WITH gone AS (DELETE FROM plants RETURNING id) SELECT * FROM gone", CONCURRENTLY, DIE, SHRUBS),
        READ,
    ),
    "a key from a sequence": Case(
        ("CREATE SEQUENCE s", PLANTS), ("SELECT nextval('s')", CONCURRENTLY, DIE, SHRUBS), READ
    ),
    "a setting by a function": Case(
        (PLANTS, "CREATE SCHEMA other"),
        ("SELECT set_config('search_path', 'other, public', false)", CONCURRENTLY, DIE, SHRUBS),
        READ,
    ),
    "a setting": Case(
        (PLANTS, "CREATE SCHEMA other"), ("SET search_path TO other, public", CONCURRENTLY, DIE, SHRUBS), RESUMED
    ),
    "a setting in a function": Case(
        (PLANTS, "CREATE SCHEMA other"),
        ("DO $$ BEGIN PERFORM set_config('search_path', 'other, public', false); END $$", CONCURRENTLY, DIE, SHRUBS),
        "its session is not as it was: search_path",
    ),
    "a temporary table": Case(
        (PLANTS,),
        ("CREATE TEMP TABLE bag (id INTEGER)", CONCURRENTLY, DIE, "INSERT INTO bag VALUES (1)"),
        "temporary tables",
    ),
    "several statements in one text": Case((PLANTS,), (f"{YEW}; COMMIT; BEGIN", DIE, SHRUBS), NOTHING_KNOWN),
    "a second connection": Case(
        (PLANTS,),
        (CONCURRENTLY, ENGINE, f" with other.begin() as c: c.exec_driver_sql({YEW!r})", DIE, SHRUBS),
        "it used a second connection",
    ),
    "a driver that connects in C": Case((PLANTS,), (*_BY_PSYCOPG2, DIE, SHRUBS), "it used a second connection"),
    "a driver that connects in a coroutine": Case(
        (PLANTS,),
        (
            " import asyncpg\naddress = op.get_bind().engine.url.set(drivername='postgresql')",
            (
                " async def insert(_):\n    c = await asyncpg.connect(address.render_as_string(hide_password=False))\n"
                f"    await c.execute({YEW!r})\n    await c.close()\nop.run_async(insert)"
            ),
            DIE,
            SHRUBS,
        ),
        "it used a second connection",
        asynchronous=True,
    ),
    "rows copied by the driver": Case(
        (PLANTS,),
        (
            CONCURRENTLY,
            (
                " import io\ncursor = op.get_bind().connection.cursor()\n"
                "cursor.copy_expert('COPY plants FROM STDIN', io.StringIO('9\\tyew\\n'))"
            ),
            DIE,
            SHRUBS,
        ),
        "the driver's own connection",
    ),
    "a table of several indexes": Case(
        (PLANTS,),
        (
            " op.create_table('t', *[sa.Column(f'c{n}', sa.Integer, index=True) for n in range(9)])",
            CONCURRENTLY,
            DIE,
            SHRUBS,
        ),
        RESUMED,
    ),
    "nothing durable": Case((PLANTS,), (YEW, "SELECT * FROM plants", TREES, DIE, SHRUBS), RESUMED),
}
