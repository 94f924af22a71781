"""Runs the project's own commands before and after the migration, under the migration lock.

They hold the lock on a separate connection, and not while revisions are applied. Revisions hold it on env.py's
connection, because a server continues a statement even if its client was killed.
"""

import asyncio
import os
import shlex
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchestrator.databases import Backend, backend_for
from orchestrator.databases.connecting import connected
from orchestrator.errors import DatabaseUnreachable, HookFailed, StartupError
from orchestrator.events import Emit, HookCompleted, HookProgress, HookStarted
from orchestrator.hooks.commands import HookName, command_of
from orchestrator.hooks.process import HookProcess
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.upgrade.lock_guard import LockGuard
from orchestrator.migrations.upgrade.resting import rest_seconds
from orchestrator.runtime.concurrency import in_daemon_thread
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

TICK_SECONDS = 0.5  # longest idle time of the lock's connection: activity shows waiting replicas progress
GRACE_SECONDS = 5.0  # between SIGTERM and SIGKILL, after the time limit
KEPT_FOR_THE_REST = 0.3  # of the shutdown budget, after a hook was stopped


_HINTS = {
    "lock_lost": "The command was ended because the connection with the lock was lost: look at the database and the "
    "network. The next start runs the command again, so it must be repeatable.",
    "hook_timeout": "Raise ORCHESTRATOR_HOOK_TIMEOUT_SECONDS, or let the command do less: `output` has the end of "
    "what it wrote. The next start runs it again, so it must be repeatable.",
}


@dataclass
class Hook:
    """One command, in one start.

    Attributes:
        revisions_applied: by this start, before the hook.
    """

    name: HookName
    settings: Settings
    credentials: Credentials
    stop: Stop
    emit: Emit
    revisions_applied: int = 0

    async def run(self, *, locked: bool) -> None:
        """Wait for the lock, then run the command; without the lock if the database does not exist yet.

        Raises:
            StartupError: with LockTimeout or HookFailed.
            StopAsked: a stop was requested; the command was ended.
        """
        run = (lambda: asyncio.run(self._connected())) if locked else (lambda: self._run(None))
        await in_daemon_thread(run, name=self.name)

    async def _connected(self) -> None:
        async def turn(connection: "AsyncConnection", backend: Backend) -> None:
            await connection.run_sync(self._turn, backend)

        try:
            await connected(self.credentials, turn, timeout_seconds=None)
        except (StartupError, StopAsked):
            raise
        except Exception as error:
            url = self.credentials.own_address().url
            diagnosis = backend_for(url.get_backend_name()).diagnose(error, url)
            raise StartupError(DatabaseUnreachable(attempts=1, waited_seconds=0.0, **diagnosis.fields())) from error

    def _turn(self, connection: "Connection", backend: Backend) -> None:
        real = connection.connection.dbapi_connection
        lock = backend.lock(real)
        lock.prepare(
            ddl_lock_timeout_seconds=self.settings.ddl_lock_timeout_seconds, rest_seconds=rest_seconds(self.settings)
        )
        guard = LockGuard(lock, self.emit, real)
        guard.acquire(self.settings, self.stop)
        guard.tell(f"the hook {self.name}")
        try:
            self._run(guard)
        finally:
            guard.release()

    # ------------------------------------------------------------ the command

    def _run(self, guard: LockGuard | None) -> None:
        command = command_of(self.settings, self.name)
        self.emit(HookStarted(hook=self.name, command=command))
        began = time.monotonic()
        process = HookProcess(shlex.split(command), _environ(os.environ))
        try:
            code = self._watched(process, guard, began)
        except (StartupError, StopAsked):  # an earlier step has ended it
            raise
        except BaseException:
            process.end(GRACE_SECONDS)
            raise
        if code:
            raise self._failed("hook_exit", f"it ended with exit code {code}", code, process)
        self.emit(HookCompleted(hook=self.name, command=command, duration_seconds=round(time.monotonic() - began, 3)))

    def _watched(self, process: HookProcess, guard: LockGuard | None, began: float) -> int:
        """Watch the command and return its exit code."""
        limit, heartbeat = self.settings.hook_timeout_seconds, self.settings.heartbeat_seconds
        next_report = began + heartbeat
        while (code := process.wait(min(TICK_SECONDS, limit / 4))) is None:
            seconds = time.monotonic() - began
            if self.stop.requested.is_set():
                process.end(self.stop.remaining_seconds(keep=KEPT_FOR_THE_REST))
                raise StopAsked
            if seconds >= limit:
                code = process.end(GRACE_SECONDS)
                raise self._failed("hook_timeout", f"it did not end within {limit:g} s", code, process)
            if guard and _is_lost(guard):
                code = process.end(GRACE_SECONDS)
                raise self._failed("lock_lost", f"the migration lock {guard.name} was lost meanwhile", code, process)
            if time.monotonic() >= next_report:
                next_report += heartbeat
                self.emit(HookProgress(hook=self.name, hook_seconds=round(seconds, 3)))
        return code

    def _failed(self, error_type: str, message: str, code: int, process: HookProcess) -> StartupError:
        return StartupError(
            HookFailed(
                error_type=error_type,
                error_message=message,
                hint=_HINTS.get(error_type, ""),
                hook=self.name,
                command=command_of(self.settings, self.name),
                hook_exit_code=code,
                output=process.tail,
                revisions_applied=self.revisions_applied,
            )
        )


def _is_lost(guard: LockGuard) -> bool:
    """Return whether the lock is lost. The query also keeps the connection from being idle."""
    try:
        ours = guard.is_ours()
        guard.connection.commit()  # the query may have begun a transaction
    except Exception:  # noqa: BLE001  # whatever the driver says of a connection that is gone
        return True
    return not ours


def _environ(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment as the app will see it."""
    return {name: value for name, value in environ.items() if not name.startswith("MIGRATION_DATABASE_")}
