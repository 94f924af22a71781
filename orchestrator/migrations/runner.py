"""The upgrade: revision after revision, on env.py's own connection, which also holds the lock.

It runs in a thread of its own, because a stock async env.py calls `asyncio.run`, and because the loop must go on
answering probes.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import event

from orchestrator.credentials import Credentials
from orchestrator.databases import Backend, MigrationLock, backend_for
from orchestrator.databases.diagnosis import RIGHTS, Diagnosis, innermost_message
from orchestrator.errors import (
    Failure,
    MigrationFailed,
    MigrationHalfApplied,
    MigrationStopped,
    StartupError,
)
from orchestrator.events import Emit, Event, RevisionApplied, RevisionStarted
from orchestrator.migrations.alembic_tree import resolve_target
from orchestrator.migrations.environment import Environment, Prepare, Steps
from orchestrator.migrations.files import AlembicFiles
from orchestrator.migrations.locking import HeldLock
from orchestrator.migrations.statements import Statements
from orchestrator.migrations.target import Target, refuse_unknown
from orchestrator.settings import Settings
from orchestrator.stop import Stop, StopAsked

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from sqlalchemy.engine import Connection


@dataclass
class Upgrade:
    """One run of the migrations. Use `load` and `run` in one thread; the other attributes may be read from any.

    Attributes:
        applied: ids of the revisions that are in the database for good.
        connection_id: what the server calls the migrating connection, once the lock is asked for.
        stopped: a stop was asked for, and the run ended early for it.
        cancelled: the caller is about to cancel the running statement.
    """

    files: AlembicFiles
    credentials: Credentials
    settings: Settings
    stop: Stop
    emit: Emit
    applied: list[str] = field(default_factory=list)
    connection_id: int = 0
    stopped: bool = False
    cancelled: bool = False
    _held: HeldLock = field(init=False)
    _environment: Environment = field(init=False)
    _target: Target = field(init=False)
    _statements: Statements = field(default_factory=Statements)
    _backend: Backend | None = None
    _revision: str = ""
    _unconfirmed: list[Event] | None = None

    def load(self) -> None:
        """Let Alembic load the scripts, so that a broken one is found out before anything is changed.

        Raises:
            StartupError: with MigrationTreeInvalid.
        """
        self._environment = Environment(self.files, self.credentials, self.settings.target)
        scripts, tree = self._environment.scripts, self._environment.tree
        self._target = Target(tree, resolve_target(scripts, tree, self.settings.target))

    def run(self) -> None:
        """Apply what is missing.

        Raises:
            StartupError: with LockTimeout, DatabaseAhead, MigrationFailed, MigrationHalfApplied or MigrationStopped.
        """
        try:
            self._run_env(self._steps, self._prepare)
        except StopAsked:
            self.stopped = True

    def current_heads(self) -> tuple[str, ...]:
        """The database's heads as env.py configures Alembic to find them; changes nothing.

        Raises:
            StartupError: with MigrationFailed: env.py failed.
        """
        found: list[str] = []

        def look(heads: Sequence[str], _context: "MigrationContext") -> list["RevisionStep"]:
            found.extend(heads)
            return []

        self._run_env(look, lambda _connection, options: options.update(dont_mutate=True))
        return tuple(found)

    @property
    def left_something(self) -> bool:
        """Whether revisions that were not committed are in the database all the same: nothing rolls their DDL back."""
        return bool(self.applied) and not self._statements.transactional_ddl

    def confirm(self) -> None:
        """The caller has seen in the database that the work is there: now the reports that waited for it."""
        for each in self._unconfirmed or ():
            self.emit(each)
        self._unconfirmed = None

    # ------------------------------------------------------------ env.py

    def _run_env(self, steps: Steps, prepare: Prepare) -> None:
        try:
            self._environment.run(steps, prepare)
        except (StartupError, StopAsked):
            raise
        except (Exception, SystemExit) as error:
            raise StartupError(self.failure(error), _worth_reading(error)) from error

    def _prepare(self, connection: "Connection", options: dict[str, Any]) -> None:
        """Take the lock on env.py's connection, and have each revision committed by itself."""
        lock = self._lock(connection)
        self._held = HeldLock(lock, self.emit)
        self._held.acquire(
            budget_seconds=self.settings.lock_timeout_seconds,
            heartbeat_seconds=self.settings.heartbeat_seconds,
            stop=self.stop,
        )
        self._statements.watch(connection)
        options["transaction_per_migration"] = True
        if connection.in_transaction():
            # env.py began it and will commit it: nothing is durable, and the lock must be kept, until the connection
            # goes back to its pool.
            self._unconfirmed = []
            event.listen(connection.engine.pool, "checkin", lambda *_: self._held.release())

    def _lock(self, connection: "Connection") -> MigrationLock:
        self._backend = backend_for(connection.dialect.name)
        lock = self._backend.lock(connection.connection.dbapi_connection)
        lock.prepare(ddl_lock_timeout_seconds=self.settings.ddl_lock_timeout_seconds)
        self.connection_id = lock.connection_id()
        return lock

    # ------------------------------------------------------------ revisions

    def _steps(self, heads: Sequence[str], context: "MigrationContext") -> "Iterator[RevisionStep]":
        """What Alembic is to run; it asks for the next step when the one before is committed."""
        refuse_unknown(self._target, heads)
        self._statements.transactional_ddl = context.impl.transactional_ddl
        scripts = self._environment.scripts
        steps = scripts._upgrade_revs(self.settings.target, heads)  # type: ignore[arg-type]  # noqa: SLF001  # as `alembic upgrade`
        for index, step in enumerate(steps, start=1):
            if self.stop.requested.is_set():
                self.stopped = True
                break
            yield from self._step(step, index, len(steps))
        if self._unconfirmed is None:
            self._held.release()

    def _step(self, step: "RevisionStep", index: int, count: int) -> "Iterator[RevisionStep]":
        self._revision = step.revision.revision
        description = step.revision.doc.partition("\n")[0]
        began = time.monotonic()
        self._statements.start()
        self.emit(RevisionStarted(revision=self._revision, description=description, index=index, pending_count=count))
        yield step
        self.applied.append(self._revision)
        done = RevisionApplied(
            revision=self._revision,
            description=description,
            index=index,
            pending_count=count,
            statements=self._statements.done,
            duration_seconds=round(time.monotonic() - began, 3),
        )
        self._revision = ""
        if self._unconfirmed is None:
            self.emit(done)
        else:
            self._unconfirmed.append(done)

    def failure(self, error: BaseException) -> Failure:
        """What a failed run left behind decides which failure it is."""
        done = self._statements.done if self._revision else 0
        half = bool(self._revision) and self._statements.committed
        kind: type[MigrationFailed | MigrationHalfApplied | MigrationStopped]
        kind = MigrationHalfApplied if half else MigrationFailed
        if self.cancelled and self._revision:
            kind = MigrationStopped
        diagnosis = self._backend.diagnose(error) if self._backend else None
        return kind(
            error_type=type(error).__name__,
            error_code=diagnosis.error_code if diagnosis else "",
            error_message=innermost_message(error),
            hint=self._hint(diagnosis) if kind is MigrationFailed else "",
            revision=self._revision,
            statement_index=done + 1 if self._statements.running else 0,
            statement=self._statements.running[:2000],
            statements_done=done,
        )

    def _hint(self, diagnosis: Diagnosis | None) -> str:
        """Missing rights are the user's fault, not the revision's; empty: what the failure itself advises."""
        if diagnosis and diagnosis.error_type == RIGHTS.error_type:
            return diagnosis.hint
        return "" if self._revision else "No revision was running: env.py or its connection failed; see `exception`."


def _worth_reading(error: BaseException) -> BaseException | None:
    """Python's own traceback helps where no SQL statement tells what failed."""
    return None if hasattr(error, "statement") and error.statement else error
