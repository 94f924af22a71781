"""Reads the journal's rows, as far as this login may."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from orchestrator.databases import backend_for
from orchestrator.databases.diagnosis import RIGHTS
from orchestrator.log import REDACTOR
from orchestrator.migrations.journal.resume import remains
from orchestrator.migrations.journal.schema import journal_name, tables
from orchestrator.migrations.journal.steps import Outcome, Record
from orchestrator.migrations.journal.store import Journal
from orchestrator.migrations.position.database_state import unreadable
from orchestrator.migrations.upgrade.version_table import journal_schema, no_transaction_left, transaction_kept
from orchestrator.people.status.model import Run

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_UNREADABLE = (
    "This login may not read {table}: when and by which version revisions were applied, and whether one was "
    "interrupted, is not known. SELECT on it and on {table}_statements shows them."
)


class _Progress(NamedTuple):
    """How far a run came: how many statements it has done, their texts, and the one whose end is not known."""

    done: int = 0
    statements: Sequence[str] = ()
    pending: str = ""


def history(context: "MigrationContext", has: Collection[str], held_by: int | None) -> tuple[list[Run], list[str]]:
    """Return the journal of a context, the oldest row first, and notes about parts that cannot be read.

    Args:
        context: The context of env.py.
        has: The revisions that the database has according to its version table.
        held_by: The connection that holds the lock.
    """
    name = journal_name(context.version_table)
    journal, _ = tables(journal_schema(context), context.dialect.name, name)
    rows, note = _rows(context, select(journal).order_by(journal.c.started_at, journal.c.revision), name)
    runs = []
    for row in rows:
        progress = _Progress(row.statements_done or 0, pending=row.pending_statement or "")
        runs_now = held_by is not None and held_by == row.connection_id
        if row.finished_at is None and row.revision not in has:
            progress = _by_statements(context, row.revision, progress, name, runs_now=runs_now)
        runs.append(_run(row, _state(row, has, progress, runs_now=runs_now), progress))
    return runs, [note] if note else []


def _by_statements(
    context: "MigrationContext", revision: str, noted: _Progress, name: str, *, runs_now: bool
) -> _Progress:
    """Add what the journal has about each statement of an unfinished revision."""
    found = _records(context, revision, name)
    if found is None:
        return noted
    recorded, judged = found
    steps = (recorded if runs_now else judged).steps
    texts = [step.statement for step in steps]
    if not (noted.pending and recorded.steps) or (steps and steps[-1].outcome is Outcome.PENDING):
        return noted._replace(statements=texts)
    took_effect = len(steps) == len(recorded.steps)
    return _Progress(noted.done + took_effect, texts)


def _records(context: "MigrationContext", revision: str, name: str) -> tuple[Record, Record] | None:
    """Return what is recorded of a revision, and the same judged by the catalogue; None if this login may not read it.

    The end of a statement is recorded with the next one. So the catalogue tells whether the last definition took
    effect, as it tells the next start.
    """
    connection = context.connection
    assert connection  # noqa: S101  # only such contexts are attended
    backend, pooled, schema = backend_for(connection.dialect.name), connection.connection, journal_schema(context)
    real: Any = pooled.dbapi_connection
    with no_transaction_left(connection):
        try:
            with transaction_kept(connection):
                session = backend.recorded(real, pooled.driver_connection)
                journal = Journal(real, connection.dialect, "", schema, session.encoding, name=name)
                return journal.record(revision), remains(revision, journal, session)
        except Exception as error:
            if not unreadable(error, backend):
                raise
            return None
        finally:
            if not connection.in_transaction():
                real.rollback()  # the driver has begun a transaction of which SQLAlchemy does not know


def _state(
    row: Any, has: Collection[str], progress: _Progress, *, runs_now: bool
) -> Literal["applied", "running", "interrupted", "repaired", "rolled_back"]:
    if row.finished_at is not None:
        return "applied"
    if row.revision in has:
        return "repaired"
    if runs_now:
        return "running"
    return "interrupted" if progress.done or progress.pending else "rolled_back"


def _run(row: Any, state: Any, progress: _Progress) -> Run:
    return Run(
        revision=row.revision,
        description=row.description or "",
        state=state,
        started_at=_moment(row.started_at),
        finished_at=_moment(row.finished_at),
        duration_seconds=row.duration_seconds,
        app_version=row.app_version or "",
        task_id=row.task_id or "",
        connection_id=row.connection_id or 0,
        statements_done=progress.done,
        pending_statement=REDACTOR.text(progress.pending),
        statements=[REDACTOR.text(each) for each in progress.statements],
    )


def _moment(recorded: Any) -> str:
    """Return a time of the database, which is in UTC; SQLite stores it as text."""
    if recorded is None:
        return ""
    text = recorded.isoformat(timespec="milliseconds") if isinstance(recorded, dt.datetime) else str(recorded)
    return text.replace(" ", "T") + "Z"


def _rows(context: "MigrationContext", query: Any, table: str) -> tuple[Sequence[Any], str]:
    """Return the rows; none without a journal; none and a note if this login may not read it."""
    assert context.connection  # noqa: S101  # only such contexts are attended
    backend = backend_for(context.connection.dialect.name)
    with no_transaction_left(context.connection):
        try:
            with transaction_kept(context.connection):
                return context.connection.execute(query).all(), ""
        except DBAPIError as error:
            if backend.is_missing_table(error):
                return (), ""
            if backend.diagnose(error).error_type != RIGHTS.error_type:
                raise
            return (), _UNREADABLE.format(table=table)
