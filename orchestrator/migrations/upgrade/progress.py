"""Watches the running statement from a second connection: its progress, and the sessions that block it.

Each look opens a new connection, which costs a few milliseconds. That survives a restart of the server and a change of
the password, keeps no snapshot open for which CREATE INDEX CONCURRENTLY would wait, and does not hold a connection of a
server that has few.
"""

import asyncio
import math
import time
from typing import TYPE_CHECKING

from orchestrator.databases import Backend, backend_for
from orchestrator.databases.connecting import connected
from orchestrator.databases.diagnosis import DNS, LOST, NETWORK, REFUSED, TIMEOUT
from orchestrator.databases.observation import Observation
from orchestrator.events import Emit, RevisionProgress
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.migrations.upgrade.runner import Upgrade
from orchestrator.migrations.upgrade.shared import Running
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

NO_ANSWER = {each.error_type for each in (DNS, LOST, NETWORK, REFUSED, TIMEOUT)}
SHORTEST_PAUSE_SECONDS = 0.1  # between two looks, even if the lock timeout is short
STOPPING_PAUSE_SECONDS = 0.25  # between two looks, after a stop was requested
STATEMENT_LENGTH = 2000  # longest statement in an event, in characters


class ProgressWatcher:
    """Watches an upgrade. It can neither fail the upgrade nor slow it down."""

    def __init__(self, upgrade: Upgrade, credentials: Credentials, settings: Settings, emit: Emit) -> None:
        self._upgrade, self._credentials, self._emit = upgrade, credentials, emit
        heartbeat = settings.heartbeat_seconds
        self._limit_seconds = min(heartbeat, settings.connect_timeout_seconds)
        # Look often enough to see a lock wait before the server's lock timeout expires.
        self._looks = math.ceil(heartbeat / max(SHORTEST_PAUSE_SECONDS, settings.ddl_lock_timeout_seconds / 2))
        self._pause_seconds = heartbeat / self._looks
        self._told: tuple[Running, int] | None = None

    async def watch(self) -> None:
        """Report a long statement and the sessions that block it, once per heartbeat, until cancelled."""
        while True:
            running = self._upgrade.running
            age = time.monotonic() - running.since if running else 0.0
            await asyncio.sleep(self._pause_seconds - age % self._pause_seconds)
            if running and running == self._upgrade.running:
                await self._look_at(running)

    async def look(self) -> Observation | None:
        """Return what can be seen of the statement now.

        It is an empty observation if the server does not show it, and None if no server answers.
        """
        answered = False

        async def look(connection: "AsyncConnection", backend: Backend) -> Observation:
            nonlocal answered
            answered = True
            return await backend.observe(connection, self._upgrade.connection_id)

        try:
            return await connected(self._credentials, look, timeout_seconds=self._limit_seconds)
        except Exception as error:  # noqa: BLE001  # whatever it is: who observes must not break what is observed
            return Observation() if answered or self._is_answer(error) else None

    def _is_answer(self, error: Exception) -> bool:
        """Whether it shows that the server is there, although it lets us not in."""
        try:
            url = self._credentials.own_address().url
        except CredentialsError:  # a file is being rotated
            return True
        return backend_for(url.get_backend_name()).diagnose(error, url).error_type not in NO_ANSWER

    async def until_blocked(self) -> None:
        """Return when the same statement waits for a lock in two looks in a row: most locks are released sooner."""
        before = None
        while True:
            running = self._upgrade.running
            seen = await self.look()
            blocked = running if seen and seen.waits_for_lock else None
            if blocked and blocked == before:
                return
            before = blocked
            await asyncio.sleep(STOPPING_PAUSE_SECONDS)

    async def _look_at(self, running: Running) -> None:
        seen = await self.look() or Observation()
        if running != self._upgrade.running:
            return  # the two looks saw different statements
        if seen.blocked_by:
            self._upgrade.blocked_by = running, seen
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
        blocked_by_state=seen.blocked_by_state,
        blocked_by_statement=seen.blocked_by_statement,
        blocked_seconds=round(seen.blocked_seconds, 3),
    )
