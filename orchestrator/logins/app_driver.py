"""Which driver the app's URL gets: the one it names, an installed one, or the one of DATABASE_DRIVER."""

from sqlalchemy.engine.url import URL

from orchestrator.address.drivers import DRIVERS
from orchestrator.dialects import DIALECTS, NAMES, OWN_DRIVERS, SERVERS, Kind, in_words, kind_of, same_kind
from orchestrator.logins.database_secrets import CredentialsError

_OF_BOTH_KINDS = {"psycopg_async"}  # installed with psycopg, so its presence does not show the app's kind


class DatabaseUntoldError(CredentialsError):
    """The parts of an address do not say which database it is, and no guess is safe."""

    def __init__(self, installed: list[str]) -> None:
        usual = " or ".join(f"{kind.port} ({kind.name})" for kind in SERVERS)
        drivers = f"drivers for {' and '.join(installed)} are installed" if installed else "no driver is installed"
        problem = f"it is needed: nothing else says which database this is, as the port is not {usual}, and {drivers}"
        super().__init__("DATABASE_DRIVER", problem)


def database_of(port: int | None, migration_url: str) -> str:
    """Return the database's dialect for parts that do not name it.

    The URL for migrating tells it, or a usual port, or the installed drivers if all are for one database.

    Raises:
        DatabaseUntoldError: none of them tells it.
    """
    if told := kind_of(migration_url):
        return told.name
    usual = [kind for kind in SERVERS if kind.port == port]
    installed = {driver.database for driver in DRIVERS.values() if driver.installed}
    found = usual or [kind for kind in SERVERS if kind.name in installed]
    if len(found) != 1:
        raise DatabaseUntoldError([kind.name for kind in found])
    return found[0].name


def default_driver(dialect: str, *, asynchronous: bool | None = None) -> str:
    """Return the driver for an app that names none: an installed one of the kind that its env.py uses.

    The orchestrator's own driver is the last choice, because the project may not have installed it.

    Args:
        dialect: the database, as in a URL.
        asynchronous: whether env.py uses an asynchronous engine; None if that is not known.
    """
    kind = DIALECTS[dialect]
    own = DRIVERS[kind.own_driver]
    installed = [each for each in DRIVERS.values() if each.database == kind.name and each.installed]
    if asynchronous is None:
        candidates = [own] if own in installed else installed
    else:
        candidates = [each for each in installed if each.is_async is asynchronous] or installed
    others = [each for each in candidates if each is not own and each.name not in _OF_BOTH_KINDS]
    return f"{dialect}+{next(iter(others or candidates), own).name}"


def with_installed_driver(url: URL) -> URL:
    """Return the URL with an installed driver; SQLAlchemy's default driver (2.0 and 2.1 differ) may be missing."""
    backend, plus, _ = url.drivername.partition("+")
    if plus or _is_installed(url.get_dialect().driver):
        return url
    installed = [each for each in DRIVERS.values() if each.database == DIALECTS[backend].name and each.installed]
    synchronous = [each for each in installed if each.name not in OWN_DRIVERS]
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
    supported("DATABASE_DRIVER", driver)
    if not same_kind(driver, url.drivername):
        raise CredentialsError("DATABASE_DRIVER", "it is for another database than DATABASE_URL")
    return url.set(drivername=driver)


def in_form_of(url: URL, app: URL | None) -> URL:
    """Return `url` with the app's driver, so that env.py can make an engine of it as it does of the app's URL."""
    if app is None or not same_kind(app.drivername, url.drivername):
        return url
    return url.set(drivername=app.drivername)


def supported(variable: str, driver: str) -> Kind:
    """Return the database of a driver's name or a dialect in `variable`.

    Raises:
        CredentialsError: it is not one of ours.
    """
    if kind := kind_of(driver):
        return kind
    raise unsupported(variable)


def unsupported(variable: str, otherwise: str = "") -> CredentialsError:
    """Return the fault of a driver's name or a URL for another database.

    Args:
        variable: where it is from.
        otherwise: what to do if `variable` is right as it is.
    """
    rule = f"it must begin with {in_words(NAMES)}, and may name a driver behind a `+`"
    return CredentialsError(variable, rule + otherwise)
