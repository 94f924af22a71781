"""The main thread as a worker: its pieces of work, one inside another, their effects undone, its end."""

import asyncio
import threading
import warnings
from collections.abc import Callable
from unittest.mock import patch

import pytest

from orchestrator.runtime.concurrency import (
    MainThread,
    SupervisorEnded,
    in_daemon_thread,
    untouched_event_loop,
)


def served(main: MainThread, *work: Callable[[], object], supervise: Callable[[], object] = list) -> list[str]:
    """Do the work in this thread; return what happened, an end of a piece included."""
    seen: list[str] = []

    def do(each: Callable[[], object]) -> Callable[[], None]:
        return lambda: seen.append(str(each()))

    def supervised() -> object:
        for each in work:
            main.run(do(each))
        return supervise()

    main.serve(supervised, after_each=lambda: seen.append("undone"))
    return seen


def test_the_effects_of_each_piece_are_undone_before_the_next_one() -> None:
    """Imported code replaces signal handlers: a stop would not be heard until the end of all work."""
    main = MainThread()
    assert served(main, lambda: "env.py", lambda: "app") == ["env.py", "undone", "app", "undone"]
    assert (main.takes_work, main.busy) == (False, False)


def test_a_piece_that_waits_does_others_and_is_busy_afterwards() -> None:
    """An import that is held continues after env.py ran inside it: the exit must know that it may hang."""
    main, done = MainThread(), threading.Event()

    def held() -> str:
        main.work_until(done)
        return f"app, busy: {main.busy}"

    assert served(main, held, lambda: "env.py", done.set) == [
        *("env.py", "undone", "None", "undone"),
        *("app, busy: True", "undone"),
    ]


def test_a_piece_that_waits_ends_with_its_supervisor() -> None:
    """Otherwise the process would stay: nobody sets what it waits for any more."""
    main = MainThread()

    def held() -> str:
        with pytest.raises(SupervisorEnded):
            main.work_until(threading.Event())
        return "ended"

    assert served(main, held) == ["ended", "undone"]


async def test_a_result_is_delivered_also_after_memory_was_short() -> None:
    """Its caller would wait forever."""
    loop = asyncio.get_running_loop()
    deliver, failures = loop.call_soon_threadsafe, [MemoryError()]

    def short(*arguments: object) -> object:
        if failures:
            raise failures.pop()
        return deliver(*arguments)  # type: ignore[arg-type]

    with patch.object(loop, "call_soon_threadsafe", short):
        assert await asyncio.wait_for(in_daemon_thread(lambda: "result", name="x"), 10) == "result"


def test_env_py_finds_the_event_loop_of_a_new_process() -> None:
    """The app's import may have set a policy or a loop; both are back when env.py has run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        before, apps = asyncio.get_event_loop_policy(), asyncio.DefaultEventLoopPolicy()
        asyncio.set_event_loop_policy(apps)
        try:
            with untouched_event_loop():
                assert asyncio.get_event_loop_policy() is not apps
            assert asyncio.get_event_loop_policy() is apps
        finally:
            asyncio.set_event_loop_policy(before)
