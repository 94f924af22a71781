"""The upgrade: any team's env.py, unmodified, in a thread of its own, on one connection that also holds the lock.

`EnvironmentContext.configure` of the one instance is wrapped, so that we see the connection whoever made it. (A
subclass would not do: Alembic's module `alembic.context` is tied to the exact class.) The thread matters because a
stock async env.py calls `asyncio.run`, and because the loop must go on answering probes.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from orchestrator.credentials import Credentials
from orchestrator.databases import Backend, MigrationLock, backend_for
from orchestrator.databases.diagnosis import RIGHTS, innermost_message
from orchestrator.errors import (
    Failure,
    MigrationFailed,
    MigrationHalfApplied,
    MigrationStopped,
    StartupError,
)
from orchestrator.events import Emit, Event, RevisionApplied, RevisionStarted
from orchestrator.log import restore
from orchestrator.migrations.alembic_tree import alembic_config, load_scripts, resolve_target
from orchestrator.migrations.files import AlembicFiles
from orchestrator.migrations.locking import HeldLock
from orchestrator.migrations.statements import Statements
from orchestrator.migrations.target import Target, refuse_unknown
from orchestrator.migrations.tls import verified_tls
from orchestrator.settings import Settings
from orchestrator.stop import Stop, StopAsked

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Connection


class ConnectionWanted(Exception):  # noqa: N818  # env.py's wish, not an error
    """env.py asks for `config.attributes["connection"]`."""


class _Attributes(dict[str, Any]):
    """`Config.attributes`, which notices that env.py insists on being given a connection."""

    def __missing__(self, key: str) -> Any:
        if key == "connection":
            raise ConnectionWanted
        raise KeyError(key)


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
    _config: "Config" = field(init=False)
    _scripts: "ScriptDirectory" = field(init=False)
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
        self._config = alembic_config(self.files, self.credentials.migration_url())
        self._config.attributes = _Attributes()
        self._scripts, tree = load_scripts(self._config)
        self._target = Target(tree, resolve_target(self._scripts, tree, self.settings.target))

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

    def _run_env(self, steps: Callable[..., Any], prepare: Callable[..., None]) -> None:
        """Run env.py; once more in a greenlet when it turns out to be a synchronous one or to want a connection.

        Both show before anything is done: a sync engine with an async driver raises at its first connect.
        """
        try:
            with verified_tls(self.credentials):
                try:
                    self._run_once(steps, prepare)
                except MissingGreenlet:
                    if self._revision:  # a revision's own, not env.py's: what it did must not be done twice
                        raise
                    asyncio.run(greenlet_spawn(self._run_once, steps, prepare))
                except ConnectionWanted:
                    asyncio.run(self._run_with_connection(steps, prepare))
        except (StartupError, StopAsked):
            raise
        except (Exception, SystemExit) as error:
            raise StartupError(self.failure(error), _worth_reading(error)) from error

    def _run_once(self, steps: Callable[..., Any], prepare: Callable[..., None]) -> None:
        from alembic.runtime.environment import EnvironmentContext

        environment = EnvironmentContext(
            self._config,
            self._scripts,
            fn=steps,
            as_sql=False,
            starting_rev=None,
            destination_rev=self.settings.target,
            tag=None,
        )
        configure = environment.configure

        def wrapped(connection: "Connection | None" = None, **options: Any) -> None:
            restore()  # what env.py did to the logging before this
            if connection is not None:
                prepare(connection, options)
            configure(connection=connection, **options)

        environment.configure = wrapped  # type: ignore[method-assign,assignment]  # of this instance
        with environment:
            self._scripts.run_env()

    async def _run_with_connection(self, steps: Callable[..., Any], prepare: Callable[..., None]) -> None:
        engine = create_async_engine(self.credentials.migration_url(), poolclass=NullPool)
        try:
            async with engine.connect() as connection:

                def run(sync_connection: "Connection") -> None:
                    self._config.attributes["connection"] = sync_connection
                    self._run_once(steps, prepare)

                await connection.run_sync(run)
                await connection.commit()
        finally:
            self._config.attributes.pop("connection", None)
            await engine.dispose()

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
        steps = self._scripts._upgrade_revs(self.settings.target, heads)  # type: ignore[arg-type]  # noqa: SLF001  # as `alembic upgrade` does
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
        return kind(
            error_type=type(error).__name__,
            error_code=_code(error),
            error_message=innermost_message(error),
            hint=self._hint(error) if kind is MigrationFailed else "",
            revision=self._revision,
            statement_index=done + 1 if self._statements.running else 0,
            statement=self._statements.running[:2000],
            statements_done=done,
        )

    def _hint(self, error: BaseException) -> str:
        """Missing rights are the user's fault, not the revision's; empty: what the failure itself advises."""
        if self._backend and (diagnosis := self._backend.diagnose(error)).error_type == RIGHTS.error_type:
            return diagnosis.hint
        return "" if self._revision else "No revision was running: env.py or its connection failed; see `exception`."


def _code(error: BaseException) -> int | str:
    origin = getattr(error, "orig", None)
    state = getattr(origin, "sqlstate", None) or getattr(origin, "pgcode", None)
    first = origin.args[0] if isinstance(origin, BaseException) and origin.args else ""
    return first if isinstance(first, int) else str(state or "")


def _worth_reading(error: BaseException) -> BaseException | None:
    """Python's own traceback helps where no SQL statement tells what failed."""
    return None if hasattr(error, "statement") and error.statement else error
