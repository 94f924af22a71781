"""A pipe with the log's `Output` on one end."""

import contextlib
import os
from collections.abc import Iterator

import pytest

from orchestrator.log.output import Output

LINE = "x" * 999 + "\n"


class Pipe:
    """A pipe with an `Output` on one end."""

    def __init__(self, capacity_bytes: int = 1_000_000) -> None:
        self.reading, writing = os.pipe()
        self.output = Output(writing, capacity_bytes)

    def fill(self) -> int:
        """Fill it to the brim, as a reader that stalls does; returns how many bytes that took."""
        os.set_blocking(self.output.fileno(), False)
        written = 0
        with contextlib.suppress(BlockingIOError):
            while True:
                written += os.write(self.output.fileno(), b"-" * 4_096)
        os.set_blocking(self.output.fileno(), True)
        return written

    def close(self) -> None:
        """Close both ends, the one that is read first: then nothing waits to be written where others write by then."""
        with contextlib.suppress(OSError):
            os.close(self.reading)
        self.output.settle(60)
        with contextlib.suppress(OSError):
            os.close(self.output.fileno())

    def read(self, size: int) -> str:
        """Read so many bytes, once they are there."""
        data = b""
        while len(data) < size:
            data += os.read(self.reading, size - len(data))
        return data.decode()


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe that is closed in the end, so that no thread is left waiting for it."""
    made = Pipe()
    yield made
    made.close()
