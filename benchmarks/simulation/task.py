"""One task of the fleet: the orchestrator's own waiting, pauses, lines and lock guard, on a simulated server.

What it replaces is the wire: `connecting._once` (a connection and a look on it), and the connection below the real lock
(see `session`). The lock guard is synchronous: it runs in a greenlet, in which a pause gives way to the other tasks.
"""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from pymysql.err import OperationalError
from sqlalchemy.util import await_only, greenlet_spawn

from benchmarks.simulation.server import Server
from benchmarks.simulation.session import Session
from orchestrator.databases import Backend, connecting, waiting
from orchestrator.databases.diagnosis import BUSY, Diagnosis, Verdict
from orchestrator.databases.interruption import Interrupted
from orchestrator.databases.mysql.lock import NamedLock
from orchestrator.errors import DatabaseUnreachable, StartupError
from orchestrator.events import Event
from orchestrator.migrations.upgrade import interruptions, lock_guard, lock_wait
from orchestrator.migrations.upgrade.interruptions import Interruptions
from orchestrator.migrations.upgrade.lock_guard import LockGuard
from orchestrator.migrations.upgrade.resting import rest_seconds
from orchestrator.settings.model import Settings
from tests.unit.environments import read

_CREDENTIALS = read(DATABASE_URL="mysql+asyncmy://app:x@database/shop")
_FULL = BUSY.found(1040, "Too many connections")
_UNREACHED = DatabaseUnreachable(attempts=1, waited_seconds=0.0, **_FULL.fields())
_NOT_AT_HEAD = Diagnosis(Verdict.RETRY, "not_at_head", "", "the database is behind this image")
_RESTART_SECONDS = 30.0  # until the platform starts a task again that has failed


@dataclass
class Task:
    """A task, and what it wrote.

    Attributes:
        migration_seconds: how long the first one migrates if revisions are pending.
        pool: connections that the app opens when it serves.
        migrates: with ORCHESTRATOR_MIGRATE=false it waits until another one has migrated.
        served_at: when it served, in virtual seconds.
        deaths: how often it ended instead.
    """

    server: Server
    settings: Settings
    migration_seconds: float
    pool: int
    migrates: bool = True
    served_at: float = 0.0
    deaths: int = 0
    events: list[Event] = field(default_factory=list)

    async def run(self) -> None:
        """Start; start again after a failure, as the platform would."""
        while not self.served_at:
            await asyncio.sleep(self.server.costs.boot_seconds * random.uniform(0.8, 1.2))  # noqa: S311  # no secret
            try:
                await self._start()
            except (StartupError, OperationalError):
                self.deaths += 1
                await asyncio.sleep(_RESTART_SECONDS)

    async def _start(self) -> None:
        await self._wait_for(_look if self.migrates else _look_for_head, self.settings.wait_timeout_seconds)
        if self.migration_seconds and self.migrates:
            await self._ask_for_turn()
            await self._continued_upgrade()
        self.served_at = asyncio.get_running_loop().time()
        for _ in range(self.pool):
            await self._open_for_app()

    async def _ask_for_turn(self) -> None:
        """Log in for `databases.turn`; in a migration of a minute, a turn changes nothing else."""
        with contextlib.suppress(OperationalError):
            await _once(self.server, _look)

    async def _wait_for(self, look: Callable[[Any, Backend], Awaitable[None]], budget_seconds: float) -> None:
        await waiting.wait_for_database(
            _CREDENTIALS,
            look,
            budget_seconds=budget_seconds,
            attempt_seconds=self.settings.connect_timeout_seconds,
            emit=self._emit,
        )

    async def _continued_upgrade(self) -> None:
        """Run env.py until it was not interrupted, as `Preparation` does; while the server is full, hold nothing."""
        noted = Interruptions(self._emit, self.settings.wait_timeout_seconds)
        while True:
            await asyncio.sleep(self.server.costs.env_seconds)
            try:
                await self._upgrade()
            except (OperationalError, StartupError) as error:
                failure = error.failure if isinstance(error, StartupError) else _UNREACHED
                await asyncio.sleep(noted.note(Interrupted(failure, _FULL)))
                await self._wait_for(_look, self.settings.wait_timeout_seconds)
            else:
                return

    async def _upgrade(self) -> None:
        """What env.py's run does: its login, the check of the lock, the lock, the work, one more look."""
        connection = await self.server.login()
        try:
            await self._wait_for(_look, self.settings.connect_timeout_seconds)
            await greenlet_spawn(self._under_lock, Session(self.server, connection))
        finally:
            self.server.logout()
        await self._wait_for(_look, self.settings.wait_timeout_seconds)

    def _under_lock(self, session: Session) -> None:
        """What `RunLocks.take` does on a connection, then the migration, or the look that finds it done."""
        lock = NamedLock(session)
        lock.prepare(
            ddl_lock_timeout_seconds=self.settings.ddl_lock_timeout_seconds, rest_seconds=rest_seconds(self.settings)
        )
        guard = LockGuard(lock, self._emit, session)
        stop: Any = SimpleNamespace(requested=SimpleNamespace(wait=_pause))
        guard.acquire(self.settings, stop, record=lambda: str(await_only(self.server.query("journal"))))
        if self.server.migrated:
            await_only(asyncio.sleep(self.server.costs.recheck_seconds))
        else:
            await_only(asyncio.sleep(self.migration_seconds))
            self.server.migrated = True
        guard.release()

    async def _open_for_app(self) -> None:
        try:
            await self.server.login()
        except OperationalError:
            self.server.meter.add("the app was refused")

    def _emit(self, event: Event) -> None:
        self.events.append(event)
        self.server.meter.add("lines")


def _pause(seconds: float) -> bool:
    await_only(asyncio.sleep(seconds))
    return False


async def _look(connection: Any, _backend: Backend) -> None:
    await connection.query("positions")


async def _look_for_head(connection: Any, backend: Backend) -> None:
    await _look(connection, backend)
    if not connection.migrated:
        raise connecting.NotReadyError(_NOT_AT_HEAD)


async def _once(server: Server, look: Callable[[Any, Any], Any]) -> Any:
    await server.login()
    try:
        return await look(server, None)
    finally:
        server.logout()


@contextmanager
def on(server: Server) -> Iterator[None]:
    """Let the orchestrator's code meet this server and the loop's clock instead of a network and the real time."""

    async def once(_url: object, _arguments: object, look: Callable[[Any, Any], Any], _backend: object) -> Any:
        return await _once(server, look)

    clock = SimpleNamespace(monotonic=lambda: asyncio.get_running_loop().time())
    with ExitStack() as patches:
        patches.enter_context(patch.object(connecting, "_once", once))
        for module in (lock_guard, lock_wait, interruptions):
            patches.enter_context(patch.object(module, "time", clock))
        yield
