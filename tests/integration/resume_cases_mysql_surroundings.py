"""What MySQL and MariaDB resume, depending on what surrounds a statement: other connections, tables, the session."""

from tests.integration.resume_cases import (
    DIE,
    ELSEWHERE,
    ENGINE,
    INTO_OLD,
    KEYED,
    NOTHING_KNOWN,
    OLD,
    PLANTS,
    PROCESS,
    READ,
    RESUMED,
    SHRUBS,
    TABLES,
    THREAD,
    TREES,
    YEW,
    Case,
)

SURROUNDINGS: dict[str, Case] = {
    # beside the connection
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
    # tables without transactions
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
    # what a session remembers
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
    # definitions
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
