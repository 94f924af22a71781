"""With what each connection of this process logs in just now: the password as rotated, or a token of its own.

For every engine of SQLAlchemy, whoever made it: env.py reads the URL before a revision that takes an hour, and the pool
of the app connects again after weeks. Only logins that are ours are changed.
"""

import contextlib
import os
from collections import deque
from collections.abc import Iterator
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Dialect, Engine
from sqlalchemy.util import await_only

from orchestrator.concurrency import in_daemon_thread
from orchestrator.credentials import Credentials
from orchestrator.database_secrets import CredentialsError
from orchestrator.iam import Login, Tokens, default_port, secrets_of
from orchestrator.log import REDACTOR

SIGNATURES_KEPT = 200  # a token is good for 15 minutes, and masking every one there ever was would slow each line
_TAKE_AN_SSL_CONTEXT = {"asyncmy", "asyncpg", "pymysql"}

Parameters = dict[str, Any]


@contextlib.contextmanager
def kept_current(credentials: Credentials) -> Iterator[None]:
    """While this lasts, logins are renewed, and no password of `credentials` gets into the log."""
    logins = _Logins(credentials)
    credentials.listeners.append(REDACTOR.register)
    event.listen(Engine, "do_connect", logins.renew, insert=True)  # before the backends encode the password
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", logins.renew)
        credentials.listeners.remove(REDACTOR.register)


class _Logins:
    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._tokens = Tokens(os.environ)
        self._signatures: deque[str] = deque(maxlen=SIGNATURES_KEPT)

    def renew(self, dialect: Dialect, _record: Any, _args: Any, parameters: Parameters) -> None:
        """Change what the driver is about to be called with."""
        user, password = str(parameters.get("user", "")), parameters.get("password")
        if isinstance(password, str) and password:
            parameters.update(self._rotated(user, password))
        elif self._credentials.uses_tokens:
            parameters.update(self._token(dialect, user, parameters))

    def _rotated(self, user: str, password: str) -> Parameters:
        """The login as the secret's file has it now; nothing while that is being written: the old one may still do."""
        now = self._credentials.renewed(user, password)
        try:
            url = now and now()
        except CredentialsError:
            url = None
        return {"user": url.username, "password": url.password} if url else {}

    def _token(self, dialect: Dialect, user: str, parameters: Parameters) -> Parameters:
        """A token, and the TLS that it needs; nothing for a login that is none of ours, or a driver not known to us."""
        port = parameters.get("port") or default_port(dialect.name)
        asked = Login(str(parameters.get("host", "")), int(port or 0), user)
        if dialect.driver not in _TAKE_AN_SSL_CONTEXT or not self._credentials.takes_token(asked):
            return {}
        if dialect.is_async:  # AWS may take its time, and the loop has requests to answer
            token: str = await_only(in_daemon_thread(lambda: self._tokens.mint(asked), name="token"))
        else:
            token = self._tokens.mint(asked)
        self._hide(token)
        return {"password": token, "ssl": self._credentials.tls and self._credentials.tls.context}

    def _hide(self, token: str) -> None:
        secrets = secrets_of(token)
        REDACTOR.register(secrets)
        if len(self._signatures) == SIGNATURES_KEPT:
            REDACTOR.forget({self._signatures[0]})
        self._signatures.append(secrets[-1])
