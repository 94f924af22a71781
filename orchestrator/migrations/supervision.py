"""The upgrade as the loop sees it: a thread that may end its revision after a stop, but not for ever."""

import asyncio
import logging
import time

from orchestrator.concurrency import in_daemon_thread
from orchestrator.credentials import Credentials
from orchestrator.databases import backend_for
from orchestrator.databases.waiting import connected, wait_for_database
from orchestrator.errors import MigrationFailed, MigrationHalfApplied, StartupError
from orchestrator.events import Emit, MigrationsCompleted, MigrationsPlanned
from orchestrator.migrations.current import look_at
from orchestrator.migrations.files import AlembicFiles
from orchestrator.migrations.runner import Upgrade
from orchestrator.migrations.target import Target
from orchestrator.migrations.tree import names
from orchestrator.settings import Settings
from orchestrator.stop import Stop, StopAsked

KEPT_FOR_CANCELLING = 0.2  # of the shutdown budget
KEPT_FOR_THE_REST = 0.08  # of the shutdown budget, after cancelling
HURRIED_SECONDS = 0.5  # for cancelling, after a second signal

_logger = logging.getLogger(__name__)


class Supervisor:
    """Brings one database to one target."""

    def __init__(self, settings: Settings, credentials: Credentials, stop: Stop, emit: Emit) -> None:
        self._settings, self._credentials, self._stop, self._emit = settings, credentials, stop, emit

    async def heads_by_alembic(self) -> tuple[str, ...]:
        """The database's heads where env.py alone knows the version table."""
        upgrade = self._new_upgrade()
        await in_daemon_thread(upgrade.load, name="migration-scripts")
        return await in_daemon_thread(upgrade.current_heads, name="migration-heads")

    async def upgrade(self, target: Target, heads: tuple[str, ...], asked: asyncio.Event) -> None:
        """Apply what a database at `heads` lacks, and see in the database that it is there.

        Raises:
            StartupError: with a failure of the scripts, the lock or a revision.
            StopAsked: `asked` was set, and the run ended between two revisions.
        """
        began = time.monotonic()
        upgrade = self._new_upgrade()
        await in_daemon_thread(upgrade.load, name="migration-scripts")
        self._emit(_planned(target, heads))
        await self._run(upgrade, asked)
        if upgrade.stopped:
            raise StopAsked
        now = await self._confirmed(upgrade, target)
        self._emit(
            MigrationsCompleted(
                applied_count=len(upgrade.applied),
                current_revision=names(now),
                duration_seconds=round(time.monotonic() - began, 3),
            )
        )

    def _new_upgrade(self) -> Upgrade:
        files = AlembicFiles.find(self._settings.alembic_config)
        return Upgrade(files, self._credentials, self._settings, self._stop, self._emit)

    async def _run(self, upgrade: Upgrade, asked: asyncio.Event) -> None:
        """Run it in its thread; after a stop the running revision may end, up to a fifth of the budget."""
        running = asyncio.ensure_future(in_daemon_thread(upgrade.run, name="migration"))
        stop = asyncio.ensure_future(asked.wait())
        await asyncio.wait((running, stop), return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not running.done():
            await self._finish(upgrade, running, asked)
        if not running.done():
            error = TimeoutError("its statement went on after it was cancelled")
            raise StartupError(upgrade.failure(error))
        running.result()

    async def _finish(self, upgrade: Upgrade, running: asyncio.Future[None], asked: asyncio.Event) -> None:
        asked.clear()  # set again by a second signal, which means: now
        hurried = asyncio.ensure_future(asked.wait())
        left = self._stop.remaining_seconds(keep=KEPT_FOR_CANCELLING)
        await asyncio.wait((running, hurried), timeout=left, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        asked.set()
        if running.done():
            return
        upgrade.cancelled = True
        left = HURRIED_SECONDS if self._stop.hurry else self._stop.remaining_seconds(keep=KEPT_FOR_THE_REST)
        cancelling = asyncio.create_task(self._cancel(upgrade, left))
        await asyncio.wait({running}, timeout=left)
        cancelling.cancel()

    async def _cancel(self, upgrade: Upgrade, timeout_seconds: float) -> None:
        """End the running statement from a second connection: a client that goes away does not end it."""
        backend = backend_for(self._credentials.migration_url().get_backend_name())
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

    async def _confirmed(self, upgrade: Upgrade, target: Target) -> tuple[str, ...]:
        """The heads as the database has them now: an env.py that forgets to commit its transaction loses all."""
        found = await wait_for_database(
            self._credentials,
            look_at(None if target.tree.standard_version_table else target, migrate=False),
            budget_seconds=self._settings.wait_timeout_seconds,
            attempt_seconds=self._settings.connect_timeout_seconds,
            emit=self._emit,
        )
        heads = found.seen.heads
        if heads is None:
            heads = await in_daemon_thread(upgrade.current_heads, name="migration-heads")
        if target.pending(heads):
            raise StartupError(_not_durable(heads, MigrationHalfApplied if upgrade.left_something else MigrationFailed))
        upgrade.confirm()
        return heads


def _planned(target: Target, heads: tuple[str, ...]) -> MigrationsPlanned:
    pending = target.pending(heads)
    return MigrationsPlanned(
        current_revision=names(heads),
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
