"""The upgrade: runs env.py, and applies the pending revisions in each of its contexts.

It runs on env.py's own connections, which also hold the locks, in the main thread, as under `alembic`.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchestrator.databases import backend_for
from orchestrator.databases.diagnosis import Diagnosis
from orchestrator.databases.interruption import Interrupted, interruption
from orchestrator.databases.observation import NOTHING_SEEN, Observation
from orchestrator.errors import Failure, StartupError
from orchestrator.events import Emit
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.journal.lock_retry import MigrationAborted
from orchestrator.migrations.position.target import Place
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.env_file import EnvFile
from orchestrator.migrations.upgrade.confirming import DatabaseErrors, confirm
from orchestrator.migrations.upgrade.connect_hooks import our_connections
from orchestrator.migrations.upgrade.context_run import ContextRun
from orchestrator.migrations.upgrade.environment import Environment, Visitor
from orchestrator.migrations.upgrade.failures import (
    FailureContext,
    failure_of,
    nothing_migrated,
    with_lost_stamps,
    with_wrong_option,
)
from orchestrator.migrations.upgrade.naming import name_of
from orchestrator.migrations.upgrade.run_locks import RunLocks
from orchestrator.migrations.upgrade.shared import Running, Shared
from orchestrator.migrations.upgrade.targets import Targets
from orchestrator.migrations.upgrade.visitors import Left, Looking, Upgrading
from orchestrator.migrations.upgrade.whereabouts import Whereabouts
from orchestrator.runtime.concurrency import SupervisorEnded
from orchestrator.runtime.garbage import set_aside
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


_logger = logging.getLogger(__name__)

TRIES, RACE_SECONDS = 5, 0.2  # of env.py that meets another replica


@dataclass
class Upgrade:
    """One run of env.py. Call `run` and `look` from one thread; the attributes may be read from any.

    Attributes:
        begin: called before a change, if there is one to make; may raise.
        contexts: the contexts that env.py has configured so far.
        stopped: whether a stop was requested and the run ended early.
        cancelled: whether the caller is about to cancel the running statement.
        blocked_by: the session that last blocked a statement, and that statement.
        applied_before: as in `Shared`.
        silent_seconds: how long the database was silent before its connection was ended for that; otherwise 0.
    """

    files: AlembicFiles
    credentials: Credentials
    settings: Settings
    stop: Stop
    emit: Emit
    env: EnvFile
    begin: Callable[[], None] = lambda: None
    contexts: list[ContextRun] = field(default_factory=list)
    stopped: bool = False
    cancelled: bool = False
    blocked_by: tuple[Running, Observation] | None = None
    silent_seconds: float = 0.0
    applied_before: Mapping[str, int] = field(default_factory=dict)
    _begun: bool = False
    _error: BaseException | None = None
    _failed: ContextRun | None = None

    def __post_init__(self) -> None:
        """Begin to note where env.py connects, and which scripts it chooses."""
        self.whereabouts = Whereabouts(self.credentials, several=self.env.several)
        self.targets = Targets(self.settings.target, self.env)
        self._backend = backend_for(self.credentials.own_address().url.get_backend_name())
        self._errors = DatabaseErrors(self._backend)
        self.locks = RunLocks(self.settings, self.stop, self.whereabouts.is_here)

    def run(self) -> None:
        """Apply the pending revisions, and check that they are in the database.

        Raises:
            StartupError: with the failure of the scripts, the lock, a revision or env.py.
        """
        shared = Shared(self.settings, self.stop, self.emit, self.locks, self._blocker, self.applied_before)
        try:
            with set_aside():
                self.visit(Upgrading(self, shared))
        except StopAsked:
            self.stopped = True
        self.stopped = self.stopped or any(each.stopped for each in self.contexts)
        if self.stopped:
            return
        try:
            self._confirm()
        except StartupError as error:
            self._raise(error)

    def _confirm(self) -> None:
        """See that the work is in the database."""
        last = self._errors.last
        if last and not self.contexts:
            raise StartupError(nothing_migrated(self._diagnosis(last)), last) from last
        if not self.contexts:
            _logger.warning("env.py did not call run_migrations(): nothing was migrated.")
        with our_connections(self.credentials):
            for each in self.contexts:
                confirm(each, last, self.credentials, self.settings, stop=self.stop, emit=self.emit)

    def look(self) -> list[Place]:
        """Return where the databases are, up to the first one that is behind; changes nothing.

        Raises:
            StartupError: with MigrationTreeInvalid, or with MigrationFailed: env.py failed.
        """
        looking = Looking(self)
        self.visit(looking)
        return looking.found

    @property
    def connection_id(self) -> int:
        """Return the server's id of the migrating connection, after the lock is taken; 0 if it is on another server."""
        last = self.contexts[-1] if self.contexts else None
        return last.connection_id if last and self.whereabouts.is_here(last.url) else 0

    @property
    def running(self) -> Running | None:
        """Return the running statement, for observers in other threads."""
        return self.contexts[-1].running if self.contexts else None

    def end_connection(self) -> bool:
        """End the connection that has the lock; whether it was found."""
        return bool(self.contexts) and self.contexts[-1].end_connection()

    def failure(self, error: BaseException) -> Failure:
        """Return the failure event, which depends on what the failed run left behind."""
        failed = self._failed if self._failed or not self.contexts else self.contexts[-1]
        if failed is not None:
            others = [each.name for each in self.contexts if each is not failed and each.lost_stamps]
            return with_lost_stamps(failed.failure(error, cancelled=self.cancelled), others)
        found = failure_of(error, FailureContext("", None, self._diagnosis(error), self.cancelled))
        return with_wrong_option(found, self._errors.wrong_option)

    def _diagnosis(self, error: BaseException) -> Diagnosis:
        """By the database that was waited for: env.py has not connected yet, perhaps elsewhere."""
        return self._backend.diagnose(error, self.credentials.own_address().url)

    # ------------------------------------------------------------ env.py

    def visit(self, visitor: Visitor) -> None:
        """Run env.py. An error in one of its contexts is raised even if env.py swallowed or replaced it."""
        environment = Environment(self.files, self.credentials, self.settings.target)
        for attempt in range(1, TRIES + 1):
            try:
                with self.whereabouts.noted(), self._errors.noted():
                    environment.run(visitor, self.locks.end_run)
            except BaseException as error:  # noqa: BLE001  # what is not understood is raised again
                if attempt < TRIES and self._is_race(self._error or error):
                    self.stop.requested.wait(attempt * RACE_SECONDS)
                    self.contexts.clear()
                    self._error = None
                    continue
                self._raise(self._error or error)
            break
        if self._error:
            self._raise(self._error)

    def _is_race(self, error: BaseException) -> bool:
        """Return whether env.py collided with another replica before the lock: both created or read one object."""
        if self._failed or isinstance(error, StartupError) or any(each.lost_stamps for each in self.contexts):
            return False
        return str(self._backend.diagnose(error).error_code) in self._backend.collisions

    def _raise(self, error: BaseException) -> None:
        if isinstance(error, Left) or (isinstance(error, SystemExit) and not error.code and not self._error):
            return
        if isinstance(error, MigrationAborted):
            raise StartupError(self.failure(error.cause)) from error
        if isinstance(error, StopAsked | SupervisorEnded):
            raise error
        failure = error.failure if isinstance(error, StartupError) else self.failure(error)
        wrong = not self.contexts and self._errors.wrong_option
        begun, silent = bool(self.contexts), self.silent_seconds
        if not wrong and (diagnosis := interruption(error, self._backend, silent, begun=begun)):
            raise Interrupted(failure, diagnosis, silent) from error
        if isinstance(error, StartupError):
            raise error
        raise StartupError(failure, _worth_reading(error)) from error

    def enter(self, migrate: Callable[[], None]) -> None:
        """Run a context's work and remember its exception: env.py may raise another one on its way out."""
        entered = len(self.contexts)
        try:
            migrate()
        except BaseException as error:
            if not self._error:
                self._error, self._failed = error, self.contexts[-1] if len(self.contexts) > entered else None
            raise

    def check_whereabouts(self, context: "MigrationContext") -> None:
        """Check that env.py migrates, or has connected to, the database that was waited for.

        Raises:
            StartupError: with SettingsInvalid.
        """
        assert context.connection  # noqa: S101  # only such contexts are attended
        self.whereabouts.check(context.connection)

    def begin_once(self) -> None:
        """Call `begin` before the first change."""
        if not self._begun:
            self._begun = True
            self.begin()

    def name(self, context: "MigrationContext", arguments: dict[str, Any], taken: list[str]) -> str:
        """Return the name of a context; empty if it is the only one."""
        return name_of(context, arguments, taken) if self.env.several or taken else ""

    def _blocker(self, running: Running | None) -> Observation:
        """Return the last look that saw a session block the running statement."""
        statement, seen = self.blocked_by or (None, NOTHING_SEEN)
        return seen if statement == running else NOTHING_SEEN


def _worth_reading(error: BaseException) -> BaseException | None:
    """Return the error if its traceback helps: not if it names the SQL statement that failed."""
    return None if hasattr(error, "statement") and error.statement else error
