"""Imports the app while the database is waited for; after the migration if the app uses the database meanwhile."""

import asyncio
import time
from typing import Any

from orchestrator import events
from orchestrator.app.hold import Hold
from orchestrator.log import restore
from orchestrator.runtime import import_path
from orchestrator.runtime.concurrency import in_main_thread
from orchestrator.runtime.stop import Stop
from orchestrator.serving.answers import Answers
from orchestrator.serving.app_server import AppServer
from orchestrator.settings.model import Settings
from orchestrator.start.reporter import Reporter


class AppImport:
    """The import of the app, in the main thread."""

    def __init__(self, settings: Settings, answers: Answers, report: Reporter, stop: Stop) -> None:
        self._settings, self._answers, self._report, self._stop = settings, answers, report, stop
        self._hold = Hold(settings.app)
        self._import: asyncio.Future[AppServer] | None = None

    async def whole(self) -> AppServer:
        """Import the whole app now, even if it connects to a database.

        Raises:
            StartupError: with AppFailed.
        """
        self._hold.release()
        await self.far_enough()
        return await self.finished()

    async def far_enough(self) -> None:
        """Import the app until it connects to a database; the rest of the import follows the migration.

        Raises:
            StartupError: with AppFailed.
        """
        if self._import:
            return
        self._began, self._held_seconds = time.monotonic(), 0.0
        self._import = asyncio.ensure_future(in_main_thread(self._load, name="app-import"))
        reached = asyncio.ensure_future(self._hold.reached.wait())
        try:
            await _first_of(self._import, reached)
        finally:
            reached.cancel()
        if self._import.done():
            self._report_loaded(self._import)
        else:
            self._held_at = time.monotonic()
            self._report(events.AppImportHeld(app=self._settings.app))

    async def finished(self) -> AppServer:
        """Continue if the app was held, and return it. Call `far_enough` before.

        Raises:
            StartupError: with AppFailed.
        """
        assert self._import  # noqa: S101  # made by `far_enough`
        if not self._import.done():
            self._held_seconds = time.monotonic() - self._held_at
            self._hold.release()
            await _first_of(self._import)
            self._report_loaded(self._import)
        return self._import.result()

    def _load(self) -> AppServer:
        app = AppServer(self._settings, self._answers, self._report, self._stop)
        with import_path.returning(), self._hold.watched():
            app.context.run(app.load)
        return app

    def _report_loaded(self, imported: asyncio.Future[AppServer]) -> None:
        restore()
        imported.result()
        seconds = time.monotonic() - self._began - self._held_seconds
        self._report(events.AppLoaded(app=self._settings.app, duration_seconds=round(seconds, 3)))


async def _first_of(wanted: asyncio.Future[AppServer], *others: asyncio.Future[Any]) -> None:
    """Wait until one is done. If the wait is cancelled, ignore a failure of `wanted`."""
    try:
        await asyncio.wait({wanted, *others}, return_when=asyncio.FIRST_COMPLETED)
    except asyncio.CancelledError:
        wanted.cancel()
        raise
