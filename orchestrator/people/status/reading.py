"""Reads each context through env.py's own connection, and the state of the lock holder's statement."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from orchestrator.databases import Activity, Holder, backend_for
from orchestrator.databases.observation import Observation
from orchestrator.log import REDACTOR
from orchestrator.migrations.position.lineage import Comparison, Position, applied, changed_scripts
from orchestrator.migrations.position.target import Target
from orchestrator.migrations.upgrade.version_table import STANDARD, no_transaction_left, readable_position
from orchestrator.people.position import answers, explanation, shown
from orchestrator.people.session import Session
from orchestrator.people.status.history import history
from orchestrator.people.status.model import Connection, Database, Lock, Revision, Status
from orchestrator.people.survey import left_out_notes, survey

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import Backend

_UNSEEN = (
    "This login may not see what connection {id} does: that needs the right PROCESS on MySQL and MariaDB, and the role "
    "pg_monitor on PostgreSQL."
)


async def read(session: Session) -> Status:
    """Return the state of each database.

    Raises:
        StartupError: The settings, the scripts, the database or env.py prevent it.
    """
    target = await session.target()
    if missing := session.missing_file:
        return _status(session, [_to_be_created(session, missing, target)])
    await session.look(answers)
    found, left_out = await survey(session, target, _database)
    notes = left_out_notes(left_out)
    databases = [await _observed(session, each) for each in found]
    return _status(session, [replace(each, notes=[*each.notes, *notes]) for each in databases])


def _status(session: Session, databases: Sequence[Database]) -> Status:
    service, version = session.settings.service, session.settings.version
    at_head = all(each.state == "at_head" for each in databases)
    return Status(service=service, version=version, at_head=at_head, databases=databases)


def _to_be_created(session: Session, file: Path, target: Target) -> Database:
    """Return a database whose file does not exist: reading it would create the file."""
    position = Position(())
    standing, url = target.standing(position), session.credentials.own_address().url
    return Database(
        context="",
        database=shown(url),
        dialect=url.get_backend_name(),
        server_version="",
        version_table=STANDARD,
        current=(),
        head=target.revisions,
        state=_state(standing),
        explanation=explanation(standing, position, target),
        pending=_revisions(standing),
        changed=(),
        history=(),
        lock=Lock(name=f"{file.absolute()}.migrate.lock", holder=None, waiting=()),
        notes=["The file does not exist; the first migration creates it."],
    )


def _revisions(standing: Comparison) -> list[Revision]:
    return [Revision(revision=each.id, description=each.description) for each in standing.pending]


def _database(context: "MigrationContext", name: str, target: Target, _arguments: Mapping[str, Any]) -> Database:
    """Return the state of a context's database."""
    connection = context.connection
    assert connection  # noqa: S101  # only such contexts are attended
    position = readable_position(context)
    standing, has = target.standing(position), applied(target.tree, position)
    lock, held_by = _lock(context)
    runs, notes = history(context, has, held_by)
    dialect, version = backend_for(connection.dialect.name).describe(connection.dialect)
    if lock.holder and lock.holder.state == "unknown":
        notes.append(_UNSEEN.format(id=lock.holder.connection_id))
    interrupted = [each.revision for each in runs if each.state == "interrupted"]
    words = explanation(standing, position, target)
    return Database(
        context=name,
        database=shown(connection.engine.url),
        dialect=dialect,
        server_version=version,
        version_table=".".join(filter(None, (context.version_table_schema, context.version_table))),
        current=position.heads,
        head=target.revisions,
        state="half_applied" if interrupted and not standing.lineage else _state(standing),
        explanation=f"{words}; {', '.join(interrupted)} stopped half way" if interrupted else words,
        pending=_revisions(standing),
        changed=[revision.id for _, revision in changed_scripts(target.tree, position)],
        history=runs,
        lock=lock,
        notes=notes,
    )


def _state(standing: Comparison) -> Literal["at_head", "behind", "half_applied", "ahead", "unknown"]:
    if standing.lineage:
        return "ahead" if standing.lineage == "proven" else "unknown"
    return "half_applied" if standing.half_applied else "behind" if standing.pending else "at_head"


def _lock(context: "MigrationContext") -> tuple[Lock, int | None]:
    assert context.connection  # noqa: S101  # only such contexts are attended
    with no_transaction_left(context.connection):
        lock = backend_for(context.connection.dialect.name).lock(context.connection.connection.dbapi_connection)
        held_by = lock.held_by()
        holder = lock.holder() if held_by is not None else Holder()
        waiting = [_connection(each) for each in lock.waiters()]
    return Lock(name=lock.name, holder=_connection(holder) if holder.name else None, waiting=waiting), held_by


def _connection(holder: Holder) -> Connection:
    return Connection(
        connection_id=holder.connection_id,
        user=holder.user,
        host=holder.address,
        program=holder.program,
        state=holder.activity.value,
        statement=REDACTOR.text(holder.statement),
        seconds=round(holder.seconds, 1),
        summary=holder.name,
    )


async def _observed(session: Session, database: Database) -> Database:
    """Add the state of the holder's statement, if it runs on the server in the settings."""
    holder = database.lock.holder
    if holder is None or holder.state != Activity.RUNNING.value or not holder.connection_id:
        return database

    async def look(connection: "AsyncConnection", backend: "Backend") -> Observation:
        return await backend.observe(connection, holder.connection_id)

    seen = await session.look(look)
    lock = replace(
        database.lock,
        progress=seen.state,
        progress_percent=seen.progress_percent,
        blocked_by=REDACTOR.text(seen.blocked_by) if seen.waits_for_lock else "",
    )
    return replace(database, lock=lock)
