"""The child process begins here: the orchestrator, which stops as after SIGTERM when the calling process has ended.

Standard input is a pipe of which only the caller has the other end, so it ends with the caller, however that ends. The
kernel's own signal for that (PR_SET_PDEATHSIG) would come with the end of the caller's thread already.
"""

import os
import signal
import threading

from orchestrator import __main__ as command


def _stop_with_caller() -> None:
    """Watch the pipe in a thread; the app finds an empty standard input."""
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)

    def watch() -> None:
        os.read(pipe, 1)  # nothing is written: it returns at the end
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="caller", daemon=True).start()


if __name__ == "__main__":
    import sys

    _stop_with_caller()
    sys.argv[0] = command.__file__
    command.main()
