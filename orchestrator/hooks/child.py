"""Becomes a hook's command, in the process started for it. Standard library only; run by its path.

If the orchestrator is killed, its migration lock is free at once, so the command must end too: the kernel then kills
it.
"""

import ctypes
import errno
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
NOT_EXECUTABLE = 126  # the code that a shell uses


def main(parent: int, command: list[str]) -> int:
    """Replace this process by `command`; return an exit code only if that is impossible."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent was killed before prctl took effect
        return NOT_EXECUTABLE
    try:
        os.execvp(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        if error.errno == errno.ENOEXEC:  # a script without a `#!` line, which a shell would run itself
            os.execvp("sh", ["sh", *command])  # noqa: S606,S607
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
    return NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
