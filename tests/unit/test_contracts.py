"""The internals of other people's libraries that we lean on: when one of these fails, its docstring says where to look.

They are why pyproject.toml has upper bounds for uvicorn and Alembic. To raise one, raise it here first.
"""

import asyncio
import inspect
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog
import uvicorn
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlalchemy.exc import MissingGreenlet
from sqlalchemy.util import greenlet_spawn
from uvicorn.lifespan.on import LifespanOn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tests.unit.scripts import Scripts


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app whose lifespan leaves something in the state."""
    assert scope["type"] == "lifespan"
    await receive()
    scope["state"]["pool"] = "open"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


# ---------------------------------------------------------------- uvicorn


async def test_uvicorn_calls_the_configs_loaded_app_for_the_lifespan() -> None:
    """`AppServer`: what the lifespan raises is caught by the app that we put into `config.loaded_app`."""
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
    """`_Uvicorn.startup`: the lifespan is through, the sockets are listened on, no request was answered before."""
    source = " ".join(inspect.getsource(uvicorn.Server.startup).split()).replace("( ", "(")
    assert source.index("self.lifespan.startup()") < source.index("create_server(create_protocol, sock=sock")
    assert "app_state=self.lifespan.state" in source


def test_uvicorns_connections_are_a_set_that_can_be_replaced() -> None:
    """`_Uvicorn`, `limits.Connections`: connections add themselves when they are made."""
    for protocol in (HttpToolsProtocol, H11Protocol):
        made = inspect.getsource(protocol.connection_made)
        assert "self.connections.add(self)" in made
        assert "self.connections = server_state.connections" in inspect.getsource(protocol.__init__)


def test_uvicorns_protocols_have_what_the_bounds_look_at() -> None:
    """`bounded`: `cycle` tells of the request, the parser's callbacks of the head."""
    cycle = inspect.getsource(RequestResponseCycle.__init__)
    for name in ("response_started", "response_complete", "more_body"):
        assert f"self.{name} = " in cycle
    for name in ("on_message_begin", "on_headers_complete", "_unset_keepalive_if_required", "data_received"):
        assert callable(getattr(HttpToolsProtocol, name))


def test_uvicorn_takes_the_signals_in_a_method_that_can_be_overridden() -> None:
    """`_Uvicorn.capture_signals`, before uvicorn 0.29 `install_signal_handlers`: called by `serve`, and only there."""
    name = "capture_signals" if hasattr(uvicorn.Server, "capture_signals") else "install_signal_handlers"
    method = inspect.getsource(getattr(uvicorn.Server, name))
    assert f"self.{name}()" in inspect.getsource(uvicorn.Server.serve)
    source = inspect.getsource(inspect.getmodule(uvicorn.Server))  # type: ignore[arg-type]
    for call in ("signal.signal(", "add_signal_handler("):
        assert source.count(call) == method.count(call)


def test_uvicorn_can_be_told_to_stop_by_attributes() -> None:
    """`AppServer.request_stop`: `should_exit`, `force_exit` and `timeout_graceful_shutdown` are looked at late."""
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


def test_alembic_tells_the_steps_of_an_upgrade(scripts: Scripts) -> None:
    """`Upgrade._steps`: `_upgrade_revs(target, heads)` is what `alembic upgrade` itself calls, and may be empty."""
    directory = ScriptDirectory.from_config(Config(scripts.ini))
    steps = directory._upgrade_revs("head", ())  # type: ignore[arg-type]  # noqa: SLF001  # what this is about
    assert [step.revision.revision for step in steps] == ["a", "b"]
    assert [step.revision.doc for step in steps] == ["words", "words"]
    assert directory._upgrade_revs("head", ("b",)) == []  # type: ignore[arg-type]  # noqa: SLF001


def test_alembics_environment_can_be_watched(scripts: Scripts) -> None:
    """`Upgrade._run_once`: `configure` wrapped on the instance is what env.py calls, with the real connection.

    And `fn` may be a generator: the next step is asked for when the one before is committed.
    """
    config = Config(scripts.ini)
    directory = ScriptDirectory.from_config(config)
    seen: list[object] = []

    def steps(heads: Any, _context: Any) -> Any:
        for step in directory._upgrade_revs("head", heads):  # noqa: SLF001
            yield step
            seen.append((step.revision.revision, connection.in_transaction()))

    engine = create_engine("sqlite://")
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
    """`Upgrade.load`: a dictionary of ours notices which attributes env.py asks for."""

    class Asked(dict[str, Any]):
        """Notices."""

        def __missing__(self, key: str) -> Any:
            raise LookupError(f"asked for {key}")

    config = Config(scripts.ini)
    config.attributes = Asked()
    directory = ScriptDirectory.from_config(config)
    with pytest.raises(LookupError, match="asked for given"), EnvironmentContext(config, directory, fn=list):
        directory.run_env()


def test_sqlalchemys_async_engines_say_that_they_miss_a_greenlet() -> None:
    """`Upgrade.visit`: it tells a synchronous env.py with an async driver, which `greenlet_spawn` then runs."""
    engine = create_engine("sqlite+aiosqlite://")
    with pytest.raises(MissingGreenlet):
        engine.connect()
    assert asyncio.run(greenlet_spawn(lambda: engine.connect().exec_driver_sql("SELECT 1").scalar())) == 1
    asyncio.run(greenlet_spawn(engine.dispose))


# ---------------------------------------------------------------- logging


def test_the_record_factory_makes_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """`log._stamped_record`: it writes down the state in which a record was made."""
    made: list[object] = []
    before = logging.getLogRecordFactory()

    def factory(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made.append(args)
        return before(*args, **kwargs)

    monkeypatch.setattr(logging, "_logRecordFactory", factory)
    assert logging.getLogRecordFactory() is factory
    logging.getLogger("x").makeRecord("x", 20, "f", 1, "m", (), None)
    assert len(made) == 1


def test_structlog_hands_its_events_to_the_standard_library_as_dicts() -> None:
    """`log.lines` knows such a record by two attributes, as structlog's own formatter does."""
    bound = structlog.stdlib.ProcessorFormatter.wrap_for_formatter(logging.root, "info", {"event": "m", "plant": 7})
    assert bound == (({"event": "m", "plant": 7},), {"extra": {"_logger": logging.root, "_name": "info"}})


def test_structlogs_defaults_can_be_replaced_one_by_one() -> None:
    """`log.structlogs`: an app that names only processors keeps our logger, which then gets rendered text."""
    code = """
import structlog
assert not structlog.is_configured()
structlog.configure(logger_factory=lambda *_: seen, processors=[lambda logger, name, event: str(event)])
class Seen(list):
    info = list.append
seen = Seen()
structlog.configure(processors=[lambda logger, name, event: event["event"]])
structlog.get_logger().info("words")
assert seen == ["words"]
"""
    subprocess.run([sys.executable, "-c", code], check=True)
