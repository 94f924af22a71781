"""Work beside the loop that supervises, and giving it up when a stop is requested.

The main thread belongs to the project: its env.py and its app are imported and run there, as under `alembic` and
`uvicorn`. Our own loop runs in another thread, so the port answers and a stop is heard whatever the main thread does.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from orchestrator.stop import StopAsked

T = TypeVar("T")
U = TypeVar("U")
Work = Callable[[], None]


class MainThread:
    """The main thread, which runs what it is given, one piece of work after the other.

    Attributes:
        takes_work: whether it is in `serve`; in a test it may run the loop itself.
        busy: whether a piece of work runs now.
    """

    def __init__(self) -> None:
        self.takes_work = self.busy = False
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()

    def serve(self, supervise: Callable[[], T], *, after_each: Callable[[], None]) -> T:
        """Run `supervise` in a thread, and here what is given to `run`, until `supervise` ends; returns its result.

        `after_each` undoes what a piece of work did to the process: it may have installed signal handlers.

        Raises:
            Exception: what `supervise` raised.
        """
        ended: list[Callable[[], T]] = []
        thread = threading.Thread(target=lambda: self._supervise(supervise, ended), name="supervisor", daemon=True)
        self.takes_work = True
        thread.start()
        while self._run_next(after_each):
            pass
        self.takes_work = False
        return ended[0]()

    def _run_next(self, after_each: Callable[[], None]) -> bool:
        """Run the next piece of work; False at the end. The work is not kept: it holds the password for migrating."""
        if not (work := self._work.get()):
            return False
        self.busy = True
        work()
        after_each()
        self.busy = False
        return True

    def _supervise(self, supervise: Callable[[], T], ended: list[Callable[[], T]]) -> None:
        try:
            result = supervise()
            ended.append(lambda: result)
        except BaseException as caught:  # noqa: BLE001  # the main thread raises it
            ended.append(_raising(caught))
        finally:
            self._work.put(None)

    def run(self, work: Work) -> None:
        """Run `work` in the main thread, after what it was given before."""
        self._work.put(work)


MAIN_THREAD = MainThread()


async def in_main_thread(function: Callable[[], T], *, name: str, context: contextvars.Context | None = None) -> T:
    """Run `function` in the main thread, in `context`, and return its result, or raise what it raised.

    What is given first runs first. Cancelling the awaiting task does not stop it: what comes later then has to wait.
    Where the main thread takes no work (a test runs the loop there), a daemon thread called `name` runs it.
    """
    if not MAIN_THREAD.takes_work:
        return await in_daemon_thread(function, name=name, context=context)
    work, future = _deliverable(function, context)
    MAIN_THREAD.run(work)
    return await future


async def in_daemon_thread(function: Callable[[], T], *, name: str, context: contextvars.Context | None = None) -> T:
    """Run `function` in a daemon thread of its own and return its result, or raise what it raised.

    `asyncio.to_thread` is wrong for what may hang: its threads are joined at exit, so a stuck one would keep the
    process alive (measured: 4.1 s against 0.3 s).

    Cancelling the awaiting task does not stop the thread: cancel only where its result is not needed.
    """
    work, future = _deliverable(function, context)
    threading.Thread(target=work, name=name, daemon=True).start()
    return await future


def _deliverable(function: Callable[[], T], context: contextvars.Context | None) -> tuple[Work, asyncio.Future[T]]:
    """`function` for another thread, and the future of this loop that gets its result."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()
    context = context or contextvars.copy_context()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]  # None only where T is None

    def work() -> None:
        result, error = None, None
        try:
            result = context.run(function)
        except BaseException as caught:  # noqa: BLE001  # everything belongs to the caller that awaits
            error = _carried(caught)
        with contextlib.suppress(RuntimeError):  # the loop is closed: no caller waits any more
            loop.call_soon_threadsafe(settle, result, error)

    return work, future


@contextlib.contextmanager
def untouched_event_loop() -> Iterator[None]:
    """In here the thread's event loop is as in a new process, for env.py: the app may have set one at its import.

    `asyncio.get_event_loop()` then makes one where Python still does that (before 3.14), also after `asyncio.run`.
    """
    with _without_deprecation():
        before = asyncio.get_event_loop_policy()
        asyncio.set_event_loop_policy(None)
    try:
        yield
    finally:
        with _without_deprecation():
            asyncio.set_event_loop_policy(before)


@contextlib.contextmanager
def _without_deprecation() -> Iterator[None]:
    """Policies are deprecated from Python 3.14 on, where this module changes none that a project could see."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


def _carried(error: BaseException) -> Exception:
    """An exception that a future may carry: StopIteration and the like would be taken for the machinery's own."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    carrier = RuntimeError(f"{type(error).__name__}: {error}")
    carrier.__cause__ = error
    return carrier


async def unless_stopped(asked: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, or StopAsked (and `work` is cancelled) as soon as `asked` is set."""
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(asked.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise StopAsked
        return task.result()
    finally:
        await _end(task, stop)


async def together(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Both results; when one fails the other is cancelled at once, and its failure is the one raised."""
    tasks = asyncio.ensure_future(first), asyncio.ensure_future(second)
    try:
        one, other = await asyncio.gather(*tasks)
        return one, other
    finally:
        await _end(*tasks)


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
