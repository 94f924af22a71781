"""How to log in to the database: for the app, for the migration, and what of it must never be printed.

Nothing here ever puts a value into a fault: any of them may be, or hold, the password.
"""

import contextlib
import json
import re
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy.engine.url import URL, make_url
from sqlalchemy.exc import ArgumentError

from orchestrator import extras, iam
from orchestrator.database_url import (
    EXAMPLES,
    MAX_LENGTH,
    PARTS,
    VARIABLES,
    CredentialsError,
    Fault,
    checked,
    from_secret,
    parse,
    read_secret_file,
    resolve,
)

T = TypeVar("T")

AGAIN_SECONDS = 0.1  # before a second look at a secret's file that is wrong: somebody may be writing it
MIGRATION_VARIABLES = tuple(name for name in VARIABLES if name.startswith("MIGRATION_"))
_FIXED = ("MIGRATION_DATABASE_URL", "MIGRATION_DATABASE_SECRET", "MIGRATION_DATABASE_PASSWORD")
_ANY_CHARACTER = ("_PASSWORD", "_SECRET")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class Credentials:
    """How to reach the database, for the app and for the migration."""

    environ: dict[str, str] = field(repr=False)
    embedded: bool
    ssl_context: ssl.SSLContext | None
    listeners: list[Callable[[Iterable[str]], None]] = field(default_factory=list, repr=False)
    """Are told every password before anybody can use it."""
    _issued: dict[tuple[str, str], Callable[[], URL]] = field(default_factory=dict, repr=False)
    """The logins that the secret's file has ever held, and where to ask what has become of each."""

    @classmethod
    def read(cls, environ: Mapping[str, str], *, embedded: bool) -> "tuple[Credentials | None, list[Fault]]":
        """Validate the variables; `embedded`: without any, the embedded database serves."""
        given = {name: environ[name] for name in VARIABLES if name in environ}
        faults = [*_malformed(given), *_contradictions(given)]
        if faults:
            return None, faults

        def checked(read: Callable[[], T]) -> T | None:
            try:
                return read()
            except CredentialsError as error:
                faults.extend(fault for fault in error.faults if fault not in faults)
                return None

        in_file = checked(lambda: _is_embedded(given, allowed=embedded))
        tls = checked(lambda: _ssl_context(given.get("DATABASE_SSL_CA")))
        credentials = cls(given, bool(in_file), tls)
        if in_file is not None:
            checked(lambda: _patiently(credentials))
            checked(credentials.migration_url)
            checked(credentials._check_driver)
        if credentials.uses_tokens and not faults:
            checked(lambda: credentials._check_tokens(environ))
        return (None if faults else credentials), faults

    @property
    def uses_tokens(self) -> bool:
        """Whether a login without a password gets a token."""
        return self.environ.get("DATABASE_IAM_AUTH") == "true"

    @property
    def rotates(self) -> bool:
        """Whether the next login for waiting and migrating may be another: then a refused one is not the last word."""
        fixed = any(name in self.environ for name in _FIXED)
        from_file = "DATABASE_SECRET_FILE" in self.environ and not fixed
        return from_file or (self.uses_tokens and not self.migration_url().password)

    def app_url(self) -> URL:
        """The URL for the app.

        Raises:
            CredentialsError: the secret's file cannot be read any more, or a value is missing.
        """
        return self._issue(resolve(self.environ, embedded=self.embedded), self.app_url)

    def migration_url(self) -> URL:
        """The URL for waiting and migrating; a secret's file is read again, as the password may have been rotated."""
        if text := self.environ.get("MIGRATION_DATABASE_URL"):
            return parse("MIGRATION_DATABASE_URL", text)
        url = self.app_url()
        changes: dict[str, Any] = {}
        if secret := self.environ.get("MIGRATION_DATABASE_SECRET"):
            changes = from_secret("MIGRATION_DATABASE_SECRET", secret)
        for part, name in (("username", "MIGRATION_DATABASE_USER"), ("password", "MIGRATION_DATABASE_PASSWORD")):
            if value := self.environ.get(name):
                changes[part] = value
        given = [name for name in self.environ if name in MIGRATION_VARIABLES]
        return self._issue(checked(given[0], url.set(**changes)), self.migration_url) if changes else url

    def renewed(self, user: str, password: str) -> Callable[[], URL] | None:
        """What gives the login that has taken the place of this one; None if the secret's file never held it."""
        return self._issued.get((user, password))

    def takes_token(self, login: iam.Login) -> bool:
        """Whether this is a login of ours that has no password, and so gets a token."""
        return self.uses_tokens and login in self._token_logins()

    def _token_logins(self) -> list[iam.Login]:
        urls = self.app_url(), self.migration_url()
        return [login for url in urls if (login := iam.login_of(url))]

    def _check_tokens(self, environ: Mapping[str, str]) -> None:
        if problem := iam.problem(self._token_logins(), environ, tls=self.ssl_context is not None):
            raise CredentialsError("DATABASE_IAM_AUTH", problem)

    def _check_driver(self) -> None:
        """The driver of our own connections is an extra, which may be missing."""
        for url in (self.app_url(), self.migration_url()):
            if problem := extras.missing(*{url.get_driver_name()} & extras.EXTRAS.keys()):
                raise CredentialsError("DATABASE_URL", problem)

    def _issue(self, url: URL, source: Callable[[], URL]) -> URL:
        if url.password:
            for listener in self.listeners:
                listener([url.password])
            if "DATABASE_SECRET_FILE" in self.environ:
                self._issued.setdefault((url.username or "", url.password), source)
        return url

    def forget_migration(self) -> None:
        """Drop what only migrating needs, for whoever holds this object: from now on `migration_url` is the app's."""
        for name in MIGRATION_VARIABLES:
            self.environ.pop(name, None)
        for login in [login for login, source in self._issued.items() if source == self.migration_url]:
            del self._issued[login]


