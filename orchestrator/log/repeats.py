"""Removes repeated output of env.py, which runs once to give its address and a second time to migrate."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from logging import LogRecord

_Words = tuple[str, int, str]


class Repeats:
    """The records shown while env.py gave its address; its next runs do not show them again."""

    def __init__(self) -> None:
        self._asked: Counter[_Words] = Counter()
        self._left: Counter[_Words] = Counter()
        self._is_asked = self._is_again = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Remember what is shown inside this block, in which env.py gives its address."""
        self._is_asked = True
        try:
            yield
        finally:
            self._is_asked = False

    @contextmanager
    def again(self) -> Iterator[None]:
        """Omit what env.py has already shown, as often as it has shown it, inside this block."""
        self._left, self._is_again = Counter(self._asked), True
        try:
            yield
        finally:
            self._is_again = False

    def leaves_out(self, record: LogRecord) -> bool:
        """Return whether the record was shown before."""
        if not (self._is_asked or self._is_again):
            return False
        try:
            words = record.name, record.levelno, record.getMessage()
        except Exception:  # noqa: BLE001  # arguments that do not fit the message
            return False
        if self._is_asked:
            self._asked[words] += 1
            return False
        self._left[words] -= 1
        return self._left[words] >= 0


REPEATS = Repeats()
