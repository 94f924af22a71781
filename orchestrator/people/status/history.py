"""Reads the journal's rows, as far as this login may."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from orchestrator.databases import backend_for
from orchestrator.databases.diagnosis import RIGHTS
from orchestrator.log import REDACTOR
from orchestrator.migrations.journal.schema import journal_name, tables
from orchestrator.migrations.upgrade.version_table import journal_schema, no_transaction_left, transaction_kept
from orchestrator.people.status.model import Run

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext

_UNREADABLE = (
    "This login may not read {table}: when and by which version revisions were applied, and whether one was "
    "interrupted, is not known. SELECT on it and on {table}_statements shows them."
)


def history(context: "MigrationContext", has: Collection[str], held_by: int | None) -> tuple[list[Run], list[str]]:
    """Return the journal of a context, the oldest row first, and notes about parts that cannot be read.

    Args:
        context: The context of env.py.
        has: The revisions that the database has according to its version table.
        held_by: The connection that holds the lock.
    """
    name = journal_name(context.version_table)
    journal, statements = tables(journal_schema(context), name)
    rows, note = _rows(context, select(journal).order_by(journal.c.started_at, journal.c.revision), name)
    runs = []
    for row in rows:
        done: list[str] = []
        if row.finished_at is None and row.revision not in has:
            of_it = select(statements.c.statement).where(
                statements.c.revision == row.revision, statements.c.statement_index > 0
            )
            done = [each.statement for each in _rows(context, of_it.order_by(statements.c.statement_index), name)[0]]
        runs.append(_run(row, _state(row, has, held_by), done))
    return runs, [note] if note else []


def _state(
    row: Any, has: Collection[str], held_by: int | None
) -> Literal["applied", "running", "interrupted", "repaired", "rolled_back"]:
    if row.finished_at is not None:
        return "applied"
    if row.revision in has:
        return "repaired"
    if held_by is not None and held_by == row.connection_id:
        return "running"
    return "interrupted" if row.statements_done or row.pending_statement else "rolled_back"


def _run(row: Any, state: Any, statements: Sequence[str]) -> Run:
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
        statements_done=row.statements_done or 0,
        pending_statement=REDACTOR.text(row.pending_statement or ""),
        statements=[REDACTOR.text(each) for each in statements],
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
