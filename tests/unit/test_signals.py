"""Default actions of signals, for a while."""

import contextlib
import signal

from orchestrator.runtime.signals import default_actions


def test_a_signal_gets_its_action_back_after_any_end_of_the_block() -> None:
    """A program that runs a command inside itself must not be killed later by a pipe that was closed."""
    before = signal.getsignal(signal.SIGPIPE)
    with contextlib.suppress(RuntimeError), default_actions(signal.SIGPIPE):
        during = signal.getsignal(signal.SIGPIPE)
        raise RuntimeError
    assert (during, signal.getsignal(signal.SIGPIPE)) == (signal.SIG_DFL, before)
    assert before != signal.SIG_DFL
