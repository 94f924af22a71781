"""A network in front of a port, with faults that a test switches on and off."""

import asyncio
import contextlib
import enum
import math
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Self

from tests.servers import peers
from tests.servers.ports import HOST, free_port


class Mode(enum.Enum):
    """What happens to connections; only BLACKHOLE touches those that there are."""

    PASS = enum.auto()  # pass them on
    REFUSE = enum.auto()  # connections are refused
    SILENT = enum.auto()  # accept, and never answer
    BLACKHOLE = enum.auto()  # hold back everything, until the mode changes


class Tripwire:
    """A place in the traffic at which everything stops, as by Mode.BLACKHOLE, to the byte.

    Attributes:
        reached: Set when the traffic has stopped there.
    """

    def __init__(self, marks: Sequence[bytes], then_bytes: int) -> None:
        self.reached = asyncio.Event()
        self._marks, self._left = list(marks), then_bytes

    def position(self, data: bytes) -> int | None:
        """Return how much of `data` passes before it is reached, or nothing while it is not."""
        start = 0
        while self._marks:
            found = re.compile(self._marks[0]).search(data, start)
            if not found:
                return None
            start = found.end()
            del self._marks[0]
        if start + self._left <= len(data):
            return start + self._left
        self._left -= len(data) - start
        return None


class Proxy:
    """Passes a loopback port on to another.

        async with Proxy(server.port) as proxy:
            ...connect to proxy.port...
            await proxy.set(Mode.BLACKHOLE)

    Args:
        target: The port behind it.

    Attributes:
        port: Its own.
        cut_after: After this many more bytes, in both directions together, the connection that carries them is cut.
        latency_seconds: The delay of data in each direction.
        accepted: How many connections there have been.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.cut_after = math.inf
        self.latency_seconds = 0.0
        self.accepted = 0
        self._target = target
        self._mode = Mode.PASS
        self._flows = asyncio.Event()
        self._tripwire: Tripwire | None = None
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        asyncio.get_running_loop().set_debug(False)  # it would take the stack at each packet: half of the CPU time
        await self.set(Mode.PASS)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.set(Mode.REFUSE)
        await self.reset_all()

    async def set(self, mode: Mode) -> None:
        """Change the mode."""
        self._mode = mode
        if mode is Mode.BLACKHOLE:
            self._flows.clear()
        else:
            self._flows.set()
        if mode is Mode.REFUSE and self._listener:
            listener, self._listener = self._listener, None
            await peers.stop_listening(listener)
        elif mode is not Mode.REFUSE and not self._listener:
            self._listener = await asyncio.start_server(self._accept, HOST, self.port)

    async def reset_all(self) -> None:
        """Reset all connections at both ends, now."""
        await _reset(list(self._connections))

    def trip(self, *marks: bytes, then_bytes: int = 0) -> Tripwire:
        """Go into Mode.BLACKHOLE once these have passed, one after the other, and so many bytes more.

        Args:
            marks: Regular expressions; what they match has to come in one piece, as a short statement does.
            then_bytes: Counted from the end of the last mark, both ways together.
        """
        self._tripwire = Tripwire(marks, then_bytes)
        return self._tripwire

    @contextlib.asynccontextmanager
    async def stranding(self) -> AsyncIterator[None]:
        """Cut the existing connections silently while new ones pass, and reset them at the end.

        So the server sees a client whose host has vanished: it hears nothing, and gets no error.
        """
        stranded = list(self._connections)
        self._flows.clear()
        self._flows = asyncio.Event()
        await self.set(Mode.PASS)
        yield
        await _reset(stranded)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        task = asyncio.create_task(self._carry(reader, writer, self._mode))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, mode: Mode) -> None:
        """Carry a connection, as by the mode in which it was accepted."""
        ends = [writer]
        try:
            if mode is Mode.SILENT:
                await peers.silent(reader, writer)
                return
            there, onward = await asyncio.open_connection(HOST, self._target)
            ends.append(onward)
            async with asyncio.TaskGroup() as directions:
                directions.create_task(self._flow(reader, onward))
                directions.create_task(self._flow(there, writer))
        except* (OSError, asyncio.CancelledError):
            for end in ends:
                peers.reset(end)
        except* EOFError:
            pass
        finally:
            for end in ends:
                end.close()

    async def _flow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one direction; an end of it, natural or not, is an end of both."""
        flows = self._flows
        while self.cut_after and (data := await reader.read(65_536)):
            await asyncio.sleep(self.latency_seconds)
            stop = self._tripwire.position(data) if self._tripwire else None
            await self._pass(data[:stop], flows, writer)
            if stop is not None:
                self._stop_at_tripwire()
                await self._pass(data[stop:], flows, writer)
        await flows.wait()
        raise EOFError

    async def _pass(self, data: bytes, flows: asyncio.Event, writer: asyncio.StreamWriter) -> None:
        await flows.wait()
        passing = data[: int(min(len(data), self.cut_after))]
        self.cut_after -= len(passing)
        writer.write(passing)
        await writer.drain()

    def _stop_at_tripwire(self) -> None:
        assert self._tripwire
        self._tripwire.reached.set()
        self._tripwire = None
        self._mode = Mode.BLACKHOLE
        self._flows.clear()


async def _reset(connections: Iterable[asyncio.Task[None]]) -> None:
    for connection in connections:
        connection.cancel()
    await asyncio.gather(*connections, return_exceptions=True)
