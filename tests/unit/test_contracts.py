"""The internals of uvicorn and Alembic that we depend on; docs/decisions/seams.md lists where and why.

They are the reason for the upper bounds of both in pyproject.toml. To raise a bound, run these tests with the new
version first. If one fails, its docstring names our code that must change.
"""

import inspect
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import NullPool, create_engine
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.unit.scripts import Scripts


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app whose lifespan adds to the state."""
    assert scope["type"] == "lifespan"
    await receive()
    scope["state"]["pool"] = "open"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


# ---------------------------------------------------------------- uvicorn


async def test_uvicorn_calls_the_configs_loaded_app_for_the_lifespan() -> None:
    """`AppServer._configure` puts an app into `config.loaded_app` that sees the lifespan and its exception."""
    seen: list[str] = []

    async def ours(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])
        await app(scope, receive, send)

    config = uvicorn.Config(app, lifespan="on", log_config=None, ws="none")
    config.load()
    config.loaded_app = ours
    lifespan = LifespanOn(config)
    await lifespan.startup()
    assert (seen, lifespan.should_exit, lifespan.state) == (["lifespan"], False, {"pool": "open"})
    await lifespan.shutdown()


async def test_uvicorn_accepts_when_its_startup_returns() -> None:
    """`UvicornServer.startup` reports readiness after it: the lifespan is complete and the sockets accept."""
    source = " ".join(inspect.getsource(uvicorn.Server.startup).split()).replace("( ", "(")
    assert source.index("self.lifespan.startup()") < source.index("create_server(create_protocol, sock=sock")
    assert "app_state=self.lifespan.state" in source


def test_uvicorns_connections_are_a_set_that_can_be_replaced() -> None:
    """`AppServer.serve` replaces it by `limits.Connections`, to which connections add themselves."""
    for protocol in (HttpToolsProtocol, H11Protocol):
        made = inspect.getsource(protocol.connection_made)
        assert "self.connections.add(self)" in made
        assert "self.connections = server_state.connections" in inspect.getsource(protocol.__init__)


def test_uvicorns_protocols_have_what_the_bounds_look_at() -> None:
    """`bounded.Bounded` reads the state of the request from `cycle`, and whether the head is complete from `scope`."""
    cycle = inspect.getsource(RequestResponseCycle.__init__)
    for name in ("response_started", "response_complete", "more_body"):
        assert f"self.{name} = " in cycle
    for name in ("_unset_keepalive_if_required", "data_received"):
        assert callable(getattr(HttpToolsProtocol, name))
    assert '"method"' not in inspect.getsource(HttpToolsProtocol.on_message_begin)
    assert 'self.scope["method"] = ' in inspect.getsource(HttpToolsProtocol.on_headers_complete)


def test_uvicorn_takes_the_signals_in_a_method_that_can_be_overridden() -> None:
    """`UvicornServer.capture_signals` (`install_signal_handlers` before 0.29) replaces all of `serve` about signals."""
    name = "capture_signals" if hasattr(uvicorn.Server, "capture_signals") else "install_signal_handlers"
    method = inspect.getsource(getattr(uvicorn.Server, name))
    assert f"self.{name}()" in inspect.getsource(uvicorn.Server.serve)
    source = inspect.getsource(inspect.getmodule(uvicorn.Server))  # type: ignore[arg-type]
    for call in ("signal.signal(", "add_signal_handler("):
        assert source.count(call) == method.count(call)


def test_uvicorn_can_be_stopped_by_attributes() -> None:
    """`AppServer.request_stop` and `force_stop` set attributes that uvicorn reads while it runs."""
    server = uvicorn.Server(uvicorn.Config(app))
    assert (server.should_exit, server.force_exit) == (False, False)
    source = inspect.getsource(uvicorn.Server)
    assert "self.config.timeout_graceful_shutdown" in source
    assert "self.force_exit" in source


# ---------------------------------------------------------------- Alembic


@pytest.fixture
def scripts(tmp_path: Path) -> Scripts:
    """Two revisions."""
    scripts = Scripts(tmp_path)
    scripts.revision("a")
    scripts.revision("b", "a")
    scripts.env.write_text(
        "from alembic import context\n"
        "connection = context.config.attributes['given']\n"
        "context.configure(connection=connection)\n"
        "with context.begin_transaction():\n"
        "    context.run_migrations()\n"
    )
    return scripts


def test_alembic_shows_the_steps_of_an_upgrade(scripts: Scripts) -> None:
    """`context_run._upgrade_steps`: `alembic upgrade` itself calls `_upgrade_revs(target, heads)`; it may be empty."""
    directory = ScriptDirectory.from_config(Config(scripts.ini))
    steps = directory._upgrade_revs("head", ())  # type: ignore[arg-type]  # noqa: SLF001  # what this is about
    assert [step.revision.revision for step in steps] == ["a", "b"]
    assert [step.revision.doc for step in steps] == ["words", "words"]
    assert directory._upgrade_revs("head", ("b",)) == []  # type: ignore[arg-type]  # noqa: SLF001


def test_alembics_environment_can_be_watched(scripts: Scripts) -> None:
    """`Environment._run_once` wraps `configure` of the instance, which env.py then calls with its connection.

    The steps may come from a generator: Alembic asks for the next one after the previous one is committed.
    """
    config = Config(scripts.ini)
    directory = ScriptDirectory.from_config(config)
    seen: list[object] = []

    def steps(heads: Any, _context: Any) -> Any:
        for step in directory._upgrade_revs("head", heads):  # noqa: SLF001
            yield step
            seen.append((step.revision.revision, connection.in_transaction()))

    engine = create_engine("sqlite://", poolclass=NullPool)
    with engine.connect() as connection:
        config.attributes["given"] = connection
        environment = EnvironmentContext(config, directory, fn=steps)
        configure = environment.configure

        def wrapped(connection: Any = None, **options: Any) -> None:
            seen.append(connection)
            configure(connection=connection, transaction_per_migration=True, **options)

        environment.configure = wrapped  # type: ignore[method-assign,assignment]  # what this is about
        with environment:
            directory.run_env()
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all() == ["b"]
    engine.dispose()
    assert seen == [connection, ("a", False), ("b", False)]


def test_alembics_configs_attributes_can_be_replaced(scripts: Scripts) -> None:
    """`environment._Attributes`: our dictionary notices which attributes env.py asks for."""

    class Asked(dict[str, Any]):
        """Raises for a missing key."""

        def __missing__(self, key: str) -> Any:
            raise LookupError(f"asked for {key}")

    config = Config(scripts.ini)
    config.attributes = Asked()
    directory = ScriptDirectory.from_config(config)
    with pytest.raises(LookupError, match="asked for given"), EnvironmentContext(config, directory, fn=list):
        directory.run_env()


def test_alembic_runs_the_function_of_a_step(scripts: Scripts) -> None:
    """`Applier.prepare` replaces `step.migration_fn` just before Alembic calls it, with the context's options."""
    directory = ScriptDirectory.from_config(Config(scripts.ini))
    (step, _) = directory._upgrade_revs("head", ())  # type: ignore[arg-type]  # noqa: SLF001
    called: list[Any] = []
    step.migration_fn = lambda **options: called.append(options)
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"fn": lambda *_: [step]})
        context.run_migrations()
    assert len(called) == 1


def test_alembics_contexts_have_the_private_names_that_we_read_and_set() -> None:
    """`environment._attend`, `environment._begin` and `ContextRun`: the steps, and how revisions are committed."""
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        assert (context._migrations_fn, context._in_external_transaction) == (None, False)  # noqa: SLF001
        assert context._transaction_per_migration is True  # noqa: SLF001
        context._migrations_fn = lambda *_: []  # noqa: SLF001
        context.run_migrations()
    begun = inspect.signature(context.begin_transaction).parameters["_per_migration"]
    assert begun.default is False


def test_alembics_scripts_know_all_that_they_need(scripts: Scripts) -> None:
    """`applying._about`: `_all_down_revisions` has the parents, and the dependencies as they were resolved."""
    revision = ScriptDirectory.from_config(Config(scripts.ini)).get_revision("b")
    assert tuple(revision._all_down_revisions) == ("a",)  # noqa: SLF001
