"""Watching the statement that runs, from a second connection: how far it is, and who is in its way.

Each look has a connection of its own. That costs a few milliseconds. It needs no care when the server is restarted or
the password changed meanwhile, keeps no snapshot open for which a CREATE INDEX CONCURRENTLY would wait, and takes no
connection for long from a server that has few.
"""

import asyncio
import math
import time

from orchestrator.credentials import Credentials
from orchestrator.databases.observation import Observation
from orchestrator.databases.waiting import connected
from orchestrator.events import Emit, RevisionProgress
from orchestrator.migrations.upgrade.runner import Upgrade
from orchestrator.migrations.upgrade.shared import Running
from orchestrator.settings import Settings

SHORTEST_PAUSE_SECONDS = 0.1  # between two looks, however short the wait for a lock may be
STOPPING_PAUSE_SECONDS = 0.25  # between two looks once a stop is asked for
STATEMENT_LENGTH = 2000  # characters of it that an event tells


class ProgressWatcher:
    """Watches what an upgrade runs, and can neither fail it nor hold it up."""

    def __init__(self, upgrade: Upgrade, credentials: Credentials, settings: Settings, emit: Emit) -> None:
        self._upgrade, self._credentials, self._emit = upgrade, credentials, emit
        heartbeat = settings.heartbeat_seconds
        self._limit_seconds = min(heartbeat, settings.connect_timeout_seconds)
        # Who waits for a lock has to be seen before the server lets him wait no longer.
        self._looks = math.ceil(heartbeat / max(SHORTEST_PAUSE_SECONDS, settings.ddl_lock_timeout_seconds / 2))
        self._pause_seconds = heartbeat / self._looks
        self._told: tuple[Running, int] | None = None

    async def watch(self) -> None:
        """Tell of a statement that runs for long, once a heartbeat, and of who blocks it; until this is cancelled."""
        while True:
            running = self._upgrade.running
            age = time.monotonic() - running.since if running else 0.0
            await asyncio.sleep(self._pause_seconds - age % self._pause_seconds)
            if running and running == self._upgrade.running:
                await self._look_at(running)

    async def look(self) -> Observation:
        """What can be seen of the statement now: nothing where there is no connection to be had, or no answer."""
        try:
            return await connected(
                self._credentials,
                lambda connection, backend: backend.observe(connection, self._upgrade.connection_id),
                timeout_seconds=self._limit_seconds,
            )
        except Exception:  # noqa: BLE001  # whatever it is: who observes must not break what is observed
            return Observation()

    async def until_blocked(self) -> None:
        """Return when the same statement is seen waiting for a lock twice in a row: many a lock is free in a moment."""
        before = None
        while True:
            running = self._upgrade.running
            blocked = running if (await self.look()).waits_for_lock else None
            if blocked and blocked == before:
                return
            before = blocked
            await asyncio.sleep(STOPPING_PAUSE_SECONDS)

    async def _look_at(self, running: Running) -> None:
        seen = await self.look()
        if running != self._upgrade.running:
            return  # it was another one that was seen
        if seen.blocked_by:
            self._upgrade.blocked_by = running, seen.blocked_by
        seconds = time.monotonic() - running.since
        beat = running, round(seconds / self._pause_seconds) // self._looks
        if beat[1] and beat != self._told:
            self._told = beat
            self._emit(_progress(running, seen, seconds))


def _progress(running: Running, seen: Observation, seconds: float) -> RevisionProgress:
    return RevisionProgress(
        revision=running.revision,
        statement_index=running.index,
        statement=running.statement[:STATEMENT_LENGTH],
        statement_seconds=round(seconds, 3),
        statement_state=seen.state,
        progress_percent=seen.progress_percent,
        rows=seen.rows,
        blocked_by=seen.blocked_by,
        blocked_seconds=round(seen.blocked_seconds, 3),
    )
