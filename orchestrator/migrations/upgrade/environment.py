"""Runs a team's env.py unmodified: in a greenlet if it is synchronous, with a connection if it requires one.

It wraps `EnvironmentContext.configure` of the one instance, and so sees each connection. (A subclass would not do:
Alembic's module `alembic.context` is tied to the exact class.) Each `configure` begins a context: env.py may migrate
several databases, schemas or version tables in one run.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from orchestrator.log import REPEATS, env_py_runs, finish_loguru
from orchestrator.logins.credentials import Credentials
from orchestrator.migrations.scripts.alembic_scripts import alembic_config, script_directory
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.upgrade.connect_hooks import our_connections
from orchestrator.migrations.upgrade.event_listeners import forgotten_after
from orchestrator.migrations.upgrade.pooled import emptied_pools

if TYPE_CHECKING:
    from alembic.runtime.migration import MigrationContext, RevisionStep
    from sqlalchemy.engine import Connection

Steps = Callable[[Sequence[str], "MigrationContext"], Iterable["RevisionStep"]]
"""Alembic's `fn`: takes the database's heads and the migration context, returns the steps to run."""


class Visitor(Protocol):
    """Observes a run of env.py, and decides which steps each context applies."""

    def configured(self, options: dict[str, Any]) -> None:
        """Env.py calls `context.configure` with these options, which may be changed."""

    def migrate(self, context: "MigrationContext", arguments: dict[str, Any], run: Callable[[Steps], None]) -> None:
        """Env.py calls `context.run_migrations(**arguments)`; `run` carries it out with the given steps."""


class _Nobody:
    """Observes a run that ends before env.py configures a context."""

    def configured(self, options: dict[str, Any]) -> None:
        pass

    def migrate(self, context: "MigrationContext", arguments: dict[str, Any], run: Callable[[Steps], None]) -> None:
        pass


class ConnectionWanted(Exception):  # noqa: N818  # env.py's wish, not an error
    """env.py asks for `config.attributes["connection"]`."""


class _Attributes(dict[str, Any]):
    """`Config.attributes`, which detects that env.py requires a connection from us."""

    def __missing__(self, key: str) -> Any:
        if key == "connection":
            raise ConnectionWanted
        raise KeyError(key)


class Environment:
    """Alembic's configuration and the team's env.py."""

    def __init__(self, files: AlembicFiles, credentials: Credentials, target: str) -> None:
        self._credentials, self._target = credentials, target
        self._config = alembic_config(files, credentials.alembic_url(), target)
        self._config.attributes = _Attributes()
        self._configured = False

    def run(self, visitor: Visitor, release: Callable[[], None] = lambda: None) -> None:
        """Run env.py. Run it a second time, in a greenlet, if it is synchronous or requires a connection.

        Both show before it does anything: a sync engine with an async driver raises at its first connect.

        Args:
            visitor: attends env.py's contexts.
            release: called at the end, before the connections that env.py has returned to a pool are closed.

        Raises:
            StartupError: with MigrationTreeInvalid: the directory of the scripts is missing.
            Exception: any exception of env.py.
        """
        self._configured = False
        with our_connections(self._credentials), emptied_pools(), ExitStack() as ending, REPEATS.again():
            ending.callback(release)
            try:
                self._run_once(visitor)
            except MissingGreenlet:
                if self._configured:  # raised by a revision, not by env.py: its work must not be repeated
                    raise
                asyncio.run(greenlet_spawn(self._run_once, visitor))
            except ConnectionWanted:
                asyncio.run(self._run_with_connection(visitor))

    def run_to_connect(self) -> None:
        """Run env.py once, without an observer; the caller makes its first connect raise.

        Raises:
            ConnectionWanted: env.py requires a connection.
            BaseException: the exception of the connect.
        """
        with REPEATS.asking():
            try:
                self._run_once(_Nobody())
            finally:
                finish_loguru()

    def _run_once(self, visitor: Visitor) -> None:
        from alembic.runtime.environment import EnvironmentContext

        scripts = script_directory(
            self._config
        )  # its revisions are loaded when they are needed: env.py may choose them
        environment = EnvironmentContext(
            self._config, scripts, as_sql=False, starting_rev=None, destination_rev=self._target, tag=None
        )
        configure = environment.configure

        def wrapped(connection: "Connection | None" = None, **options: Any) -> None:
            if connection is not None:
                self._configured = True
                visitor.configured(options)
            configure(connection=connection, **options)
            if connection is not None:
                _attend(environment.get_context(), visitor)

        environment.configure = wrapped  # type: ignore[method-assign,assignment]  # of this instance
        with environment, env_py_runs(), forgotten_after(scripts.env_py_location):
            scripts.run_env()

    async def _run_with_connection(self, visitor: Visitor) -> None:
        address = self._credentials.own_address()
        engine = create_async_engine(address.url, poolclass=NullPool, connect_args=address.connect_args)
        try:
            async with engine.connect() as connection:

                def run(sync_connection: "Connection") -> None:
                    self._config.attributes["connection"] = sync_connection
                    self._run_once(visitor)

                await connection.run_sync(run)
                await connection.commit()
        finally:
            self._config.attributes.pop("connection", None)
            await engine.dispose()


def _attend(context: "MigrationContext", visitor: Visitor) -> None:
    """Let the visitor decide when env.py runs the migrations of this context."""
    run_migrations, begin = context.run_migrations, context.begin_transaction

    def attended(**arguments: Any) -> None:
        def run(steps: Steps) -> None:
            context._migrations_fn = steps  # noqa: SLF001  # the `fn` of EnvironmentContext, which is one for all contexts
            run_migrations(**arguments)

        visitor.migrate(context, arguments, run)

    context.run_migrations = attended  # type: ignore[method-assign]
    context.begin_transaction = functools.partial(_begin, context, begin)  # type: ignore[method-assign]


def _begin(context: "MigrationContext", begin: Callable[..., Any], _per_migration: bool = False) -> Any:  # noqa: FBT001,FBT002  # as Alembic calls it
    """Replace `begin_transaction` in a context whose revisions are committed one by one.

    Alembic then opens no transaction around them. Other statements of env.py still run in one, as usual.
    """
    each = context.impl.transactional_ddl and context._transaction_per_migration  # noqa: SLF001  # there is no public name
    if _per_migration or not each or context._in_external_transaction:  # noqa: SLF001  # same
        return begin(_per_migration=_per_migration)
    assert context.connection  # noqa: S101  # only such contexts are attended
    return _committed(context.connection)


@contextlib.contextmanager
def _committed(connection: "Connection") -> "Iterator[Connection]":
    """Commit what is not committed yet; roll it back on an exception."""
    try:
        yield connection
    except BaseException:
        if connection.in_transaction() and not connection.invalidated:
            connection.rollback()
        raise
    if connection.in_transaction():
        connection.commit()
