"""The steps of a start, from top to bottom. Only this module calls `Lifecycle.advance`.

Each step begins when the await of the previous one returns, so the program counter is the state machine; `lifecycle`
checks it.

This module imports only what an open port needs. Whatever needs SQLAlchemy is in `preparation`, which is imported in
the main thread while the port answers.
"""

import asyncio
import contextlib
import os
import platform
import shlex
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from orchestrator import events
from orchestrator.errors import EXIT_OK, StartupError
from orchestrator.log import restore, unblock
from orchestrator.runtime.cancellation import together, unless_stopped
from orchestrator.runtime.concurrency import in_main_thread
from orchestrator.runtime.garbage import collect_as_usual
from orchestrator.runtime.lifecycle import Lifecycle, State
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.runtime.task import Task
from orchestrator.settings.model import Settings
from orchestrator.start.endings import Ending
from orchestrator.start.reporter import Reporter

if TYPE_CHECKING:
    from orchestrator.migrations.position.target import Target
    from orchestrator.serving.answers import Answers
    from orchestrator.serving.app_server import AppServer
    from orchestrator.serving.server import Port
    from orchestrator.start.app_loading import AppImport
    from orchestrator.start.preparation import Preparation
    from orchestrator.start.replacing import Replacement


class Startup:
    """A start of a process, with the objects that all its steps share."""

    def __init__(self, task: Task, settings: Settings, stop: Stop, report: Reporter) -> None:
        self.task, self.settings = task, settings
        self.stop, self.report = stop, report
        self.lifecycle = Lifecycle(report)
        self.ending = Ending(task, self.lifecycle, report)
        self.replacement: Replacement | None = None
        self._app: AppImport | None = None
        self._until_the_end = contextlib.ExitStack()

    async def run(self) -> int:
        """Carry out the task; return the exit code after the events that explain it are written.

        After `run`, `replacement` is the program that should replace this process, if any.
        """
        commands = {"serve": self._serve, "migrate": self._migrate, "wait": self._wait, "run": self._run_program}
        self._asked = self.stop.watch()
        announcer = asyncio.create_task(self._announce_stop())
        try:
            pid, version = os.getpid(), platform.python_version()
            self.report(events.ProcessStarted(python_version=version, pid=pid, command=self.task.name))
            await commands[self.task.name]()
        except StopAsked:
            return self.ending.stopped()
        except StartupError as error:
            return self.ending.failed(error)
        except Exception as error:  # noqa: BLE001  # a bug of ours, reported as one
            return self.ending.bug(error)
        finally:
            announcer.cancel()
            self._until_the_end.close()
        return EXIT_OK if self.replacement else self.ending.done()

    # ------------------------------------------------------------ the commands

    async def _serve(self) -> None:
        async with self._opened_port() as port:
            app = await self._app_and_database(port.answers)
            await unless_stopped(self._asked, self._database.change_logins())
            collect_as_usual()
            await unless_stopped(self._asked, port.hand_over(app))
            self._announce_serving()
            await unless_stopped(self._asked, port.ended())
        await self._drain(port)

    async def _migrate(self) -> None:
        from orchestrator.settings.project_file import may_be_imported

        target = await self._preflight()
        if "app" in self.settings.fields_set or may_be_imported(self.settings.app):
            both = together(self._app_import().far_enough(), self._database.wait(target, migrate=True))
            _, seen = await unless_stopped(self._asked, both)
        else:
            seen = await unless_stopped(self._asked, self._database.wait(target, migrate=True))
        await self._database.bring_to_head(target, seen)

    async def _wait(self) -> None:
        if self.task.to_head:
            target = await self._preflight()
            await self._database.bring_to_head(
                target, await unless_stopped(self._asked, self._database.wait(target, migrate=False))
            )
        else:
            await self._prepare()
            await unless_stopped(self._asked, self._database.know_address())
            await unless_stopped(self._asked, self._database.wait(None, migrate=False))

    async def _run_program(self) -> None:
        from orchestrator.start.replacing import Replacement, program

        path, argv = program(self.task.argv), self.task.argv
        is_asked_for = "port" in self.settings.fields_set
        async with self._opened_port() if is_asked_for else contextlib.nullcontext() as port:
            target = await self._preflight()
            seen = await unless_stopped(self._asked, self._database.wait(target, migrate=self.settings.migrate))
            await self._database.bring_to_head(target, seen)
            await unless_stopped(self._asked, self._database.change_logins())
            if port:
                await port.close_gate()
            if await in_main_thread(self.stop.give_up, name="signals"):
                raise StopAsked  # it came in the last moment
        self.replacement = Replacement.of(path, argv, os.environ, port.listener if port else None)
        self.report(events.CommandStarted(command=shlex.join(argv)))

    # ------------------------------------------------------------ the steps, in their order

    def _answers(self) -> "Answers":
        from orchestrator.serving.answers import Answers

        return Answers.of(self.settings, self.report.status)

    @contextlib.asynccontextmanager
    async def _opened_port(self) -> AsyncIterator["Port"]:
        """Open the port. It drains when a stop is requested, and closes at once after a failure."""
        from orchestrator.serving.server import open_port

        port = await open_port(self.settings, self._answers(), self.report)
        try:
            yield port
        except StopAsked:
            await self._drain(port)
            raise
        except BaseException:
            await port.abort()
            raise

    async def _app_and_database(self, answers: "Answers") -> "AppServer":
        """Import the app and, in parallel, bring the database to head; if one fails, stop waiting for the other."""
        target = await self._preflight(answers)
        app = self._app_import(answers)
        both = together(app.far_enough(), self._database.wait(target, migrate=self.settings.migrate))
        _, seen = await unless_stopped(self._asked, both)
        await self._database.bring_to_head(target, seen)
        return await unless_stopped(self._asked, app.finished())

    async def _prepare(self) -> None:
        """Read the address of the database."""

        def read() -> "Preparation":
            from orchestrator.start.preparation import Preparation, read_credentials

            if self.task.name == "serve":  # uvicorn takes its time, too
                from orchestrator.start import app_loading  # noqa: F401  # imported for its effect
            credentials = read_credentials(self.settings)
            return Preparation(
                self.task, self.settings, credentials, self.stop, self.report, self._asked, self._begin_migrating
            )

        self._database = await unless_stopped(self._asked, in_main_thread(read, name="address"))
        self._until_the_end.enter_context(self._database.announced())

    async def _preflight(self, answers: "Answers | None" = None) -> "Target":
        """Check what needs no database. The app is imported later, while the database is waited for.

        Only an app that has Alembic's configuration is imported now.
        """
        await self._prepare()
        from orchestrator.migrations.scripts.of_app import app_has_configuration, use_configuration_of

        self._database.check()
        if app_has_configuration(self.settings):
            app = await unless_stopped(self._asked, self._app_import(answers).whole())
            use_configuration_of(app.imported)
        return await unless_stopped(self._asked, self._database.target())

    def _app_import(self, answers: "Answers | None" = None) -> "AppImport":
        from orchestrator.start.app_loading import AppImport

        self._app = self._app or AppImport(self.settings, answers or self._answers(), self.report, self.stop)
        return self._app

    def _begin_migrating(self) -> None:
        collect_as_usual()  # revisions may run for hours
        if self.lifecycle.state is not State.MIGRATING:
            self.lifecycle.advance(State.MIGRATING)

    def _announce_serving(self) -> None:
        from orchestrator.serving import first_request

        restore()
        unblock()
        self.lifecycle.advance(State.SERVING)
        host, port = self.settings.host, self.settings.port
        self.report(events.ServerStarted(host=host, port=port, startup_seconds=self.report.elapsed_seconds()))
        first_request.prepare()  # now it delays nothing but, at worst, the request that would do it itself

    async def _drain(self, port: "Port") -> None:
        """Turn readiness off, serve for ORCHESTRATOR_DRAIN_SECONDS, then close the listener and end the requests."""
        began = time.monotonic()
        notice_seconds = self.settings.drain_seconds if self.lifecycle.state is State.SERVING else 0
        self.lifecycle.advance(State.DRAINING)
        if notice_seconds:
            self._asked.clear()  # a second signal sets it again
            await asyncio.wait({asyncio.ensure_future(self._asked.wait())}, timeout=notice_seconds)
        cancelled = await port.stop(self.stop)
        seconds = round(time.monotonic() - began, 3)
        self.report(events.ServerDrained(duration_seconds=seconds, requests_cancelled=cancelled))

    # ------------------------------------------------------------ helpers

    async def _announce_stop(self) -> None:
        await self._asked.wait()
        self.report(events.StopRequested(signal=self.stop.signal))
