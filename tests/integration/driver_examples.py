"""What drivers document, and people's revisions do, with the driver's own connection."""

import io
from collections.abc import Awaitable, Callable
from typing import Any

Example = Callable[[Any], None]


def psycopg2_cursors(connection: Any) -> None:
    """Contexts, iteration, `mogrify`, named cursors, SQL as bytes and composed."""
    from psycopg2 import extensions, extras, sql

    with connection.cursor() as cursor:
        assert cursor.execute("CREATE TABLE test (id serial PRIMARY KEY, num integer, data varchar)") is None
        extras.execute_values(cursor, "INSERT INTO test (num, data) VALUES %s", [(1, "a"), (2, "b"), (3, "c")])
        extras.execute_batch(cursor, "INSERT INTO test (num, data) VALUES (%s, %s)", [(4, "d"), (5, "e")])
        cursor.execute(cursor.mogrify("SELECT num FROM test WHERE num > %s ORDER BY num", (3,)))
        assert [row for (row,) in cursor] == [4, 5]
        composed = sql.SQL("SELECT {} FROM {}").format(sql.Identifier("num"), sql.Identifier("test"))
        assert composed.as_string(connection) == composed.as_string(cursor) == 'SELECT "num" FROM "test"'
        cursor.execute(composed)
        assert extensions.quote_ident('a"b', cursor) == '"a""b"'
    with connection.cursor("in_the_server", cursor_factory=extras.DictCursor) as cursor:
        cursor.execute("SELECT * FROM test ORDER BY num")
        assert cursor.fetchone()["data"] == "a"


def psycopg2_copy_and_types(connection: Any) -> None:
    """COPY both ways, and types registered with the connection: functions in C that take no imitation."""
    from psycopg2 import extras

    extras.register_uuid(conn_or_curs=connection)
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE copied (num integer, data varchar)")
        cursor.copy_expert("COPY copied FROM STDIN", io.StringIO("42\tfoo\n74\tbar\n"))
        out = io.StringIO()
        cursor.copy_to(out, "copied")
        assert out.getvalue() == "42\tfoo\n74\tbar\n"


def psycopg_cursors(connection: Any) -> None:
    """`execute` returns the cursor, composed SQL, COPY, pipelines, types asked for by the connection."""
    from psycopg import sql
    from psycopg.types import TypeInfo

    connection.execute("CREATE TABLE test (id serial PRIMARY KEY, num integer, data text)")
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO test (num) VALUES (%s) RETURNING id", [(33,), (66,)], returning=True)
        with cursor.copy("COPY test (num, data) FROM STDIN") as copy:
            copy.write_row((1, "abc'def"))
        query = sql.SQL("SELECT {} FROM test WHERE num = {}").format(sql.Identifier("data"), 1)
        assert cursor.execute(query).fetchone() == ("abc'def",)
        assert [row for (row,) in cursor.stream("SELECT num FROM test ORDER BY num")] == [1, 33, 66]
    with connection.pipeline():
        connection.execute("INSERT INTO test (num) VALUES (%s)", [7])
    with connection.cursor(name="in_the_server") as cursor:
        cursor.execute("SELECT num FROM test ORDER BY num")
        assert cursor.fetchmany(2) == [(1,), (7,)]
    assert TypeInfo.fetch(connection, "text").name == "text"


