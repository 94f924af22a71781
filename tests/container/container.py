"""A container as ECS runs it: an unprivileged user, no capabilities, a read-only file system, no shell."""

import asyncio
import os
import secrets
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.container.engine import ROOT, Engine
from tests.harness import Orchestrator

RESTRICTED = ("--cap-drop", "all", "--security-opt", "no-new-privileges", "--memory", "256m")
READ_ONLY = ("--read-only", "--tmpfs", "/tmp")  # noqa: S108 - the container's own
KILLED = 137
_TOOLS = ("dash", "bash", "apt-get", "dpkg", "../local/bin/pip")
WITHOUT_TOOLS = tuple(word for tool in _TOOLS for word in ("--volume", f"/dev/null:{Path('/usr/bin', tool)}:ro"))


class Container(Orchestrator):
    """A container in the foreground, as a process of the harness; removed at the end of its context.

    Args:
        engine: The engine that runs it.
        image: Its image.
        arguments: The words after the image's entrypoint, if not the image's own.
        env: Its environment, besides a free PORT.
        options: Of `run`; the default has all that remove privileges.
    """

    def __init__(
        self,
        engine: Engine,
        image: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        options: Sequence[str] = (*RESTRICTED, *READ_ONLY, *WITHOUT_TOOLS),
    ) -> None:
        super().__init__(*arguments, env=env, cwd=ROOT, fresh=True)
        self.name = f"orchestrator-test-{secrets.token_hex(4)}"
        variables = {"PORT": self.env["PORT"], **(env or {})}
        self.env = {**os.environ, **variables}  # of the client, which hands on those that are named
        named = [f"--env={name}" for name in variables]
        self._engine = engine
        self._argv = (*engine.runner, "run", "--name", self.name, "--network=host", *named, *options, image, *arguments)

    async def __aexit__(self, error: type[BaseException] | None, *rest: object) -> None:
        await self.kill()
        await self._engine.call("rm", "--force", "--volumes", self.name, may_fail=True)
        await super().__aexit__(error, *rest)

    async def stop(self, within: float = 20) -> int:
        """Let the engine stop it as ECS does: its signal, and the end after so many seconds; returns the exit code."""
        await self._engine.call("stop", "--time", f"{within:g}", self.name)
        return await self.exit_code()

    async def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Send its process 1 a signal; as it stands, it ends as the machine's death would end it."""
        await self._engine.call("kill", f"--signal={number.name}", self.name, may_fail=True)

    async def inspect(self, what: str) -> str:
        """Return what the engine knows of it, such as `.State.ExitCode`."""
        return await self._engine.call("inspect", "--format", f"{{{{{what}}}}}", self.name)

    async def health(self) -> str:
        """Return `starting`, `healthy` or `unhealthy`, as of now."""
        if not self._engine.checks_health:
            await self._engine.call("healthcheck", "run", self.name, may_fail=True)
        return await self.inspect(".State.Health.Status")

    async def until_healthy(self) -> None:
        """Wait until the engine reports it as healthy."""
        async with asyncio.timeout(60):
            while await self.health() != "healthy":  # noqa: ASYNC110  # it tells nobody by itself
                await asyncio.sleep(0.1)

    async def changes(self) -> list[str]:
        """Name the files that are not as in the image, each after a letter."""
        return (await self._engine.call("diff", self.name)).splitlines()

    async def process_1(self) -> "Process":
        """Return its first process."""
        return Process(Path("/proc", await self.inspect(".State.Pid")))


@dataclass(frozen=True)
class Process:
    """What this machine's kernel knows of a process.

    Attributes:
        directory: See proc_pid(5).
    """

    directory: Path

    def status(self) -> dict[str, str]:
        """Return its identity, its rights and its memory: see proc_pid_status(5)."""
        return dict(line.split(":\t", 1) for line in (self.directory / "status").read_text().splitlines())

    def children(self) -> list["Process"]:
        """Return the processes that it has to wait for."""
        pids = (self.directory / "task" / self.directory.name / "children").read_text()
        return [Process(self.directory.with_name(pid)) for pid in pids.split()]
