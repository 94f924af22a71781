"""Waiting for a database in tests: with which budget, where, and how it gave up."""

from pathlib import Path
from typing import Any

import psycopg2
import pymysql
from sqlalchemy.engine import make_url

from tests.acceptance.outcome import failure
from tests.harness import Event, Result, run
from tests.servers import HOST, Database

MYSQL, POSTGRESQL = "mysql+asyncmy", "postgresql+asyncpg"
UNREACHABLE, REFUSED = ("database_unreachable", 4), ("database_refused", 5)
PATIENT = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "60"}
ROOM = {"ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": "20", "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": "2"}
"""Half of the budget goes by in silence; in the rest a busy machine connects again."""
BUDGET_SECONDS, ATTEMPT_SECONDS = 2.5, 1.0  # room for two attempts where the machine is busy
BRIEF = {
    "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS": f"{BUDGET_SECONDS}",
    "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS": f"{ATTEMPT_SECONDS}",
}
BUSY_SECONDS = 10  # by so much may a busy machine be late; what never ended would be later


def at_port(url: str, port: int) -> dict[str, str]:
    """Return the environment in which the database is behind this port."""
    return {"DATABASE_URL": make_url(url).set(host=HOST, port=port).render_as_string(hide_password=False)}


def address_of(driver: str, host: str, port: int) -> dict[str, str]:
    """Return the environment in which this host and port have the database."""
    return {"DATABASE_URL": f"{driver}://app:s3cret@{host}:{port}/app"}


async def waited_in_vain(env: dict[str, str], cwd: Path) -> Result:
    """Wait for a database in vain, with a small budget unless `env` has another."""
    return await run("wait", env=BRIEF | env, cwd=cwd)


def gave_up(result: Result, ending: tuple[str, int], error_type: str, code: int | str = "", *, also: str = "") -> Event:
    """Return why waiting ended, after a look at the attempts before: the same cause, counted, within the budget.

    `also` is a cause that some of the attempts may have instead.
    """
    event, exit_code = ending
    failed = failure(result, event, exit_code)
    assert (failed["error_type"], failed["error_code"]) == (error_type, code), result.story()
    retries = result.find("database_retry_scheduled")
    assert [each["attempt"] for each in retries] == list(range(1, failed["attempts"])), result.story()
    assert {each["error_type"] for each in retries} <= {error_type, also}, result.story()
    assert {each["error_code"] for each in retries if each["error_type"] == error_type} <= {code}, result.story()
    return failed


def within_the_budget(failed: Event) -> bool:
    """Tell whether it ended when the budget was spent, and not long before."""
    in_time = 0.8 * BUDGET_SECONDS <= failed["waited_seconds"] < BUDGET_SECONDS + BUSY_SECONDS
    return bool(in_time and failed["attempts"] > 1)


def log_in(database: Database) -> Any:
    """Occupy one of the server's connections."""
    url = make_url(database.url)
    who = {"host": url.host, "port": url.port, "user": url.username, "password": url.password}
    if database.backend == "mariadb":
        return pymysql.connect(**who, database=url.database)
    return psycopg2.connect(**who, dbname=url.database)
