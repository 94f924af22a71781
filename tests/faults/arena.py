"""Where a run takes place: a server, a network in front of it, and the processes that migrate through both."""

import asyncio
import contextlib
import math
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from sqlalchemy import Connection, NullPool, create_engine
from sqlalchemy.engine import make_url

from tests.faults.generator import HOLD
from tests.harness import Orchestrator, Project
from tests.servers import Database, Server
from tests.servers.private import PrivateServer
from tests.servers.proxy import Mode, Proxy

SHUTDOWN_SECONDS = 3.0
OUTAGE_SECONDS = 1.5
"""What passes by itself lasts no longer than this."""

SETTINGS = {
    "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "20",
    "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "1",
    "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS": "20",
    "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS": "1",
    "ORCHESTRATOR_DDL_RETRY_SECONDS": "10",
    "ORCHESTRATOR_HEARTBEAT_SECONDS": "1",
    "ORCHESTRATOR_SHUTDOWN_SECONDS": f"{SHUTDOWN_SECONDS:g}",
}


@dataclass
class Arena:
    """The place and its processes.

    Attributes:
        random: The dice of the faults.
        starts: All processes that were started, in their order.
        alive: Those that run.
    """

    database: Database
    project: Project
    random: Random
    server: Server | None = None
    proxy: Proxy | None = None
    starts: list[Orchestrator] = field(default_factory=list)
    alive: list[Orchestrator] = field(default_factory=list)

    @property
    def private(self) -> PrivateServer:
        """Return the server, for a fault that ends or freezes it."""
        assert isinstance(self.server, PrivateServer)
        return self.server

    @property
    def network(self) -> Proxy:
        """Return the proxy between the processes and the server."""
        assert self.proxy
        return self.proxy

    @contextlib.asynccontextmanager
    async def process(self) -> AsyncIterator[Orchestrator]:
        """Start a process that migrates."""
        url = make_url(self.database.url)
        if self.proxy:
            url = url.set(port=self.proxy.port)
        env = {"DATABASE_URL": url.render_as_string(hide_password=False), **SETTINGS}
        async with Orchestrator("migrate", env=env, cwd=self.project.path) as process:
            self.starts.append(process)
            self.alive.append(process)
            try:
                yield process
            finally:
                self.alive = [each for each in self.alive if each is not process]

    @property
    def _hold(self) -> Path:
        """Return the file that holds a process at the mark in it, see `generator`."""
        return self.project.path / HOLD

    def migrating(self) -> Orchestrator | None:
        """Return the process that has the lock, or any if none has, or nothing if none runs."""
        holders = [each for each in self.alive if each.find("lock_acquired") and not each.find("lock_released")]
        return self.random.choice(holders or self.alive or [None])

    async def reach(self, mark: str, then: str, then_bytes: int) -> None:
        """Wait until `mark` passes to the server, then a match of `then`; so many bytes later the traffic is stopped.

        Without a network the mark has to be printed, and the process is held there.
        """
        if self.proxy:
            wire = self.proxy.trip(re.escape(mark).encode(), then.encode(), then_bytes=then_bytes)
            await wire.reached.wait()
            return
        if mark:
            self._hold.write_text(mark, encoding="utf-8")
        await self.until(lambda: any(mark in line for each in self.starts for line in each.lines), math.inf)

    async def flow(self) -> None:
        """Let the traffic flow, or the process continue that is held at a mark."""
        self._hold.unlink(missing_ok=True)
        if self.proxy:
            await self.proxy.set(Mode.PASS)
            self.proxy.cut_after, self.proxy.latency_seconds = math.inf, 0

    async def flow_or_not(self) -> None:
        """Leave the traffic where it was stopped, or let it flow for some milliseconds more.

        Without a network the process stays held: it would have ended before it is struck.
        """
        if self.proxy and self.random.random() < 0.5:
            await self.flow()
            await asyncio.sleep(self.random.choice([0, 0.001, 0.01, 0.1]) * self.random.random())

    async def outage(self) -> None:
        """Let the time pass that a fault lasts."""
        await asyncio.sleep(self.random.uniform(0.1, OUTAGE_SECONDS))

    @contextlib.contextmanager
    def session(self) -> Iterator[Connection]:
        """Open another session in the database, as its administrator if there is one, in a transaction."""
        url = make_url(self.database.synchronous_url)
        if self.server:
            url = self.server.admin_url.set(database=self.database.name)
        with create_engine(url, poolclass=NullPool).connect() as connection:
            yield connection

    async def until(self, condition: Callable[[], object], seconds: float, *, pause_seconds: float = 0.005) -> bool:
        """Wait for a condition, at most this long; return whether it came true."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(pause_seconds)
        return True
