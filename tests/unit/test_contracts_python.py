"""The internals of SQLAlchemy, Python and structlog that we depend on; docs/decisions/seams.md lists where and why."""

import asyncio
import inspect
import logging
import sqlite3
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog
from sqlalchemy import Column, Integer, MetaData, NullPool, Table, create_engine, event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import MissingGreenlet, StatementError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import OrderedSet, greenlet_spawn


def test_sqlalchemys_async_engines_say_that_they_miss_a_greenlet() -> None:
    """`Environment.run` recognises a synchronous env.py with an async driver by it, and runs that in a greenlet."""
    engine = create_engine("sqlite+aiosqlite://")
    with pytest.raises(MissingGreenlet):
        engine.connect()
    assert asyncio.run(greenlet_spawn(lambda: engine.connect().exec_driver_sql("SELECT 1").scalar())) == 1
    asyncio.run(greenlet_spawn(engine.dispose))


def test_sqlalchemy_gives_do_connect_the_arguments_of_the_driver() -> None:
    """`connect_hooks`, `credential_refresh`, `asking`, `whereabouts`: the hook may change, read or refuse them."""
    seen: list[dict[str, Any]] = []

    def hook(_dialect: Any, _record: Any, _args: Any, parameters: dict[str, Any]) -> None:
        seen.append(dict(parameters))
        parameters["timeout"] = 7

    engine = create_engine("sqlite://", poolclass=NullPool, connect_args={"timeout": 1})
    event.listen(Engine, "do_connect", hook)
    try:
        engine.connect().close()
    finally:
        event.remove(Engine, "do_connect", hook)
    assert seen[0]["timeout"] == 1
    assert "do_connect" in dir(engine.dialect.dispatch)


def test_sqlalchemys_connection_keeps_the_pooled_one_in_an_attribute_of_the_instance() -> None:
    """`dbapi_proxy.recording` replaces `_dbapi_connection` and the instance's class."""
    with create_engine("sqlite://", poolclass=NullPool).connect() as connection:
        assert vars(connection)["_dbapi_connection"] is connection.connection
        connection.__class__ = type("Ours", (type(connection),), {})
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_sqlalchemys_pools_show_whether_their_creator_is_the_usual_one() -> None:
    """`DurableMark._connected` opens no connection with a creator of env.py's own."""
    usual, own = create_engine("sqlite://"), create_engine("sqlite://", creator=lambda: sqlite3.connect(":memory:"))
    asynchronous = create_async_engine("sqlite+aiosqlite://").sync_engine
    modules = [engine.pool.recreate()._creator.__module__ for engine in (usual, own, asynchronous)]  # noqa: SLF001
    assert modules == ["sqlalchemy.engine.create", __name__, "sqlalchemy.engine.create"]


def test_sqlalchemys_tables_announce_their_columns_parent_and_their_indexes_may_be_replaced() -> None:
    """`index_order._sort`: `indexes` is a plain attribute, set before `after_parent_attach`."""
    attached: list[Table] = []

    def noted(table: Table, _parent: object) -> None:
        attached.append(table)

    event.listen(Table, "after_parent_attach", noted)
    table = Table("t", MetaData(), Column("a", Integer, index=True), Column("b", Integer, index=True))
    event.remove(Table, "after_parent_attach", noted)
    table.indexes = OrderedSet(sorted(table.indexes, key=lambda index: str(index.name)))
    assert (attached, [index.name for index in table.indexes]) == ([table], ["ix_t_a", "ix_t_b"])


def test_sqlalchemys_errors_hide_their_parameters_when_asked_later() -> None:
    """`tracebacks._hide_parameters` sets the attribute on an error that exists."""
    error = StatementError("m", "SELECT ?", ("secret",), ValueError("x"))
    assert "secret" in str(error)
    error.hide_parameters = True
    assert "secret" not in str(error)


# ---------------------------------------------------------------- the interpreter


def test_a_traceback_formats_the_text_that_we_have_cleaned() -> None:
    """`tracebacks._clean` replaces `_str` and the class of `stack`."""
    formed = traceback.TracebackException.from_exception(ValueError("secret"))
    assert formed._str == "secret"  # type: ignore[attr-defined]  # noqa: SLF001
    formed._str = "***"  # type: ignore[attr-defined]  # noqa: SLF001
    assert "".join(formed.format()).strip() == "ValueError: ***"


def test_every_thread_is_started_by_the_method_of_its_class(monkeypatch: pytest.MonkeyPatch) -> None:
    """`other_connections.watching` replaces `threading.Thread.start`."""
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def noted(self: threading.Thread) -> None:
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", noted)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(int).result()
    assert len(started) == 1


# ---------------------------------------------------------------- logging


def test_loggers_pass_a_record_to_the_handle_method_of_each_handler() -> None:
    """`log.foreign.install` replaces `logging.Handler.handle`, and `logging.lastResort` is looked up late."""
    assert "hdlr.handle(record)" in inspect.getsource(logging.Logger.callHandlers)
    assert "lastResort.handle(record)" in inspect.getsource(logging.Logger.callHandlers)
    assert "self.handleError(record)" in inspect.getsource(logging.StreamHandler.emit)


def test_the_record_factory_makes_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """`log._stamped_record` stores the process's state in each record."""
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
    """`log.structlogs._as_record` and `log.lines` recognise such a record by two attributes, like structlog."""
    bound = structlog.stdlib.ProcessorFormatter.wrap_for_formatter(logging.root, "info", {"event": "m", "plant": 7})
    assert bound == (({"event": "m", "plant": 7},), {"extra": {"_logger": logging.root, "_name": "info"}})


def test_structlogs_defaults_can_be_replaced_one_by_one() -> None:
    """`log.structlogs._Logger`: an app that configures only processors keeps our logger, which then gets text."""
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
