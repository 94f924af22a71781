"""Real processes for the simulation: what sixteen of them do to a MariaDB, and what single statements cost it."""

import asyncio
import contextlib
import json
import os
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pymysql

from benchmarks.launching import Process, answers, launched
from benchmarks.projects import make_app_project
from tests.servers import Database, MariaDB

MIGRATION_SECONDS = 5.0
_MIGRATION = f"op.execute('DO SLEEP({MIGRATION_SECONDS:g})')"
_IDLE, _TIMES = 400, 3000


@dataclass(frozen=True)
class Fleet:
    """The work of the processes.

    Attributes:
        status: differences of the server's counters.
        events: how often each event was written.
        lines: of all processes.
        recheck_seconds: how long the lock was held by those that found nothing to do: the median.
        served: how many served.
        last_seconds: when the last of them did.
    """

    status: dict[str, int]
    events: Counter[str]
    lines: int
    line_bytes: float
    recheck_seconds: float
    served: int
    last_seconds: float


@contextlib.contextmanager
def _server(*options: str) -> Iterator[MariaDB]:
    with MariaDB("--performance-schema=off", *options) as server:
        yield server


def fleet(processes: int, *, max_connections: int) -> Fleet:
    """Start so many at once with a revision of five seconds pending; some may end, if connections are few."""
    with tempfile.TemporaryDirectory() as directory, _server(f"--max-connections={max_connections}") as server:
        project = make_app_project(Path(directory) / "project", 2)
        project.add_revision("slow", _MIGRATION)
        database, before = server.create_database(), _status(server)
        with contextlib.ExitStack() as exits:
            logs = [exits.enter_context((Path(directory) / f"{number}.log").open("wb")) for number in range(processes)]
            environ = {"DATABASE_URL": database.url}
            started = [exits.enter_context(launched("orchestrator", project, environ, stdout=log)) for log in logs]
            served = asyncio.run(_served(started))
            after = _status(server)
        lines = [line for log in logs for line in Path(log.name).read_bytes().splitlines()]
    lines = [line for line in lines if b'"event":"request"' not in line]  # our own questions
    events = [json.loads(line) for line in lines]
    held = [each["held_seconds"] for each in events if each["event"] == "lock_released"]
    return Fleet(
        status={name: after[name] - before[name] for name in before} | {"peak": after["Max_used_connections"]},
        events=Counter(each["event"] for each in events),
        lines=len(lines),
        line_bytes=statistics.mean(map(len, lines)),
        recheck_seconds=statistics.median(held),
        served=len(served),
        last_seconds=max(served, default=0.0),
    )


async def _served(processes: list[Process]) -> list[float]:
    waiting = (answers(process, poll_seconds=0.05) for process in processes)
    found = await asyncio.gather(*waiting, return_exceptions=True)
    return [each.served for each in found if not isinstance(each, BaseException)]


def _status(server: MariaDB) -> dict[str, int]:
    names = "'Connections', 'Questions', 'Max_used_connections', 'Connection_errors_max_connections'"
    return {name: int(value) for name, value in server.execute(f"SHOW GLOBAL STATUS WHERE Variable_name IN ({names})")}


def statements() -> dict[str, float]:
    """Return what the server's processor needs for a login, a short statement, and a row of its process list."""
    with _server("--max-connections=600") as server:
        database = server.create_database()
        with contextlib.ExitStack() as exits:
            connection = exits.enter_context(_connect(server, database))
            found = {
                "login": _cost(server, lambda: _connect(server, database).close()),
                "SELECT 1": _cost(server, lambda: _ask(connection, "SELECT 1")),
                "process list": _cost(server, lambda: _ask(connection, "SHOW FULL PROCESSLIST")),
            }
            for _ in range(_IDLE):
                exits.enter_context(_connect(server, database))
            listed = _cost(server, lambda: _ask(connection, "SHOW FULL PROCESSLIST"))
            narrow = "SELECT * FROM information_schema.processlist WHERE id = CONNECTION_ID()"
            found[f"one of {_IDLE} rows"] = _cost(server, lambda: _ask(connection, narrow))
        return found | {"a row": (listed - found["process list"]) / _IDLE}


def _connect(server: MariaDB, database: Database) -> "pymysql.Connection[Any]":
    url = server.application_url
    return pymysql.connect(
        host=url.host, port=url.port or 0, user=url.username, password=str(url.password), database=database.name
    )


def _ask(connection: "pymysql.Connection[Any]", sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        cursor.fetchall()


def _cost(server: MariaDB, act: Callable[[], None]) -> float:
    """Return seconds of the server's processor for each time."""
    before = _processor_seconds(server.process.pid)
    for _ in range(_TIMES):
        act()
    time.sleep(0.05)
    return (_processor_seconds(server.process.pid) - before) / _TIMES


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
