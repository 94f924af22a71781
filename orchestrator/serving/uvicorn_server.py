"""uvicorn's server, which leaves signals to us.

uvicorn does not handle signals here. Its stock `serve()` raises a signal again before it returns, so that code after it
does not run, and as process 1 it behaves differently again. Our handlers stay installed, and we set `should_exit`.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import uvicorn

from orchestrator.errors import AppFailed
from orchestrator.runtime.stop import Stop
from orchestrator.serving.limits import backlog

_LATE_SECONDS = 0.05  # less than the 0.1 s after which uvicorn looks whether there are connections


class UvicornServer(uvicorn.Server):
    """Leaves signals to us, reports when it accepts connections, and which requests did not end before the stop.

    Args:
        listening: Called once it accepts connections.
        unfinished: Where the tasks of requests are put that run when the stop begins.
    """

    def __init__(
        self, config: uvicorn.Config, stop: Stop, listening: Callable[[], None], unfinished: set[asyncio.Task[Any]]
    ) -> None:
        super().__init__(config)
        self._stop, self._listening, self._unfinished = stop, listening, unfinished

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install our handler as a method of this object: sse-starlette finds the server through the handler."""
        self._stop.answer_with(self.heard)
        yield

    def install_signal_handlers(self) -> None:
        """Do the same for uvicorn before 0.29, which calls this method."""
        with self.capture_signals():
            pass

    def heard(self, number: int, frame: FrameType | None) -> None:
        """Request the stop."""
        self._stop.handle(number, frame)

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until stopped. Exit with uvicorn's code if the lifespan failed, as newer versions do themselves."""
        self.loop, self.task = asyncio.get_running_loop(), asyncio.current_task()
        try:
            await super().serve(sockets)
        finally:
            self._note_unfinished()
        if not self.started:
            raise SystemExit(AppFailed.exits_with)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start up, then report that connections are accepted."""
        await super().startup(sockets)
        if self.started:
            for listener in sockets or ():
                listener.listen(backlog())
            self._listening()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Let requests finish, then cancel them. They are noted first, which costs a request nothing until then."""
        self._note_unfinished()
        told = set(self.server_state.connections)  # uvicorn tells them of the stop at once, and no others
        telling = asyncio.ensure_future(self._tell_others(told))
        try:
            await super().shutdown(sockets)
        finally:
            telling.cancel()

    async def _tell_others(self, told: set[Any]) -> None:
        """Tell connections that come late of the stop, or uvicorn would wait for them although they are idle.

        They were accepted, or handed over by the gate, in the moment of the stop.
        """
        while True:
            await asyncio.sleep(_LATE_SECONDS)
            for connection in {*self.server_state.connections} - told:
                told.add(connection)
                connection.shutdown()

    def _note_unfinished(self) -> None:
        self._unfinished.update(task for task in self.server_state.tasks if not _is_websocket(task))


def _is_websocket(task: asyncio.Task[Any]) -> bool:
    """Return whether this task of uvicorn's is a WebSocket: a protocol in its package `websockets` has made it."""
    code = getattr(task.get_coro(), "cr_code", None)  # a protocol of UVICORN_HTTP may be compiled
    return code is not None and Path(code.co_filename).parent.name == "websockets"
