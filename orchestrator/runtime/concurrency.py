"""Work in other threads than the supervisor's loop.

The main thread belongs to the project: env.py and the app are imported and run there, as under `alembic` and `uvicorn`.
Our own loop runs in another thread. So the port answers, and a stop is noticed, even while the main thread is busy.
"""

import asyncio
import contextlib
import contextvars
import queue
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from orchestrator.sentences import text_of

T = TypeVar("T")
Work = Callable[[], None]


class SupervisorEnded(BaseException):
    """Ends a piece of work that waits for the supervisor. Code of the project does not catch it by accident."""


class MainThread:
    """Runs pieces of work in the main thread, one after the other.

    Attributes:
        takes_work: whether it is inside `serve`; False in tests that run the loop in the main thread.
        busy: whether a piece of work is running.
    """

    def __init__(self) -> None:
        self.takes_work = self.busy = False
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._after_each: Callable[[], None] = _nothing

    def serve(self, supervise: Callable[[], T], *, after_each: Callable[[], None]) -> T:
        """Run `supervise` in a thread and, in this thread, the work given to `run`. Return the result of `supervise`.

        `after_each` undoes the effects of a piece of work on the process, such as installed signal handlers.

        Raises:
            Exception: any exception of `supervise`.
        """
        ended: list[Callable[[], T]] = []
        thread = threading.Thread(target=lambda: self._supervise(supervise, ended), name="supervisor", daemon=True)
        self.takes_work, self._after_each = True, after_each
        thread.start()
        while self._run_next():
            pass
        self.takes_work = False
        return ended[0]()

    def work_until(self, done: threading.Event) -> None:
        """Inside a piece of work, run others until `done` is set; `run` something to wake it.

        Raises:
            SupervisorEnded: the process ends, so `done` will not be set.
        """
        if not self.takes_work:
            done.wait()
        while not done.is_set():
            if not self._run_next():
                self._work.put(None)  # for `serve`
                raise SupervisorEnded
            self.busy = True

    def _run_next(self) -> bool:
        """Run the next piece of work; return False at the end.

        Keep no reference to the work: it holds the password for migrating.
        """
        if not (work := self._work.get()):
            return False
        self.busy = True
        work()
        self._after_each()
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
        """Queue `work` for the main thread, after the work queued before."""
        self._work.put(work)


def _nothing() -> None: ...


MAIN_THREAD = MainThread()


async def in_main_thread(function: Callable[[], T], *, name: str, context: contextvars.Context | None = None) -> T:
    """Run `function` in the main thread, in `context`; return its result or raise its exception.

    Calls run in the order of queueing. Cancelling the awaiting task does not stop the function, so later calls must
    wait for it. If the main thread takes no work (a test runs the loop there), a daemon thread called `name` runs it.
    """
    if not MAIN_THREAD.takes_work:
        return await in_daemon_thread(function, name=name, context=context)
    work, future = _deliverable(function, context)
    MAIN_THREAD.run(work)
    return await future


async def in_daemon_thread(function: Callable[[], T], *, name: str, context: contextvars.Context | None = None) -> T:
    """Run `function` in a new daemon thread; return its result or raise its exception.

    Do not use `asyncio.to_thread` for a call that may hang: its threads are joined at exit, so a stuck one keeps the
    process alive (measured: 4.1 s against 0.3 s).

    Cancelling the awaiting task does not stop the thread: cancel only if its result is not needed.
    """
    work, future = _deliverable(function, context)
    threading.Thread(target=work, name=name, daemon=True).start()
    return await future


def _deliverable(function: Callable[[], T], context: contextvars.Context | None) -> tuple[Work, asyncio.Future[T]]:
    """Return `function` as work for another thread, and the future of this loop that receives its result."""
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
        _tell(loop, settle, result, error)

    return work, future


def _tell(loop: asyncio.AbstractEventLoop, settle: Callable[[Any, Any], None], result: Any, error: Any) -> None:
    """Pass the outcome to the loop; without it the caller would wait forever."""
    while True:
        try:
            loop.call_soon_threadsafe(settle, result, error)
        except RuntimeError:  # the loop is closed: no caller waits any more
            return
        except MemoryError:
            time.sleep(0.1)  # what the work took is free in a moment
        else:
            return


@contextlib.contextmanager
def untouched_event_loop() -> Iterator[None]:
    """Give env.py the thread's event loop in the state of a new process: importing the app may have set a loop.

    `asyncio.get_event_loop()` then creates a loop if Python still does that (before 3.14), even after `asyncio.run`.
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
    """Hide the deprecation of policies in Python 3.14: this module changes no policy that a project could see."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def _raising(error: BaseException) -> Callable[[], Any]:
    def fail() -> None:
        raise error

    return fail


def _carried(error: BaseException) -> Exception:
    """Return an exception that a future can carry: asyncio would treat StopIteration and the like as its own."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    carrier = RuntimeError(f"{type(error).__name__}: {text_of(error)}")
    carrier.__cause__ = error
    return carrier