def known_secrets(environ: Mapping[str, str]) -> list[str]:
    """Passwords among the variables, well-formed or not."""
    found = [environ.get(name, "") for name in ("DATABASE_PASSWORD", "MIGRATION_DATABASE_PASSWORD")]
    texts = {name: environ.get(name, "") for name in ("DATABASE_SECRET", "MIGRATION_DATABASE_SECRET")}
    if path := environ.get("DATABASE_SECRET_FILE"):
        with contextlib.suppress(CredentialsError):
            texts["DATABASE_SECRET_FILE"] = read_secret_file(path)
    for text in filter(None, texts.values()):
        try:
            found.append(str(json.loads(text)["password"]))
        except (ValueError, TypeError, KeyError, RecursionError):
            found.append(text)
    for name in ("DATABASE_URL", "MIGRATION_DATABASE_URL"):
        found += _userinfo_secrets(environ.get(name, ""))
    return [each for each in found if each]


def _userinfo_secrets(url: str) -> list[str]:
    """The password of a URL, parsed or not: also what stands between the first `:` and the last `@`."""
    found = []
    _, _, rest = url.partition("://")
    if "@" in rest:
        found.append(rest.rpartition("@")[0].partition(":")[2])
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return found
    queried = [value for key, value in parsed.query.items() if "pass" in key.lower() and isinstance(value, str)]
    return [*found, parsed.password or "", *queried]


def _malformed(given: Mapping[str, str]) -> list[Fault]:
    faults = []
    for name, value in given.items():
        if not value and not name.endswith("_PASSWORD"):
            faults.append(Fault(name, "it is empty: give it a value or remove it", EXAMPLES[name]))
        elif len(value) > MAX_LENGTH:
            faults.append(
                Fault(name, f"it is {len(value)} characters long; {MAX_LENGTH} are the limit", EXAMPLES[name])
            )
        elif not name.endswith(_ANY_CHARACTER) and (value != value.strip() or _CONTROL.search(value)):
            problem = "it has white space around it, or holds a control character such as a line end"
            faults.append(Fault(name, problem, EXAMPLES[name]))
    return faults


def _contradictions(given: Mapping[str, str]) -> list[Fault]:
    """Two sources for one thing: it would not be clear which one counts."""
    sources = [name for name in ("DATABASE_URL", "DATABASE_SECRET", "DATABASE_SECRET_FILE") if name in given]
    if "DATABASE_URL" in given:
        sources += [name for name in PARTS if name in given]
    faults = [Fault(name, f"{sources[0]} is set as well: keep one of them", EXAMPLES[name]) for name in sources[1:]]
    if given.get("DATABASE_IAM_AUTH") not in (None, "", "true", "false"):
        faults.append(Fault("DATABASE_IAM_AUTH", "it must be `true` or `false`", EXAMPLES["DATABASE_IAM_AUTH"]))
    others = ("MIGRATION_DATABASE_SECRET", "MIGRATION_DATABASE_USER", "MIGRATION_DATABASE_PASSWORD")
    if "MIGRATION_DATABASE_URL" in given:
        problem = "MIGRATION_DATABASE_URL is set as well: keep one of them"
        faults += [Fault(name, problem, EXAMPLES[name]) for name in others if name in given]
    return faults


def _is_embedded(given: Mapping[str, str], *, allowed: bool) -> bool:
    """Whether nothing says where the database is."""
    if any(name.startswith("DATABASE_") and name not in ("DATABASE_SSL_CA", "DATABASE_IAM_AUTH") for name in given):
        return False
    for name in ("MIGRATION_DATABASE_SECRET", "MIGRATION_DATABASE_USER", "MIGRATION_DATABASE_PASSWORD"):
        if name in given:
            raise CredentialsError(name, "there is no DATABASE_URL whose credentials it could replace")
    if not allowed:
        raise CredentialsError(
            "DATABASE_URL", "it is not set, and ORCHESTRATOR_EMBEDDED_DATABASE forbids to do without"
        )
    return True


def _patiently(credentials: Credentials) -> URL:
    """The app's URL, looked for once more if the secret's file is just being written."""
    try:
        return credentials.app_url()
    except CredentialsError:
        if "DATABASE_SECRET_FILE" not in credentials.environ:
            raise
        time.sleep(AGAIN_SECONDS)
        return credentials.app_url()


def _ssl_context(path: str | None) -> ssl.SSLContext | None:
    if path is None:
        return None
    try:
        if not Path(path).is_file():  # OpenSSL would wait for whoever writes into a pipe
            raise FileNotFoundError
        return ssl.create_default_context(cafile=path)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise CredentialsError("DATABASE_SSL_CA", f"it is not a readable CA bundle ({type(error).__name__})") from None
