"""The servers of a test run: started on first use, shared by all tests."""

import contextlib
from types import TracebackType
from typing import Self

import pytest

from tests.servers.external import ExternalMySQL, ExternalPostgreSQL
from tests.servers.mariadb import MariaDB
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import Server
from tests.servers.variables import given

BACKENDS = ("sqlite", "mariadb", "postgresql", *(("mysql",) if given("MYSQL_URL") else ()))
NOT_TESTED = "" if given("MYSQL_URL") else "MySQL 9: not tested, ORCHESTRATOR_TEST_MYSQL_URL is not set"

backends = pytest.mark.backends


class Servers:
    """One server per backend; a test that stops, freezes or locks a server needs a private one."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._exits.__exit__(kind, error, where)

    def __getitem__(self, backend: str) -> Server:
        if backend not in self._running:
            self._running[backend] = self._exits.enter_context(contextlib.closing(_start(backend)))
        return self._running[backend]


def _start(backend: str) -> Server:
    url, admin_url = given(f"{backend.upper()}_URL"), given(f"{backend.upper()}_ADMIN_URL")
    match backend:
        case "mariadb" | "mysql" if url:
            return ExternalMySQL(backend, url, admin_url)
        case "postgresql" if url:
            return ExternalPostgreSQL(backend, url, admin_url)
        case "mariadb":
            return MariaDB().start()
        case "postgresql":
            return PostgreSQL().start()
    raise LookupError(f"no such server: {backend}")
