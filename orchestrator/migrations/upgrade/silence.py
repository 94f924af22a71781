"""A deadline for all waits of env.py, the lock and the journal: the database must answer from time to time.

A long ALTER is silent on its connection for hours, so silence there proves nothing. A second connection distinguishes a
busy server from a network that delivers nothing: a server that answers there, with any answer, is alive. While none
answers, the time runs. If a server reports the connection as idle, its answer was lost on the way.
"""

import asyncio
import contextlib
import logging
import threading
import time
from typing import Any, Self

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine

from orchestrator.address import AddressError, of_call
from orchestrator.databases.silence import end_quiet, end_unanswered, quiet_connections
from orchestrator.dialects import default_port
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.migrations.upgrade.progress import ProgressWatcher
from orchestrator.migrations.upgrade.runner import Upgrade
from orchestrator.migrations.upgrade.shared import Running
from orchestrator.settings.model import Settings

UNHEARD_SECONDS = 90.0  # as long as TCP waits for a peer that acknowledges nothing (see `sockets`)
LOOKS = 2  # that found no answer, before a connection is ended
PAUSE_SECONDS = 10.0
COMPUTING = 0.2  # of the time: so busy is a main thread that does not wait
_logger = logging.getLogger(__name__)


class SilenceWatch:
    """Watches one run of env.py; use it as a context manager, in the supervisor's thread.

    Attributes:
        looks: how many in a row found no answer.
    """

    def __init__(
        self, upgrade: Upgrade, watcher: ProgressWatcher, credentials: Credentials, settings: Settings
    ) -> None:
        self._upgrade, self._watcher, self._credentials = upgrade, watcher, credentials
        self._budget_seconds = settings.wait_timeout_seconds
        self._limit_seconds = min(UNHEARD_SECONDS, self._budget_seconds / 2)  # the rest is for another connection
        self._pause_seconds = min(PAUSE_SECONDS, self._limit_seconds / 3)
        self._ports: set[int] = set()
        self._resting: list[int] = []
        self.looks, self._silent_since = 0, 0.0
        self._idle_in: Running | None = None
        self._cpu = _Cpu()

    def __enter__(self) -> Self:
        """Note from now on which servers env.py connects to."""
        with contextlib.suppress(CredentialsError):
            url = self._credentials.own_address().url
            self._note_port(url.port, url.get_backend_name())
        self._resting = [each.inode for each in quiet_connections(self._ports)]
        event.listen(Engine, "do_connect", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "do_connect", self._note)

    @property
    def silent_seconds(self) -> float:
        """For how long no connection has been answered."""
        return time.monotonic() - self._silent_since if self.looks else 0.0

    async def given_up(self) -> None:
        """Watch until this is cancelled; return when nothing was heard for the whole budget and the run still waits."""
        while True:
            await asyncio.sleep(self._pause_seconds)
            waits = not self._cpu.is_busy()
            if waits and self.silent_seconds >= self._budget_seconds:
                return
            if self.looks or (waits and any(each.seconds >= self._pause_seconds for each in self._quiet())):
                await self._look(waits=waits)

    async def _look(self, *, waits: bool) -> None:
        began = time.monotonic()
        seen = await self._watcher.look()
        if seen is None:
            self._silent_since = self._silent_since if self.looks else began
            self.looks += 1
            if waits and self.looks >= LOOKS and self.silent_seconds >= self._limit_seconds:
                self._end_all()
            return
        self.looks = 0
        self._end_unanswered()
        running = self._upgrade.running if seen.is_idle and waits else None
        if running and running == self._idle_in:
            self._end_one(running)
        self._idle_in = running

    def _end_all(self) -> None:
        """Nothing is heard on any connection."""
        self._upgrade.silent_seconds = seconds = self.silent_seconds
        if end_quiet(self._ports, self._limit_seconds, but=self._resting):
            _logger.warning(
                "The database has not answered for %.0f s, and does not answer on a new connection either: the "
                "connection of env.py is ended.",
                seconds,
            )

    def _end_unanswered(self) -> None:
        """The server answers, and not on a connection that was made long ago."""
        if end_unanswered(self._ports, self._limit_seconds):
            self._upgrade.silent_seconds = self._limit_seconds
            _logger.warning(
                "A connection of env.py was accepted %.0f s ago and has received nothing since, while the database "
                "answers on another one: it is ended.",
                self._limit_seconds,
            )

    def _end_one(self, running: Running) -> None:
        """The server has answered, and the answer did not arrive."""
        self._upgrade.silent_seconds = seconds = time.monotonic() - running.since
        _logger.warning(
            "The server has finished statement %d of revision %s, and its answer did not arrive within %.0f s: the "
            "connection is ended.",
            running.index,
            running.revision,
            seconds,
        )
        if not self._upgrade.end_connection():
            end_quiet(self._ports, self._pause_seconds, but=[each.inode for each in self._quiet()])

    def _quiet(self) -> Any:
        return quiet_connections(self._ports)

    def _note(self, dialect: Dialect, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> None:
        with contextlib.suppress(AddressError):
            self._note_port(of_call(dialect, arguments, parameters).url.port, dialect.name)

    def _note_port(self, port: int | None, backend: str) -> None:
        if found := port or default_port(backend):
            self._ports.add(found)


class _Cpu:
    """How busy the main thread is: what computes does not wait for an answer."""

    def __init__(self) -> None:
        self._before = self._now()

    def is_busy(self) -> bool:
        """Whether it was, since this was asked last."""
        (wall, cpu), self._before = self._before, self._now()
        return self._before[1] - cpu > COMPUTING * (self._before[0] - wall)

    @staticmethod
    def _now() -> tuple[float, float]:
        clock = time.pthread_getcpuclockid(threading.main_thread().ident or 0)
        return time.monotonic(), time.clock_gettime(clock)
