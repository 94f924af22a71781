"""Applies revisions on one connection, journals each one, and resumes an interrupted one."""

import contextlib
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.databases import Backend
from orchestrator.events import RevisionResumed
from orchestrator.log import CONTEXT
from orchestrator.migrations.journal.dbapi_proxy import recording
from orchestrator.migrations.journal.durable_mark import DurableMark
from orchestrator.migrations.journal.index_order import same_index_order
from orchestrator.migrations.journal.lock_check import LockCheck
from orchestrator.migrations.journal.lock_retry import LockRetry, MigrationAborted
from orchestrator.migrations.journal.other_connections import watching
from orchestrator.migrations.journal.rerun import RepeatableUpgrade
from orchestrator.migrations.journal.resume import NotResumable, judged, remains
from orchestrator.migrations.journal.revision_run import RevisionRun
from orchestrator.migrations.journal.schema import journal_name
from orchestrator.migrations.journal.state import RevisionState
from orchestrator.migrations.journal.statement_log import StatementLog
from orchestrator.migrations.journal.steps import Record
from orchestrator.migrations.journal.store import Journal, RevisionInfo
from orchestrator.migrations.position.lineage import Entry
from orchestrator.migrations.scripts.facts import checksum_of, description_of
from orchestrator.migrations.upgrade.lock_guard import LockGuard

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep


class Applier:
    """Applies revisions on env.py's connection.

    Attributes:
        entries: the journal's rows, by revision, as of the moment the lock was taken.
        state: the state of the running revision, or of the last one.
    """

    def __init__(self, context: "MigrationContext", backend: Backend, patience: LockRetry, guard: LockGuard) -> None:
        """Read the journal; create it if it is missing."""
        connection, schema = context.connection, context.version_table_schema
        assert connection  # noqa: S101  # only such contexts are attended
        pooled = connection.connection
        self._connection = connection
        self._real: Any = pooled.dbapi_connection
        self._patience, self._guard = patience, guard
        self._session = backend.recorded(self._real, pooled.driver_connection)
        where = schema or backend.default_schema(self._real)
        self._place = f"{connection.engine.url!r} {where} {context.version_table}"
        self._journal = Journal(
            self._real,
            connection.dialect,
            self._session.now,
            where,
            self._session.encoding,
            name=journal_name(context.version_table),
        )
        self._open = contextlib.ExitStack()
        self._repeatable: RepeatableUpgrade | None = None
        self._run: RevisionRun | None = None
        self.state: RevisionState | None = None
        self.entries = self._entries(backend)

    def prepare(self, step: "RevisionStep", *, resume: bool) -> None:
        """Make Alembic run the step through the journal, after ending our own read transaction.

        On MySQL there is none: since the last commit only the lock was asked for, which reads no table.
        """
        if not (self._session.commits_definitions or self._connection.in_transaction()):
            self._real.commit()
        upgrade = step.migration_fn
        # Alembic logs the name of the function if `alembic` is at INFO, as in its stock ini file.
        step.migration_fn = functools.wraps(upgrade)(functools.partial(self._upgrade, step, upgrade, resume))

    def adopt(self, revision: str) -> None:
        """Mark an interrupted revision as finished: it was completed by hand and stamped."""
        self._journal.finish(revision, self.entries[revision].statements_done, None)
        self._journal.forget(revision)
        self._real.commit()

    def refuse(self, revision: str) -> None:
        """Refuse to apply anything if an interrupted revision has left changes; otherwise clear its row.

        Raises:
            MigrationAborted: it has left changes.
        """
        left = remains(revision, self._journal, self._session)
        if left.left_something:
            self._set_state(RevisionInfo.of(self.entries[revision]), left)
            reason = "it is half applied, and this image has others to apply: the image that has it can finish it"
            raise MigrationAborted(NotResumable(reason))
        self._journal.clear(revision)
        self._real.commit()

    def finish(self) -> None:
        """Record that Alembic has stamped the version and is about to commit."""
        if self._run:
            self._run.finish(round(time.monotonic() - self._began, 3))

    def applied(self) -> None:
        """End a revision that is committed."""
        self.close()
        if self._repeatable:
            self._repeatable.applied()

    def close(self) -> None:
        """Restore SQLAlchemy's own connection: the revision is committed, or has failed."""
        self._open.close()

    def _entries(self, backend: Backend) -> dict[str, Entry]:
        try:
            entries = self._journal.entries()
            self._marks = self._journal.marks()  # a killed process may have created the first table only
        except Exception as error:
            self._real.rollback()
            if not backend.is_missing_table(error):
                raise
            self._journal.create()
            entries, self._marks = self._journal.entries(), {}
        self._real.commit()
        return entries

    def _upgrade(self, step: "RevisionStep", upgrade: Callable[..., None], resume: bool, **options: Any) -> None:  # noqa: FBT001  # bound by partial
        self._began, self.state, self._run = time.monotonic(), None, None
        about = _about(step, self._guard.connection_id)
        state = self._set_state(about, self._record(about, resume=resume))
        self._repeatable = RepeatableUpgrade(state, self._place, upgrade, options)
        mark = DurableMark(self._connection.engine, self._journal, about.revision, self._session.impatience)
        self._run = RevisionRun(state, self._repeatable, LockCheck(self._guard), self._patience, mark)
        self._open.enter_context(recording(self._connection, self._run.executor))
        with watching(self._run.executor.used_elsewhere), same_index_order():
            self._run.upgrade()

    def _record(self, about: RevisionInfo, *, resume: bool) -> Record:
        """Return what an interrupted run of this revision has done, if resuming is proven to be safe."""
        revision, entry = about.revision, self.entries.get(about.revision)
        if entry.finished if entry is not None else revision not in self._marks:
            return Record()
        budget = self._patience.budget_seconds
        try:
            record = judged(revision, self._journal, self._session, allowed=resume, budget_seconds=budget)
        except NotResumable as refused:
            self._set_state(about, refused.record or Record())
            raise MigrationAborted(refused) from None
        if self._session.commits_definitions:
            self._real.commit()  # so that none of our queries has begun the transaction in which the revision continues
        if record.steps and entry is not None:
            self._patience.emit(
                RevisionResumed(
                    revision=revision,
                    statements_skipped=len(record.steps),
                    interrupted_at=record.recorded_at,
                    interrupted_by=f"boot_id {entry.boot_id}, version {entry.app_version or 'unknown'}",
                )
            )
        return record

    def _set_state(self, about: RevisionInfo, record: Record) -> RevisionState:
        entry = self.entries.get(about.revision)
        same_script = entry is None or entry.finished or entry.checksum == about.checksum
        log = StatementLog(about, self._session, self._journal, record)
        self.state = RevisionState(about, log, self._session, self._real, same_script=same_script)
        return self.state


def _about(step: "RevisionStep", connection_id: int) -> RevisionInfo:
    script = step.revision
    return RevisionInfo(
        revision=script.revision,
        path=script.path,
        needs=tuple(dict.fromkeys(script._all_down_revisions)),  # noqa: SLF001  # dependencies resolved, too
        description=description_of(script.doc),
        checksum=checksum_of(Path(script.path)),
        app_version=CONTEXT.version,
        boot_id=CONTEXT.boot_id,
        task_id=CONTEXT.task.get("task_id", ""),
        connection_id=connection_id,
    )
