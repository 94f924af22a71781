"""The health check of a container, run as `docker exec` runs it, and what it says."""

from pathlib import Path

from tests.harness import Orchestrator, Result, run


async def probe(process: Orchestrator, *options: str, **settings: str) -> Result:
    """Check the health of a running process: with its environment, as `docker exec` does it, and without haste."""
    return await run("probe", "--timeout=60", *options, env={**process.env, **settings}, cwd=Path("/"))


async def probe_port(port: int, *options: str, cwd: Path, **settings: str) -> Result:
    """Check the health of the program that listens on a port."""
    return await run("probe", *options, env={"PORT": str(port), **settings}, cwd=cwd)


def assert_healthy(result: Result) -> None:
    """A healthy container is nothing to speak of."""
    assert (result.exit_code, result.lines, result.stderr) == (0, [], "")


def assert_not_healthy(result: Result, *told: str) -> None:
    """One line gives the reason, which `docker inspect` shows."""
    assert (result.exit_code, result.lines) == (1, [])
    assert result.stderr.startswith("orchestrator probe: ")
    assert result.stderr.count("\n") == 1
    for each in told:
        assert each in result.stderr
