"""`run`: replaces this process by another program, like `exec` in a shell.

The program gets what `exec` would leave it: this process's id, standard input, output and error, the environment, and
default signal handlers. The kernel closes all our other descriptors.
"""

import os
import shutil
import signal
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

from orchestrator.errors import AppFailed, StartupError
from orchestrator.runtime.signals import default_actions
from orchestrator.start import activation

_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # the new program would inherit that


class Replacement(NamedTuple):
    """The program, and the socket that it takes over, if any.

    Attributes:
        path: The executable file.
        argv: Its name as given, and its arguments.
        listener: The socket; None without a socket, or if it is closed.
        descriptor: Where the program expects the socket.
    """

    path: str
    argv: tuple[str, ...]
    listener: socket.socket | None = None
    descriptor: int = activation.FIRST_DESCRIPTOR

    @classmethod
    def of(
        cls, path: str, argv: tuple[str, ...], environ: Mapping[str, str], listener: socket.socket | None
    ) -> "Replacement":
        """Return the program with `listener`; close the socket if the program binds the port itself."""
        if listener is None:
            return cls(path, argv)
        descriptor = activation.descriptor_for(argv, environ, listener)
        if descriptor is None:
            listener.close()
            return cls(path, argv)
        return cls(path, argv, listener, descriptor)


def program(argv: tuple[str, ...]) -> str:
    """Return the executable file that `argv` names.

    Raises:
        StartupError: with AppFailed: it does not exist, or is not executable.
    """
    path = shutil.which(argv[0])
    if path is None:
        raise StartupError(_not_started(argv, f"no executable {argv[0]} in {os.environ.get('PATH', os.defpath)}"))
    return path


def replace_process(with_: Replacement, stdout: int) -> NoReturn:
    """Become the program. Main thread only; never returns.

    Args:
        with_: The program.
        stdout: The descriptor of the real standard output; descriptor 1 leads elsewhere at this point.

    Raises:
        StartupError: with AppFailed: the kernel cannot run it.
    """
    environ = _environment()
    os.dup2(stdout, 1)
    if with_.listener:
        _place(with_.listener, with_.descriptor)
        environ = activation.announced(environ, with_.descriptor)
    try:
        with default_actions(*_IGNORED_BY_PYTHON):
            os.execve(with_.path, with_.argv, environ)  # noqa: S606  # no shell: as given
    except OSError as error:
        raise StartupError(_not_started(with_.argv, error.strerror or str(error))) from None


def _place(listener: socket.socket, descriptor: int) -> None:
    if listener.fileno() == descriptor:
        os.set_inheritable(descriptor, True)  # noqa: FBT003  # the standard library's
    else:
        os.dup2(listener.fileno(), descriptor)


def _environment() -> dict[str, str]:
    """Return our environment without the variable that Python added to change the locale `C` to UTF-8 (PEP 538)."""
    environ = dict(os.environ)
    with suppress(OSError):
        first = Path("/proc/self/environ").read_bytes()
        if environ.get("LC_CTYPE") == "C.UTF-8" and b"LC_CTYPE=" not in first:
            del environ["LC_CTYPE"]
    return environ


def _not_started(argv: tuple[str, ...], why: str) -> AppFailed:
    return AppFailed(
        error_type="app_failed",
        error_message=f"it cannot be started: {why}",
        hint="Install the program in the image, or correct COMMAND of `orchestrator run -- COMMAND` and PATH.",
        app=argv[0],
    )
