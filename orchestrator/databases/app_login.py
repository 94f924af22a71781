"""Tries the app's own login once before the app is served: it must reach the migrated database."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy.exc import DBAPIError

from orchestrator.databases import Backend
from orchestrator.databases.connecting import Look, NotReadyError
from orchestrator.databases.diagnosis import RIGHTS, Cause, Verdict
from orchestrator.errors import DatabaseRefused, DatabaseUnreachable, StartupError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

_ELSEWHERE = Cause(
    Verdict.DOUBT,  # a replica may lag a moment
    "another_database",
    "DATABASE_* (or the app's own address) and MIGRATION_DATABASE_* must name the same database.",
)
_HINT = "This is the app's own login, not the one of MIGRATION_DATABASE_*, which worked. "


class Sighting(NamedTuple):
    """What identifies a database.

    Attributes:
        identity: the server's identity, and the name of the database.
        heads: of `alembic_version`; None if the table is missing or not readable.
    """

    identity: str
    heads: tuple[str, ...] | None


async def sight(connection: "AsyncConnection", backend: Backend) -> Sighting:
    """Return which database this is: a check for `wait_for_database`."""
    pooled = await connection.get_raw_connection()
    identity = await connection.run_sync(lambda _: backend.identity(pooled.dbapi_connection))
    heads: tuple[str, ...] | None = None
    try:
        rows = await connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        heads = tuple(sorted(row[0] for row in rows))
    except DBAPIError as error:
        if not (backend.is_missing_table(error) or backend.diagnose(error).error_type == RIGHTS.error_type):
            raise
    await connection.rollback()
    return Sighting(identity, heads)


def same_as(migrated: Sighting) -> Look[Sighting]:
    """Return a check that succeeds in the migrated database, or in a replica that keeps up."""

    async def look(connection: "AsyncConnection", backend: Backend) -> Sighting:
        seen = await sight(connection, backend)
        if seen.identity != migrated.identity and (not seen.heads or seen.heads != migrated.heads):
            at = f"it is at {', '.join(seen.heads)}" if seen.heads else "it has no alembic_version that may be read"
            raise NotReadyError(_ELSEWHERE.found("", f"the app's database is not the migrated one: {at}"))
        return seen

    return look


@contextlib.contextmanager
def blamed() -> Iterator[None]:
    """Make a failure to connect name the app's own login as the cause."""
    try:
        yield
    except StartupError as error:
        if isinstance(error.failure, DatabaseRefused | DatabaseUnreachable):
            told = replace(error.failure, hint=_HINT + error.failure.hint)
            raise StartupError(told, error.exception) from error
        raise
