"""Restores default signal actions, which Python or this process has changed."""

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def default_actions(*signals: signal.Signals) -> Iterator[None]:
    """Give the signals their default actions inside the block. Main thread only."""
    before = {number: signal.signal(number, signal.SIG_DFL) for number in signals}
    try:
        yield
    finally:
        for number, action in before.items():
            if action is not None:  # or it is not Python's, and Python cannot give it back
                signal.signal(number, action)