def mysql_cursors(connection: Any) -> None:
    """Contexts, `executemany`, dictionaries of parameters, several rows."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE test (id INT AUTO_INCREMENT PRIMARY KEY, num INT, data VARCHAR(50))")
        cursor.executemany("INSERT INTO test (num, data) VALUES (%s, %s)", [(1, "a"), (2, "b"), (3, "c")])
        assert cursor.rowcount == 3
        cursor.execute("SELECT num FROM test WHERE data = %(data)s", {"data": "b"})
        assert cursor.fetchone()[0] == 2
        cursor.execute("SELECT num FROM test ORDER BY num")
        assert [row[0] for row in cursor] == [1, 2, 3]


def pymysql_cursors(connection: Any) -> None:
    """`execute` returns the number of rows; cursors of other classes."""
    from pymysql.cursors import DictCursor, SSCursor

    mysql_cursors(connection)
    with connection.cursor(DictCursor) as cursor:
        assert cursor.execute("SELECT num FROM test") == 3
        assert cursor.fetchone() == {"num": 1}
    with connection.cursor(SSCursor) as cursor:
        cursor.execute("SELECT num FROM test ORDER BY num")
        assert [row[0] for row in cursor.fetchall_unbuffered()] == [1, 2, 3]


def pg8000_cursors(connection: Any) -> None:
    """`execute` returns the cursor; COPY is a parameter of it."""
    cursor = connection.cursor()
    cursor.execute("CREATE TEMPORARY TABLE book (id SERIAL, title TEXT)")
    cursor.execute("INSERT INTO book (title) VALUES (%s), (%s) RETURNING id, title", ("Ender's Game", "Speaker"))
    assert [row[1] for row in cursor.fetchall()] == ["Ender's Game", "Speaker"]
    cursor.execute("COPY book (title) FROM STDIN", stream=io.BytesIO(b"Xenocide\n"))
    cursor.execute("SELECT count(*) FROM book")
    assert next(cursor)[0] == 3


def sqlite3_cursors(connection: Any) -> None:
    """`execute` of the connection, chained; scripts; functions; rows by name; iteration; a backup."""
    import sqlite3

    connection.execute("CREATE TABLE lang (name, first_appeared)")
    connection.executemany(
        "INSERT INTO lang VALUES (:name, :year)", ({"name": n, "year": y} for n, y in (("C", 1972),))
    )
    connection.create_function("double", 1, lambda number: number * 2)
    assert connection.execute("SELECT double(first_appeared) FROM lang").fetchone()[0] == 3944
    cursor = connection.cursor()
    cursor.row_factory = sqlite3.Row
    assert next(cursor.execute("SELECT * FROM lang"))["name"] == "C"
    with connection:
        connection.execute("INSERT INTO lang VALUES ('Go', 2009)")
    cursor.executescript("CREATE TABLE other (n); INSERT INTO other VALUES (1);")
    copy = sqlite3.connect(":memory:")
    connection.backup(copy)
    assert copy.execute("SELECT count(*) FROM lang").fetchone()[0] == 2
    copy.close()


async def asyncpg_calls(connection: Any) -> None:
    """Rows by name, custom types, COPY, a cursor in a transaction."""
    import json

    await connection.set_type_codec("json", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    assert await connection.fetchval("SELECT $1::json", {"a": 1}) == {"a": 1}
    async with connection.transaction():
        await connection.execute("CREATE TABLE test (num integer, data text)")
        await connection.copy_records_to_table("test", records=[(1, "a"), (2, "b")])
        assert [row["num"] async for row in connection.cursor("SELECT num FROM test ORDER BY num")] == [1, 2]


async def mysql_calls(connection: Any) -> None:
    """Cursors as contexts, of asyncmy and aiomysql."""
    async with connection.cursor() as cursor:
        await cursor.execute("CREATE TABLE test (num INT)")
        assert await cursor.executemany("INSERT INTO test VALUES (%s)", [(1,), (2,)]) == 2
        await cursor.execute("SELECT num FROM test ORDER BY num")
        assert [row[0] for row in await cursor.fetchall()] == [1, 2]


async def psycopg_calls(connection: Any) -> None:
    """`execute` returns the cursor; COPY."""
    await connection.execute("CREATE TABLE test (num integer)")
    async with connection.cursor() as cursor:
        async with cursor.copy("COPY test FROM STDIN") as copy:
            await copy.write_row((1,))
        await cursor.execute("SELECT num FROM test")
        assert await cursor.fetchone() == (1,)


async def aiosqlite_calls(connection: Any) -> None:
    """`execute` of the connection, as a context."""
    await connection.execute("CREATE TABLE test (num)")
    await connection.executemany("INSERT INTO test VALUES (?)", [(1,), (2,)])
    async with connection.execute("SELECT num FROM test ORDER BY num") as cursor:
        assert [row[0] async for row in cursor] == [1, 2]


EXAMPLES: dict[str, list[Example]] = {
    "psycopg2": [psycopg2_cursors, psycopg2_copy_and_types],
    "psycopg": [psycopg_cursors],
    "pg8000": [pg8000_cursors],
    "pymysql": [pymysql_cursors],
    "mysqldb": [mysql_cursors],
    "mysqlconnector": [mysql_cursors],
    "pysqlite": [sqlite3_cursors],
}
ASYNC_EXAMPLES: dict[str, Callable[[Any], Awaitable[None]]] = {
    "asyncpg": asyncpg_calls,
    "asyncmy": mysql_calls,
    "aiomysql": mysql_calls,
    "psycopg_async": psycopg_calls,
    "aiosqlite": aiosqlite_calls,
}
"""By the name of a driver; those of asynchronous ones are for `run_async` of SQLAlchemy's connection."""
