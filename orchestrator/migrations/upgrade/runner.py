"""The upgrade: revision after revision, on env.py's own connection, which also holds the lock.

It runs in a thread of its own, because a stock async env.py calls `asyncio.run`, and because the loop must go on
answering probes.
"""

import gc
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.credentials import Credentials
from orchestrator.databases import Backend, backend_for
from orchestrator.errors import Failure, StartupError
from orchestrator.events import Emit, Event, RevisionApplied, RevisionStarted
from orchestrator.migrations.journal.lock_retry import LockRetry, MigrationAborted
from orchestrator.migrations.position.lineage import Entry, Position, repaired
from orchestrator.migrations.position.target import Target, tolerated
from orchestrator.migrations.scripts.alembic_scripts import resolve_target
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.upgrade.applying import Applier, readable_entries
from orchestrator.migrations.upgrade.environment import Environment, Prepare, Steps
from orchestrator.migrations.upgrade.failures import FailureContext, failure_of
from orchestrator.migrations.upgrade.lock_guard import LockGuard
from orchestrator.migrations.upgrade.run_locks import RunLocks
from orchestrator.settings import Settings
from orchestrator.stop import Stop, StopAsked

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from sqlalchemy.engine import URL, Connection


@dataclass(frozen=True)
class Running:
    """The statement that runs now.

    Attributes:
        index: which one of its revision, from 1.
        since: when it began, by time.monotonic().
    """

    revision: str
    index: int
    statement: str
    since: float


