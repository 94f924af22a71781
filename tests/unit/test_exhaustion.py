"""A process without memory or threads ends with one last event that says so."""

import errno
from pathlib import Path

from orchestrator.runtime.exhaustion import is_exhaustion
from tests.harness import Orchestrator, make_project, together


def test_a_limit_is_found_below_what_a_driver_made_of_it() -> None:
    """Drivers wrap what they meet."""
    no_room = OSError(errno.ENOMEM, "Cannot allocate memory"), ImportError("x.so: failed to map segment")
    for cause in (MemoryError(), RuntimeError("can't start new thread"), *no_room):
        wrapped = ValueError("connection failed")
        wrapped.__cause__ = cause
        assert is_exhaustion(wrapped)
    assert not is_exhaustion(RuntimeError("the loop is closed"))
    assert not is_exhaustion(None)


async def test_without_room_for_its_threads_the_process_ends_and_says_why(tmp_path: Path) -> None:
    """Each takes some megabytes of addresses; one that could not be started must not be waited for."""
    project = make_project(tmp_path / "project")
    env = {"DATABASE_URL": "sqlite+aiosqlite:///x.db"}
    async with Orchestrator("serve", env=env, cwd=project.path, under=("prlimit", f"--as={80 << 20}")) as process:
        assert await process.exit_code() == 1
    assert "80 MB of addresses" in process.find("log", level="warning")[0]["message"]
    (last,) = process.find("startup_failed")
    assert last is process.events[-1]
    assert "memory" in last["hint"], last


async def test_at_any_limit_of_addresses_the_process_ends_with_its_last_event(tmp_path: Path) -> None:
    """Libraries fail in any way then; only one that crashes in C (a signal) takes the last line with it."""

    async def ended(megabytes: int) -> tuple[int, str, str]:
        project = make_project(tmp_path / str(megabytes))
        env = {"DATABASE_URL": "sqlite+aiosqlite:///x.db"}
        limit = ("prlimit", f"--as={megabytes << 20}")
        async with Orchestrator("migrate", env=env, cwd=project.path, under=limit) as process:
            code = await process.exit_code()
        last = process.events[-1] if process.events else {}
        return code, last.get("event", ""), last.get("error_type", "")

    for code, event, kind in await together(*(ended(each) for each in (40, 130, 200, 320))):
        assert code < 0 or (event, kind) in {("startup_failed", "limit"), ("process_stopped", "")}
