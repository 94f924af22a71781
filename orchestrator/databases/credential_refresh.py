"""Renews the login of each new connection of this process: the rotated password, or a fresh token.

It applies to every SQLAlchemy engine: env.py reads the URL before a revision that takes an hour, and the app's pool
reconnects after weeks. Only logins that we handed out are changed.
"""

import contextlib
import functools
import os
from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import await_only

from orchestrator.address.drivers import DRIVERS, Driver, Parameters, driver_or_usual, set_tls
from orchestrator.dialects import default_port
from orchestrator.log import REDACTOR
from orchestrator.logins.credentials import Credentials
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.issued_logins import unchanged
from orchestrator.runtime.concurrency import in_daemon_thread

if TYPE_CHECKING:
    from orchestrator.logins.iam import Tokens

SIGNATURES_KEPT = 200  # a token is valid for 15 minutes; masking all earlier ones would slow each log line


@contextlib.contextmanager
def kept_current(credentials: Credentials) -> Iterator[None]:
    """Inside this block, renew logins and keep all passwords of `credentials` out of the log."""
    logins = Logins(credentials)
    credentials.issued.listeners.append(REDACTOR.register)
    event.listen(Engine, "do_connect", logins.renew)
    credentials.issued.renew = logins.renew
    try:
        yield
    finally:
        credentials.issued.renew = unchanged
        event.remove(Engine, "do_connect", logins.renew)
        credentials.issued.listeners.remove(REDACTOR.register)


class Logins:
    """Renews the login of each connection, as a listener of SQLAlchemy's event `do_connect`."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._signatures: deque[str] = deque(maxlen=SIGNATURES_KEPT)

    @functools.cached_property
    def _tokens(self) -> "Tokens":
        from orchestrator.logins.iam import Tokens

        return Tokens(os.environ)

    def renew(self, dialect: Dialect, _record: Any, _args: Any, parameters: Parameters) -> None:
        """Change the arguments that the driver is about to be called with."""
        driver = driver_or_usual(dialect.driver)
        user, password = str(parameters.get("user", "")), driver.passwords.text(parameters.get(driver.password_key))
        if isinstance(password, str) and password:
            self._rotate(driver, user, password, parameters)
        elif self._credentials.uses_tokens:
            self._put_token(dialect, user, parameters)

    def _rotate(self, driver: Driver, user: str, password: str, parameters: Parameters) -> None:
        """Use the login that its file has now; if the file is being written, keep the old one, which may still work."""
        now = self._credentials.issued.source(user, password)
        try:
            url = now and now()
        except CredentialsError:
            url = None
        if url:
            password = driver.passwords.encoded(url.password)  # the backend's listener may have been called before
            parameters.update({"user": url.username, driver.password_key: password})

    def _put_token(self, dialect: Dialect, user: str, parameters: Parameters) -> None:
        """Use a token, and the TLS that it requires, unless the login is not ours or the driver is unknown."""
        from orchestrator.logins.iam import Login

        port = parameters.get("port") or default_port(dialect.name)
        asked = Login(str(parameters.get("host", "")), int(port or 0), user)
        tls, driver = self._credentials.tls, DRIVERS.get(dialect.driver)
        if driver is None or tls is None or not self._credentials.takes_token(asked):
            return
        if dialect.is_async:  # AWS may be slow, and the loop must answer requests
            token: str = await_only(in_daemon_thread(lambda: self._tokens.mint(asked), name="token"))
        else:
            token = self._tokens.mint(asked)
        self._hide(token)
        set_tls(dialect.driver, parameters, tls)
        parameters.update({driver.password_key: token, **dict(driver.token)})

    def _hide(self, token: str) -> None:
        from orchestrator.logins.iam import secrets_of

        secrets = secrets_of(token)
        REDACTOR.register(secrets)
        if len(self._signatures) == SIGNATURES_KEPT:
            REDACTOR.forget({self._signatures[0]})
        self._signatures.append(secrets[-1])
