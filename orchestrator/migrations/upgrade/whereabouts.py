"""Checks that env.py connects to the database that was waited for: otherwise that one would be served unmigrated."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import URL, Dialect, Engine

from orchestrator.address import AddressError, of_call
from orchestrator.databases import Backend, backend_for
from orchestrator.databases.connecting import connected
from orchestrator.dialects import DIALECTS, same_kind
from orchestrator.errors import StartupError
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.settings.validation import invalid

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.ext.asyncio import AsyncConnection

LOOK_SECONDS = 30.0  # for identifying the database that was waited for, which answered a moment ago


class Whereabouts:
    """Where env.py connects in one run. Create it in the thread whose connections are not env.py's."""

    _THREAD = "database-identity"

    def __init__(self, credentials: Credentials, *, several: bool) -> None:
        self._credentials = credentials
        self._only, self._ours = not several, threading.get_ident()
        self._reached = credentials.told is not None  # env.py's first connection was waited for

    @contextlib.contextmanager
    def noted(self) -> Iterator[None]:
        """Note which databases env.py connects to inside this block, perhaps in other threads."""
        waited = _place(self._credentials.own_address().url)

        def note(dialect: Dialect, _record: Any, arguments: list[Any], parameters: dict[str, Any]) -> None:
            ours = threading.get_ident() == self._ours or threading.current_thread().name == self._THREAD
            if not ours and not self._reached:
                with contextlib.suppress(AddressError):
                    self._reached = _place(of_call(dialect, arguments, parameters).url) == waited

        event.listen(Engine, "do_connect", note)
        try:
            yield
        finally:
            event.remove(Engine, "do_connect", note)

    def check(self, connection: "Connection") -> None:
        """Check that env.py has reached the database that was waited for, through this connection or another one.

        The address may differ, because of a proxy or a second name, so the database itself is asked for its identity.

        Raises:
            StartupError: with SettingsInvalid: it has not.
        """
        if self._reached:
            return
        if not self._same(connection):
            raise self._elsewhere(connection.engine.url)
        self._reached = True

    def is_here(self, url: URL) -> bool:
        """Return whether `url` leads to the server that was waited for; always true if env.py has only one database."""
        return self._only or _place(url)[:-1] == _place(self._credentials.own_address().url)[:-1]

    def _same(self, connection: "Connection") -> bool:
        waited = self._credentials.own_address().url.get_backend_name()
        if not same_kind(connection.dialect.name, waited):
            return False
        theirs = backend_for(connection.dialect.name).identity(connection.connection.dbapi_connection)
        return bool(theirs == _in_a_thread(self._identity, self._THREAD))

    def _identity(self) -> str:
        async def look(connection: "AsyncConnection", backend: Backend) -> str:
            return await connection.run_sync(lambda each: backend.identity(each.connection.dbapi_connection))

        return asyncio.run(connected(self._credentials, look, timeout_seconds=LOOK_SECONDS))

    def _elsewhere(self, theirs: URL) -> StartupError:
        ours = _shown(self._credentials.own_address().url)
        problem = (
            f"it leads to {ours}, but env.py connects to {_shown(theirs)}; nothing was changed. "
            "Let env.py read DATABASE_URL, or remove this variable: then env.py is asked for the address"
        )
        return StartupError(invalid([DatabaseSettings.fault("DATABASE_URL", problem)]))


def _in_a_thread(work: Any, name: str) -> Any:
    """Return the result of `work` in a thread without an event loop: this thread may be inside env.py's loop."""
    results: list[Any] = []
    thread = threading.Thread(target=lambda: results.append(work()), name=name, daemon=True)
    thread.start()
    thread.join()
    return results[0] if results else None


def _place(url: URL) -> tuple[str | int | None, ...]:
    """Return what distinguishes one address from another, without login and driver."""
    kind = DIALECTS[url.get_backend_name()]
    if kind.is_file:
        return kind.name, str(Path(url.database or "").absolute())
    return kind.name, (url.host or "localhost").lower(), url.port or kind.port, url.database


def _shown(url: URL) -> str:
    """Return an address without login and options."""
    return URL.create(url.get_backend_name(), None, None, url.host, url.port, url.database).render_as_string()
