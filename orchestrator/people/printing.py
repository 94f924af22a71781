"""Where the project's prints go while a command runs."""

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any


class _EachOnce(io.TextIOBase):
    """Writes each printed line to standard error once: a command runs env.py and the revisions several times."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self._rest = ""
        self._printed = set[str]()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2

    def write(self, text: str, /) -> int:
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            if line not in self._printed:
                self._printed.add(line)
                sys.stderr.write(f"{line}\n")
        return len(text)

    def __getattr__(self, name: str) -> Any:
        """Return what only real streams have: `buffer`, `reconfigure`."""
        return getattr(sys.stderr, name)

    def finish(self) -> None:
        if self._rest:
            self.write("\n")


@contextlib.contextmanager
def printing_to_stderr() -> Iterator[None]:
    """Send what the project prints to standard error: standard output is for the command's answer."""
    stream = _EachOnce()
    try:
        with contextlib.redirect_stdout(stream):
            yield
    finally:
        stream.finish()
