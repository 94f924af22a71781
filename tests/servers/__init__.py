"""Real databases for tests, and peers that are not databases.

A test usually asks for the fixture `database` (see tests/conftest.py) and needs nothing from here.
"""

from tests.servers.binaries import MissingBinaryError, chromium
from tests.servers.database import Database
from tests.servers.mariadb import MariaDB
from tests.servers.pool import BACKENDS, NOT_TESTED, Servers, backends
from tests.servers.ports import HOST, free_port
from tests.servers.postgresql import PostgreSQL
from tests.servers.server import Server
from tests.servers.variables import given

__all__ = [
    "BACKENDS",
    "HOST",
    "NOT_TESTED",
    "Database",
    "MariaDB",
    "MissingBinaryError",
    "PostgreSQL",
    "Server",
    "Servers",
    "backends",
    "chromium",
    "free_port",
    "given",
]
