"""Logging in to RDS as a role of AWS: a token takes the place of the password.

A token is made here, without a request to RDS, from the credentials of the task's role. It holds for one host, port and
user, is looked at when somebody logs in and at no other time, and then for 15 minutes:
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

if TYPE_CHECKING:
    from botocore.client import BaseClient

_PORTS = {"mysql": 3306, "mariadb": 3306, "postgresql": 5432}  # of the databases that take tokens
_REGION = r"([a-z]{2}(?:-[a-z]+)+-\d+)"
_ENDPOINT = re.compile(rf"\.(?:{_REGION}\.rds|rds\.{_REGION})\.amazonaws\.com(?:\.cn)?\.?$", re.IGNORECASE)


class TokenError(Exception):
    """There is no token to be had now; says why, in botocore's words."""


class Login(NamedTuple):
    """What a token is for."""

    host: str
    port: int
    user: str


def login_of(url: URL) -> Login | None:
    """Who would log in where with a token; None if there is a password, or no user, or the database takes none."""
    port = url.port or _PORTS.get(url.get_backend_name())
    return None if url.password or not (port and url.host and url.username) else Login(url.host, port, url.username)


def default_port(dialect: str) -> int | None:
    """The port of a database whose URL has none; None if it takes no tokens."""
    return _PORTS.get(dialect)


def problem(logins: Sequence[Login], environ: Mapping[str, str], *, tls: bool) -> str:
    """What stands in the way of tokens for `logins`, and what to do about it; empty if nothing does."""
    if not logins:
        return "every login has a password, or needs none: leave out the password of the one that is to get a token"
    if not tls:
        return "a token is sent in clear text, so only over TLS that is verified: set DATABASE_SSL_CA"
    if not all(region_of(login.host, environ) for login in logins):
        return "the host is no endpoint of RDS, whose name has the region: set AWS_REGION"
    return extras.missing("botocore")


def region_of(host: str, environ: Mapping[str, str]) -> str | None:
    """The region that signs for `host`: the one in its name, as it may be another than the task's; else the task's."""
    if found := _ENDPOINT.search(host):
        return (found[1] or found[2]).lower()
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or None


class Tokens:
    """Makes tokens, in whatever thread; botocore is imported for the first one."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._clients: dict[str, BaseClient] = {}
        self._lock = threading.Lock()  # clients may be shared by threads, and not be made by several

    def mint(self, login: Login) -> str:
        """A new token.

        It may take seconds: the role's credentials come over HTTP from the host, and again before they expire.

        Raises:
            TokenError: there are no credentials, they have expired, or their source does not answer.
        """
        try:
            token: str = self._client(login.host).generate_db_auth_token(login.host, login.port, login.user)
        except Exception as error:  # botocore raises KeyError and the like at an endpoint that gives something else
            raise TokenError(f"no token for {login.user}: {type(error).__name__}: {error}") from error
        return token

    def _client(self, host: str) -> "BaseClient":
        """The client of the host's region; one that found no credentials would find none for ever, and is not kept."""
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
    """Keep to ourselves what botocore tells of each signature at level debug: all of the token."""
    return record.levelno > logging.DEBUG


def secrets_of(token: str) -> list[str]:
    """What of a token lets somebody in: its signature, and the session that signed."""
    return [unquote(value) for value in re.findall(r"X-Amz-(?:Signature|Security-Token)=([^&]+)", token)]
