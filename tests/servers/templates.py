"""Data directories, initialised once and stored as one file each.

Initialising takes longer than starting, so a template is unpacked instead, as the server's user.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.servers import unprivileged

CACHE = Path(__file__).parents[2] / ".cache" / "servers"


@dataclass(frozen=True)
class Step:
    """A command that helps to fill `{directory}`, and what it reads."""

    argv: Sequence[str | Path]
    reads: str = ""

    def run(self, directory: Path) -> None:
        """Run it there, and show what it wrote when it fails."""
        argv = [str(word).replace("{directory}", str(directory)) for word in self.argv]
        done = subprocess.run(
            argv,
            input=self.reads,
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **unprivileged.identity(),
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(argv)} failed with {done.returncode}:\n{done.stdout}")


@dataclass(frozen=True)
class Template:
    """The content of a new data directory of one version."""

    version: str
    steps: Sequence[Step]

    def unpack(self, directory: Path) -> None:
        """Fill an empty directory."""
        with self._file().open("rb") as file:
            subprocess.run(["tar", "-x", "-C", directory], stdin=file, check=True, **unprivileged.identity())

    def _file(self) -> Path:
        digest = hashlib.sha256(repr(self).encode()).hexdigest()[:16]
        file = CACHE / f"{digest}.tar"
        CACHE.mkdir(parents=True, exist_ok=True)
        with _alone(file.with_suffix(".lock")):
            if not file.exists():
                self._make(file)
        return file

    def _make(self, file: Path) -> None:
        directory = unprivileged.new_directory("orchestrator-template")
        try:
            for step in self.steps:
                step.run(directory)
            unfinished = file.with_suffix(".new")
            subprocess.run(["tar", "-cSf", unfinished, "-C", directory, "."], check=True)
            unfinished.replace(file)
        finally:
            shutil.rmtree(directory)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep out other test runs of the same project."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
