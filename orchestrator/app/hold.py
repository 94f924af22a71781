"""Holds the import of the app at its first connection to a database until the migration is done.

The app is imported before the migration, so that a broken image migrates nothing. But some apps use the database while
they are imported: `Base.metadata.create_all(engine)` in main.py, a seed, a query. After `alembic upgrade head` these
meet a server that answers, and the new schema. So the import stops before it connects, and continues when the database
is at head. Meanwhile env.py runs in the same thread. Others call `alembic.command.upgrade` there: without the hold,
each replica would migrate by itself, without lock and journal.
"""

import asyncio
import contextlib
import sys
import threading
import traceback
from collections.abc import Callable, Iterator

from sqlalchemy.engine import Engine
from sqlalchemy.pool import PoolProxiedConnection

from orchestrator.runtime import import_path
from orchestrator.runtime.concurrency import MAIN_THREAD

_APPS_ENV = "env_py"  # the name under which Alembic loads env.py: here in a run that the app started


class Hold:
    """The place where an import may stop. Made in the supervisor's loop; `watched` runs in the importing thread.

    Attributes:
        reached: set when the import stops.
    """

    def __init__(self, app: str) -> None:
        self.reached = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._module = app.partition(":")[0]
        self._released = threading.Event()
        self._holding = False
        self._directory = import_path.working_directory()

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Stop this thread before SQLAlchemy makes the first connection inside this block."""
        before = _running_modules()
        with before_connections(lambda: self._hold(_running_modules() - before)):
            yield

    def release(self) -> None:
        """Let the import continue, and never stop it again."""
        self._released.set()
        MAIN_THREAD.run(_nothing)  # wakes it

    def _hold(self, running: set[str]) -> None:
        """Stop, unless a module other than the app is half imported: env.py may need it, so it may connect now."""
        if self._holding or self._released.is_set() or not all(map(self._is_apps, running - {_APPS_ENV})):
            return
        self._holding = True  # env.py connects in this thread, too
        try:
            self._loop.call_soon_threadsafe(self.reached.set)
            with outside_the_loop(), _apps_alembic(), import_path.returning(self._directory):
                MAIN_THREAD.work_until(self._released)
        finally:
            self._holding = False

    def _is_apps(self, module: str) -> bool:
        """Return whether it is the app's module or a package that contains it."""
        return f"{self._module}.".startswith(f"{module}.")


@contextlib.contextmanager
def before_connections(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` before SQLAlchemy makes a connection in this thread.

    The event `do_connect` is not suitable: env.py's run adds listeners to it while `act` runs.
    """
    thread, connect = threading.get_ident(), Engine.raw_connection

    def raw_connection(self: Engine) -> PoolProxiedConnection:
        if threading.get_ident() == thread:
            act()
        return connect(self)

    Engine.raw_connection = raw_connection  # type: ignore[method-assign]
    try:
        yield
    finally:
        Engine.raw_connection = connect  # type: ignore[method-assign]


def _running_modules() -> set[str]:
    """Return the names of the modules whose top level runs in this thread."""
    frames = (frame for frame, _ in traceback.walk_stack(None))
    return {frame.f_globals.get("__name__", "") for frame in frames if frame.f_code.co_name == "<module>"}


@contextlib.contextmanager
def outside_the_loop() -> Iterator[None]:
    """Hide the loop and the task in which the app connects: env.py may call `asyncio.run`.

    From Python 3.14 on a thread has one current task, whatever its loops: a second loop would run no task beside it.
    """
    loop = asyncio._get_running_loop()  # noqa: SLF001  # as the calls below, part of the interface for authors of loops
    task = asyncio.current_task(loop) if loop else None
    if loop and task:
        asyncio.tasks._leave_task(loop, task)  # noqa: SLF001
    asyncio._set_running_loop(None)  # noqa: SLF001
    try:
        yield
    finally:
        asyncio._set_running_loop(loop)  # noqa: SLF001
        if loop and task:
            asyncio.tasks._enter_task(loop, task)  # noqa: SLF001


@contextlib.contextmanager
def _apps_alembic() -> Iterator[None]:
    """Give an app that runs Alembic its `alembic.context` back: the other run takes these names, then removes them."""
    environment = getattr(sys.modules.get("alembic.context"), "_proxy", None)
    try:
        yield
    finally:
        if environment:
            environment._install_proxy()  # noqa: SLF001  # as entering it does


def _nothing() -> None: ...
