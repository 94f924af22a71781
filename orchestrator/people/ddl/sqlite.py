"""SQLite: the size of a table is not known without reading it, and nothing is known of the effect of a definition."""

from orchestrator.people.ddl.knowledge import ColumnOf, Effect
from orchestrator.people.ddl.reading import Sql

AS_CONNECTED = {"sqlite": {"server_version_info": (3, 40, 0)}}
SIZE = "SELECT NULL, NULL FROM sqlite_master WHERE name = :name"
COLUMN = ""
OUTSIDE_TRANSACTIONS = None
COMMITS_DEFINITIONS = False
LINTED = False


def effect_of(_sql: Sql, _dialect: str, _version: tuple[int, ...], _column: ColumnOf) -> Effect | None:
    """Return None."""
    return None
