"""The engine that builds images and runs containers: docker if it has the base image, otherwise podman."""

import asyncio
import secrets
import shutil
import subprocess
from asyncio.subprocess import PIPE, STDOUT
from dataclasses import dataclass
from pathlib import Path

from tests.servers.variables import given

ROOT = Path(__file__).parents[2]
BASE = f"python:{given('PYTHON') or '3.13'}-slim"
TOOL = ROOT.parent / "shared" / "tools" / "container"
NOT_TESTED = f"Containers: not tested, there is neither a docker engine with {BASE} nor ../shared/tools/container"


@dataclass(frozen=True)
class Engine:
    """A container engine.

    Attributes:
        builder: The command that builds an image.
        runner: The command whose subcommands run containers, look at them and remove them.
        checks_health: It runs health checks by itself; podman without systemd does so only when asked.
    """

    builder: tuple[str, ...]
    runner: tuple[str, ...]
    checks_health: bool

    def build(self, context: Path, *options: str) -> str:
        """Build an image and return its name.

        Raises:
            RuntimeError: It cannot be built; the message has the output.
        """
        name = f"localhost/orchestrator-test:{secrets.token_hex(4)}"
        command = (*self.builder, "--tag", name, f"--build-arg=BASE={BASE}", *options, str(context))
        done = subprocess.run(command, stdout=PIPE, stderr=STDOUT, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}\n{done.stdout}")
        return name

    def remove(self, image: str) -> None:
        """Remove an image; the engine may keep what the next build can use of it."""
        subprocess.run((*self.runner, "rmi", image), stdout=PIPE, stderr=PIPE, check=True)

    async def call(self, *arguments: str, may_fail: bool = False) -> str:
        """Run a subcommand and return its output.

        Raises:
            RuntimeError: It failed; the message has the output.
        """
        process = await asyncio.create_subprocess_exec(*self.runner, *arguments, stdout=PIPE, stderr=STDOUT)
        output, _ = await process.communicate()
        if process.returncode and not may_fail:
            raise RuntimeError(f"{' '.join(arguments)}: {output.decode()}")
        return output.decode().strip()


def find() -> Engine | None:
    """Return the engine of this machine, if there is one."""
    docker = shutil.which("docker")
    if docker and not subprocess.run((docker, "image", "inspect", BASE), capture_output=True, check=False).returncode:
        return Engine((docker, "build"), (docker,), checks_health=True)
    if TOOL.exists():
        return Engine((str(TOOL), "build"), (str(TOOL), "podman"), checks_health=False)
    return None
