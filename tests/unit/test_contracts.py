"""The internals of other people's libraries that we lean on: when one of these fails, its docstring says where to look.

They are why pyproject.toml has upper bounds for uvicorn and Alembic. To raise one, raise it here first.
"""

import asyncio
import contextlib
import inspect
import logging
import socket
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

from orchestrator.server import LoadedApp, _Uvicorn
from tests.unit.records import record
from tests.unit.scripts import Scripts


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An ASGI app whose lifespan leaves something in the state."""
    assert scope["type"] == "lifespan"
    await receive()
    scope["state"]["pool"] = "open"
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
    """An ASGI app whose lifespan fails."""
    raise KeyError("no configuration")


# ---------------------------------------------------------------- uvicorn


async def test_uvicorns_lifespan_can_be_run_by_itself() -> None:
    """`Server.take_over`: a lifespan beside the server, its `state` and `should_exit` to be read after `startup()`."""
    config = uvicorn.Config(app, lifespan="on", log_config=None)
    config.load()
    assert config.lifespan_class is LifespanOn
    lifespan = LifespanOn(config)
    await lifespan.startup()
    assert not lifespan.should_exit
    assert lifespan.state == {"pool": "open"}
    await lifespan.shutdown()
    assert not lifespan.should_exit


async def test_uvicorn_calls_the_configs_loaded_app_for_the_lifespan() -> None:
    """`LoadedApp`: what the lifespan raises is caught by the app that we put into `config.loaded_app`."""
    loaded = LoadedApp("app", failing)
    lifespan = loaded.config.lifespan_class(loaded.config)
    await lifespan.startup()
    assert lifespan.should_exit
    assert isinstance(loaded.lifespan_error, KeyError)


async def test_uvicorns_server_takes_its_lifespan_where_we_put_it() -> None:
    """`Server.take_over`: `Server.lifespan` gives new connections their state, and is ended at the shutdown."""
    seen: list[str] = []

    class Lifespan:
        """Takes the place of the app's."""

        should_exit = False
        state: dict[str, Any] = {"pool": "open"}  # noqa: RUF012  # as uvicorn's

        async def shutdown(self) -> None:
            """Take notice."""
            seen.append("shutdown")

    async def answer(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(scope["state"]["pool"])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    config = uvicorn.Config(answer, lifespan="off", log_config=None, interface="asgi3", access_log=False)
    server = _Uvicorn(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await server.listening.wait()
        server.lifespan = Lifespan()
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 204")
        writer.close()
        await writer.wait_closed()
        server.should_exit = True
        await asyncio.wait_for(serving, 5)
    assert seen == ["open", "shutdown"]


def test_uvicorn_takes_the_signals_in_a_method_that_can_be_overridden() -> None:
    """`_Uvicorn.capture_signals`: a context manager of the server, used by `serve`, and nowhere else."""
    assert isinstance(uvicorn.Server(uvicorn.Config(app)).capture_signals(), contextlib.AbstractContextManager)
    assert "self.capture_signals()" in inspect.getsource(uvicorn.Server.serve)
    source = inspect.getsource(inspect.getmodule(uvicorn.Server))  # type: ignore[arg-type]
    assert source.count("signal.signal(") == inspect.getsource(uvicorn.Server.capture_signals).count("signal.signal(")


def test_uvicorn_can_be_told_to_stop_by_attributes() -> None:
    """`Server.stop`: `should_exit`, `force_exit` and the config's `timeout_graceful_shutdown` are looked at late."""
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
    """`Upgrade._run_env`: it tells a synchronous env.py with an async driver, which `greenlet_spawn` then runs."""
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


def test_structlogs_formatter_gives_its_processors_the_record() -> None:
    """`log.lines._assemble`: as `_record`, beside the fields, and leaves the record's exception to them."""
    seen: list[Any] = []

    def processor(_logger: Any, _method: str, fields: Any) -> str:
        seen.append((fields["_record"].name, fields["event"], fields["exc_info"]))
        return "line"

    error = ValueError("x")
    given = record("m %s", 1, error=error)
    assert structlog.stdlib.ProcessorFormatter(processors=[processor]).format(given) == "line"
    assert seen == [("some.library", "m 1", (ValueError, error, None))]
