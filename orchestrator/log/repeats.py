"""What env.py shows twice: it is run once to be asked for its address, and then to migrate. That is one line."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from logging import LogRecord

_Words = tuple[str, int, str]


class Repeats:
    """What was shown while env.py was asked, so that its next runs do not show it again."""

    def __init__(self) -> None:
        self._asked: Counter[_Words] = Counter()
        self._left: Counter[_Words] = Counter()
        self._is_asked = self._is_again = False

    @contextmanager
    def asking(self) -> Iterator[None]:
        """In here env.py is asked: what is shown is remembered."""
        self._is_asked = True
        try:
            yield
        finally:
            self._is_asked = False

    @contextmanager
    def again(self) -> Iterator[None]:
        """In here env.py migrates: what it has shown while it was asked is left out, as often as it was shown."""
        self._left, self._is_again = Counter(self._asked), True
        try:
            yield
        finally:
            self._is_again = False

    def leaves_out(self, record: LogRecord) -> bool:
        """Whether the record was shown before."""
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
