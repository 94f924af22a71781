"""Pauses between attempts: each twice as long as the previous one, up to a limit, with jitter."""

import random


class Backoff:
    """The pauses of a series of attempts. `next` returns one in seconds; `reset` begins again with the first."""

    def __init__(self, first_seconds: float, longest_seconds: float) -> None:
        self._first = self._pause = first_seconds
        self._longest = longest_seconds

    def next(self) -> float:
        """Return the next pause: between half of it and all of it, so that replicas do not retry in step."""
        pause = self._pause * random.uniform(0.5, 1.0)  # noqa: S311  # jitter is no secret
        self._pause = min(self._longest, self._pause * 2)
        return pause

    def reset(self) -> None:
        """Begin again with the first pause."""
        self._pause = self._first
