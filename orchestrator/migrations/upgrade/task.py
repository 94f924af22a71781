"""The upgrade as the supervisor sees it: the main thread may end its revision after a stop, but not without limit."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from orchestrator.concurrency import in_main_thread, unless_stopped, untouched_event_loop
from orchestrator.credentials import Credentials
from orchestrator.databases import backend_for
from orchestrator.databases.session_check import check_lock_support
from orchestrator.databases.waiting import Look, T, connected, wait_for_database
from orchestrator.errors import MigrationFailed, MigrationHalfApplied, StartupError
from orchestrator.events import Emit, MigrationsCompleted, MigrationsPlanned
from orchestrator.migrations.position.database_state import readiness_check
from orchestrator.migrations.position.lineage import Position
from orchestrator.migrations.position.target import Target
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.scripts.tree import names
from orchestrator.migrations.upgrade.progress import ProgressWatcher
from orchestrator.migrations.upgrade.runner import Upgrade
from orchestrator.settings import Settings
from orchestrator.stop import Stop, StopAsked

KEPT_FOR_CANCELLING = 0.2  # of the shutdown budget
KEPT_FOR_THE_REST = 0.08  # of the shutdown budget, after cancelling
KEPT_FOR_LAST_EVENTS = 0.06  # of it, when all that ran beside is closed or given up
CLOSING_SECONDS = 0.2

_logger = logging.getLogger(__name__)


class UpgradeTask:
    """Brings one database to one target."""

    def __init__(self, settings: Settings, credentials: Credentials, stop: Stop, emit: Emit) -> None:
        self._settings, self._credentials, self._stop, self._emit = settings, credentials, stop, emit

    async def position_by_alembic(self) -> Position:
        """Where the database is, where env.py alone knows the version table."""
        upgrade = self._new_upgrade()
        await _as_alembic(upgrade.load)
        return await _as_alembic(upgrade.position)

    async def upgrade(self, target: Target, position: Position, asked: asyncio.Event) -> Position:
        """Apply what a database at `position` lacks, and see that it is there; returns where the database is then.

        Raises:
            StartupError: with a failure of the scripts, the lock or a revision.
            StopAsked: `asked` was set, and the run ended between two revisions.
        """
        began = time.monotonic()
        upgrade = self._new_upgrade()
        await _as_alembic(upgrade.load)
        self._emit(_planned(target, position))
        await unless_stopped(asked, self._wait_for(check_lock_support))
        await self._run(upgrade, asked)
        if upgrade.stopped:
            raise StopAsked
        now = await self._confirmed(upgrade, target)
        self._emit(
            MigrationsCompleted(
                applied_count=len(upgrade.applied),
                current_revision=names(now.heads),
                duration_seconds=round(time.monotonic() - began, 3),
            )
        )
        return now

    def _new_upgrade(self) -> Upgrade:
        files = AlembicFiles.of(self._settings)
        return Upgrade(files, self._credentials, self._settings, self._stop, self._emit)

    async def _run(self, upgrade: Upgrade, asked: asyncio.Event) -> None:
        """Run it in the main thread, watched; after a stop the running revision may end, within the budget."""
        running = asyncio.ensure_future(_as_alembic(upgrade.run))
        watcher = ProgressWatcher(upgrade, self._credentials, self._settings, self._emit)
        watching, stop = asyncio.create_task(watcher.watch()), asyncio.create_task(asked.wait())
        try:
            await asyncio.wait((running, stop), return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await self._finish(upgrade, running, watcher)
        finally:
            await self._end(watching, stop)
        if not running.done():
            error = TimeoutError("its statement went on after it was cancelled")
            raise StartupError(upgrade.failure(error))
        running.result()

    async def _finish(self, upgrade: Upgrade, running: asyncio.Future[None], watcher: ProgressWatcher) -> None:
        """Let the revision end, up to a fifth of the budget, unless it waits for others; else cancel its statement."""
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
        """Cancel them, and let them close their connections; one to a server that is silent does not close for long."""
        for task in tasks:
            task.cancel()
        left = (
            self._stop.remaining_seconds(keep=KEPT_FOR_LAST_EVENTS)
            if self._stop.requested.is_set()
            else CLOSING_SECONDS
        )
        await asyncio.wait(tasks, timeout=min(CLOSING_SECONDS, left))

    async def _cancel(self, upgrade: Upgrade, timeout_seconds: float) -> None:
        """End the running statement from a second connection: a client that goes away does not end it."""
        backend = backend_for(self._credentials.own_address().url.get_backend_name())
        sql = backend.cancel_sql(upgrade.connection_id)
        if not sql:
            return
        try:
            await connected(
                self._credentials,
                lambda connection, _: connection.exec_driver_sql(sql),
                timeout_seconds=timeout_seconds,
            )
        except Exception as error:  # noqa: BLE001  # whatever the driver says: the process ends anyway
            _logger.warning("The running statement could not be cancelled: %r", error)

    async def _confirmed(self, upgrade: Upgrade, target: Target) -> Position:
        """Where the database is now: an env.py that forgets to commit its transaction loses all."""
        seen = await self._wait_for(readiness_check(target if target.env.reason else None, migrate=False))
        now = seen.position
        if now is None:
            now = await _as_alembic(upgrade.position)
        if target.standing(now).pending:
            kind = MigrationHalfApplied if upgrade.left_something else MigrationFailed
            raise StartupError(_not_durable(now.heads, kind))
        upgrade.confirm()
        return now

    async def _wait_for(self, look: Look[T]) -> T:
        found = await wait_for_database(
            self._credentials,
            look,
            budget_seconds=self._settings.wait_timeout_seconds,
            attempt_seconds=self._settings.connect_timeout_seconds,
            emit=self._emit,
        )
        return found.seen


async def _as_alembic(function: Callable[[], T]) -> T:
    """Run what imports revisions or runs env.py as the command `alembic` would: in the main thread, without a loop."""
    return await in_main_thread(untouched_event_loop()(function), name="migration")


def _planned(target: Target, position: Position) -> MigrationsPlanned:
    pending = target.standing(position).pending
    return MigrationsPlanned(
        current_revision=names(position.heads),
        head_revision=names(target.revisions),
        pending_count=len(pending),
        pending=[revision.id for revision in pending[:50]],
    )


def _not_durable(
    heads: tuple[str, ...], kind: type[MigrationFailed | MigrationHalfApplied]
) -> MigrationFailed | MigrationHalfApplied:
    return kind(
        error_type="not_committed",
        error_message=f"every revision ran, but the database is at {names(heads)}",
        hint="env.py executes something before context.configure() and does not commit: then Alembic does not either.",
        revision="",
        statement_index=0,
        statement="",
        statements_done=0,
    )
