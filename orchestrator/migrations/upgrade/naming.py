"""The name of a context in events, if env.py migrates several: in the words of its team."""

from collections.abc import Collection
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from orchestrator.databases import backend_for
from orchestrator.dialects import is_file
from orchestrator.migrations.upgrade.version_table import STANDARD

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext


def name_of(context: "MigrationContext", arguments: dict[str, Any], taken: Collection[str]) -> str:
    """Return the texts that env.py passes to `run_migrations` (`engine1`), or schema or database, and version table."""
    given = [value for value in arguments.values() if isinstance(value, str)]
    name = ".".join(given) or _place(context)
    same = sum(each == name or each.startswith(f"{name}#") for each in taken)
    return f"{name}#{same + 1}" if same else name


def _place(context: "MigrationContext") -> str:
    connection = context.connection
    assert connection  # noqa: S101  # only such contexts are attended
    pooled, database = connection.connection, connection.engine.url.database or ""
    if is_file(connection.dialect.name):
        place = PurePath(database).name or "memory"
    else:
        backend = backend_for(connection.dialect.name)
        place = context.version_table_schema or backend.default_schema(pooled.dbapi_connection) or database
    place = database if place == "public" and database else place
    return place if context.version_table == STANDARD else f"{place}.{context.version_table}"
