"""What all rows share: a directory, and servers that start when a row asks for them first."""

import contextlib
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.servers import serving
from tests.servers import Server


class Bench:
    """The place of a run; leaving its context ends the servers and removes the directory."""

    def __init__(self) -> None:
        self._exits = contextlib.ExitStack()
        self._servers: dict[tuple[str, bool], Server] = {}
        self._directories = 0

    def __enter__(self) -> Self:
        self._root = Path(self._exits.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._exits.__exit__(kind, error, where)

    def directory(self) -> Path:
        """Return the path of a new directory, which is not made yet."""
        self._directories += 1
        return self._root / str(self._directories)

    def server(self, backend: str = "mariadb", *, durable: bool = False) -> Server:
        """Return the server; a durable one is on disk, with an fsync for each commit."""
        key = backend, durable
        if key not in self._servers:
            self._servers[key] = self._exits.enter_context(serving(backend, durable=durable))
        return self._servers[key]
