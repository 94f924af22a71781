"""What MySQL and MariaDB resume, depending on a statement: what it sets, reads or calls, and how it commits."""

from tests.integration.resume_cases import (
    BUMP,
    COUNTER,
    DIE,
    NOTHING_KNOWN,
    PLANTS,
    READ,
    RESUMED,
    SETS,
    SHRUBS,
    TREES,
    YEW,
    ZERO,
    Case,
)

STATEMENTS: dict[str, Case] = {
    # settings of the session
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
    # what looks like a read
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
    # procedures and prepared statements
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
    # commits
    "rows that a statement commits": Case((PLANTS,), (YEW, "COMMIT", DIE, TREES), RESUMED),
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
}
