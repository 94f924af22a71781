"""Faults by other sessions: each begins and ends as `faults` describes."""

import asyncio
import contextlib

from sqlalchemy.exc import DBAPIError

from tests.faults import sessions
from tests.faults.arena import Arena


async def statement_cancelled(arena: Arena) -> None:
    """KILL QUERY, pg_cancel_backend()."""
    await arena.flow()
    await sessions.kill(arena, statements_only=True)


async def connection_killed(arena: Arena) -> None:
    """KILL CONNECTION, pg_terminate_backend()."""
    await arena.flow_or_not()
    await sessions.kill(arena, statements_only=False)


async def deadlock(arena: Arena) -> None:
    """Somebody locks the same rows the other way round, and the server ends the migration's transaction."""
    with contextlib.suppress(DBAPIError), sessions.rival(arena) as rival:
        await arena.flow()
        await sessions.until_waiting(arena)
        await asyncio.to_thread(rival)


async def table_locked(arena: Arena) -> None:
    """Somebody locks a table, or SQLite's file, for longer than a statement is to wait for it."""
    await arena.flow()
    with contextlib.suppress(DBAPIError), arena.session() as other:
        await asyncio.to_thread(sessions.lock_ledger, arena, other)
        await arena.outage()


async def table_read(arena: Arena) -> None:
    """Somebody has read a table, in a transaction that stays open."""
    with arena.session() as other:
        other.exec_driver_sql("SELECT * FROM duel").all()
        await arena.flow()
        await arena.outage()
