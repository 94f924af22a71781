"""Alembic's version table as configured by env.py: its location and its content."""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sqlalchemy import String, column, select, table
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.util import greenlet_spawn

from orchestrator.databases import backend_for
from orchestrator.migrations.journal.schema import journal_name
from orchestrator.migrations.journal.store import Journal
from orchestrator.migrations.position.database_state import unreadable
from orchestrator.migrations.position.lineage import Entry, Position

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext
    from sqlalchemy.engine import Connection

STANDARD = "alembic_version"


class VersionTable(NamedTuple):
    """The location of a version table, and the journal next to it."""

    engine: Engine
    name: str
    schema: str | None
    journal_schema: str | None

    @classmethod
    def of(cls, context: "MigrationContext") -> Self:
        """Return the version table of a context that has migrated."""
        connection = context.connection
        assert connection  # noqa: S101  # only such contexts are attended
        schema = context.version_table_schema
        if schema is None:
            with no_transaction_left(connection):
                schema = backend_for(connection.dialect.name).schema_of(_real(connection), context.version_table)
        return cls(connection.engine, context.version_table, schema, journal_schema(context))

    def position(self) -> Position:
        """Return the content of both, read on a new connection like env.py's; empty if the tables are missing."""
        engine = Engine(self.engine.pool.recreate(), self.engine.dialect, self.engine.url)
        if self.engine.dialect.is_async:
            return asyncio.run(greenlet_spawn(self._read, engine))
        return self._read(engine)

    def _read(self, engine: Engine) -> Position:
        versions = select(column("version_num", String)).select_from(table(self.name, schema=self.schema))
        try:
            with engine.connect() as connection:
                heads = tuple(sorted(connection.execute(versions).scalars()))
                return Position(heads, _readable_entries(connection, self.journal_schema, self.name))
        except DBAPIError as error:
            if not backend_for(engine.dialect.name).is_missing_table(error):
                raise
            return Position(())
        finally:
            engine.dispose()


def readable_position(context: "MigrationContext") -> Position:
    """Return the position of a context's database: its heads and the journal's rows, if readable; changes nothing.

    The two are read in separate transactions. Another replica may create the journal in between, and MySQL does not
    show a new table to a transaction that began earlier (1412, Table definition has changed).
    """
    connection = context.connection
    assert connection  # noqa: S101  # only such contexts are attended
    with no_transaction_left(connection):
        heads = tuple(sorted(context.get_current_heads()))
    with no_transaction_left(connection):
        return Position(heads, readable_entries(context))


def readable_entries(context: "MigrationContext") -> dict[str, Entry]:
    """Return the journal's rows; none if the journal is missing or this user may not read it."""
    assert context.connection  # noqa: S101  # only such contexts are attended
    return _readable_entries(context.connection, journal_schema(context), context.version_table)


def journal_schema(context: "MigrationContext") -> str | None:
    """Return the journal's schema: that of Alembic's version table if env.py sets one, or the default schema."""
    connection = context.connection
    assert connection  # noqa: S101  # only such contexts are attended
    with no_transaction_left(connection):
        return context.version_table_schema or backend_for(connection.dialect.name).default_schema(_real(connection))


def _readable_entries(connection: "Connection", schema: str | None, version_table: str) -> dict[str, Entry]:
    backend, real, name = backend_for(connection.dialect.name), _real(connection), journal_name(version_table)
    try:
        with transaction_kept(connection):
            return Journal(real, connection.dialect, "", schema, name=name).entries()
    except Exception as error:
        if not unreadable(error, backend):
            raise
        return {}


def transaction_kept(connection: "Connection") -> contextlib.AbstractContextManager[Any]:
    """Keep the open transaction usable when a statement in this context fails; autocommit has none to end."""
    fragile = backend_for(connection.dialect.name).errors_end_transactions and not _real(connection).autocommit
    return connection.begin_nested() if fragile else contextlib.nullcontext()


def settings_kept(connection: "Connection") -> contextlib.AbstractContextManager[None]:
    """End the open transaction, if any, and keep what env.py has set for its duration: see `Backend`."""
    if not connection.in_transaction():
        return contextlib.nullcontext()
    return backend_for(connection.dialect.name).local_settings_kept(_real(connection))


@contextlib.contextmanager
def no_transaction_left(connection: "Connection") -> Iterator[None]:
    """Leave no transaction open if none was: Alembic takes an open one for env.py's, and then does not commit."""
    began = not connection.in_transaction()
    try:
        yield
    finally:
        if began and connection.in_transaction():
            connection.rollback()


def _real(connection: "Connection") -> Any:
    return connection.connection.dbapi_connection
