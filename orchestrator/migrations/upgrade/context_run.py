"""One context of a run: a `context.configure` of env.py, and the `run_migrations` that follows it.

Env.py may have several: one per tenant's schema, database or version table. Each has its own lock, journal and events.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.databases import Backend, backend_for, sockets
from orchestrator.errors import Failure, StartupError
from orchestrator.events import Event, MigrationsCompleted, MigrationsPlanned, RevisionApplied, RevisionStarted
from orchestrator.migrations.journal.lock_retry import LockRetry
from orchestrator.migrations.journal.other_connections import pools_watched
from orchestrator.migrations.position.lineage import Position, repaired
from orchestrator.migrations.position.target import Place, Target, at_head, changes, tolerated
from orchestrator.migrations.scripts.tree import names
from orchestrator.migrations.upgrade.applying import Applier
from orchestrator.migrations.upgrade.failures import FailureContext, failure_of, not_durable
from orchestrator.migrations.upgrade.shared import Running, Shared
from orchestrator.migrations.upgrade.version_table import (
    VersionTable,
    no_transaction_left,
    readable_position,
    settings_kept,
)
from orchestrator.runtime.stop import StopAsked

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from sqlalchemy.engine import Connection

    from orchestrator.migrations.upgrade.environment import Steps
    from orchestrator.migrations.upgrade.lock_guard import LockGuard


class ContextRun:
    """Brings one context to its target. Its attributes may be read from any thread.

    Attributes:
        name: the context's name; empty if there is only one.
        applied: ids of the revisions that are committed, or that env.py's commit will commit.
        connection_id: the server's id of the connection, after the lock is taken.
        stopped: whether a stop was requested and the run ended early.
        url: the URL of the engine.
    """

    def __init__(self, shared: Shared, context: "MigrationContext", name: str, target: Target) -> None:
        assert context.connection  # noqa: S101  # only such contexts are attended
        self.name, self._target, self._shared, self._context = name, target, shared, context
        self._connection: Connection = context.connection
        self.applied: list[str] = []
        self.connection_id, self.stopped = 0, False
        self._backend: Backend = backend_for(self._connection.dialect.name)
        self.url = self._connection.engine.url
        self._began = time.monotonic()
        self._guard: LockGuard
        self._applier: Applier | None = None
        self._revision = ""
        self._table: VersionTable | None = None
        self._position = readable_position(context)
        later = context._in_external_transaction or not self._each_is_committed  # noqa: SLF001  # there is no public name
        self._unconfirmed: list[Event] | None = [] if later else None

    @property
    def _each_is_committed(self) -> bool:
        """Return whether each revision is committed alone; Alembic ignores the option if DDL commits by itself."""
        return not self._context.impl.transactional_ddl or self._context._transaction_per_migration  # noqa: SLF001  # same

    @property
    def pending(self) -> bool:
        """Return whether revisions seem to be pending, judged without the lock."""
        return bool(self._target.standing(self._position).pending)

    def emit(self, event: Event) -> None:
        """Emit an event of this context."""
        told = replace(event, context=self.name) if self.name and hasattr(event, "context") else event  # type: ignore[call-arg]
        self._shared.emit(told)

    def leave(self, run: Callable[["Steps"], None]) -> None:
        """Let env.py continue without taking the lock, because no revision is pending."""
        with no_transaction_left(self._connection):
            run(lambda _heads, _context: [])
        for each in at_head(Place(self._target, self._position), self._shared.settings.when_ahead):
            self.emit(each)
        if self._shared.applied_before.get(self.name):  # the database went away after the last revision
            self.emit(self._completed(self._position))

    def plan(self) -> None:
        """Report the pending revisions."""
        for each in changes(self._target, self._position):
            self.emit(each)
        pending = self._target.standing(self._position).pending
        self.emit(
            MigrationsPlanned(
                current_revision=names(self._position.heads),
                head_revision=names(self._target.revisions),
                pending_count=len(pending),
                pending=[revision.id for revision in pending[:50]],
            )
        )

    def apply(self, run: Callable[["Steps"], None]) -> None:
        """Take the lock on env.py's connection and apply the pending revisions.

        Raises:
            StartupError: with LockTimeout, DatabaseAhead, or the loss of the lock.
            StopAsked: a stop was requested, and the run ended between two revisions.
        """
        shared = self._shared
        with settings_kept(self._connection), pools_watched():
            self._guard = shared.locks.take(self._context, self.emit)
            self.connection_id = self._guard.connection_id
            budget_seconds = shared.settings.ddl_retry_seconds
            patience = LockRetry(budget_seconds, self.emit, shared.stop, lambda: shared.blocker(self.running))
            self._applier = Applier(self._context, self._backend, patience, self._guard)
            try:
                run(self._steps)
            except BaseException:
                self._guard.work_has_failed()
                raise
            finally:
                self._applier.close()
            self._table = VersionTable.of(self._context)

    def stamped(self) -> None:
        """Note that Alembic has written a revision into the version table."""
        if self._applier:
            self._applier.finish()

    def _steps(self, heads: Sequence[str], context: "MigrationContext") -> "Iterator[RevisionStep]":
        """Yield the steps to Alembic, which asks for the next one after the previous one is committed."""
        assert self._applier  # noqa: S101  # `apply` made it
        position = Position(tuple(heads), self._applier.entries)
        steps: list[RevisionStep] = []
        if not tolerated(self._target, position, self._shared.settings.when_ahead):
            self._settle(self._applier, position)
            steps = _upgrade_steps(context, self._shared.settings.target, heads)
        for index, step in enumerate(steps, start=1):
            if self._shared.stop.requested.is_set():
                self.stopped = True
                break
            yield from self._step(self._applier, step, index, len(steps))
        self._guard.work_is_done()
        if self.stopped and self._unconfirmed is None:
            raise StopAsked  # env.py must not continue as if all revisions were applied

    def _settle(self, applier: Applier, position: Position) -> None:
        """Adopt revisions that were stamped by hand; refuse to continue if other unfinished ones exist."""
        for revision in repaired(self._target.tree, position):
            applier.adopt(revision)
        for revision in self._target.standing(position).half_applied:
            self._revision = revision
            applier.refuse(revision)
        self._revision = ""

    def _step(self, applier: Applier, step: "RevisionStep", index: int, count: int) -> "Iterator[RevisionStep]":
        if lost := self._guard.lost(half_applied=self._unconfirmed is not None and self.left_something):
            raise StartupError(lost) from self._guard.loss
        self._revision = step.revision.revision
        description, began = self._target.tree.revisions[step.revision.revision].description, time.monotonic()
        applier.prepare(step, resume=self._shared.settings.when_half_applied == "resume")
        self.emit(RevisionStarted(revision=self._revision, description=description, index=index, pending_count=count))
        yield step
        applier.applied()
        self.applied.append(self._revision)
        done = RevisionApplied(
            revision=self._revision,
            description=description,
            index=index,
            pending_count=count,
            statements=applier.state.done if applier.state else 0,
            duration_seconds=round(time.monotonic() - began, 3),
        )
        self._revision = ""
        self.emit(done) if self._unconfirmed is None else self._unconfirmed.append(done)

    # ------------------------------------------------------------ afterwards

    def confirm(self, swallowed: BaseException | None) -> Failure | None:
        """Check on a new connection, after env.py has ended, that the revisions are in the database.

        Args:
            swallowed: the last error of the database that env.py has met.

        Returns: what is missing, as a failure; None where nothing is. Raises as `tolerated`.
        """
        if self._table is None:
            return None
        position = self._table.position()._replace(context=self.name)
        if self._target.standing(position).pending:
            diagnosis = self._backend.diagnose(swallowed, self.url) if swallowed else None
            return not_durable(self.name, names(position.heads), diagnosis, half_applied=self.left_something)
        for each in self._unconfirmed or ():
            self.emit(each)
        self.emit(self._completed(position))
        if ahead := tolerated(self._target, position, self._shared.settings.when_ahead):
            self.emit(ahead)
        return None

    def _completed(self, position: Position) -> MigrationsCompleted:
        return MigrationsCompleted(
            applied_count=len(self.applied) + self._shared.applied_before.get(self.name, 0),
            current_revision=names(position.heads),
            duration_seconds=round(time.monotonic() - self._began, 3),
        )

    @property
    def committed(self) -> int:
        """Return how many revisions are durable, whether the run has succeeded or failed."""
        return len(self.applied) if self._unconfirmed is None else 0

    @property
    def left_something(self) -> bool:
        """Return whether uncommitted revisions have changed the database all the same: DDL is not rolled back."""
        return bool(self.applied) and not self._context.impl.transactional_ddl

    @property
    def lost_stamps(self) -> bool:
        """Return whether applied changes stay while their version stamps are lost with env.py's transaction."""
        return self.left_something and self._unconfirmed is not None

    # ------------------------------------------------------------ for observers in other threads

    def end_connection(self) -> bool:
        """End the connection that has the lock, from another thread; whether its socket was found."""
        return sockets.end(self._guard.connection)

    @property
    def running(self) -> Running | None:
        """Return the running statement."""
        state, revision = self._applier and self._applier.state, self._revision
        if not (state and revision and state.running):
            return None
        return Running(revision, state.done + 1, state.running, state.since)

    def failure(self, error: BaseException, *, cancelled: bool) -> Failure:
        """Return the failure event, which depends on what the failed run left behind."""
        state = self._applier.state if self._applier else None
        diagnosis = self._backend.diagnose(error, self.url)
        exists = self._backend.is_existing_table(error)
        failure = failure_of(error, FailureContext(self._revision, state, diagnosis, cancelled, exists))
        return replace(failure, context=self.name) if self.name else failure  # type: ignore[call-arg]  # each has it


def _upgrade_steps(context: "MigrationContext", target: str, heads: Sequence[str]) -> "list[RevisionStep]":
    """Return the steps, found as `alembic upgrade` finds them."""
    assert context.script  # noqa: S101  # env.py was run by an EnvironmentContext
    return context.script._upgrade_revs(target, heads)  # type: ignore[arg-type]  # noqa: SLF001  # no public function
