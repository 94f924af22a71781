"""A process without memory or threads ends with one last event that says so."""

from pathlib import Path

from orchestrator.runtime.exhaustion import is_exhaustion
from tests.harness import Orchestrator, make_project


def test_a_limit_is_found_below_what_a_driver_made_of_it() -> None:
    """Drivers wrap what they meet."""
    for cause in (MemoryError(), RuntimeError("can't start new thread")):
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
    (last,) = process.find("startup_failed")
    assert last is process.events[-1]
    assert "memory" in last["hint"], last
