"""Revisions that are killed at a chosen place and started again, in this process: a kill is a lost session.

A revision calls `die(op.get_bind())`, which throws the connection away like a SIGKILL, once; `start` runs the same code
on env.py's connection as the product.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from pymysql.constants import CLIENT
from sqlalchemy import Connection, Engine, NullPool, create_engine
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import greenlet_spawn

from orchestrator.databases import backend_for
from orchestrator.databases.observation import Observation
from orchestrator.migrations.journal.lock_retry import LockRetry, MigrationAborted
from orchestrator.migrations.journal.rerun import UNFINISHED
from orchestrator.migrations.upgrade.applying import Applier
from orchestrator.migrations.upgrade.failures import FailureContext, failure_of
from orchestrator.runtime.stop import Stop
from tests.harness import Project
from tests.servers import Database

HEADER = "from tests.integration.interrupted import die as _die\ndef die():\n    _die(op.get_bind())\n"

_armed: list[bool] = []


class Killed(BaseException):
    """The process is gone."""


class NoGuard:
    """A migration lock without contenders."""

    connection_id = 0
    fresh_seconds = rest_seconds = 1e9
    rests_since = None
    held_at, tells = 0.0, False

    def is_gone(self) -> bool:
        """Never."""
        return False

    is_lost = is_gone

    def tell(self, *_: object) -> None:
        """Drop the report."""


@dataclass
class Start:
    """How one start ended.

    Attributes:
        ended: `finished`, `killed`, `failed` or `refused`.
        reason: Why it was refused, or what failed.
        event: The failure event, as data.
        resumed: How many statements were skipped.
    """

    ended: str
    reason: str = ""
    event: Any = None
    resumed: int = 0


def die(bind: Connection) -> None:
    """Lose the session, if this is the start that is to be killed."""
    if _armed:
        _armed.clear()
        bind.invalidate()
        raise Killed


def start(
    project: Project, database: Database, *, dies: bool = False, resume: bool = True, asynchronous: bool = False
) -> Start:
    """Apply what is missing."""
    _armed[:] = [True] if dies else []
    UNFINISHED.clear()  # a new process remembers nothing
    if asynchronous:
        engine = create_async_engine(database.url, poolclass=NullPool).sync_engine
        return asyncio.run(greenlet_spawn(_start, project, engine, dies=dies, resume=resume))
    several = {"client_flag": CLIENT.MULTI_STATEMENTS} if database.backend in {"mariadb", "mysql"} else {}
    engine = create_engine(database.synchronous_url, poolclass=NullPool, connect_args=several)
    return _start(project, engine, dies=dies, resume=resume)


def _start(project: Project, engine: Engine, *, dies: bool, resume: bool) -> Start:
    events: list[Any] = []
    at: list[str] = [""]
    with engine.connect() as connection:
        applier: Applier | None = None
        try:
            applier = _applier(connection, events.append)
            _upgrade(project, connection, applier, at, resume=resume)
        except Killed:
            return Start("killed")
        except (Exception, MigrationAborted) as error:  # noqa: BLE001 - each is a way to end
            if dies and not _armed:
                return Start("killed")  # that is what a context manager raised on its way out
            cause = error.cause if isinstance(error, MigrationAborted) else error
            event = failure_of(cause, FailureContext(at[0], applier.state if applier else None, None, cancelled=False))
            return Start("failed" if error is cause else "refused", f"{type(cause).__name__}: {cause}", event)
    return Start("finished", resumed=sum(each.statements_skipped for each in events))


def _applier(connection: Connection, emit: Any) -> Applier:
    guard: Any = NoGuard()
    backend = backend_for(connection.dialect.name)
    context = MigrationContext.configure(connection)
    return Applier(context, backend, LockRetry(5, emit, Stop(), Observation), guard)


def _upgrade(project: Project, connection: Connection, applier: Applier, at: list[str], *, resume: bool) -> None:
    config = Config()
    config.set_main_option("script_location", str(project.path / "alembic"))
    scripts = ScriptDirectory.from_config(config)

    def steps(heads: Sequence[str], _context: MigrationContext) -> Iterator[RevisionStep]:
        for step in scripts._upgrade_revs("head", heads):  # type: ignore[arg-type]  # noqa: SLF001 - as the product does
            at[0] = step.revision.revision
            applier.prepare(step, resume=resume)
            yield step
            applier.close()

    try:
        with EnvironmentContext(config, scripts, fn=steps) as environment:
            environment.configure(
                connection=connection, transaction_per_migration=True, on_version_apply=lambda **_: applier.finish()
            )
            with environment.begin_transaction():
                environment.run_migrations()
    finally:
        applier.close()
