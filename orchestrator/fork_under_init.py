"""Process 1 of a container: it hands signals to the orchestrator, its child, and waits for whatever is left to it.

Linux gives process 1 every process whose parent has ended. One that nobody waits for stays, as a zombie, and counts
against the container's limit of processes. The orchestrator cannot do it beside its work: what the app has started is
not to be told from what was left to it, and the exit code of the former belongs to the app.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

# Those of a fault in this process itself, which are not to be held back.
_OWN = {signal.SIGFPE, signal.SIGILL, signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGTRAP, signal.SIGSYS}
_SIGNALS = signal.valid_signals() - _OWN


@contextlib.contextmanager
def fork_under_init() -> Iterator[None]:
    """In process 1, go on in a child. In any other process: nothing.

    Signals are held back in here, where the handlers are installed: one before that would end the child.
    """
    if os.getpid() != 1:
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    if child := os.fork():
        # A new program, without an environment: the orchestrator forgets the secrets of its own.
        os.execve(sys.executable, (sys.executable, "-IS", __file__, str(child)), {})  # noqa: S606
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def be_init(child: int) -> int:
    """Hand signals to the child, and wait for all processes until it ends; returns its exit code, as a shell has it."""
    while True:
        told = signal.sigwaitinfo(_SIGNALS)
        if told.si_signo != signal.SIGCHLD:
            if told.si_code <= 0:  # else from the kernel: a terminal tells the child too
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
