"""Waits of the supervisor's loop that end early: at a stop, at the failure of another one, or after their time."""

import asyncio
import contextlib
from collections.abc import Coroutine
from typing import Any, TypeVar

from orchestrator.runtime.stop import StopAsked

T = TypeVar("T")
U = TypeVar("U")


async def finished(work: Coroutine[Any, Any, T], within_seconds: float) -> T:
    """Return the result of `work`. If the caller is cancelled, give it so many seconds to end before that is raised.

    A second cancellation changes nothing: `together` and `unless_stopped` around this call each cancel it once.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # so asyncio does not report it
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await _given(task, within_seconds)
        task.cancel()
        raise


async def _given(task: asyncio.Future[Any], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not task.done() and loop.time() < until:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait({task}, timeout=until - loop.time())


async def unless_stopped(asked: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Return the result of `work`; cancel it and raise StopAsked as soon as `asked` is set."""
    task, stop = asyncio.ensure_future(work), asyncio.ensure_future(asked.wait())
    try:
        await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise StopAsked
        return task.result()
    finally:
        await _end(task, stop)


async def together(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U]) -> tuple[T, U]:
    """Return both results. If one fails, cancel the other at once and raise the failure."""
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
