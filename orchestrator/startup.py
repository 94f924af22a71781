"""The story of a start, told from top to bottom; the only caller of `Lifecycle.advance`.

The next step is the return of an await, so the program counter is the state machine; `lifecycle` guards it.
"""

import asyncio
import contextlib
import importlib.util
import os
import platform
import time
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator import events, uvicorn_options
from orchestrator.concurrency import in_daemon_thread, in_main_thread, together, unless_stopped
from orchestrator.credential_scrub import forget_migration
from orchestrator.credentials import Credentials
from orchestrator.database_secrets import CredentialsError
from orchestrator.database_settings import EMBEDDED_FILE
from orchestrator.databases.waiting import preload, wait_for_database
from orchestrator.endings import Ending
from orchestrator.errors import StartupError
from orchestrator.known_secrets import known_secrets
from orchestrator.lifecycle import Lifecycle, State
from orchestrator.log import REDACTOR, restore, unblock
from orchestrator.migrations.position.database_state import DatabaseState, readiness_check
from orchestrator.migrations.position.target import Target, at_head, read_target
from orchestrator.reporter import Reporter
from orchestrator.settings import Settings
from orchestrator.stop import Stop, StopAsked
from orchestrator.validation import require_address

if TYPE_CHECKING:
    from orchestrator.answers import Answers
    from orchestrator.app_server import AppServer
    from orchestrator.migrations.upgrade.task import UpgradeTask
    from orchestrator.server import Port