@dataclass
class Upgrade:
    """One run of the migrations. Use `load` and `run` in one thread; the other attributes may be read from any.

    Attributes:
        applied: ids of the revisions that are in the database for good.
        connection_id: what the server calls the migrating connection, once it has the lock.
        stopped: a stop was asked for, and the run ended early for it.
        cancelled: the caller is about to cancel the running statement.
        blocked_by: who was last seen to be in the way of a statement, and of which.
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
    blocked_by: tuple[Running, str] | None = None
    _locks: RunLocks = field(init=False)
    _held: LockGuard = field(init=False)
    _environment: Environment = field(init=False)
    _target: Target = field(init=False)
    _applier: Applier | None = None
    _transactional_ddl: bool = True
    _backend: Backend | None = None
    _url: "URL | None" = None
    _revision: str = ""
    _lost: StartupError | None = None
    _unconfirmed: list[Event] | None = None

    def load(self) -> None:
        """Let Alembic load the scripts, so that a broken one is found out before anything is changed.

        Raises:
            StartupError: with MigrationTreeInvalid.
        """
        self._locks = RunLocks(self.settings, self.stop, self.emit)
        self._url = self.credentials.own_address().url  # until env.py has connected, perhaps elsewhere
        self._backend = backend_for(self._url.get_backend_name())
        self._environment = Environment(self.files, self.credentials, self.settings.target)
        scripts, tree = self._environment.scripts, self._environment.tree
        self._target = Target(tree, resolve_target(scripts, tree, self.settings.target))

    def run(self) -> None:
        """Apply what is missing.

        Raises:
            StartupError: with LockTimeout, DatabaseAhead, MigrationFailed, MigrationHalfApplied or MigrationStopped.
        """
        gc.freeze()  # a full collection of what was imported takes longer than many a revision
        try:
            self._run_env(self._steps, self._prepare)
        except StopAsked:
            self.stopped = True
        finally:
            gc.unfreeze()
            if self._applier:
                self._applier.close()
            self._locks.end_run()

    def position(self) -> Position:
        """Where the database is, as env.py configures Alembic to find it; changes nothing.

        Raises:
            StartupError: with MigrationFailed: env.py failed.
        """
        found: list[str] = []
        entries: dict[str, Entry] = {}

        def look(heads: Sequence[str], context: "MigrationContext") -> list["RevisionStep"]:
            found.extend(heads)
            if context.connection:
                entries.update(readable_entries(context.connection, context.version_table_schema))
            return []

        self._run_env(look, lambda _connection, options: options.update(dont_mutate=True))
        return Position(tuple(found), entries)

    @property
    def running(self) -> Running | None:
        """The statement that runs now, for whoever watches from another thread."""
        recorder, revision = self._applier and self._applier.recorder, self._revision
        if not (recorder and revision and recorder.running):
            return None
        return Running(revision, recorder.done + 1, recorder.running, recorder.since)

    @property
    def left_something(self) -> bool:
        """Whether revisions that were not committed are in the database all the same: nothing rolls their DDL back."""
        return bool(self.applied) and not self._transactional_ddl

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
        except MigrationAborted as interrupted:
            raise StartupError(self.failure(interrupted.cause)) from interrupted
        except (Exception, SystemExit) as error:
            if self._lost:  # env.py met another on its way out, as it rolled back without a connection
                raise self._lost from error
            raise StartupError(self.failure(error), _worth_reading(error)) from error

    def _prepare(self, connection: "Connection", options: dict[str, Any]) -> None:
        """Take the lock on env.py's connection, and have each revision committed by itself."""
        self._backend, self._url = backend_for(connection.dialect.name), connection.engine.url
        schema = options.get("version_table_schema")
        self._held = self._locks.take(connection, schema)
        self.connection_id = self._held.connection_id
        patience = LockRetry(self.settings.ddl_retry_seconds, self.emit, self.stop, self._blocker)
        self._applier = Applier(connection, self._backend, patience, self._held, schema)
        options["transaction_per_migration"] = True
        options["on_version_apply"] = (*_several(options.get("on_version_apply")), self._stamped)
        if connection.in_transaction():
            self._unconfirmed = []  # env.py began it and will commit it: until then nothing is durable

    def _stamped(self, **_: Any) -> None:
        if self._applier:
            self._applier.finish()

    def _blocker(self) -> str:
        """Who was seen in the way of the statement that runs."""
        statement, blocked_by = self.blocked_by or (None, "")
        return blocked_by if statement == self.running else ""

    # ------------------------------------------------------------ revisions

    def _steps(self, heads: Sequence[str], context: "MigrationContext") -> "Iterator[RevisionStep]":
        """What Alembic is to run; it asks for the next step when the one before is committed."""
        assert self._applier  # noqa: S101  # _prepare made it
        position = Position(tuple(heads), self._applier.entries)
        self._transactional_ddl = context.impl.transactional_ddl
        steps: list[RevisionStep] = []
        if not tolerated(self._target, position, self.settings.when_ahead):
            self._settle(self._applier, position)
            scripts = self._environment.scripts
            steps = scripts._upgrade_revs(self.settings.target, heads)  # type: ignore[arg-type]  # noqa: SLF001  # as `alembic upgrade`
        for index, step in enumerate(steps, start=1):
            if self.stop.requested.is_set():
                self.stopped = True
                break
            yield from self._step(step, index, len(steps))
        self._held.work_is_done()

    def _settle(self, applier: Applier, position: Position) -> None:
        """What was begun and is not pending here was finished by hand, or stands in the way."""
        for revision in repaired(self._target.tree, position):
            applier.adopt(revision)
        for revision in self._target.standing(position).half_applied:
            self._revision = revision
            applier.refuse(revision)
        self._revision = ""

    def _step(self, step: "RevisionStep", index: int, count: int) -> "Iterator[RevisionStep]":
        if lost := self._held.lost(half_applied=self._unconfirmed is not None and self.left_something):
            self._lost = StartupError(lost)
            raise self._lost
        self._revision = step.revision.revision
        description = step.revision.doc.partition("\n")[0]
        began = time.monotonic()
        applier = self._applier
        assert applier  # noqa: S101  # _prepare made it
        applier.prepare(step, resume=self.settings.when_half_applied == "resume")
        self.emit(RevisionStarted(revision=self._revision, description=description, index=index, pending_count=count))
        yield step
        applier.close()
        self.applied.append(self._revision)
        done = RevisionApplied(
            revision=self._revision,
            description=description,
            index=index,
            pending_count=count,
            statements=applier.recorder.done if applier.recorder else 0,
            duration_seconds=round(time.monotonic() - began, 3),
        )
        self._revision = ""
        if self._unconfirmed is None:
            self.emit(done)
        else:
            self._unconfirmed.append(done)

    def failure(self, error: BaseException) -> Failure:
        """What a failed run left behind decides which failure it is."""
        recorder = self._applier.recorder if self._applier else None
        diagnosis = self._backend.diagnose(error, self._url) if self._backend else None
        return failure_of(error, FailureContext(self._revision, recorder, diagnosis, self.cancelled))


def _several(callbacks: Any) -> tuple[Any, ...]:
    """As Alembic takes them: none, one, or a collection."""
    return () if callbacks is None else (callbacks,) if callable(callbacks) else tuple(callbacks)


def _worth_reading(error: BaseException) -> BaseException | None:
    """Python's own traceback helps where no SQL statement tells what failed."""
    return None if hasattr(error, "statement") and error.statement else error
