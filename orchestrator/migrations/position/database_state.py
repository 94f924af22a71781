"""What one look at the database shows: that it answers, where it is, and whether it takes writes if it must."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from orchestrator.databases.diagnosis import RIGHTS, Cause, Verdict
from orchestrator.databases.waiting import Look, NotReadyError
from orchestrator.migrations.position.lineage import Entry, Position
from orchestrator.migrations.position.target import Target
from orchestrator.migrations.scripts.tree import names

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import Backend

ReadPosition = Callable[[], Awaitable[Position]]

_NOT_AT_HEAD = Cause(
    Verdict.RETRY,
    "not_at_head",
    "ORCHESTRATOR_MIGRATE is false: run the task that migrates (`orchestrator migrate`), or set it to true.",
)
_HEADS = "SELECT version_num FROM alembic_version"
# One statement, so that both are of one moment; columns of their own, so that no collations meet.
_HEADS_AND_JOURNAL = (
    "SELECT version_num, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM alembic_version"
    " UNION ALL SELECT NULL, revision, down_revision, checksum, app_version, boot_id, finished_at IS NOT NULL,"
    " statements_done, pending_statement FROM orchestrator_journal"
)


@dataclass(frozen=True)
class DatabaseState:
    """A database that answered; `position` is None where only env.py knows the version table."""

    dialect: str
    server_version: str
    position: Position | None


def readiness_check(
    target: Target | None, *, migrate: bool, by_alembic: ReadPosition | None = None
) -> Look[DatabaseState]:
    """A look for `wait_for_database` that succeeds when the start can go on.

    Without a target any answer will do. With one, nothing may be pending, or we are to `migrate` and the database takes
    writes. Where only env.py knows the version table, `by_alembic` asks it; who migrates can do that later.
    """

    async def look(connection: "AsyncConnection", backend: "Backend") -> DatabaseState:
        standard = target is None or not target.env.reason
        position = await _position(connection, backend) if standard else None
        if position is None and by_alembic and not migrate:
            position = await by_alembic()
        seen = DatabaseState(*backend.describe(connection.dialect), position)
        if target is None or (position and not target.standing(position).pending):
            return seen
        if migrate:
            await backend.check_writable(connection)
        elif position:
            where = f"the database is at {names(position.heads)}, and this image needs {names(target.revisions)}"
            raise NotReadyError(_NOT_AT_HEAD.found("", where))
        return seen

    return look


def unreadable(error: BaseException, backend: "Backend") -> bool:
    """Whether it says that there is no journal, or none that we may read."""
    return backend.is_missing_table(error) or backend.diagnose(error).error_type == RIGHTS.error_type


async def _position(connection: "AsyncConnection", backend: "Backend") -> Position:
    """Alembic's heads and the journal: the one SELECT of a start at head, where we have migrated before."""
    rows = await _rows(connection, _HEADS_AND_JOURNAL, unless=lambda error: unreadable(error, backend))
    if rows is None:
        rows = await _rows(connection, _HEADS, unless=backend.is_missing_table) or []
    heads = tuple(sorted(row[0] for row in rows if row[0] is not None))
    return Position(heads, {row[1]: Entry.of(row[1:]) for row in rows if row[0] is None})


async def _rows(connection: "AsyncConnection", sql: str, *, unless: Callable[[DBAPIError], bool]) -> list[Any] | None:
    """The rows, or None when the error is such a one."""
    try:
        rows = list(await connection.exec_driver_sql(sql))
    except DBAPIError as error:
        if not unless(error):
            raise
        rows = None
    await connection.rollback()
    return rows
