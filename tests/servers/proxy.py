"""A network in front of a port, with faults that a test switches on and off."""

import asyncio
import enum
import math
from typing import Self

from tests.servers import peers
from tests.servers.ports import HOST, free_port


class Mode(enum.Enum):
    """What happens to connections; only BLACKHOLE touches those that there are."""

    PASS = enum.auto()  # pass them on
    REFUSE = enum.auto()  # nobody listens
    SILENT = enum.auto()  # accept, and never answer
    BLACKHOLE = enum.auto()  # hold back everything, until the mode changes


class Proxy:
    """Passes a loopback port on to another.

        async with Proxy(server.port) as proxy:
            ...connect to proxy.port...
            await proxy.set(Mode.BLACKHOLE)

    Args:
        target: The port behind it.

    Attributes:
        port: Its own.
        cut_after: So many more bytes pass, both ways together, then whoever carries data is cut off.
    """

    def __init__(self, target: int) -> None:
        self.port = free_port()
        self.cut_after = math.inf
        self._target = target
        self._mode = Mode.PASS
        self._flows = asyncio.Event()
        self._listener: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
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
            self._listener.close()
            self._listener = None
        elif mode is not Mode.REFUSE and not self._listener:
            self._listener = await asyncio.start_server(self._accept, HOST, self.port)

    async def reset_all(self) -> None:
        """Reset all connections at both ends, now."""
        connections = list(self._connections)
        for connection in connections:
            connection.cancel()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = [writer]
        try:
            if self._mode is Mode.SILENT:
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
        while data := await reader.read(65_536):
            await self._flows.wait()
            passing = data[: int(min(len(data), self.cut_after))]
            self.cut_after -= len(passing)
            writer.write(passing)
            await writer.drain()
            if not self.cut_after:
                break
        await self._flows.wait()
        raise EOFError
