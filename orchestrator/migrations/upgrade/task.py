"""The upgrade as the supervisor runs it: after a stop the running revision may end, within a time limit."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

from orchestrator.databases import backend_for
from orchestrator.databases.connecting import Look, T, connected
from orchestrator.databases.diagnosis import TIMEOUT, Diagnosis, Verdict
from orchestrator.databases.interruption import Interrupted
from orchestrator.databases.session_check import check_lock_support
from orchestrator.databases.turn import Turn
from orchestrator.databases.waiting import wait_for_database
from orchestrator.errors import DatabaseUnreachable, StartupError
from orchestrator.events import Emit
from orchestrator.hooks.commands import HookName
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.position.target import Place, Target
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.env_file import EnvFile
from orchestrator.migrations.upgrade.life_signs import LifeSigns
from orchestrator.migrations.upgrade.progress import ProgressWatcher
from orchestrator.migrations.upgrade.runner import Upgrade
from orchestrator.migrations.upgrade.silence import SilenceWatch
from orchestrator.runtime.cancellation import unless_stopped
from orchestrator.runtime.concurrency import in_main_thread, untouched_event_loop
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.settings.model import Settings

KEPT_FOR_CANCELLING = 0.2  # of the shutdown budget
KEPT_FOR_THE_REST = 0.08  # of the shutdown budget, after cancelling
KEPT_FOR_LAST_EVENTS = 0.06  # of it, when all that ran beside is closed or given up
CLOSING_SECONDS = 0.2

_logger = logging.getLogger(__name__)


class UpgradeTask:
    """Brings one database to one target."""

    def __init__(self, settings: Settings, credentials: Credentials, stop: Stop, emit: Emit) -> None:
        self._settings, self._credentials, self._stop, self._emit = settings, credentials, stop, emit
        self._applied: Counter[str] = Counter()

    async def look(self, target: Target) -> list[Place]:
        """Return where the databases are, by env.py; without those after the first one that is behind."""
        upgrade = self._upgrade_of(target.env)
        looking = asyncio.ensure_future(self._watched_for_silence(upgrade, _as_alembic(upgrade.look)))
        # env.py continues when the caller gives up, and must be watched to its end.
        looking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        return await asyncio.shield(looking)

    async def _watched_for_silence(self, upgrade: Upgrade, work: Coroutine[Any, Any, T]) -> T:
        running = asyncio.ensure_future(work)
        watcher = ProgressWatcher(upgrade, self._credentials, self._settings, self._emit)
        with SilenceWatch(upgrade, watcher, self._credentials, self._settings) as watch:
            given_up = asyncio.create_task(watch.given_up())
            try:
                await asyncio.wait((running, given_up), return_when=asyncio.FIRST_COMPLETED)
            finally:
                await self._end(given_up)
            if not running.done():
                raise StartupError(_unheard(watch))
        return running.result()

    async def run_hook(self, name: HookName, *, locked: bool, revisions_applied: int) -> None:
        """Run one of the project's own commands, under the lock; without it if the database does not exist yet.

        Raises:
            StartupError: with LockTimeout or HookFailed.
            StopAsked: a stop was requested.
        """
        from orchestrator.migrations.upgrade.hooks import Hook

        hook = Hook(name, self._settings, self._credentials, self._stop, self._emit, revisions_applied)
        if locked:
            await self._wait_for(check_lock_support)
        await self._watched_for_silence(self._upgrade_of(EnvFile()), hook.run(locked=locked))

    async def upgrade(
        self, target: Target, asked: asyncio.Event, begin: Callable[[], None], turn: Turn[Any] | None = None
    ) -> int:
        """Run env.py, apply the pending revisions and check them; return how many this start has applied.

        Args:
            target: the target of this image.
            asked: ends the run between two revisions.
            begin: called before a change, if there is one to make.
            turn: ends when the migration lock is taken.

        Raises:
            StartupError: with a failure of the scripts, the lock or a revision.
            StopAsked: `asked` was set, and the run ended between two revisions.
        """
        loop = asyncio.get_running_loop()

        async def begin_here() -> None:
            begin()
            if not (turn and turn.has_checked):  # otherwise it has just been checked
                await unless_stopped(asked, self._check_lock_support())

        upgrade = self._upgrade_of(target.env)
        if turn:
            upgrade.locks.taken = turn.end
        upgrade.begin = lambda: asyncio.run_coroutine_threadsafe(begin_here(), loop).result()
        try:
            await self._run(upgrade, asked)
        except Interrupted:
            self._applied.update({context.name: context.committed for context in upgrade.contexts})
            raise
        if upgrade.stopped:
            raise StopAsked
        return self._applied.total() + sum(len(context.applied) for context in upgrade.contexts)

    def _upgrade_of(self, env: EnvFile) -> Upgrade:
        files = AlembicFiles.of(self._settings)
        upgrade = Upgrade(files, self._credentials, self._settings, self._stop, self._emit, env)
        upgrade.applied_before = dict(self._applied)
        return upgrade

    async def _run(self, upgrade: Upgrade, asked: asyncio.Event) -> None:
        """Run the upgrade in the main thread and watch it.

        After a stop the running revision may end, within the budget.
        """
        running = asyncio.ensure_future(_as_alembic(upgrade.run))
        watcher = ProgressWatcher(upgrade, self._credentials, self._settings, self._emit)
        signs = LifeSigns(upgrade.locks, self._credentials, self._settings)
        beside = [asyncio.create_task(each) for each in (watcher.watch(), signs.show())]
        stop = asyncio.create_task(asked.wait())
        with SilenceWatch(upgrade, watcher, self._credentials, self._settings) as watch:
            given_up = asyncio.create_task(watch.given_up())
            try:
                await asyncio.wait((running, stop, given_up), return_when=asyncio.FIRST_COMPLETED)
                if given_up.done() and not running.done():
                    raise StartupError(_unheard(watch))
                if not running.done():
                    await self._finish(upgrade, running, watcher)
            finally:
                await self._end(*beside, stop, given_up)
        if not running.done():
            error = TimeoutError("its statement continued after it was cancelled")
            raise StartupError(upgrade.failure(error))
        running.result()

    async def _finish(self, upgrade: Upgrade, running: asyncio.Future[None], watcher: ProgressWatcher) -> None:
        """Let the revision end within the budget (less a fifth) if it is not blocked; then cancel its statement."""
        blocked = asyncio.create_task(watcher.until_blocked())
        left = self._stop.remaining_seconds(keep=KEPT_FOR_CANCELLING)
        await asyncio.wait((running, blocked), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        await self._end(blocked)
        if running.done():
            return
        upgrade.cancelled = True
        left = self._stop.remaining_seconds(keep=KEPT_FOR_THE_REST)
        cancelling = asyncio.create_task(self._cancel(upgrade, left))
        await asyncio.wait({running}, timeout=left)
        await self._end(cancelling)

    async def _end(self, *tasks: asyncio.Task[Any]) -> None:
        """Cancel the tasks and let them close their connections, which takes long if the server is silent."""
        for task in tasks:
            task.cancel()
        left = (
            self._stop.remaining_seconds(keep=KEPT_FOR_LAST_EVENTS)
            if self._stop.requested.is_set()
            else CLOSING_SECONDS
        )
        await asyncio.wait(tasks, timeout=min(CLOSING_SECONDS, left))

    async def _cancel(self, upgrade: Upgrade, timeout_seconds: float) -> None:
        """Cancel the running statement from a second connection: it would continue after our client disconnects."""
        try:
            backend = backend_for(self._credentials.own_address().url.get_backend_name())
            if sql := backend.cancel_sql(upgrade.connection_id):
                await connected(
                    self._credentials,
                    lambda connection, _: connection.exec_driver_sql(sql),
                    timeout_seconds=timeout_seconds,
                )
        except Exception as error:  # noqa: BLE001  # whatever driver or address say: the process ends anyway
            _logger.warning("The running statement could not be cancelled: %r", error)

    async def _check_lock_support(self) -> None:
        """Check it for a short time only: env.py's connection is open, and others may need it to end their work.

        Raises:
            StartupError: with DatabaseRefused: the lock would protect nothing, or Interrupted: there was no answer.
        """
        try:
            await self._wait_for(check_lock_support, within_seconds=self._settings.connect_timeout_seconds)
        except StartupError as error:
            if not isinstance(failure := error.failure, DatabaseUnreachable):
                raise
            seen = failure.error_type, failure.error_code, failure.error_message
            raise Interrupted(failure, Diagnosis(Verdict.RETRY, *seen)) from error

    async def _wait_for(self, look: Look[T], *, within_seconds: float | None = None) -> T:
        found = await wait_for_database(
            self._credentials,
            look,
            budget_seconds=within_seconds or self._settings.wait_timeout_seconds,
            attempt_seconds=self._settings.connect_timeout_seconds,
            emit=self._emit,
        )
        return found.seen


def _unheard(watch: SilenceWatch) -> DatabaseUnreachable:
    """The failure when nothing was heard for the whole budget, and env.py waits on."""
    message = "no connection to the database is answered any more, and env.py still waits on one"
    seconds = round(watch.silent_seconds, 3)
    return DatabaseUnreachable(attempts=watch.looks, waited_seconds=seconds, **TIMEOUT.found("", message).fields())


async def _as_alembic(function: Callable[[], T]) -> T:
    """Run a function that imports revisions or runs env.py as `alembic` would: in the main thread, without a loop."""
    return await in_main_thread(untouched_event_loop()(function), name="migration")
