"""Finds the programs that tests start, and explains how to install missing ones."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from tests.servers.variables import given

POSTGRESQL_VERSIONS = Path("/usr/lib/postgresql")
GALERA = Path("/usr/lib/galera/libgalera_smm.so")
_URL = "ORCHESTRATOR_TEST_{}_URL (not for tests that stop their server)"


class MissingBinaryError(RuntimeError):
    """A program that a test needs is missing on this machine; the message explains how to install it."""

    def __init__(self, program: str, packages: str, instead: str = "") -> None:
        otherwise = f" or set {instead}" if instead else ""
        super().__init__(
            f"{program} is not installed: run tests/servers/install (Debian: apt-get install {packages}){otherwise}"
        )


def mariadb(program: str) -> Path:
    """Find a program of the MariaDB server."""
    if path := _found([program], ["/usr/sbin"]):
        return path
    raise MissingBinaryError(program, "mariadb-server-core mariadb-client-core", _URL.format("MARIADB"))


def postgresql(program: str) -> Path:
    """Find a program of the PostgreSQL server; Debian keeps one directory a version."""
    if path := _found([program], _newest_first(POSTGRESQL_VERSIONS)):
        return path
    raise MissingBinaryError(program, "postgresql", _URL.format("POSTGRESQL"))


def pgbouncer() -> Path:
    """Find the pool of PostgreSQL's connections."""
    if path := _found(["pgbouncer"], ["/usr/sbin"]):
        return path
    raise MissingBinaryError("pgbouncer", "pgbouncer")


def galera() -> Path:
    """Find the library that makes a cluster of MariaDB's servers."""
    if GALERA.exists():
        return GALERA
    raise MissingBinaryError(GALERA.name, "galera-4")


def chromium() -> Path:
    """Find a browser of Chromium's family."""
    if browser := given("CHROMIUM"):
        return Path(browser)
    if path := _found(["chromium", "chromium-browser", "google-chrome"], ["/usr/bin"]):
        return path
    raise MissingBinaryError("chromium", "chromium", "ORCHESTRATOR_TEST_CHROMIUM")


def _found(programs: Sequence[str], directories: Sequence[str]) -> Path | None:
    places = [*directories, None]  # None: PATH
    paths = (shutil.which(program, path=place) for place in places for program in programs)
    return next((Path(path) for path in paths if path), None)


def _newest_first(versions: Path) -> list[str]:
    numbers = [path.name for path in versions.glob("*") if path.name.isdecimal()]
    return [f"{versions}/{number}/bin" for number in sorted(numbers, key=int, reverse=True)]
