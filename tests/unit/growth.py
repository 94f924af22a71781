"""How the time of some work grows with the length of its text: a test that only waits for the end proves nothing."""

import time
from collections.abc import Callable

SHORT, FACTOR = 4_000, 12  # characters of the short text, and how many times as long the other is
_TOLERATED = 5.0  # times as much as in proportion; the square of the length would be 12 times
_LEAST_SECONDS = 0.004  # of CPU: less cannot be measured


def grows_with_the_length(work: Callable[[str], object], text: Callable[[int], str]) -> bool:
    """Whether `work` on 12 times as much text takes some 12 times as much CPU time; others do not slow that down."""
    limit = max(_seconds(work, text(SHORT)), _LEAST_SECONDS) * FACTOR * _TOLERATED
    return any(_seconds(work, text(SHORT * FACTOR)) < limit for _ in range(2))


def _seconds(work: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    work(text)
    return time.thread_time() - began
