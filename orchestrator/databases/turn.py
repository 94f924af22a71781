"""The turn: of replicas that start together, one prepares and migrates, and the others wait without work of their own.

Without it, each of them imports Alembic and runs env.py, and the one that migrates competes with all of them for the
processor. The turn protects nothing, the migration lock does that: who gets no turn within the limits below continues
without one. It ends as soon as its replica has the migration lock. The next one then waits for that lock for a moment,
looks at the database again, and usually finds it at head.
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any, Generic, Self

from orchestrator.databases.connecting import Look, T, connected
from orchestrator.databases.session_check import check_lock_support
from orchestrator.logins.credentials import Credentials

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases import Backend, MigrationLock

TURN_SECONDS = 5.0
"""How long to wait for a turn: much longer than an import of Alembic and a run of env.py take."""
LOCK_SECONDS = 1.0
"""How long to wait for the migration lock. Who waits longer says so, in a run of env.py."""
REST_SECONDS = 60.0
"""How long a session may keep the turn: its host may have vanished."""
_SILENT_SECONDS = 3.0  # a server that has not answered for so long is left to those who know how to wait for it
_CLOSING_SECONDS = 0.2

_logger = logging.getLogger(__name__)


class Turn(Generic[T]):
    """One replica's turn. Use it as a context manager, in the supervisor's loop."""

    def __init__(self, credentials: Credentials, look: Look[T]) -> None:
        self._credentials, self._look = credentials, look
        self._loop = asyncio.get_running_loop()
        self._seen: asyncio.Future[T] = self._loop.create_future()
        self._over = asyncio.Event()
        self._has_lock = False

    async def __aenter__(self) -> Self:
        """Begin to wait for it."""
        self._held = asyncio.ensure_future(connected(self._credentials, self._hold, timeout_seconds=None))
        self._held.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # `seen` reports it
        return self

    async def __aexit__(self, *_: object) -> None:
        """End it, and close its connection."""
        self._over.set()
        if not self._seen.done():
            self._held.cancel()
        await asyncio.wait({self._held}, timeout=_CLOSING_SECONDS)
        self._held.cancel()

    @property
    def has_checked(self) -> bool:
        """Return whether the server's sessions have been checked for the migration lock that is taken next."""
        return self._seen.done() and not self._has_lock

    async def look(self, before: T) -> T:
        """Return what a look shows at the beginning of the turn; `before` if there is none, for whatever reason."""
        limit = TURN_SECONDS + LOCK_SECONDS + _SILENT_SECONDS
        futures: set[asyncio.Future[Any]] = {self._held, self._seen}
        await asyncio.wait(futures, timeout=limit, return_when=asyncio.FIRST_COMPLETED)
        if self._seen.done():
            return self._seen.result()
        if self._held.done() and (error := self._held.exception()):
            _logger.debug("There is no turn to migrate: %r", error)
        self._held.cancel()  # env.py may miss the connection that it has
        return before

    def end(self) -> None:
        """End it, from any thread: this replica has the migration lock."""
        self._has_lock = True
        self._loop.call_soon_threadsafe(self._over.set)

    def give_up(self) -> None:
        """End it without the lock: env.py may miss the connection that the turn has."""
        self._over.set()

    async def _hold(self, connection: "AsyncConnection", backend: "Backend") -> None:
        try:
            await self._wait_and_hold(connection, backend)
        except BaseException:  # asyncmy makes its own error of a cancellation
            await connection.invalidate()  # a question may be open: the rollback would fail, and be logged as an error
            raise

    async def _wait_and_hold(self, connection: "AsyncConnection", backend: "Backend") -> None:
        await check_lock_support(connection, backend)  # in a pool of transactions, a lock would stay behind

        def lock_of(sync_connection: "Connection") -> "MigrationLock":
            return backend.lock(sync_connection.connection.dbapi_connection)

        lock = await connection.run_sync(lock_of)
        if turn := lock.turn():
            await connection.run_sync(lambda _: _limit(turn))
            if not await _taken(connection, turn, TURN_SECONDS):
                return
        if not await _taken(connection, lock, LOCK_SECONDS):
            return
        # A look may fail or take long, and env.py's own connection would wait for the lock that is held meanwhile.
        await connection.run_sync(lambda _: lock.release())
        self._seen.set_result(await self._look(connection, backend))
        await self._over.wait()


def _limit(turn: "MigrationLock") -> None:
    turn.prepare(ddl_lock_timeout_seconds=LOCK_SECONDS, rest_seconds=REST_SECONDS)


async def _taken(connection: "AsyncConnection", lock: "MigrationLock", limit_seconds: float) -> bool:
    """Return whether the lock was free within so many seconds, and is ours."""
    end = time.monotonic() + limit_seconds
    while not await connection.run_sync(lambda _: lock.try_acquire()):
        if time.monotonic() >= end:
            return False
        await asyncio.sleep(lock.pause_seconds)
    return True
