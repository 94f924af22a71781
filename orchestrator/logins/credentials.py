"""The logins for the database: one for the app, one for migrating.

No fault ever contains a value: any value may be the password, or contain it.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy.engine.url import URL

from orchestrator.address import OwnAddress
from orchestrator.logins import credential_checks
from orchestrator.logins.app_driver import DatabaseUntoldError, in_form_of, with_installed_driver
from orchestrator.logins.contradictions import contradictions
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.logins.database_url import EMBEDDED_LOGIN, Login, app_login, migration_login
from orchestrator.logins.issued_logins import IssuedLogins

if TYPE_CHECKING:
    from orchestrator.address.drivers import Tls
    from orchestrator.logins import iam
    from orchestrator.variables.definition import Fault

AGAIN_SECONDS = 0.1  # before a faulty file is read again: it may be half written
MIGRATION_VARIABLES = tuple(name for name in DatabaseSettings.variables() if name.startswith("MIGRATION_"))
_MIGRATION = frozenset(name for name in DatabaseSettings.fields if name.startswith("migration_"))
_FILES = {"url_file", "secret_file", "password_file"}
_MIGRATION_FILES = {f"migration_{name}" for name in _FILES}
_FIXED = {"migration_url", "migration_secret", "migration_password"}
_NO_ADDRESS = {"ssl_ca", "iam_auth"}


class Credentials:
    """How to reach the database, for the app and for the migration.

    Attributes:
        given: the variables.
        embedded: no variable gives an address, and the embedded database may be used.
        tls: which CA to trust, if DATABASE_SSL_CA is set.
        asynchronous: whether env.py uses an asynchronous engine, for parts without a driver; None if not known.
        told: the app's address from env.py, if no variable gives one.
        issued: the logins that were handed out.
        untold: the fault of parts that do not say which database it is; empty if there is none, or env.py says it.
    """

    def __init__(self, given: DatabaseSettings, *, embedded: bool, asynchronous: bool | None) -> None:
        self.given, self.embedded, self.asynchronous = given, embedded, asynchronous
        self.tls: Tls | None = None
        self.told: OwnAddress | None = None
        self.issued = IssuedLogins()
        self.untold: list[Fault] = []
        self._kept: dict[str, Login | None] = {}  # as long as no file can change them
        self._dialect = ""  # of the app's address, once it is known: the forgotten address may have told it

    @classmethod
    def read(
        cls, environ: Mapping[str, str], *, embedded: bool, asynchronous: bool | None = None
    ) -> "tuple[Credentials | None, list[Fault]]":
        """Validate the variables. With `embedded`, use the embedded database if no variable gives an address."""
        given, faults = DatabaseSettings.read(environ)
        faults += contradictions(given)
        credentials = cls(given, embedded=embedded and not given.fields_set - _NO_ADDRESS, asynchronous=asynchronous)
        with _added_to(faults):
            credentials.tls = credential_checks.tls_of(given.ssl_ca)
        app = login = None
        with _added_to(faults):
            app = credentials._patiently(credentials._app)
        with _added_to(faults):
            login = credentials._patiently(lambda: credentials._for_migrating(app))
        for each in dict.fromkeys(filter(None, (app, login))):
            with _added_to(faults):
                credential_checks.check_driver(each.own_address)
        if not faults:
            with _added_to(faults):
                credentials._check(app, login, environ)
        return (None if faults else credentials), faults

    @property
    def known(self) -> bool:
        """Return whether the address to migrate is known; otherwise only env.py knows it."""
        return self._for_migrating(self._app()) is not None

    @property
    def app_known(self) -> bool:
        """Return whether the app's own address is known. It is if its file is being replaced at this moment."""
        with suppress(CredentialsError):
            return self._app() is not None
        return True

    def learn(self, address: OwnAddress) -> None:
        """Store the app's address as read from env.py.

        Raises:
            CredentialsError: the driver for our own connections is missing.
        """
        credential_checks.check_driver(address)
        self.told = address
        self._kept.clear()

    def exported_text(self) -> str | None:
        """Return the value of DATABASE_URL for the app; None if it is already set so, or only env.py knows the address.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        if self.given.url and not self.given.driver:
            return None
        login = self._app()
        return login.text if login and not login.told else None

    def app_url(self) -> URL:
        """Return the app's URL, with its driver.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        return _known(self._app()).url

    def migration_url(self) -> URL:
        """Return the URL for env.py, with the app's driver. Files are read again: the password may have been rotated.

        Raises:
            CredentialsError: a file has become unreadable, or a value is missing.
        """
        app = self._app()
        login = _known(self._for_migrating(app))
        return login.url if app is None or app.text == login.text else in_form_of(login.url, app.url)

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
        return _known(self._for_migrating(self._app())).own_address

    def _app(self) -> Login | None:
        """Return the app's login; None if only env.py knows it and has not run yet."""
        return self._issued("app", self._read_app, self.app_url)

    def _read_app(self) -> Login | None:
        if self.told:
            return Login(self.told.url, "", "DATABASE_URL", self.told)
        if self.embedded:
            return EMBEDDED_LOGIN
        try:
            login = app_login(self.given, asynchronous=self.asynchronous, dialect=self._dialect)
        except DatabaseUntoldError as error:
            self.untold = error.faults
            return None
        self._dialect = login.url.get_backend_name() if login else ""
        return login

    def _for_migrating(self, app: Login | None) -> Login | None:
        """Return the login for migrating, which defaults to the app's."""
        if not self.separate:
            return app
        return self._issued("migration", lambda: migration_login(self.given, app), self.migration_url) or app

    def _issued(self, name: str, read: Callable[[], Login | None], source: Callable[[], URL]) -> Login | None:
        """Return a login after the listeners got its password; read it again if files can change it."""
        login = self._kept[name] if name in self._kept else read()
        if not self._may_change:
            self._kept[name] = login
        if login:
            self.issued.issue(login.url, source, changes=self._may_change)
        return login

    @property
    def _may_change(self) -> bool:
        return bool(self.given.fields_set & (_FILES | _MIGRATION_FILES))

    @property
    def separate(self) -> bool:
        """Return whether the login for migrating differs from the app's."""
        return bool(self.given.fields_set & _MIGRATION)

    @property
    def uses_tokens(self) -> bool:
        """Return whether a login without a password gets a token."""
        return self.given.iam_auth

    @property
    def rotates(self) -> bool:
        """Return whether the login for waiting and migrating may change, so that a refused login may work later."""
        given = self.given.fields_set
        from_file = bool(given & _MIGRATION_FILES) or (bool(given & _FILES) and not given & _FIXED)
        return from_file or (self.uses_tokens and self.known and not self.migration_url().password)

    def takes_token(self, login: "iam.Login") -> bool:
        """Return whether this login, of the app or for migrating, has no password and therefore gets a token."""
        app = self._app()
        return self.uses_tokens and login in _without_password(app, self._for_migrating(app))

    def _patiently(self, read: Callable[[], Login | None]) -> Login | None:
        """Return what `read` gives; call it a second time if a file is faulty, as it may be half written."""
        try:
            return read()
        except CredentialsError:
            if not self._may_change:
                raise
            time.sleep(AGAIN_SECONDS)
            return read()

    def _check(self, app: Login | None, login: Login | None, environ: Mapping[str, str]) -> None:
        """Check what the two logins need together, as far as that shows without a connection."""
        tls = self.tls is not None
        if self.uses_tokens and login:
            credential_checks.check_tokens(_without_password(app, login), environ, tls=tls)
        if app:
            credential_checks.check_app(app.url, login if self.separate else None, tls=tls)

    def forget_migration(self) -> None:
        """Drop the login for migrating, for every holder of this object: `migration_url` is the app's from now on."""
        self.given = self.given.without(_MIGRATION)
        self._kept.clear()
        self.issued.forget(self.migration_url)


@contextmanager
def _added_to(faults: "list[Fault]") -> Iterator[None]:
    """Add the faults of this block, except for variables that have one already."""
    try:
        yield
    except CredentialsError as error:
        blamed = {fault.variable for fault in faults}
        faults += [fault for fault in error.faults if fault.variable not in blamed]


def _without_password(*logins: Login | None) -> "list[iam.Login]":
    from orchestrator.logins import iam

    return [found for login in logins if login and (found := iam.login_of(login.url))]


def _known(login: Login | None) -> Login:
    if login is None:
        raise CredentialsError("DATABASE_URL", "it is not set, and env.py has not been asked for the address")
    return login
