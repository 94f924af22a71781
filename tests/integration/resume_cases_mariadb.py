"""Cases of MariaDB alone."""

from tests.integration.resume_cases import COUNTER, DIE, NOTHING_KNOWN, PLANTS, READ, SHRUBS, TREES, YEW, Case

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
