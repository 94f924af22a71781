"""Connects to the database once, within a time limit."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from orchestrator.databases import Backend, backend_for
from orchestrator.dialects import is_file
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.runtime.cancellation import finished

if TYPE_CHECKING:
    from sqlalchemy.engine import URL
    from sqlalchemy.ext.asyncio import AsyncConnection

    from orchestrator.databases.diagnosis import Diagnosis

T = TypeVar("T")
_logger = logging.getLogger(__name__)
_IGNORED = (
    "The option %s of the database's address has no counterpart in %s, with which the orchestrator itself connects: it "
    "waits and looks without it. The app and env.py keep it."
)
Look = Callable[["AsyncConnection", Backend], Awaitable[T]]
_FILE_SECONDS = 1.0  # for the thread of SQLite's driver, which reports to this loop: it must not be closed before


class NotReadyError(Exception):
    """The database answers, but is not what we wait for; `diagnosis` gives the reason."""

    def __init__(self, diagnosis: "Diagnosis") -> None:
        super().__init__(diagnosis.error_message)
        self.diagnosis = diagnosis


async def connected(credentials: Credentials, look: Look[T], *, timeout_seconds: float | None) -> T:
    """Connect and look once, within `timeout_seconds` in total.

    The driver's own timeout covers only the TCP connect: a server that accepts and stays silent would block us.

    Raises:
        Exception: the driver's.
    """
    address = credentials.own_address()
    backend = backend_for(address.url.get_backend_name())
    arguments = address.connect_args | backend.connect_args(credentials.tls and credentials.tls.context)
    async with asyncio.timeout(timeout_seconds):
        if address.prefers_tls and "ssl" not in arguments and (address.url.host, address.url.port) not in _PLAIN:
            from orchestrator.address.mysql_tls import unverified

            try:
                return await _once(address.url, arguments | {"ssl": unverified()}, look, backend)
            except Exception as error:
                from orchestrator.databases.diagnosis import NO_TLS

                if backend.diagnose(error).hint != NO_TLS.hint:
                    raise
                _PLAIN.add((address.url.host, address.url.port))
        work = _once(address.url, arguments, look, backend)
        return await (finished(work, _FILE_SECONDS) if is_file(address.url.drivername) else work)


_PLAIN: set[tuple[str | None, int | None]] = set()  # hosts and ports of servers that were seen to offer no TLS


async def _once(url: "URL", arguments: dict[str, Any], look: Look[T], backend: Backend) -> T:
    from sqlalchemy.ext.asyncio import create_async_engine
    from sqlalchemy.pool import NullPool

    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        async with engine.connect() as connection:
            return await look(connection, backend)
    finally:
        await engine.dispose()


def changing_login(credentials: Credentials) -> "URL | None":
    """Return the current login, if it may change; None while its file is being written."""
    try:
        return credentials.own_address().url if credentials.rotates else None
    except CredentialsError:
        return None


def preload(credentials: Credentials) -> None:
    """Import what an attempt needs (0.3 s) in a thread, because the loop must answer probes."""
    import_driver(credentials)
    with contextlib.suppress(Exception):  # the first attempt will meet the same error and explain it
        address = credentials.own_address()
        for option in address.ignored:
            _logger.warning(_IGNORED, option, address.url.get_driver_name())


def import_driver(credentials: Credentials) -> None:
    """Import SQLAlchemy's asynchronous part and our driver, if they can be imported and the address is known."""
    import sqlalchemy.ext.asyncio  # noqa: F401  # imported for its effect

    with contextlib.suppress(Exception):  # as above
        credentials.own_address().url.get_dialect().import_dbapi()
