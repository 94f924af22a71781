"""What one look at the database shows: that it answers, where it is, and whether it takes writes if it must."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from orchestrator.databases.diagnosis import Cause, Verdict
from orchestrator.databases.waiting import Look, NotReadyError
from orchestrator.migrations.target import Target
from orchestrator.migrations.tree import names

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import Backend

ReadHeads = Callable[[], Awaitable[tuple[str, ...]]]

_NOT_AT_HEAD = Cause(
    Verdict.RETRY,
    "not_at_head",
    "ORCHESTRATOR_MIGRATE is false: run the task that migrates (`orchestrator migrate`), or set it to true.",
)


@dataclass(frozen=True)
class Seen:
    """A database that answered; `heads` is None where only env.py knows the version table."""

    dialect: str
    server_version: str
    heads: tuple[str, ...] | None


def look_at(target: Target | None, *, migrate: bool, by_alembic: ReadHeads | None = None) -> Look[Seen]:
    """A look for `wait_for_database` that succeeds when the start can go on.

    Without a target any answer will do. With one, the database must be there already, or we are to `migrate` and it
    takes writes. Where only env.py knows the version table, `by_alembic` asks it; who migrates can do that later.
    """

    async def look(connection: "AsyncConnection", backend: "Backend") -> Seen:
        standard = target is None or target.tree.standard_version_table
        heads = await _heads(connection, backend) if standard else None
        if heads is None and by_alembic and not migrate:
            heads = await by_alembic()
        seen = Seen(*backend.describe(connection.dialect), heads)
        if target is None or (heads is not None and not target.pending(heads)):
            return seen
        if migrate:
            await backend.check_writable(connection)
        elif heads is not None and not target.tree.unknown(heads):
            where = f"the database is at {names(heads)}, and this image needs {names(target.revisions)}"
            raise NotReadyError(_NOT_AT_HEAD.found("", where))
        return seen

    return look


async def _heads(connection: "AsyncConnection", backend: "Backend") -> tuple[str, ...]:
    """The revisions in Alembic's version table: the one SELECT of a start at head."""
    try:
        result = await connection.exec_driver_sql("SELECT version_num FROM alembic_version")
    except DBAPIError as error:
        if not backend.is_missing_table(error):
            raise
        await connection.rollback()
        return ()
    heads = tuple(sorted(row[0] for row in result))
    await connection.rollback()
    return heads
