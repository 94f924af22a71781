"""Logging in to RDS with IAM: a token replaces the password.

The token is signed locally from the credentials of the task's role, without a request to RDS. It is valid for one host,
port and user and for 15 minutes; RDS checks it only at login:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html.
"""

import logging
import re
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote

from sqlalchemy.engine.url import URL

from orchestrator import extras
from orchestrator.dialects import default_port
from orchestrator.patterns import pattern

if TYPE_CHECKING:
    from botocore.client import BaseClient

_REGION = r"([a-z]{2}(?:-[a-z]+)+-\d+)"
_ENDPOINT = pattern(rf"\.(?:{_REGION}\.rds|rds\.{_REGION})\.amazonaws\.com(?:\.cn)?\.?$", re.IGNORECASE)


class TokenError(Exception):
    """No token can be made now; the message is botocore's."""


class Login(NamedTuple):
    """The login that a token is valid for."""

    host: str
    port: int
    user: str


def login_of(url: URL) -> Login | None:
    """Return the login that needs a token; None if the URL has a password or no user, or tokens do not apply."""
    port = url.port or default_port(url.get_backend_name())
    return None if url.password or not (port and url.host and url.username) else Login(url.host, port, url.username)


def problem(logins: Sequence[Login], environ: Mapping[str, str], *, tls: bool) -> str:
    """Return why tokens for `logins` cannot be made, and what to do; empty if they can."""
    if not logins:
        return "every login has a password, or needs none: leave out the password of the one that is to get a token"
    if not tls:
        return "a token is sent in clear text, so only over TLS that is verified: set DATABASE_SSL_CA"
    if not all(region_of(login.host, environ) for login in logins):
        return "the host is not an RDS endpoint, whose name has the region: set AWS_REGION"
    return extras.missing("botocore")


def region_of(host: str, environ: Mapping[str, str]) -> str | None:
    """Return the region that signs for `host`: the one in its name, or the task's (the two may differ)."""
    if found := _ENDPOINT.search(host):
        return (found[1] or found[2]).lower()
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


class Tokens:
    """Makes tokens, in any thread. Imports botocore for the first one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._clients: dict[str, BaseClient] = {}
        self._lock = threading.Lock()  # threads may share a client, but not create it at the same time

    def mint(self, login: Login) -> str:
        """Return a new token.

        May take seconds: botocore fetches the role's credentials over HTTP, and again before they expire.

        Raises:
            TokenError: there are no credentials, they have expired, or their source does not answer.
        """
        try:
            token: str = self._client(login.host).generate_db_auth_token(login.host, login.port, login.user)
        except Exception as error:  # botocore raises KeyError and the like if the endpoint returns something unexpected
            raise TokenError(f"no token for {login.user}: {type(error).__name__}: {error}") from error
        return token

    def _client(self, host: str) -> "BaseClient":
        """Return the client of the host's region.

        A client without credentials is not kept, because it would not look for them again.
        """
        from botocore.exceptions import NoCredentialsError
        from botocore.session import get_session

        region = region_of(host, self._environ) or ""
        logging.getLogger("botocore.auth").addFilter(_reveals_nothing)
        with self._lock:
            if region not in self._clients:
                session = get_session()
                if session.get_credentials() is None:
                    raise NoCredentialsError
                self._clients[region] = session.create_client("rds", region_name=region)
            return self._clients[region]


def _reveals_nothing(record: logging.LogRecord) -> bool:
    """Drop botocore's debug record of each signature, which contains the whole token."""
    return record.levelno > logging.DEBUG


def secrets_of(token: str) -> list[str]:
    """Return the parts of a token that give access: its signature, and the session token."""
    return [unquote(value) for value in re.findall(r"X-Amz-(?:Signature|Security-Token)=([^&]+)", token)]
