"""What the connections that env.py makes are to have, and its URL cannot say: whom to trust, and who we are."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine

from orchestrator.credentials import Credentials
from orchestrator.log import CONTEXT

_TAKE_AN_SSL_CONTEXT = {"asyncmy", "asyncpg"}
_TAKE_A_PROGRAM_NAME = {"asyncmy", "pymysql"}  # PostgreSQL is told by the lock, whatever the driver


@contextlib.contextmanager
def our_connections(credentials: Credentials) -> Iterator[None]:
    """While this lasts, connections of this thread verify DATABASE_SSL_CA and tell the server whose they are."""
    thread = threading.get_ident()

    def add(dialect: Dialect, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        if threading.get_ident() != thread:
            return
        if credentials.tls and dialect.driver in _TAKE_AN_SSL_CONTEXT:
            parameters["ssl"] = credentials.tls.context
        if dialect.driver in _TAKE_A_PROGRAM_NAME:
            parameters.setdefault("program_name", CONTEXT.program_name)

    event.listen(Engine, "do_connect", add)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", add)
