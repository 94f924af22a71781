"""The servers that a benchmark runs on: the tests' own, in memory, or durable ones on disk."""

import contextlib
from collections.abc import Callable, Iterator
from unittest.mock import patch

from tests.servers import MariaDB, PostgreSQL, Server, Servers, unprivileged

_DURABLE: dict[str, Callable[[], MariaDB | PostgreSQL]] = {
    "mariadb": lambda: MariaDB("--innodb-flush-log-at-trx-commit=1", "--innodb-flush-method=fsync"),
    "postgresql": lambda: PostgreSQL("--fsync=on", "--full-page-writes=on"),
}


@contextlib.contextmanager
def serving(backend: str, *, durable: bool) -> Iterator[Server]:
    """Yield a server for the length of the context; ORCHESTRATOR_TEST_<BACKEND>_URL names another, durable or not.

    Durable: on disk, with an fsync per commit, as in production. In memory a statement takes a tenth of that, so each
    additional cost looks ten times as large.
    """
    if durable and backend in _DURABLE:
        with patch.object(unprivileged, "_MEMORY", "/nowhere"), _DURABLE[backend]() as server:
            yield server
    else:
        with Servers() as servers:
            yield servers[backend]
