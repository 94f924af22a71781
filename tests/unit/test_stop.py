"""A stop asked for before, during, twice; and what is left of its budget."""

import asyncio
import os
import signal
import subprocess
import sys
import threading

import pytest

from orchestrator.runtime.stop import Stop


class Clock:
    """Time that passes on command."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """As `time.monotonic`."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock of stopping."""
    clock = Clock()
    monkeypatch.setattr("orchestrator.runtime.stop.time", clock)
    return clock


def test_the_first_signal_is_remembered_and_the_second_means_now() -> None:
    """The event names the first signal; a second one is not a new cause."""
    stop = Stop()
    assert not stop.requested.is_set()
    stop.request("SIGTERM")
    assert (stop.requested.is_set(), stop.signal, stop.hurry) == (True, "SIGTERM", False)
    stop.request("SIGINT")
    assert (stop.signal, stop.hurry) == ("SIGTERM", True)


def test_the_budget_runs_from_the_first_request(clock: Clock) -> None:
    """The platform counts from its SIGTERM too, and kills at the end."""
    stop = Stop()
    stop.budget_seconds = 20.0
    stop.request("SIGTERM")
    clock.now += 5
    assert stop.remaining_seconds() == 15.0
    clock.now += 14
    assert stop.remaining_seconds() == 1.0
    clock.now += 100
    assert stop.remaining_seconds() == 0.0


def test_a_share_of_the_budget_is_kept_for_what_comes_after(clock: Clock) -> None:
    """Requests may take what the lifespan leaves them."""
    stop = Stop()
    stop.budget_seconds = 20.0
    stop.request("SIGTERM")
    assert stop.remaining_seconds(keep=0.25) == 15.0
    clock.now += 15
    assert (stop.remaining_seconds(keep=0.25), stop.remaining_seconds()) == (0.0, 5.0)


def test_a_budget_that_is_read_after_the_request_counts_from_the_request(clock: Clock) -> None:
    """SIGTERM may come while the settings are read."""
    stop = Stop()
    stop.request("SIGTERM")
    clock.now += 5
    stop.budget_seconds = 8.0
    assert stop.remaining_seconds() == 3.0


def test_in_a_hurry_nothing_is_left() -> None:
    """The second signal means: now."""
    stop = Stop()
    stop.request("SIGTERM")
    stop.request("SIGTERM")
    assert stop.remaining_seconds() == stop.remaining_seconds(keep=0.5) == 0.0


def test_what_must_not_be_hurried_is_not(clock: Clock) -> None:
    """There a second signal is the same request, and is forgotten: what comes afterwards takes its time, too."""
    stop = Stop()
    stop.budget_seconds = 20.0
    with stop.unhurried():
        stop.request("SIGTERM")
        clock.now += 5
        stop.request("SIGINT")
        assert (stop.requested.is_set(), stop.signal, stop.hurry) == (True, "SIGTERM", False)
        assert stop.remaining_seconds() == 15.0
    assert not stop.hurry
    stop.request("SIGTERM")
    assert stop.hurry


async def test_a_stop_asked_for_before_the_loop_is_seen_by_the_loop() -> None:
    """SIGTERM may come before asyncio is even imported."""
    stop = Stop()
    stop.request("SIGTERM")
    assert stop.watch().is_set()


async def test_a_stop_asked_for_in_another_thread_wakes_the_loop() -> None:
    """A loop that sleeps in its selector does not look by itself."""
    stop = Stop()
    asked = stop.watch()
    assert not asked.is_set()
    threading.Thread(target=stop.request, args=("SIGTERM",)).start()
    async with asyncio.timeout(5):
        await asked.wait()


async def test_the_second_signal_is_heard_by_the_code_that_cleared_the_first() -> None:
    """Every watcher has a separate event."""
    stop = Stop()
    first, other = stop.watch(), stop.watch()
    stop.request("SIGTERM")
    async with asyncio.timeout(5):
        await first.wait()
        await other.wait()
    first.clear()
    stop.request("SIGTERM")
    async with asyncio.timeout(5):
        await first.wait()
    assert other.is_set()


