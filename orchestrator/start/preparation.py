"""Makes the database ready for the app: waits for it, migrates it, and runs the project's own commands around that."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.app.database import change_logins, tell_app
from orchestrator.databases.connecting import Look, T, import_driver, preload
from orchestrator.databases.credential_refresh import kept_current
from orchestrator.databases.waiting import Found, wait_for_database
from orchestrator.errors import StartupError
from orchestrator.events import DatabaseEmbedded, DatabaseReady, Emit
from orchestrator.hooks.commands import HookName, check_hooks, command_of
from orchestrator.log import restore
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_settings import EMBEDDED_FILE
from orchestrator.migrations.position.database_state import DatabaseState, readiness_check, to_be_created
from orchestrator.migrations.position.target import Target, at_head, env_is_asynchronous, env_may_tell, read_target
from orchestrator.migrations.scripts.config import where_to_look
from orchestrator.runtime.cancellation import together, unless_stopped
from orchestrator.runtime.concurrency import in_daemon_thread, in_main_thread
from orchestrator.runtime.stop import Stop, StopAsked
from orchestrator.runtime.task import Task
from orchestrator.settings.model import Settings
from orchestrator.settings.validation import load_credentials, require_address

if TYPE_CHECKING:
    from orchestrator.databases.turn import Turn
    from orchestrator.migrations.upgrade.task import UpgradeTask


def read_credentials(settings: Settings) -> Credentials:
    """Read the database's address from the variables, unless only env.py knows it.

    Raises:
        StartupError: with SettingsInvalid.
    """
    credentials = load_credentials(os.environ, asynchronous=env_is_asynchronous(settings))
    if not env_may_tell(settings):
        require_address(credentials, where_to_look())
    import_driver(credentials)  # two threads that import at the same time take longer than one
    return credentials


@dataclass(repr=False, eq=False)
class Preparation:
    """The preparation of a start.

    Attributes:
        asked: set when a stop is requested.
        begin: called before anything is changed; may be called several times.
    """

    task: Task
    settings: Settings
    credentials: Credentials
    stop: Stop
    report: Emit
    asked: asyncio.Event
    begin: Callable[[], None]

    @contextlib.contextmanager
    def announced(self) -> Iterator[None]:
        """Tell the app the address, and renew logins inside this block."""
        if self.credentials.embedded:
            self.report(DatabaseEmbedded(database=str(Path(EMBEDDED_FILE).absolute())))
        tell_app(self.credentials)
        with kept_current(self.credentials):
            yield

    def check(self) -> None:
        """Check what needs no database.

        Raises:
            StartupError: with HookFailed: a command does not exist.
        """
        if self._runs_hooks:
            check_hooks(self.settings)

    @property
    def _runs_hooks(self) -> bool:
        """Return whether this process runs the hooks: not if it only waits for another one to migrate."""
        return self.task.name == "migrate" or (self.settings.migrate and self.task.name != "wait")

    async def target(self) -> Target:
        """Return where the database should be, after its address is known.

        Raises:
            StartupError: with MigrationTreeInvalid, SettingsInvalid, or the failure of env.py.
        """
        target = await in_main_thread(lambda: read_target(self.settings, self.credentials), name="migration-tree")
        return target.told_by_env() if await self.know_address() else target

    async def know_address(self) -> bool:
        """Ask env.py for the database's address if no variable gives it; return whether it was asked."""
        if self.credentials.known:
            return False
        from orchestrator.migrations.upgrade.asking import learn_address

        await learn_address(self.settings, self.credentials)
        restore()
        require_address(self.credentials)
        return True

    async def wait(self, target: Target | None, *, migrate: bool) -> DatabaseState:
        """Wait for the database and, at the same time, for the other services."""
        waiting = self._wait_for_database(target, migrate=migrate, by_hook=self._has_hook("before_migrate"))
        if not self.settings.wait_for:
            return await waiting
        from orchestrator.start.dependencies import wait_for_dependencies

        seen, _ = await together(waiting, wait_for_dependencies(self.settings, self.report))
        return seen

    async def _wait_for_database(
        self, target: Target | None, *, migrate: bool, budget_seconds: float | None = None, by_hook: bool = False
    ) -> DatabaseState:
        try:
            found = await self._look_at(target, migrate=migrate, budget_seconds=budget_seconds)
        except StartupError as error:
            return to_be_created(error, target if migrate else None, by_hook=by_hook)
        self.report(
            DatabaseReady(
                attempts=found.attempts,
                waited_seconds=round(found.waited_seconds, 3),
                dialect=found.seen.dialect,
                server_version=found.seen.server_version,
            )
        )
        tell_app(self.credentials)
        return found.seen

    async def _look_at(
        self, target: Target | None, *, migrate: bool, budget_seconds: float | None
    ) -> Found[DatabaseState]:
        await in_daemon_thread(lambda: preload(self.credentials), name="imports")
        looks = readiness_check(target, migrate=migrate, by_alembic=lambda target: self._upgrade_task().look(target))
        return await self.look(looks, budget_seconds=budget_seconds)

    async def look(self, look: Look[T], *, budget_seconds: float | None = None) -> Found[T]:
        """Wait for the database until `look` succeeds; for ORCHESTRATOR_WAIT_TIMEOUT_SECONDS without another budget.

        Raises:
            StartupError: with DatabaseUnreachable or DatabaseRefused.
        """
        return await wait_for_database(
            self.credentials,
            look,
            budget_seconds=self.settings.wait_timeout_seconds if budget_seconds is None else max(0.0, budget_seconds),
            attempt_seconds=self.settings.connect_timeout_seconds,
            emit=self.report,
        )

    async def change_logins(self) -> None:
        """Drop the login for migrating, and check the app's own."""
        await change_logins(self.credentials, self.look, self.report)

    async def bring_to_head(self, target: Target, seen: DatabaseState) -> None:
        """Migrate if revisions are missing, and run the project's own commands before and after."""
        if await self._hook("before_migrate", locked=not seen.missing):
            seen = await unless_stopped(self.asked, self._wait_for_database(target, migrate=True))
        await self._hook("after_migrate", revisions_applied=await self._upgrade(target, seen))

    def _has_hook(self, name: HookName) -> bool:
        return bool(self._runs_hooks and command_of(self.settings, name))

    async def _hook(self, name: HookName, *, locked: bool = True, revisions_applied: int = 0) -> bool:
        """Run one of the project's own commands; return whether there is one."""
        if not self._has_hook(name):
            return False
        self.begin()
        with self.stop.unhurried():
            await self._upgrade_task().run_hook(name, locked=locked, revisions_applied=revisions_applied)
        return True

    async def _upgrade(self, target: Target, seen: DatabaseState) -> int:
        """Run env.py if revisions are missing, otherwise report that none are; return how many were applied."""
        if seen.places is None:
            return await self._continued_upgrade(target, missing=seen.missing)
        if seen.behind:
            from orchestrator.databases.turn import Turn

            async with Turn(self.credentials, readiness_check(target, migrate=True)) as turn:
                seen = await unless_stopped(self.asked, turn.look(seen))
                if seen.behind:
                    return await self._continued_upgrade(target, turn)
        for place in seen.places or ():
            for event in at_head(place, self.settings.when_ahead):
                self.report(event)
        return 0

    async def _continued_upgrade(
        self, target: Target, turn: "Turn[DatabaseState] | None" = None, *, missing: bool = False
    ) -> int:
        """Run env.py; where the database interrupts it, wait until that takes writes again, and run it once more."""
        from orchestrator.databases.interruption import Interrupted
        from orchestrator.migrations.upgrade.interruptions import Interruptions

        task, interruptions = self._upgrade_task(), Interruptions(self.report, self.settings.wait_timeout_seconds)
        while True:
            try:
                with self.stop.unhurried():
                    return await task.upgrade(target, self.asked, self.begin, turn)
            except Interrupted as interrupted:
                if self.asked.is_set():
                    raise StopAsked from interrupted  # the next start continues
                if turn:
                    turn.give_up()
                pause = interruptions.note(interrupted)
                budget = self.settings.wait_timeout_seconds - interrupted.silent_seconds
            finally:
                restore()
                if missing:  # if it is missing still, that is what is wrong
                    await self._wait_for_database(None, migrate=False)
            await unless_stopped(self.asked, asyncio.sleep(pause))
            await unless_stopped(self.asked, self._wait_for_database(target, migrate=True, budget_seconds=budget))

    def _upgrade_task(self) -> "UpgradeTask":
        from orchestrator.migrations.upgrade.task import UpgradeTask

        return UpgradeTask(self.settings, self.credentials, self.stop, self.report)
