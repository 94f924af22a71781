"""What other sessions do to a migration, in the words of each server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.exc import DBAPIError, OperationalError

from tests.faults.arena import Arena

_WAIT_FOR_A_STATEMENT_SECONDS = 0.3
_WAIT_FOR_A_LOCK_SECONDS = 2.0

_SESSIONS = {
    "mysql": "SELECT id, command <> 'Sleep' FROM information_schema.processlist"
    " WHERE db = %s AND id <> connection_id()",
    "postgresql": "SELECT pid, state = 'active' FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
}
_CANCEL = {"mysql": "KILL QUERY {}", "postgresql": "SELECT pg_cancel_backend({})"}
_TERMINATE = {"mysql": "KILL {}", "postgresql": "SELECT pg_terminate_backend({})"}
_WAITING = {
    "mysql": "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
    "postgresql": "SELECT count(*) FROM pg_locks WHERE NOT granted",
}
_LOCK_LEDGER = {
    "sqlite": ["BEGIN EXCLUSIVE"],
    "mysql": ["SET lock_wait_timeout = 1", "LOCK TABLES ledger WRITE"],
    "postgresql": ["SET lock_timeout = '1s'", "LOCK TABLE ledger IN ACCESS EXCLUSIVE MODE"],
}
_READ_ONLY = {
    "mysql": ["SET GLOBAL read_only = {}"],
    "postgresql": ["ALTER SYSTEM SET default_transaction_read_only = {}", "SELECT pg_reload_conf()"],
}


def family(arena: Arena) -> str:
    """Name whose words are understood: MariaDB's are MySQL's."""
    return {"mariadb": "mysql"}.get(arena.database.backend, arena.database.backend)


def of_database(arena: Arena, other: Connection, *, busy: bool = False) -> list[int]:
    """Name the sessions in the database, besides this one; with `busy` those that run a statement."""
    rows = other.exec_driver_sql(_SESSIONS[family(arena)], (arena.database.name,)).all()
    other.rollback()
    return [number for number, is_busy in rows if is_busy or not busy]


async def kill(arena: Arena, *, statements_only: bool) -> None:
    """Kill all sessions in the database, or only what they run, once they run something."""
    words = (_CANCEL if statements_only else _TERMINATE)[family(arena)]
    with arena.session() as other:
        if statements_only:
            await arena.until(lambda: of_database(arena, other, busy=True), _WAIT_FOR_A_STATEMENT_SECONDS)
        for number in of_database(arena, other, busy=statements_only):
            with contextlib.suppress(DBAPIError):  # it has just left by itself
                other.exec_driver_sql(words.format(number))


@contextlib.contextmanager
def all_connections(arena: Arena) -> Iterator[None]:
    """Take all connections that the server has to give."""
    engine = create_engine(arena.database.synchronous_url, poolclass=NullPool)
    with contextlib.ExitStack() as stack:
        with contextlib.suppress(OperationalError):
            while True:
                stack.enter_context(engine.connect())
        yield


@contextlib.asynccontextmanager
async def read_only(arena: Arena) -> AsyncIterator[None]:
    """Let the server take no writes; in a thread, as it first waits for those that are on their way."""
    for value in ("on", "off"):
        for words in _READ_ONLY[family(arena)]:
            await asyncio.to_thread(arena.private.execute, words.format(value))
        if value == "on":
            yield


@contextlib.contextmanager
def rival(arena: Arena) -> Iterator[Callable[[], object]]:
    """Lock the second row, and return a function that locks the first: the migration must then be the victim.

    InnoDB ends the transaction that has changed less; PostgreSQL the one that looks first.
    """
    with arena.session() as other:
        if arena.database.backend == "postgresql":
            other.exec_driver_sql("SET deadlock_timeout = '60s'")
            other.exec_driver_sql("SET lock_timeout = '10s'")  # the migration may have the second row already
        other.exec_driver_sql("INSERT INTO digits SELECT ones.d FROM digits ones, digits tens")
        other.exec_driver_sql("UPDATE duel SET n = n + 1 WHERE id = 2")
        yield lambda: other.exec_driver_sql("UPDATE duel SET n = n + 1 WHERE id = 1")


async def until_waiting(arena: Arena) -> None:
    """Wait until a session waits for a lock; InnoDB shows news only when nobody has looked for 0.1 s."""
    assert arena.server
    execute, words = arena.server.execute, _WAITING[family(arena)]
    await arena.until(lambda: execute(words) != [(0,)], _WAIT_FOR_A_LOCK_SECONDS, pause_seconds=0.15)


def lock_ledger(arena: Arena, other: Connection) -> None:
    """Lock a table that the migration writes into."""
    for words in _LOCK_LEDGER[family(arena)]:
        other.exec_driver_sql(words)
