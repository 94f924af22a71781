"""Adds to env.py's connections what its address may lack: the login for migrating, the TLS context, a program name.

SQLAlchemy calls these hooks for every engine of the thread, just before and just after its driver connects:
https://docs.sqlalchemy.org/en/20/core/events.html#sqlalchemy.events.DialectEvents.do_connect.
"""

import contextlib
import os
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from greenlet import getcurrent
from sqlalchemy import event
from sqlalchemy.engine import URL, Dialect, Engine
from sqlalchemy.exc import MissingGreenlet

from orchestrator.address.drivers import DRIVERS, Parameters, driver_or_usual, set_tls
from orchestrator.databases import row
from orchestrator.dialects import DIALECTS
from orchestrator.log import CONTEXT
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.journal.durable_mark import migrating_thread

_VARIABLE = "DATABASE_URL"


@contextlib.contextmanager
def our_connections(credentials: Credentials) -> Iterator[None]:
    """Give this thread's connections the login for migrating, verification of DATABASE_SSL_CA, and our program name.

    DATABASE_URL has the login for migrating inside this block, because most env.py read it there.
    """
    hooks = _Hooks(credentials)
    event.listen(Engine, "do_connect", hooks.need_greenlet)
    event.listen(Engine, "do_connect", hooks.log_in)
    event.listen(Engine, "do_connect", hooks.prepare)
    event.listen(Engine, "connect", hooks.check)
    try:
        with _in_environment(credentials):
            yield
    finally:
        event.remove(Engine, "do_connect", hooks.need_greenlet)
        event.remove(Engine, "do_connect", hooks.log_in)
        event.remove(Engine, "do_connect", hooks.prepare)
        event.remove(Engine, "connect", hooks.check)


@contextlib.contextmanager
def _in_environment(credentials: Credentials) -> Iterator[None]:
    """Set DATABASE_URL to the login for migrating, with the app's driver, if it differs from the app's login."""
    if not (credentials.separate and credentials.known) or (credentials.told and not credentials.given.migration_url):
        yield
        return
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = credentials.migration_url().render_as_string(hide_password=False)
    try:
        yield
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before


class _Hooks:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials, self._thread = credentials, migrating_thread()

    def need_greenlet(self, dialect: Dialect, _record: Any, _args: Any, parameters: Parameters) -> None:
        """Stop a synchronous env.py with an async driver before the driver is called; it is run again in a greenlet.

        The driver would begin a coroutine that is never awaited, which Python then warns of.

        Raises:
            MissingGreenlet: as SQLAlchemy raises it a moment later.
        """
        ours = migrating_thread() == self._thread
        if ours and dialect.is_async and getcurrent().parent is None and "async_fallback" not in parameters:
            raise MissingGreenlet("env.py is synchronous and its driver is not")

    def log_in(self, dialect: Dialect, record: Any, args: Any, parameters: Parameters) -> None:
        """Replace the app's login, which env.py may have from anywhere, by the login for migrating.

        The listeners that renew a login and encode its password were called before this one.
        """
        credentials = self._credentials
        if not (self._concerned(dialect) and credentials.separate and credentials.known):
            return
        own = credentials.own_address().url
        app = credentials.app_url() if credentials.app_known else None
        if parameters.get("user") == own.username:
            return
        if (app and parameters.get("user") == app.username and _is_at(app, parameters)) or _is_in(own, parameters):
            driver = driver_or_usual(dialect.driver)
            parameters.pop(driver.password_key, None)
            password = driver.passwords.encoded(own.password)
            login = {"user": own.username, driver.password_key: password, "host": own.host, "port": own.port}
            parameters.update({name: value for name, value in login.items() if value is not None})
            credentials.issued.renew(dialect, record, args, parameters)

    def prepare(self, dialect: Dialect, _record: Any, _args: Any, parameters: Parameters) -> None:
        """Add the TLS context and the program name.

        Raises:
            ssl.SSLError: this driver cannot be made to verify the server.
        """
        if not self._concerned(dialect):
            return
        tls, driver = self._credentials.tls, DRIVERS.get(dialect.driver)
        if tls and not set_tls(dialect.driver, parameters, tls):
            raise ssl.SSLError(1, f"no way is known to make the driver {dialect.driver} verify DATABASE_SSL_CA")
        if driver and driver.set_program_name:
            driver.set_program_name(parameters, CONTEXT.program_name)

    def check(self, dbapi_connection: Any, _record: Any) -> None:
        """Refuse an unencrypted connection: some drivers continue in clear text if the server offers no TLS.

        Raises:
            ssl.SSLError: the connection is not encrypted.
        """
        connection = getattr(dbapi_connection, "driver_connection", dbapi_connection)
        driver = DRIVERS.get(type(connection).__module__.partition(".")[0])
        if not (self._credentials.tls and migrating_thread() == self._thread and driver):
            return
        if driver.falls_back_to_plain and not row(dbapi_connection, "SHOW SESSION STATUS LIKE 'Ssl_cipher'")[1]:
            raise ssl.SSLError(1, "the server offers no TLS, which DATABASE_SSL_CA asks for")

    def _concerned(self, dialect: Dialect) -> bool:
        return migrating_thread() == self._thread and dialect.name in DIALECTS and not DIALECTS[dialect.name].is_file


def _is_in(url: URL, parameters: Mapping[str, Any]) -> bool:
    """Return whether a driver is about to connect to this database, judged by its address."""
    database = parameters.get("database", parameters.get("dbname", parameters.get("db")))
    port = parameters.get("port")
    same_port = url.port is None or port is None or str(port) == str(url.port)
    return same_port and database == url.database and url.host is not None and parameters.get("host") == url.host


def _is_at(url: URL, parameters: Mapping[str, Any]) -> bool:
    """Return whether a driver is about to connect to this host; true if either one names no host (a socket?)."""
    host = parameters.get("host")
    return host is None or url.host is None or str(host) == url.host
