"""The migration lock on one of env.py's connections: waiting for it, and keeping it until the work has ended."""

import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import event

from orchestrator.databases import MigrationLock
from orchestrator.databases.diagnosis import innermost_message
from orchestrator.errors import MigrationFailed, MigrationHalfApplied
from orchestrator.events import Emit, LockAcquired, LockReleased
from orchestrator.migrations.upgrade.lock_wait import LockWait
from orchestrator.runtime.stop import Stop
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

_LOST = (
    "No statement was started without the lock. Find out what ended the session (an administrator, a"
    " failover, wait_timeout of the server, a pool in between), or look for a revision that releases"
    " locks. Then start again."
)

_logger = logging.getLogger(__name__)


class LockGuard:
    """The migration lock, from the first attempt until its release.

    Attributes:
        connection: the DBAPI connection that holds it.
        loss: the driver's error when the connection was found to be lost.
        fresh_seconds: as in `MigrationLock`.
        tells: as in `MigrationLock`.
        held_at: when the database reported to `lost` that it is held, by time.monotonic().
        rests_since: since when no statement of a revision has run, by time.monotonic(); None while one runs.
        limit_seconds: how long the session may rest because this process cannot show life; 0 while it can.
    """

    def __init__(self, lock: MigrationLock, emit: Emit, connection: Any) -> None:
        self.connection, self.fresh_seconds, self.tells = connection, lock.fresh_seconds, lock.tells
        self.held_at = float("-inf")
        self._lock, self._emit = lock, emit
        self.loss: Exception | None = None
        self._acquired_at: float | None = None
        self.rests_since: float | None = None
        self.limit_seconds = 0.0
        self._lender: LockGuard | None = None
        self._work_is_done = self._has_failed = False
        self._listeners: list[tuple[Any, str, Any]] = []

    @property
    def name(self) -> str:
        """Return the lock's name, which identifies the database."""
        return self._lock.name

    @property
    def is_held(self) -> bool:
        """Return whether it was acquired and not released; `lost` asks the database."""
        return self._acquired_at is not None

    @property
    def shows_life(self) -> bool:
        """Return whether it is held, and this process promised to show life while the session runs no statement."""
        return self.is_held and self._lock.shows_life

    @property
    def rest_seconds(self) -> float:
        """Return how long the session may run no statement before it may be ended; infinite if it never is."""
        return self.limit_seconds or self._lock.rest_seconds

    @property
    def rested_seconds(self) -> float:
        """Return for how long no statement of a revision has run; 0 while one runs."""
        since = self.rests_since
        return time.monotonic() - since if since else 0.0

    @property
    def connection_id(self) -> int:
        """Return the server's id of the connection; 0 if connections have no id."""
        return self._lock.connection_id()

    # ------------------------------------------------------------ taking it

    def acquire(
        self,
        settings: Settings,
        stop: Stop,
        *,
        record: Callable[[], str] = str,
        others: Sequence[Self] = (),
    ) -> None:
        """Poll until the lock is acquired.

        Args:
            settings: how long to wait, and how often to report.
            stop: ends the wait.
            record: returns a text that changes whenever the holder's journal does.
            others: guards of this run; one that holds the same lock on another connection shares it.

        Raises:
            StartupError: with LockTimeout, which names the holder and why it counts as stuck.
            StopAsked: a stop was requested during the wait.
        """
        began = time.monotonic()

        def is_shared() -> bool:
            self._lender = next((other for other in others if other.has(self._lock)), None)
            return self._lender is not None

        acquired = LockWait(self._lock, settings, stop, self._emit, record).until(is_shared)
        self._acquired_at = self.rests_since = time.monotonic()
        if acquired:
            waited = round(self._acquired_at - began, 3)
            self._emit(LockAcquired(lock_name=self._lock.name, waited_seconds=waited))

    def has(self, lock: MigrationLock) -> bool:
        """Return whether `lock`, seen from another connection, is this one."""
        return lock.name == self._lock.name and lock.held_by() == self._lock.connection_id()

    # ------------------------------------------------------------ holding it

    def lost(self, *, half_applied: bool) -> MigrationFailed | MigrationHalfApplied | None:
        """Return the failure if the lock or its connection is lost; None if the lock is still held.

        Args:
            half_applied: whether changes stay although the work around them is not committed.
        """
        try:
            if self.is_ours():
                self.held_at = time.monotonic()
                return None
            cause = "a statement released it, or the connection has another session now"
        except Exception as error:  # noqa: BLE001  # whatever the driver says of a connection that is gone
            self.loss, cause = error, innermost_message(error)
        return (MigrationHalfApplied if half_applied else MigrationFailed)(
            error_type="lock_lost",
            error_message=f"this process lost the migration lock {self._lock.name}: {cause}",
            hint="" if half_applied else _LOST,
            revision="",
            statement_index=0,
            statement="",
            statements_done=0,
        )

    def is_gone(self) -> bool:
        """Return whether the database reports the lock as lost.

        False if the database cannot be asked: the next statement will fail then.
        """
        try:
            return not self.is_ours()
        except Exception:  # noqa: BLE001  # the connection is lost, or its transaction is broken
            return False

    def is_lost(self) -> bool:
        """Return whether the lock or its connection is lost; True too if the database cannot be asked."""
        try:
            return not self.is_ours()
        except Exception:  # noqa: BLE001  # whatever the driver says of a connection that is gone
            return True

    def is_ours(self) -> bool:
        """Return whether the database reports that this session holds the lock.

        Raises:
            Exception: the driver's, if the connection is lost.
        """
        if self._lender:
            return self._lender.is_held and self._lender.is_ours()
        held = self._lock.is_held()
        self.rests_since = time.monotonic()
        return held

    def tell(self, statement: str) -> None:
        """Note the running statement (empty: none), and publish it for waiting replicas."""
        self.rests_since = None if statement else time.monotonic()
        self._lock.tell(statement)

    # ------------------------------------------------------------ releasing it

    def begin_work(self) -> None:
        """Note that the lock is needed from now on."""
        self._work_is_done = self._has_failed = False

    def work_is_done(self) -> None:
        """Allow the release together with the connection: env.py may use the connection further."""
        self._work_is_done = True

    def work_has_failed(self) -> None:
        """Allow its release in the same way: nothing more is applied, and a lost connection need not be reported."""
        self._work_is_done = self._has_failed = True

    def follow(self, connection: "Connection") -> None:
        """Release the lock when this connection returns to its pool, and not when another one does."""
        lent = 1  # a StaticPool lends one connection several times

        def out(dbapi_connection: Any, *_: Any) -> None:
            nonlocal lent
            lent += dbapi_connection is self.connection

        def back(dbapi_connection: Any, *_: Any) -> None:
            nonlocal lent
            lent -= dbapi_connection is self.connection
            if dbapi_connection is self.connection and not lent and self._work_is_done:
                self.release()

        self._listeners = [(connection.engine.pool, "checkout", out), (connection.engine.pool, "checkin", back)]
        for listener in self._listeners:
            event.listen(*listener)

    def end_run(self) -> None:
        """Release the lock of a connection that env.py kept open."""
        if self._work_is_done:
            self.release()
        for listener in self._listeners:
            event.remove(*listener)
        self._listeners = []

    def release(self) -> None:
        """Release the lock once; a lost connection has released it already."""
        if self._acquired_at is None:
            return
        held, self._acquired_at = time.monotonic() - self._acquired_at, None
        try:
            self._lock.release()
        except Exception as error:  # noqa: BLE001  # the work is done, and is looked after by others
            _logger.log(
                logging.DEBUG if self._has_failed else logging.WARNING,
                "The connection was lost before the migration lock %s was released; the lock ends with it: %s",
                self._lock.name,
                innermost_message(error),
            )
            return
        if not self._lender:
            self._emit(LockReleased(lock_name=self._lock.name, held_seconds=round(held, 3)))
