"""The registry of databases: what is known about each kind before a connection. A new backend begins with a row here.

What needs a connection is in `databases/NAME/`; the drivers are in `address/drivers.py`.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple


class Kind(NamedTuple):
    """One kind of database.

    Attributes:
        name: its folder in `databases/`, the extra that installs our driver, and its name in `address/drivers.py`.
        titles: what may stand before the `+` in a URL (SQLAlchemy's dialects), each with its name for people.
        own_driver: the driver of the orchestrator's own connections.
        default_driver: the driver that a URL without one is read as: SQLAlchemy's choice, which may change.
        modules: the modules that the extra installs.
        example: a URL, for faults.
        port: the default port of the server; None if the database is a file.
        spellings: other words before the `+`, each with the dialect that it means.
        engines: the values of `engine` in an RDS secret, each with the dialect that it means.
        needs_name: an address without the name of a database leads to none.
    """

    name: str
    titles: Mapping[str, str]
    own_driver: str
    default_driver: str
    modules: tuple[str, ...]
    example: str
    port: int | None = None
    spellings: Mapping[str, str] = MappingProxyType({})
    engines: Mapping[str, str] = MappingProxyType({})
    needs_name: bool = False

    @property
    def is_file(self) -> bool:
        """Return whether the database is a file: no host, no user, and its readers can block its writer."""
        return self.port is None


MYSQL = Kind(
    name="mysql",
    titles={"mysql": "MySQL", "mariadb": "MariaDB"},
    own_driver="asyncmy",
    default_driver="mysqldb",
    modules=("asyncmy", "cryptography"),
    example="mysql+pymysql://user:password@host:3306/name",
    port=3306,
    engines={"mysql": "mysql", "aurora-mysql": "mysql", "mariadb": "mariadb"},
    needs_name=True,
)
POSTGRESQL = Kind(
    name="postgresql",
    titles={"postgresql": "PostgreSQL"},
    own_driver="asyncpg",
    default_driver="psycopg2",  # SQLAlchemy 2.1 chooses psycopg
    modules=("asyncpg",),
    example="postgresql+psycopg2://user:password@host:5432/name",
    port=5432,
    spellings={"postgres": "postgresql"},  # libpq's, which Heroku, Render and others use
    engines={"postgres": "postgresql", "postgresql": "postgresql", "aurora-postgresql": "postgresql"},
)
SQLITE = Kind(
    name="sqlite",
    titles={"sqlite": "SQLite"},
    own_driver="aiosqlite",
    default_driver="pysqlite",
    modules=("aiosqlite",),
    example="sqlite:///app.db",
)

KINDS = (MYSQL, POSTGRESQL, SQLITE)
SERVERS = tuple(kind for kind in KINDS if not kind.is_file)
DEFAULT, EMBEDDED = MYSQL, SQLITE
"""The kind of our examples, and the one that needs no server."""
DIALECTS = {dialect: kind for kind in KINDS for dialect in (*kind.titles, *kind.spellings)}
"""The kind for what stands before the `+` in a URL."""
NAMES = tuple(dialect for kind in KINDS for dialect in kind.titles)
"""SQLAlchemy's names of the supported dialects."""
ENGINES = {engine: dialect for kind in KINDS for engine, dialect in kind.engines.items()}
"""The dialect for the `engine` in an RDS secret."""
OWN_DRIVERS = {kind.own_driver for kind in KINDS}


def in_words(names: tuple[str, ...]) -> str:
    """Return `a, b or c`."""
    return f"{', '.join(names[:-1])} or {names[-1]}"


SUPPORTED = in_words(tuple(title for kind in KINDS for title in kind.titles.values()))
"""The supported databases, for messages."""


def kind_of(drivername: str) -> Kind | None:
    """Return the kind for a dialect, a driver's full name (`mysql+pymysql`) or a URL; None if it is not supported."""
    return DIALECTS.get(drivername.partition(":")[0].partition("+")[0])


def same_kind(one: str, other: str) -> bool:
    """Return whether two dialects or drivers are for the same kind of database; False if one is not supported."""
    return kind_of(one) is not None and kind_of(one) is kind_of(other)


def is_file(drivername: str) -> bool:
    """Return whether a dialect or driver is for a database in a file."""
    kind = kind_of(drivername)
    return kind is not None and kind.is_file


def standard(drivername: str) -> str:
    """Return a driver's full name with SQLAlchemy's spelling of its dialect."""
    dialect, plus, driver = drivername.partition("+")
    kind = DIALECTS.get(dialect)
    return f"{kind.spellings.get(dialect, dialect) if kind else dialect}{plus}{driver}"


def default_port(dialect: str) -> int | None:
    """Return the default port of a dialect's server; None for a file, and for a dialect that is not supported."""
    kind = DIALECTS.get(dialect)
    return kind.port if kind else None
