"""Runs database servers as `nobody` if the tests run as root: the servers refuse to run as root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_MEMORY, _DISK = "/dev/shm", "/tmp"  # noqa: S108 - mkdtemp is private, and a socket's path has to be short
_ENOUGH = 2**30  # bytes; a container's /dev/shm may have only 64 MB


def identity() -> dict[str, Any]:
    """Return the arguments with which subprocess starts a child as an unprivileged user."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def hand_over(path: Path) -> Path:
    """Give a file or directory to whom the servers run as."""
    if as_whom := identity():
        os.chown(path, as_whom["user"], as_whom["group"])
    return path


def new_directory(prefix: str) -> Path:
    """Make an empty directory that a server may use, in memory if there is room: ten times as fast."""
    in_memory = Path(_MEMORY).is_dir() and shutil.disk_usage(_MEMORY).free > _ENOUGH
    return hand_over(Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=_MEMORY if in_memory else _DISK)))


def start(argv: Sequence[str | Path], directory: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start a server that never outlives this process."""
    setpriv = shutil.which("setpriv")
    prefix = [setpriv, "--pdeathsig", "KILL", "--"] if setpriv else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*prefix, *argv],
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C is for pytest
            restore_signals=False,  # SIGXFSZ stays ignored: a limit of file sizes is an error, not a death
            **identity(),
        )
