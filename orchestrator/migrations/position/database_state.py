"""What one check of the database shows: it answers, its position, and whether it accepts writes if it must."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy.exc import DBAPIError

from orchestrator.databases.connecting import Look, NotReadyError
from orchestrator.errors import StartupError
from orchestrator.migrations.position.lineage import Entry, Position
from orchestrator.migrations.position.target import Place, Target
from orchestrator.migrations.scripts.tree import names

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import Backend

ReadPlaces = Callable[[Target], Awaitable[Sequence[Place]]]

_logger = logging.getLogger(__name__)
_NOT_AT_HEAD = (
    "Run the task that migrates: `orchestrator migrate`. `serve` does it itself unless ORCHESTRATOR_MIGRATE is false."
)
_HEADS = "SELECT version_num FROM alembic_version"
# One statement, so that both parts show the same moment. Separate columns avoid a mix of collations.
_HEADS_AND_JOURNAL = (
    "SELECT version_num, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM alembic_version"
    " UNION ALL SELECT NULL, revision, down_revision, checksum, app_version, boot_id, finished_at IS NOT NULL,"
    " statements_done, pending_statement FROM orchestrator_journal"
)


class DatabaseState(NamedTuple):
    """A database that answered, or one that env.py will create.

    Attributes:
        places: None if only env.py knows them, and was not asked.
        missing: whether the database does not exist yet, and something that is run now may create it.
    """

    dialect: str
    server_version: str
    places: Sequence[Place] | None
    missing: bool = False

    @property
    def behind(self) -> bool:
        """Return whether revisions are missing, or may be: only env.py knows."""
        return self.places is None or any(place.standing.pending for place in self.places)


def to_be_created(error: StartupError, target: Target | None, *, by_hook: bool) -> DatabaseState:
    """Return the state of a database that does not exist, if something may create it.

    That is a command that runs before the migration, as many scripts have one; or an env.py that does more than the
    templates.

    Raises:
        StartupError: `error`, in every other case.
    """
    from orchestrator.databases.diagnosis import UNKNOWN_DATABASE

    may_be = target is not None and (by_hook or target.env.ask)
    if not may_be or error.failure.error_type != UNKNOWN_DATABASE.error_type:
        raise error
    creator = "ORCHESTRATOR_BEFORE_MIGRATE" if by_hook else "env.py"
    _logger.warning("The database does not exist; %s is run, as it may create it.", creator)
    return DatabaseState("", "", None, missing=True)


def readiness_check(
    target: Target | None, *, migrate: bool, by_alembic: ReadPlaces | None = None
) -> Look[DatabaseState]:
    """Return a check for `wait_for_database` that succeeds when the start can continue.

    Without a target, any answer is enough. With one, no revision may be pending, or we will `migrate` and the database
    must accept writes. If only env.py knows the position, `by_alembic` asks it; a start that migrates runs env.py later
    anyway.
    """

    async def look(connection: "AsyncConnection", backend: "Backend") -> DatabaseState:
        places: Sequence[Place] | None = None
        if target is not None and not target.env.reason:
            places = [Place(target, await _position(connection, backend))]
        elif target is not None and by_alembic and not migrate:
            places = await by_alembic(target)
        seen = DatabaseState(*backend.describe(connection.dialect), places)
        behind = [each for each in places or () if each.standing.pending]
        if target is None or (places is not None and not behind):
            return seen
        if migrate:
            await backend.check_writable(connection)
        elif behind:
            raise _behind(behind[0])
        return seen

    return look


def _behind(place: Place) -> NotReadyError:
    from orchestrator.databases.diagnosis import Diagnosis, Verdict

    which = f"the database ({place.position.context})" if place.position.context else "the database"
    difference = f"{which} is at {names(place.position.heads)}, and this image needs {names(place.target.revisions)}"
    return NotReadyError(Diagnosis(Verdict.RETRY, "not_at_head", "", difference, _NOT_AT_HEAD))


def unreadable(error: BaseException, backend: "Backend") -> bool:
    """Return whether the error means that the journal is missing, or not readable for this user."""
    from orchestrator.databases.diagnosis import RIGHTS

    return backend.is_missing_table(error) or backend.diagnose(error).error_type == RIGHTS.error_type


async def _position(connection: "AsyncConnection", backend: "Backend") -> Position:
    """Return Alembic's heads and the journal's rows; with a journal, this is the only SELECT of a start at head."""
    rows = await _rows(connection, _HEADS_AND_JOURNAL, unless=lambda error: unreadable(error, backend))
    if rows is None:
        rows = await _rows(connection, _HEADS, unless=backend.is_missing_table) or []
    heads = tuple(sorted(row[0] for row in rows if row[0] is not None))
    return Position(heads, {row[1]: Entry.of(row[1:]) for row in rows if row[0] is None})


async def _rows(connection: "AsyncConnection", sql: str, *, unless: Callable[[DBAPIError], bool]) -> list[Any] | None:
    """Return the rows; None for an error that `unless` accepts."""
    try:
        rows = list(await connection.exec_driver_sql(sql))
    except DBAPIError as error:
        if not unless(error):
            raise
        rows = None
    await connection.rollback()
    return rows
