"""Work beside the loop: its result, its failures, and giving it up."""

import asyncio
import contextvars
import queue
import threading

import pytest

from orchestrator.runtime.concurrency import in_daemon_thread, together, unless_stopped
from orchestrator.runtime.stop import StopAsked

WHO = contextvars.ContextVar("WHO", default="nobody")


async def for_ever(ended: list[str] | None = None) -> None:
    """Wait until cancelled."""
    try:
        await asyncio.get_running_loop().create_future()
    finally:
        if ended is not None:
            ended.append("ended")


async def fails(error: BaseException) -> None:
    """Fail, but not at once."""
    await asyncio.sleep(0)
    raise error


async def gives(value: str) -> str:
    """Give a value, but not at once."""
    await asyncio.sleep(0)
    return value


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
    go.set()
    thread = await asyncio.to_thread(begun.get, timeout=5)
    await asyncio.to_thread(thread.join, 5)
    assert not thread.is_alive()


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


# ---------------------------------------------------------------- unless_stopped


async def test_work_gives_its_result_unless_a_stop_is_asked_for() -> None:
    """The usual case, and nothing is left behind."""
    asked = asyncio.Event()
    assert await unless_stopped(asked, gives("done")) == "done"
    with pytest.raises(ValueError, match="wrong"):
        await unless_stopped(asked, fails(ValueError("wrong")))
    assert asyncio.all_tasks() == {asyncio.current_task()}


@pytest.mark.parametrize("when", ["before", "during"])
async def test_a_stop_ends_the_work_and_waits_for_its_end(when: str) -> None:
    """The work's cleanup is complete when the next step begins."""
    asked, ended = asyncio.Event(), list[str]()
    if when == "before":
        asked.set()
    else:
        asyncio.get_running_loop().call_soon(asked.set)
    with pytest.raises(StopAsked):
        await unless_stopped(asked, for_ever(ended))
    assert ended == ["ended"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_work_that_is_done_when_the_stop_comes_counts() -> None:
    """A failure at that moment is reported, not swallowed."""
    asked = asyncio.Event()

    async def at_the_same_time() -> str:
        asked.set()
        return "done"

    assert await unless_stopped(asked, at_the_same_time()) == "done"


async def test_work_that_fails_while_it_is_given_up_does_not_hide_the_stop() -> None:
    """A driver that is cancelled in its handshake raises anything."""
    asked = asyncio.Event()

    async def stubborn() -> None:
        try:
            await for_ever()
        except asyncio.CancelledError:
            raise ConnectionResetError from None

    asyncio.get_running_loop().call_soon(asked.set)
    with pytest.raises(StopAsked):
        await unless_stopped(asked, stubborn())


async def test_cancelling_the_waiter_cancels_the_work() -> None:
    """Otherwise it would continue, and report, after its caller has gone."""
    ended: list[str] = []
    task = asyncio.ensure_future(unless_stopped(asyncio.Event(), for_ever(ended)))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["ended"]


# ---------------------------------------------------------------- together


async def test_both_give_their_results() -> None:
    """In their order."""
    assert await together(gives("app"), gives("database")) == ("app", "database")


@pytest.mark.parametrize("first", [True, False])
async def test_the_failure_of_one_ends_the_other_at_once(first: bool) -> None:  # noqa: FBT001  # which of the two
    """An app that does not import is known in a second, not after the database's five minutes."""
    ended: list[str] = []
    wrong, other = fails(ImportError("app")), for_ever(ended)
    with pytest.raises(ImportError, match="app"):
        async with asyncio.timeout(5):
            await (together(wrong, other) if first else together(other, wrong))
    assert ended == ["ended"]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_when_both_fail_one_is_reported_and_the_other_is_not_a_noise() -> None:
    """`Task exception was never retrieved` would be a second cause in the log."""
    with pytest.raises((KeyError, ValueError)):
        await together(fails(KeyError()), fails(ValueError()))
