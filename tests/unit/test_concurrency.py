"""Work beside the loop: its result, its failures, and giving it up."""

import asyncio
import contextvars
import queue
import threading

import pytest

from orchestrator.runtime.concurrency import in_daemon_thread
from orchestrator.runtime.stop import StopAsked
from tests.unit.gates import loop_errors

WHO = contextvars.ContextVar("WHO", default="nobody")


# ---------------------------------------------------------------- in_daemon_thread


async def test_a_thread_gives_its_result_and_is_a_daemon_with_our_context() -> None:
    """A thread that hangs must not keep the process; logs of both carry the same context."""
    WHO.set("us")
    thread, who = await in_daemon_thread(lambda: (threading.current_thread(), WHO.get()), name="import")
    assert (thread.daemon, thread.name, who) == (True, "import", "us")
    assert await in_daemon_thread(list[str], name="x") == []


@pytest.mark.parametrize("error", [ValueError("x"), TimeoutError(), StopAsked(), ExceptionGroup("x", [KeyError()])])
async def test_a_threads_exception_is_raised_where_it_is_awaited(error: Exception) -> None:
    """The same object, so that its type can be checked."""

    def fail() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        await in_daemon_thread(fail, name="x")
    assert caught.value is error


@pytest.mark.parametrize("error", [StopIteration(1), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError()])
async def test_an_exception_that_the_machinery_would_take_for_its_own_is_wrapped(error: BaseException) -> None:
    """A script's sys.exit() must not end the loop, nor its StopIteration leave the future open."""

    def fail() -> None:
        raise error

    with pytest.raises(RuntimeError, match=type(error).__name__) as caught:
        async with asyncio.timeout(5):
            await in_daemon_thread(fail, name="x")
    assert caught.value.__cause__ is error


async def test_an_exception_without_a_text_is_delivered_too() -> None:
    """The text is made in the thread: if its class fails to make one, the caller would wait for ever."""

    class Broken(BaseException):
        def __str__(self) -> str:
            raise ZeroDivisionError

    def fail() -> None:
        raise Broken

    async with asyncio.timeout(5):
        with pytest.raises(RuntimeError, match="Broken"):
            await in_daemon_thread(fail, name="x")


async def test_the_loop_continues_while_a_thread_works() -> None:
    """It has probes to answer."""
    go = threading.Event()
    task = asyncio.ensure_future(in_daemon_thread(lambda: go.wait(5), name="x"))
    await asyncio.sleep(0)
    assert not task.done()
    go.set()
    assert await task


async def test_a_thread_whose_result_is_not_needed_any_more_ends_in_silence() -> None:
    """Cancelling does not stop it, and its later exception is not needed."""
    go, begun = threading.Event(), queue.SimpleQueue[threading.Thread]()

    def fail() -> None:
        begun.put(threading.current_thread())
        go.wait(5)
        raise ValueError

    task = asyncio.ensure_future(in_daemon_thread(fail, name="x"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with loop_errors() as errors:
        go.set()
        thread = await asyncio.to_thread(begun.get, timeout=5)
        await asyncio.to_thread(thread.join, 5)
        await asyncio.sleep(0)
    assert (thread.is_alive(), errors) == (False, [])


def test_a_thread_that_outlives_the_loop_ends_in_silence() -> None:
    """The loop closes at a stop while an import continues; a traceback of that would look like a cause."""
    go, begun = threading.Event(), queue.SimpleQueue[threading.Thread]()

    def work() -> None:
        begun.put(threading.current_thread())
        go.wait(5)

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await in_daemon_thread(work, name="outlives")

    asyncio.run(give_up())
    go.set()
    thread = begun.get(timeout=5)
    thread.join(5)  # pytest turns what a thread raises into a failure
    assert not thread.is_alive()
