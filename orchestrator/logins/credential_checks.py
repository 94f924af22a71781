"""What can be checked about the logins without a connection: missing files, drivers, and credentials for tokens."""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine.url import URL

from orchestrator import extras
from orchestrator.address import OwnAddress
from orchestrator.address.drivers import DRIVERS, Tls
from orchestrator.dialects import is_file, same_kind
from orchestrator.logins.database_secrets import CredentialsError
from orchestrator.logins.database_url import Login

if TYPE_CHECKING:
    from orchestrator.logins import iam


def tls_of(path: str | None) -> Tls | None:
    """Return the trust for the CA bundle in `path` (DATABASE_SSL_CA); None without a path.

    Raises:
        CredentialsError: the file is not a readable CA bundle.
    """
    if path is None:
        return None
    try:
        if not Path(path).is_file():  # OpenSSL would wait for something to write into a pipe
            raise CredentialsError("DATABASE_SSL_CA", "there is no such file, so it is not a readable CA bundle")
        return Tls(path, ssl.create_default_context(cafile=path))
    except PermissionError:
        problem = "this user may not read the file, so it is not a readable CA bundle"
    except (OSError, ValueError):  # ssl.SSLError is an OSError
        problem = "it is not a readable CA bundle: the file must have certificates in PEM format"
    raise CredentialsError("DATABASE_SSL_CA", problem)


def check_driver(address: OwnAddress) -> None:
    """Check that the driver for our own connections is installed; it comes with an extra.

    Raises:
        CredentialsError: it is missing.
    """
    driver = address.url.get_driver_name()
    if extras.missing(driver):
        command = f"pip install '{extras.DISTRIBUTION}[{extras.EXTRAS[driver]}]'"
        raise CredentialsError(
            "DATABASE_URL", f"the orchestrator itself connects with {driver}, which is not installed: {command}"
        )


def check_tokens(logins: "Sequence[iam.Login]", environ: Mapping[str, str], *, tls: bool) -> None:
    """Check that IAM tokens can be made for these logins.

    Raises:
        CredentialsError: they cannot; the message gives the cure.
    """
    from orchestrator.logins import iam

    if problem := iam.problem(logins, environ, tls=tls):
        raise CredentialsError("DATABASE_IAM_AUTH", problem)


def check_app(url: URL, migration: Login | None, *, tls: bool) -> None:
    """Check that both logins are for the same kind of database, and that the app's driver can verify the server.

    Raises:
        CredentialsError: the databases differ, or DATABASE_SSL_CA is set (`tls`) and the driver cannot verify.
    """
    if migration and not same_kind(migration.url.drivername, url.drivername):
        raise CredentialsError(migration.source, "it is for another kind of database than the app's address")
    name = url.drivername.partition("+")[2]
    known = name in DRIVERS and DRIVERS[name].set_tls is not None
    if tls and name and not known and not is_file(url.drivername):
        raise CredentialsError("DATABASE_SSL_CA", f"no way is known to make the driver `{name}` verify the server")