async def test_a_watcher_that_comes_while_the_first_signal_is_announced_hears_only_the_second() -> None:
    """It took the first one for the second, once in forty stops, and cancelled the requests in flight."""
    stop, late = Stop(), list[asyncio.Event]()

    def watch() -> None:
        late.append(stop.watch())
        late[0].clear()

    stop._listeners.append(watch)  # noqa: SLF001  # as the supervisor, which a thread has just woken
    stop.request("SIGTERM")
    await asyncio.sleep(0.01)
    assert not late[0].is_set()
    stop._listeners.remove(watch)  # noqa: SLF001
    stop.request("SIGTERM")
    await asyncio.wait_for(late[0].wait(), 5)


def test_a_closed_loop_is_not_woken_any_more() -> None:
    """The thread that hears signals would end of the error, and hear no other."""
    stop = Stop()

    async def watch() -> None:
        stop.watch()

    asyncio.run(watch())
    stop.request("SIGTERM")
    assert stop.requested.is_set()


def run(code: str) -> int:
    """Run a process and return its exit code."""
    prologue = (
        "import os, signal, threading, time\nfrom orchestrator.runtime.stop import Stop, exit_within\nstop = Stop()\n"
    )
    return subprocess.run([sys.executable, "-c", prologue + code], check=False, timeout=30).returncode


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_asks_while_the_main_thread_is_busy(number: signal.Signals) -> None:
    """An import takes seconds; the handler runs in between, and only puts a word into a queue."""
    code = f"stop.install()\nos.kill(os.getpid(), {number.value})\nassert stop.requested.wait(10)\n"
    assert run(f"{code}assert stop.signal == '{number.name}'") == 0


def test_a_signal_asks_also_after_an_event_loop_has_taken_the_kernels_delivery() -> None:
    """The app's loop does so for its own signal handlers, and those are called, too."""
    code = """
import asyncio

async def main():
    heard, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, heard.set)
    os.kill(os.getpid(), signal.SIGTERM)
    assert await asyncio.to_thread(stop.requested.wait, 10)
    os.kill(os.getpid(), signal.SIGUSR1)
    await asyncio.wait_for(heard.wait(), 10)

stop.install()
asyncio.run(main())
"""
    assert run(code) == 0


def test_a_process_that_hangs_ends_with_its_budget() -> None:
    """Whatever hangs: here the main thread."""
    enforced = "stop.budget_seconds = 0.2\nstop.enforce(lambda: 12, lambda: None)\n"
    assert run(f"{enforced}stop.request('SIGTERM')\ntime.sleep(60)") == 12


def test_a_process_that_hangs_ends_soon_after_the_second_signal() -> None:
    """However large the budget is, and though the last events hang too."""
    enforced = "stop.budget_seconds = 600\nstop.enforce(lambda: 7, lambda: time.sleep(60))\n"
    hurry = "stop.request('SIGTERM')\nstop.request('SIGTERM')\n"
    assert run(f"{enforced}{hurry}time.sleep(60)") == 7


def test_a_thread_that_cannot_be_stopped_does_not_keep_the_process() -> None:
    """Resolving a name blocks for as long as the resolver likes, and is joined at the exit."""
    assert run("threading.Thread(target=time.sleep, args=(60,)).start()\nexit_within(0.1, 5)") == 5


def test_importing_it_imports_nothing_heavy() -> None:
    """It comes before the handler is there: until then process 1 loses a SIGTERM."""
    listed = "import sys\nheavy = {'sqlalchemy', 'pydantic', 'uvicorn', 'structlog', 'click', 'alembic'}\n"
    assert run(f"{listed}assert not heavy & set(sys.modules)") == 0
    assert os.getpid()


def test_the_program_that_replaces_us_gets_the_signals_as_we_found_them() -> None:
    """`nohup` ignores a signal for its program too; and what is given up is not taken again."""
    ignored = "signal.signal(signal.SIGINT, signal.SIG_IGN)\nstop.install()\nassert stop.give_up() is False\n"
    as_found = "assert [signal.getsignal(n) for n in (2, 15)] == [signal.SIG_IGN, signal.SIG_DFL]\n"
    assert run(f"{ignored}{as_found}stop.reinstall()\n{as_found}") == 0


def test_a_stop_that_came_before_the_signals_are_given_up_is_known() -> None:
    """Otherwise the program would start although its platform has asked for the end."""
    code = "stop.install()\nos.kill(os.getpid(), signal.SIGTERM)\n"
    assert run(f"{code}assert stop.give_up() is True\nassert stop.signal == 'SIGTERM'") == 0
