"""Becomes the command of a hook, in the process that was started for it; standard library only, run by its path.

If the orchestrator is killed, its lock is free at once, so the command must not go on: the kernel kills it then.
"""

import ctypes
import errno
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # prctl(2)
NOT_EXECUTABLE = 126  # as a shell has it


def main(parent: int, command: list[str]) -> int:
    """Replace this process by `command`; returns only if that is impossible."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it was killed before we asked
        return NOT_EXECUTABLE
    try:
        os.execvp(command[0], command)  # noqa: S606  # no shell is wanted
    except OSError as error:
        if error.errno == errno.ENOEXEC:  # a script without a first line, which a shell would run itself
            os.execvp("sh", ["sh", *command])  # noqa: S606,S607
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
    return NOT_EXECUTABLE


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