class Startup:
    """One start of one process, with what every part of it needs."""

    def __init__(
        self, command: str, settings: Settings, credentials: Credentials, stop: Stop, report: Reporter
    ) -> None:
        self.command, self.settings, self.credentials = command, settings, credentials
        self.stop, self.report = stop, report
        self.lifecycle = Lifecycle(report)
        self.ending = Ending(command, self.lifecycle, report)

    async def run(self) -> int:
        """Carry out `serve`, `migrate` or `wait`; returns the exit code, the events that explain it are out."""
        story = {"serve": self._serve, "migrate": self._migrate, "wait": self._wait_only}[self.command]
        self._asked = self.stop.watch()
        announcer = asyncio.create_task(self._announce_stop())
        try:
            pid, version = os.getpid(), platform.python_version()
            self.report(events.ProcessStarted(python_version=version, pid=pid, command=self.command))
            self._announce_database()
            await story()
        except StopAsked:
            return self.ending.stopped()
        except StartupError as error:
            return self.ending.failed(error)
        except Exception as error:  # noqa: BLE001  # a bug of ours, reported as one
            return self.ending.bug(error)
        finally:
            announcer.cancel()
        return self.ending.done()

    # ------------------------------------------------------------ the three commands

    async def _serve(self) -> None:
        port = await self._open_port()
        try:
            app = await self._app_and_database(port.answers)
            forget_migration(self.credentials)
            self._tell_database()  # migrating may have taken longer than a password lives
            await unless_stopped(self._asked, port.hand_over(app))
            self._announce_serving()
            await unless_stopped(self._asked, port.ended())
        except StopAsked:
            await self._drain(port)
            raise
        except BaseException:
            await port.abort()
            raise
        await self._drain(port)

    async def _migrate(self) -> None:
        target = await self._preflight()
        if self._has_app():
            _, seen = await unless_stopped(
                self._asked, together(self._import_app(self._answers()), self._wait(target, migrate=True))
            )
        else:
            seen = await unless_stopped(self._asked, self._wait(target, migrate=True))
        await self._bring_to_head(target, seen)

    async def _wait_only(self) -> None:
        await self._know_address()
        await unless_stopped(self._asked, self._wait(None, migrate=False))

    # ------------------------------------------------------------ its parts, in their order

    def _answers(self) -> "Answers":
        from orchestrator.answers import Answers

        settings = self.settings
        return Answers(self.report.status, settings.live_path, settings.ready_path, settings.startup_path)

    async def _open_port(self) -> "Port":
        from orchestrator.server import BACKLOG, Port, bind

        backlog = uvicorn_options.given(os.environ).get("backlog", BACKLOG)
        port = Port(bind(self.settings.host, self.settings.port, backlog), self._answers(), self.report)
        await port.open()
        return port

    async def _app_and_database(self, answers: "Answers") -> "AppServer":
        """The app imported, and the database at head; a failure of one ends the waiting for the other."""
        target = await self._preflight()
        both = together(self._import_app(answers), self._wait(target, migrate=self.settings.migrate))
        app, seen = await unless_stopped(self._asked, both)
        await self._bring_to_head(target, seen)
        return app

    async def _preflight(self) -> Target:
        """What can be known without the database; the app is imported while the database is waited for."""
        reading = in_main_thread(lambda: read_target(self.settings, self.credentials), name="migration-tree")
        target = await unless_stopped(self._asked, reading)
        return target.told_by_env() if await self._know_address() else target

    async def _know_address(self) -> bool:
        """Ask env.py where the database is, if no variable says it; whether it was asked."""
        if self.credentials.known:
            return False
        from orchestrator.migrations.upgrade.asking import learn_address

        await unless_stopped(self._asked, learn_address(self.settings, self.credentials))
        restore()
        require_address(self.credentials)
        return True

    async def _import_app(self, answers: "Answers") -> "AppServer":
        began = time.monotonic()

        def load() -> "AppServer":
            from orchestrator.app_server import AppServer

            app = AppServer(self.settings, answers, self.report, self.stop)
            app.context.run(app.load)
            return app

        app = await in_main_thread(load, name="app-import")
        restore()
        self.report(events.AppLoaded(app=self.settings.app, duration_seconds=round(time.monotonic() - began, 3)))
        return app

    async def _wait(self, target: Target | None, *, migrate: bool) -> DatabaseState:
        await in_daemon_thread(lambda: preload(self.credentials), name="imports")
        found = await wait_for_database(
            self.credentials,
            readiness_check(target, migrate=migrate, by_alembic=lambda target: self._upgrade_task().look(target)),
            budget_seconds=self.settings.wait_timeout_seconds,
            attempt_seconds=self.settings.connect_timeout_seconds,
            emit=self.report,
        )
        self.report(
            events.DatabaseReady(
                attempts=found.attempts,
                waited_seconds=round(found.waited_seconds, 3),
                dialect=found.seen.dialect,
                server_version=found.seen.server_version,
            )
        )
        self._tell_database()
        return found.seen

    async def _bring_to_head(self, target: Target, seen: DatabaseState) -> None:
        """Report a database that is at head; else run env.py, which has the last word on what is missing."""
        if seen.places is None or any(place.standing.pending for place in seen.places):
            with self.stop.unhurried():
                await self._upgrade_task().upgrade(target, self._asked, self._begin_migrating)
            restore()
            return
        for place in seen.places:
            for event in at_head(place, self.settings.when_ahead):
                self.report(event)

    def _begin_migrating(self) -> None:
        self.lifecycle.advance(State.MIGRATING)

    def _announce_serving(self) -> None:
        restore()
        unblock()
        self.lifecycle.advance(State.SERVING)
        host, port = self.settings.host, self.settings.port
        self.report(events.ServerStarted(host=host, port=port, startup_seconds=self.report.elapsed_seconds()))

    async def _drain(self, port: "Port") -> None:
        """Readiness off, still serving for ORCHESTRATOR_DRAIN_SECONDS; then no new connections, and the rest ends."""
        began = time.monotonic()
        notice_seconds = self.settings.drain_seconds if self.lifecycle.state is State.SERVING else 0
        self.lifecycle.advance(State.DRAINING)
        if notice_seconds:
            self._asked.clear()  # a second signal sets it again
            await asyncio.wait({asyncio.ensure_future(self._asked.wait())}, timeout=notice_seconds)
        cancelled = await port.stop(self.stop)
        seconds = round(time.monotonic() - began, 3)
        self.report(events.ServerDrained(duration_seconds=seconds, requests_cancelled=cancelled))

    # ------------------------------------------------------------ smaller things

    async def _announce_stop(self) -> None:
        await self._asked.wait()
        self.report(events.StopRequested(signal=self.stop.signal))

    def _announce_database(self) -> None:
        if self.credentials.embedded:
            self.report(events.DatabaseEmbedded(database=str(Path(EMBEDDED_FILE).absolute())))
        self._tell_database()

    def _tell_database(self) -> None:
        """Let the app and env.py find the database in DATABASE_URL, whatever form it was given in."""
        # The secret's file may be in the middle of a rotation; this is called again when waiting has ended.
        with contextlib.suppress(CredentialsError):
            if text := self.credentials.exported_text():
                REDACTOR.register(known_secrets({"DATABASE_URL": text}))
                os.environ["DATABASE_URL"] = text

    def _has_app(self) -> bool:
        """Whether there is an app to check before migrating; a repository of migrations alone needs none."""
        named = "app" in self.settings.model_fields_set
        return named or importlib.util.find_spec(self.settings.app.partition(":")[0].partition(".")[0]) is not None

    def _upgrade_task(self) -> "UpgradeTask":
        from orchestrator.migrations.upgrade.task import UpgradeTask

        return UpgradeTask(self.settings, self.credentials, self.stop, self.report)
