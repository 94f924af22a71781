"""The migration locks of a run of env.py, one for each database that it migrates."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from orchestrator.databases import backend_for
from orchestrator.dialects import is_file
from orchestrator.events import Emit
from orchestrator.migrations.upgrade.lock_guard import LockGuard
from orchestrator.migrations.upgrade.resting import can_be_judged, rest_seconds
from orchestrator.migrations.upgrade.version_table import readable_entries
from orchestrator.runtime.stop import Stop
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import URL, Connection

_logger = logging.getLogger(__name__)


class RunLocks:
    """Takes the lock for each connection that env.py gives Alembic.

    Attributes:
        taken: called when a lock was taken.
    """

    def __init__(self, settings: Settings, stop: Stop, is_here: Callable[["URL"], bool] = lambda _: True) -> None:
        """`is_here` returns whether an address leads to the server that was waited for."""
        self._settings, self._stop, self._is_here = settings, stop, is_here
        self._guards: list[LockGuard] = []
        self.taken: Callable[[], None] = lambda: None

    @property
    def held(self) -> list[LockGuard]:
        """Return the locks that are held now; for observers in other threads too."""
        return [guard for guard in self._guards if guard.is_held]

    def take(self, context: "MigrationContext", emit: Emit) -> LockGuard:
        """Return the lock for the database of this context; the same one if env.py configures its connection again.

        Args:
            context: as configured by env.py.
            emit: reports what happens to the lock.

        Raises:
            StartupError: with LockTimeout.
            StopAsked: a stop was requested during the wait.
        """
        connection = context.connection
        assert connection  # noqa: S101  # only such contexts are attended
        real = connection.connection.dbapi_connection
        lock = backend_for(connection.dialect.name).lock(real)
        held = self.held
        for guard in held:
            if (
                guard.connection is real and guard.name == lock.name
            ):  # after `USE`, the same connection needs another lock
                guard.begin_work()
                return guard
        lock.prepare(
            ddl_lock_timeout_seconds=self._settings.ddl_lock_timeout_seconds,
            rest_seconds=rest_seconds(self._settings),
            shows_life=can_be_judged(self._settings) and self._is_here(connection.engine.url),
        )
        guard = LockGuard(lock, emit, real)
        guard.acquire(self._settings, self._stop, record=lambda: _journal(context, connection), others=held)
        self.taken()
        guard.follow(connection)
        self._guards.append(guard)
        return guard

    def end_run(self) -> None:
        """Release what is left, because env.py has ended."""
        for guard in reversed(self._guards):
            guard.end_run()
        self._guards.clear()


def _journal(context: "MigrationContext", connection: "Connection") -> str:
    """Return the journal's rows as text. Empty for a file: reading it would block the holder."""
    if is_file(connection.dialect.name):
        return ""
    try:
        return repr(readable_entries(context))
    except Exception as error:  # noqa: BLE001  # it is not worth failing for
        _logger.debug("The journal cannot be read while waiting for the lock: %s", error)
        return ""
    finally:
        connection.connection.dbapi_connection.rollback()  # type: ignore[union-attr]  # it is connected
