"""Running a team's env.py, unmodified: in a greenlet if it is synchronous, with a connection if it insists on one.

`EnvironmentContext.configure` of the one instance is wrapped, so that we see the connection whoever made it. (A
subclass would not do: Alembic's module `alembic.context` is tied to the exact class.)
"""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.util import greenlet_spawn

from orchestrator.credentials import Credentials
from orchestrator.log import env_py_runs
from orchestrator.migrations.scripts.alembic_scripts import alembic_config, load_scripts
from orchestrator.migrations.scripts.config import AlembicFiles
from orchestrator.migrations.upgrade.connect_hooks import our_connections

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory
    from sqlalchemy.engine import Connection

    from orchestrator.migrations.scripts.tree import Tree

Steps = Callable[..., Any]
"""Alembic's `fn`: takes the database's heads and the migration context, returns the steps to run."""
Prepare = Callable[["Connection", dict[str, Any]], None]
"""Called with env.py's connection and the options of its `context.configure`, which it may change."""


class ConnectionWanted(Exception):  # noqa: N818  # env.py's wish, not an error
    """env.py asks for `config.attributes["connection"]`."""


class _Attributes(dict[str, Any]):
    """`Config.attributes`, which notices that env.py insists on being given a connection."""

    def __missing__(self, key: str) -> Any:
        if key == "connection":
            raise ConnectionWanted
        raise KeyError(key)


class Environment:
    """Alembic's scripts, loaded, and their env.py.

    Attributes:
        scripts: Alembic's own ScriptDirectory.
        tree: the tree that they make.
    """

    def __init__(self, files: AlembicFiles, credentials: Credentials, target: str) -> None:
        """Load the scripts, so that a broken one is found out before anything is changed.

        Raises:
            StartupError: with MigrationTreeInvalid.
        """
        self._credentials, self._target = credentials, target
        self._config = alembic_config(files, credentials.alembic_url(), target)
        self._config.attributes = _Attributes()
        self._configured = False
        self.scripts: ScriptDirectory
        self.tree: Tree
        self.scripts, self.tree = load_scripts(self._config)

    def run(self, steps: Steps, prepare: Prepare) -> None:
        """Run env.py; once more in a greenlet when it turns out to be synchronous or to want a connection.

        Both show before anything is done: a sync engine with an async driver raises at its first connect.
        """
        self._configured = False
        with our_connections(self._credentials):
            try:
                self._run_once(steps, prepare)
            except MissingGreenlet:
                if self._configured:  # a revision's own, not env.py's: what it did must not be done twice
                    raise
                asyncio.run(greenlet_spawn(self._run_once, steps, prepare))
            except ConnectionWanted:
                asyncio.run(self._run_with_connection(steps, prepare))

    def _run_once(self, steps: Steps, prepare: Prepare) -> None:
        from alembic.runtime.environment import EnvironmentContext

        environment = EnvironmentContext(
            self._config,
            self.scripts,
            fn=steps,
            as_sql=False,
            starting_rev=None,
            destination_rev=self._target,
            tag=None,
        )
        configure = environment.configure

        def wrapped(connection: "Connection | None" = None, **options: Any) -> None:
            if connection is not None:
                self._configured = True
                prepare(connection, options)
            configure(connection=connection, **options)

        environment.configure = wrapped  # type: ignore[method-assign,assignment]  # of this instance
        with environment, env_py_runs():
            self.scripts.run_env()

    async def _run_with_connection(self, steps: Steps, prepare: Prepare) -> None:
        address = self._credentials.own_address()
        engine = create_async_engine(address.url, poolclass=NullPool, connect_args=address.connect_args)
        try:
            async with engine.connect() as connection:

                def run(sync_connection: "Connection") -> None:
                    self._config.attributes["connection"] = sync_connection
                    self._run_once(steps, prepare)

                await connection.run_sync(run)
                await connection.commit()
        finally:
            self._config.attributes.pop("connection", None)
            await engine.dispose()
