"""A MySQL server as a fleet sees it: logins and statements cost its cores time, and connections are limited."""

import asyncio
import enum
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from pymysql.err import OperationalError

from benchmarks.simulation.costs import Costs


class State(enum.Enum):
    """How the server meets a client."""

    UP = enum.auto()
    REFUSES = enum.auto()  # the port is closed
    SILENT = enum.auto()  # packets vanish, as in the first seconds of a failover


@dataclass
class Meter:
    """What happened, and when: counts by second, and totals.

    Attributes:
        peak: the largest number of connections at a time.
    """

    per_second: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    peak: int = 0
    busy_seconds: float = 0.0

    def add(self, what: str, amount: int = 1) -> None:
        """Count something that happens now."""
        self.per_second[what][int(asyncio.get_running_loop().time())] += amount

    def total(self, what: str) -> int:
        """Return how often it happened."""
        return sum(self.per_second[what].values())

    def highest(self, what: str) -> int:
        """Return how often it happened in its busiest second."""
        return max(self.per_second[what].values(), default=0)

    def first_minute(self, what: str) -> int:
        """Return how often it happened in the first minute."""
        return sum(count for second, count in self.per_second[what].items() if second < 60)  # noqa: PLR2004


class Server:
    """The server.

    Args:
        costs: what its work costs, as calibrated.
        state: what it does at a time, in seconds.

    Attributes:
        migrated: whether no revision is pending.
        lock: GET_LOCK's; `holder` is the connection that has it.
    """

    def __init__(
        self, costs: Costs, *, cores: int, max_connections: int, migrated: bool, state: Callable[[float], State]
    ) -> None:
        self.costs, self.max_connections, self.migrated, self.state = costs, max_connections, migrated, state
        self.meter = Meter()
        self.lock, self.holder = asyncio.Lock(), 0
        self.connections = 0
        self._ids = 0
        self._cores = asyncio.Semaphore(cores)

    async def login(self) -> int:
        """Open a connection; return its id.

        Raises:
            OperationalError: as PyMySQL does: 2003 while the port is closed, 1040 without a free connection.
        """
        self.meter.add("attempts")
        state = self.state(asyncio.get_running_loop().time())
        if state is State.SILENT:
            await asyncio.Event().wait()
        if state is State.REFUSES:
            cause = ConnectionRefusedError(111, "Connection refused")
            raise OperationalError(2003, "Can't connect to MySQL server") from cause
        if self.connections >= self.max_connections:
            self.meter.add("too many connections")
            await self.work(self.costs.refusal_seconds)
            raise OperationalError(1040, "Too many connections")
        self.connections += 1
        self.meter.peak = max(self.meter.peak, self.connections)
        try:
            await asyncio.shield(self.work(self.costs.login_seconds))  # a client that gives up spares no work
        except BaseException:
            self.connections -= 1
            raise
        self.meter.add("logins")
        self._ids += 1
        return self._ids

    def logout(self) -> None:
        """Close a connection."""
        self.connections -= 1

    async def work(self, seconds: float) -> None:
        """Use a core for so long, as soon as one is free."""
        async with self._cores:
            await asyncio.sleep(seconds)
        self.meter.busy_seconds += seconds

    async def query(self, what: str) -> None:
        """Run a short statement."""
        self.meter.add(what)
        await self.work(self.costs.query_seconds)

    async def processlist(self) -> None:
        """List all connections: a row for each."""
        self.meter.add("process lists")
        self.meter.add("rows of process lists", self.connections)
        await self.work(self.costs.query_seconds + self.connections * self.costs.row_seconds)

    async def get_lock(self, connection: int, *, seconds: float) -> bool:
        """Wait for the lock for at most so long, as GET_LOCK does."""
        await self.query("GET_LOCK")
        try:
            async with asyncio.timeout(seconds):
                await self.lock.acquire()
        except TimeoutError:
            return False
        self.holder = connection
        return True
