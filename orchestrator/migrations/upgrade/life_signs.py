"""Shows waiting replicas that this process lives while its session with the lock runs no statement.

Needed where the server cannot see it (MySQL and MariaDB). The second connection exists only during such a rest, so a
run whose statements follow each other needs none.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from orchestrator.databases import Backend
from orchestrator.databases.connecting import connected
from orchestrator.databases.diagnosis import innermost_message
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.upgrade.lock_guard import LockGuard
from orchestrator.migrations.upgrade.resting import rest_seconds
from orchestrator.migrations.upgrade.run_locks import RunLocks
from orchestrator.settings.model import Settings

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

TICK_SECONDS = 1.0  # between two looks whether a session rests, in this process
AFTER_SECONDS = 10.0  # of rest; far below the shortest limit
PAUSE_SECONDS = 5.0  # between two signs; the server ends the connection after `mysql.life.REST_SECONDS`
WARNED = 0.5  # of the limit

_logger = logging.getLogger(__name__)


class LifeSigns:
    """Shows life during one run. It can neither fail the run nor slow it down."""

    def __init__(self, locks: RunLocks, credentials: Credentials, settings: Settings) -> None:
        self._locks, self._credentials, self._settings = locks, credentials, settings
        self._warned: list[LockGuard] = []

    async def show(self) -> None:
        """Show life whenever a session with the lock rests, until cancelled."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            reason = "its process cannot show that it lives"
            if self._watched():
                try:
                    await self._connected()
                except Exception as error:  # noqa: BLE001  # whatever it is: it must not end what it protects
                    reason = _NO_ANSWER if isinstance(error, TimeoutError) else innermost_message(error)
                    _logger.debug("No sign of life could be shown: %s", reason)
                    for each in self._watched():
                        each.limit_seconds = rest_seconds(self._settings)
            self._warn(reason)

    async def _connected(self) -> None:
        attempt_seconds = self._settings.connect_timeout_seconds
        async with asyncio.timeout(attempt_seconds) as deadline:

            async def signs(connection: "AsyncConnection", backend: Backend) -> None:
                while watched := self._watched():
                    await backend.show_life(connection, [each.connection_id for each in watched])
                    for each in watched:
                        each.limit_seconds = 0.0
                    deadline.reschedule(asyncio.get_running_loop().time() + PAUSE_SECONDS + attempt_seconds)
                    await asyncio.sleep(PAUSE_SECONDS)

            await connected(self._credentials, signs, timeout_seconds=None)

    def _watched(self) -> list[LockGuard]:
        return [each for each in self._locks.held if each.shows_life and each.rested_seconds >= AFTER_SECONDS]

    def _warn(self, reason: str) -> None:
        """Warn once, early, of a session that will be ended if the rest lasts."""
        for each in self._locks.held:
            limit = each.rest_seconds
            if each not in self._warned and each.rested_seconds >= WARNED * limit:
                self._warned.append(each)
                _logger.warning(_RESTS, each.rested_seconds, limit, reason)


_NO_ANSWER = "a second connection got no answer in time"
_RESTS = (
    "The revision has run no statement for %.0f s. After %.0f s without one, its session may be ended, and with it the "
    "migration lock (%s). ORCHESTRATOR_LOCK_TIMEOUT_SECONDS sets this limit: nine tenths of it."
)
