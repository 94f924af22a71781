"""The logins for the database: one for the app, one for migrating.

No fault ever contains a value: any value may be the password, or contain it.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.engine.url import URL

from orchestrator.address import OwnAddress
from orchestrator.address.drivers import Tls
from orchestrator.logins import credential_checks, iam
from orchestrator.logins.app_driver import in_form_of, with_installed_driver
from orchestrator.logins.contradictions import contradictions
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.logins.database_url import EMBEDDED_LOGIN, Login, app_login, migration_login
from orchestrator.logins.issued_logins import IssuedLogins

if TYPE_CHECKING:
    from orchestrator.variables.definition import Fault

T = TypeVar("T")

AGAIN_SECONDS = 0.1  # before a faulty file is read again: it may be half written
MIGRATION_VARIABLES = tuple(name for name in DatabaseSettings.variables() if name.startswith("MIGRATION_"))
_FILES = {"url_file", "secret_file", "password_file"}
_MIGRATION_FILES = {f"migration_{name}" for name in _FILES}
_FIXED = {"migration_url", "migration_secret", "migration_password"}
_NO_ADDRESS = {"ssl_ca", "iam_auth"}
_TOLD = "(told by env.py)"  # instead of a URL that no variable gave


@dataclass
class Credentials:
    """How to reach the database, for the app and for the migration.

    Attributes:
        given: the variables.
        embedded: no variable gives an address, and the embedded database may be used.
        tls: which CA to trust, if DATABASE_SSL_CA is set.
        told: the app's address from env.py, if no variable gives one.
        issued: the logins that were handed out.
        asynchronous: whether env.py uses an asynchronous engine, for parts without a driver; None if not known.
    """

    given: DatabaseSettings = field(repr=False)
    embedded: bool
    tls: Tls | None = None
    told: OwnAddress | None = None
    issued: IssuedLogins = field(default_factory=IssuedLogins, repr=False)
    asynchronous: bool | None = None

    @classmethod
    def read(cls, environ: Mapping[str, str], *, embedded: bool) -> "tuple[Credentials | None, list[Fault]]":
        """Validate the variables. With `embedded`, use the embedded database if no variable gives an address."""
        given, faults = DatabaseSettings.read(environ)
        faults += contradictions(given)

        def checked(read: Callable[[], T]) -> T | None:
            try:
                return read()
            except CredentialsError as error:
                blamed = {fault.variable for fault in faults}
                faults.extend(fault for fault in error.faults if fault.variable not in blamed)
                return None

        tls = checked(lambda: credential_checks.tls_of(given.ssl_ca))
        credentials = cls(given, embedded and not given.given - _NO_ADDRESS, tls)
        checked(credentials._patiently)
        checked(credentials._check_app)
        checked(credentials._check_migration)
        if not faults:
            checked(lambda: credentials._check_logins(environ))
        return (None if faults else credentials), faults

    @property
    def known(self) -> bool:
        """Return whether the address to migrate is known; otherwise only env.py knows it."""
        return self._logins()[1] is not None

    @property
    def app_known(self) -> bool:
        """Return whether the app's own address is known."""
        return self._app() is not None

    def learn(self, address: OwnAddress) -> None:
        """Store the app's address as read from env.py.

        Raises:
            CredentialsError: the driver for our own connections is missing.
        """
        credential_checks.check_driver(address)
        self.told = address

    def exported_text(self) -> str | None:
        """Return the value of DATABASE_URL for the app; None if it is already set so, or only env.py knows the address.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        return None if self.given.url and not self.given.driver else self.app_text()

    def app_text(self) -> str | None:
        """Return the app's URL, unchanged or built from the parts; None if only env.py knows it.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        login = self._app()
        return login.text if login and login.text != _TOLD else None

    def app_url(self) -> URL:
        """Return the app's URL, with its driver.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        return self._issue(_known(self._app()).url, self.app_url)

    def migration_url(self) -> URL:
        """Return the URL for env.py, with the app's driver. Files are read again: the password may have been rotated.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        app, login = self._logins()
        login = _known(login)
        url = in_form_of(login.url, app.url) if app and app.text != login.text else login.url
        return self._issue(url, self.migration_url)

    def alembic_url(self) -> URL | None:
        """Return the URL for Alembic's configuration; None if the project's own files contain it.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        return with_installed_driver(self.migration_url()) if self.known and self.told is None else None

    def own_address(self) -> OwnAddress:
        """Return the address for our own connections, with the login for migrating.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        return self._address(_known(self._logins()[1]), self.migration_url)

    def app_address(self) -> OwnAddress:
        """Return the address for our own connections, with the app's login.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        return self._address(_known(self._app()), self.app_url)

    def _address(self, login: Login, source: Callable[[], URL]) -> OwnAddress:
        """Return the address of a login. If env.py gave the address, keep its options for any login."""
        told = self.told if login.text == _TOLD else None
        address = replace(told, url=login.url) if told else login.own_address()
        self._issue(address.url, source)
        return address

    def _app(self) -> Login | None:
        """Return the app's login; None if only env.py knows it and has not run yet."""
        if self.told:
            return Login(self.told.url, _TOLD, "DATABASE_URL")
        return EMBEDDED_LOGIN if self.embedded else app_login(self.given, asynchronous=self.asynchronous)

    def _logins(self) -> tuple[Login | None, Login | None]:
        """Return the app's login and the login for migrating, which defaults to the app's."""
        app = self._app()
        if app:
            self._issue(app.url, self.app_url)
        login = migration_login(self.given, app.url if app else None)
        if login and app and app.text == _TOLD and not login.source.startswith("MIGRATION_DATABASE_URL"):
            login = replace(login, text=_TOLD)
        return app, login or app

    @property
    def separate(self) -> bool:
        """Return whether the login for migrating differs from the app's."""
        return any(name.startswith("migration_") for name in self.given.given)

    @property
    def uses_tokens(self) -> bool:
        """Return whether a login without a password gets a token."""
        return self.given.iam_auth

    @property
    def rotates(self) -> bool:
        """Return whether the login for waiting and migrating may change, so that a refused login may work later."""
        given = self.given.given
        from_file = bool(given & _MIGRATION_FILES) or (bool(given & _FILES) and not given & _FIXED)
        return from_file or (self.uses_tokens and self.known and not self.migration_url().password)

    def takes_token(self, login: iam.Login) -> bool:
        """Return whether this login has no password and therefore gets a token."""
        return self.uses_tokens and login in self.token_logins()

    def token_logins(self) -> list[iam.Login]:
        """Return the logins without a password, of the app and of the migration."""
        urls = [self.app_url()] if self.app_known else []
        urls += [self.migration_url()] if self.known else []
        return [login for url in urls if (login := iam.login_of(url))]

    def _issue(self, url: URL, source: Callable[[], URL]) -> URL:
        return self.issued.issue(url, source, changes=bool(self.given.given & (_FILES | _MIGRATION_FILES)))

    def _patiently(self) -> None:
        """Read the logins; read them a second time if a file is faulty, as it may be half written."""
        try:
            self._logins()
        except CredentialsError:
            if not self.given.given & (_FILES | _MIGRATION_FILES):
                raise
            time.sleep(AGAIN_SECONDS)
            self._logins()

    def _check_app(self) -> None:
        """Check that our own connections can use the app's login, as far as that shows without a connection."""
        if self.app_known:
            credential_checks.check_driver(self.app_address())

    def _check_migration(self) -> None:
        """Check the login for migrating in the same way; if it has its own address, even when the app's is wrong."""
        if login := migration_login(self.given, None):
            credential_checks.check_driver(login.own_address())
        elif self.known:
            credential_checks.check_driver(self.own_address())

    def _check_logins(self, environ: Mapping[str, str]) -> None:
        if self.uses_tokens and self.known:
            credential_checks.check_tokens(self.token_logins(), environ, tls=self.tls is not None)
        if self.app_known:
            credential_checks.check_app(self.app_url(), self._logins()[1], tls=self.tls is not None)

    def forget_migration(self) -> None:
        """Drop the login for migrating, for every holder of this object: `migration_url` is the app's from now on."""
        self.given = self.given.replaced(**{name: None for name in self.given.given if name.startswith("migration_")})
        self.issued.forget(self.migration_url)


def _known(login: Login | None) -> Login:
    if login is None:
        raise CredentialsError("DATABASE_URL", "it is not set, and env.py has not been asked for the address")
    return login
