"""Process 1 of a container: forwards signals to its child, the orchestrator, and reaps every orphaned process.

Linux makes process 1 the parent of every orphan. An orphan that process 1 does not reap stays as a zombie and counts
against the container's limit of processes. The orchestrator cannot reap them itself: it cannot distinguish orphans from
the app's own children, and the exit codes of those belong to the app.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

# Signals of a fault in this process itself: do not block them.
_OWN = {signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}


def _signals() -> set[signal.Signals]:
    return {*signal.valid_signals()} - _OWN


@contextlib.contextmanager
def fork_under_init() -> Iterator[None]:
    """In process 1, fork and continue in the child. In any other process, do nothing.

    Signals are blocked inside this context, where the handlers are installed: an earlier one would end the child.
    """
    if os.getpid() != 1:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _signals())
    if child := os.fork():
        # Start a new program with an empty environment, so that this process holds no secrets.
        os.execve(sys.executable, (sys.executable, "-IS", __file__, str(child)), {})  # noqa: S606
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def be_init(child: int) -> int:
    """Forward signals to the child and reap all processes until it ends; return its exit code, as a shell does."""
    signals = _signals()
    while True:
        told = signal.sigwaitinfo(signals)
        if told.si_signo != signal.SIGCHLD:
            if told.si_code <= 0:  # a positive code means the kernel sent it: a terminal signals the child too
                os.kill(child, told.si_signo)
            continue
        for pid, code in _ended():
            if pid == child:
                return code if code >= 0 else 128 - code


def _ended() -> Iterator[tuple[int, int]]:
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            yield ended[0], os.waitstatus_to_exitcode(ended[1])


if __name__ == "__main__":
    os._exit(be_init(int(sys.argv[1])))
