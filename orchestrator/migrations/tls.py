"""TLS for connections that env.py makes: it knows only a URL, and a URL cannot carry an SSLContext."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine

from orchestrator.credentials import Credentials
from orchestrator.databases import backend_for

_OUR_DRIVERS = {"asyncmy", "asyncpg", "aiosqlite"}


@contextlib.contextmanager
def verified_tls(credentials: Credentials) -> Iterator[None]:
    """While this lasts, connections that this thread makes with our drivers verify DATABASE_SSL_CA."""
    if credentials.ssl_context is None:
        yield
        return
    arguments = backend_for(credentials.migration_url().get_backend_name()).connect_args(credentials.ssl_context)
    thread = threading.get_ident()

    def add(dialect: Dialect, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        if threading.get_ident() == thread and dialect.driver in _OUR_DRIVERS:
            parameters.update(arguments)

    event.listen(Engine, "do_connect", add)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", add)
