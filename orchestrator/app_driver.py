"""Which driver the app's URL gets: the one it names, an installed one, or the one of DATABASE_DRIVER."""

from sqlalchemy.engine.url import URL

from orchestrator.address.dialects import DATABASES, OWN, PORTS
from orchestrator.address.drivers import DRIVERS
from orchestrator.database_secrets import CredentialsError


def database_of(port: int | None) -> str:
    """Return the database's dialect for parts that do not name it: from the port, or from the installed drivers."""
    installed = {driver.database for driver in DRIVERS.values() if driver.installed} - {"sqlite"}
    by_driver = installed.pop() if len(installed) == 1 else "mysql"
    return next((database for database, usual in PORTS.items() if usual == port), by_driver)


def default_driver(dialect: str) -> str:
    """Return the driver for an app that names none: our own async one if installed, or another installed one."""
    database = DATABASES[dialect]
    candidates = [each.name for each in DRIVERS.values() if each.database == database and each.installed]
    own = OWN[database]
    return f"{dialect}+{own if own in candidates or not candidates else candidates[0]}"


def with_installed_driver(url: URL) -> URL:
    """Return the URL with an installed driver; SQLAlchemy's default driver (2.0 and 2.1 differ) may be missing."""
    backend, plus, _ = url.drivername.partition("+")
    if plus or _is_installed(url.get_dialect().driver):
        return url
    installed = [each for each in DRIVERS.values() if each.database == DATABASES[backend] and each.installed]
    synchronous = [each for each in installed if each.name not in OWN.values()]
    found = (synchronous or installed)[:1]
    return url.set(drivername=f"{backend}+{found[0].name}") if found else url


def _is_installed(name: str) -> bool:
    """Return whether a driver is installed; assume so for a driver that is not in our table."""
    return name not in DRIVERS or DRIVERS[name].installed


def with_driver_of_app(url: URL, driver: str) -> URL:
    """Return the URL with another driver of the same database.

    Raises:
        CredentialsError: the driver is for another database.
    """
    check_backend("DATABASE_DRIVER", driver)
    if DATABASES[driver.partition("+")[0]] != DATABASES[url.get_backend_name()]:
        raise CredentialsError("DATABASE_DRIVER", "it is for another database than DATABASE_URL")
    return url.set(drivername=driver)


def in_form_of(url: URL, app: URL | None) -> URL:
    """Return `url` with the app's driver, so that env.py can make an engine of it as it does of the app's URL."""
    if app is None or DATABASES[app.get_backend_name()] != DATABASES[url.get_backend_name()]:
        return url
    return url.set(drivername=app.drivername)


def check_backend(variable: str, driver: str) -> None:
    """Check that a driver's name begins with a supported database.

    Raises:
        CredentialsError: it does not.
    """
    if driver.partition("+")[0] not in DATABASES:
        raise CredentialsError(
            variable, "it must begin with mysql, mariadb, postgresql or sqlite, and may name a driver behind a `+`"
        )
