"""Waits that end early: at a stop, at a failure, when cancelled."""

import asyncio

import pytest

from orchestrator.runtime.cancellation import finished, together, unless_stopped
from orchestrator.runtime.stop import StopAsked


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


async def test_work_that_must_end_is_given_its_time_however_often_the_wait_is_cancelled() -> None:
    """A stop cancels it twice where it waits beside an import: SQLite's thread then wrote to a closed loop."""
    ended: list[str] = []

    async def ends() -> None:
        await asyncio.sleep(0.01)
        ended.append("ended")

    both = together(for_ever(), finished(ends(), within_seconds=60))
    asked = asyncio.Event()
    asyncio.get_running_loop().call_soon(asked.set)
    with pytest.raises(StopAsked):
        await unless_stopped(asked, both)
    assert ended == ["ended"]


async def test_work_that_does_not_end_in_its_time_is_cancelled() -> None:
    """A stop must not wait for a disk that hangs."""
    ended: list[str] = []
    task = asyncio.ensure_future(finished(for_ever(ended), within_seconds=0.01))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)
    assert ended == ["ended"]
