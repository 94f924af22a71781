"""Revisions of PostgreSQL that are killed where they have committed a part."""

from tests.integration.resume_cases import (
    COUNTER,
    DIE,
    ENGINE,
    NOTHING_KNOWN,
    PLANTS,
    READ,
    RESUMED,
    SHRUBS,
    TREES,
    YEW,
    Case,
)


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
