"""Every setting, defined once: its variable, type, default, unit and one line of help.

The README's table, `--help` and the messages about wrong values are generated from the fields below. Settings come only
from environment variables. They are validated first, and all faults are reported together.
"""

from typing import Annotated, Literal

from pydantic import BeforeValidator

from orchestrator.setting_types import (
    LABEL_FORM,
    PATH_FORM,
    Arguments,
    ConfigFile,
    Host,
    Label,
    OptionalConfigFile,
    OptionalPositiveSeconds,
    PositiveSeconds,
    ProbePath,
    Seconds,
    Services,
    Target,
    lower,
)
from orchestrator.variables import Variables, WholeNumber, variable

YES, NO = True, False


class Settings(Variables):
    """The settings of one process. Those of the database are in `DatabaseSettings`."""

    app: str = variable(
        "ORCHESTRATOR_APP",
        "app.main:app",
        "ASGI app to serve, as an import string `module:attribute`",
        "app.main:app",
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        form="it must be an import string, `module:attribute`",
    )
    app_factory: bool = variable(
        "ORCHESTRATOR_APP_FACTORY", NO, "`true`: the import string names a function that returns the app", "true"
    )
    alembic_config: ConfigFile | None = variable(
        "ORCHESTRATOR_ALEMBIC_CONFIG",
        None,
        "Alembic's configuration file; default: ALEMBIC_CONFIG, else `alembic.ini` if it exists, else `pyproject.toml`",
        "alembic.ini",
    )
    alembic_default_config: OptionalConfigFile = variable(
        "ALEMBIC_CONFIG", None, "Alembic's own variable for its configuration file", "alembic.ini"
    )
    alembic_name: str = variable(
        "ORCHESTRATOR_ALEMBIC_NAME", "alembic", "section of alembic.ini, like `alembic --name`", "alembic"
    )
    alembic_x: Arguments = variable(
        "ORCHESTRATOR_ALEMBIC_X",
        "",
        "arguments for env.py, like `alembic -x`; separate several with spaces",
        "tenant=acme",
    )
    target: Target = variable(
        "ORCHESTRATOR_TARGET",
        "head",
        "revision to upgrade to; `heads` allows several heads",
        "head",
        pattern=r"^[^\s\x00-\x1f\x7f:+-]{1,128}$",  # `+1` and `-1` are relative steps, not revisions
        form="it must be a revision, `head` or `heads`",
    )
    migrate: bool = variable(
        "ORCHESTRATOR_MIGRATE",
        YES,
        "`false`: `serve` does not migrate; it waits until another task has brought the database to head",
        "false",
    )
    before_migrate: Arguments = variable(
        "ORCHESTRATOR_BEFORE_MIGRATE",
        "",
        "command to run before the migration at every start, under the migration lock; split like a shell, run "
        "without one",
        "python -m app.prepare",
    )
    after_migrate: Arguments = variable(
        "ORCHESTRATOR_AFTER_MIGRATE",
        "",
        "command to run after the migration, in the same way: seeds, a first user",
        "python -m app.seed",
    )
    hook_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_HOOK_TIMEOUT_SECONDS", 300, "time limit for one such command", "300"
    )
    embedded_database: Literal["allow", "forbid"] = variable(
        "ORCHESTRATOR_EMBEDDED_DATABASE",
        "forbid",
        "`allow`: use an SQLite file in the working directory if no database is configured",
        "allow",
    )
    host: Host = variable(
        "ORCHESTRATOR_HOST",
        "127.0.0.1",
        "address to listen on; set `0.0.0.0` in an image",
        "0.0.0.0",  # noqa: S104  # an example
    )
    port: WholeNumber = variable("PORT", 8000, "port to listen on", "8000", ge=1, le=65_535)
    wait_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS", 300, "time limit for the database to answer", "300"
    )
    connect_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS", 5, "time limit for one connection attempt, login included", "5"
    )
    wait_for: Services = variable(
        "ORCHESTRATOR_WAIT_FOR",
        "",
        "other services to wait for, separated by commas: `tcp://host:port`, or an `http://` or `https://` address "
        "that must answer with a 2xx status",
        "tcp://redis:6379,http://search:9200/_health",
    )
    lock_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS",
        900,
        "time limit for the migration lock; time in which the holder provably makes progress does not count",
        "900",
    )
    lock_total_timeout_seconds: OptionalPositiveSeconds = variable(
        "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS",
        None,
        "time limit for the same wait, even if the holder makes progress; default: none",
        "7200",
    )
    ddl_lock_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS",
        5,
        "how long a statement may wait for a table lock; other queries queue behind it",
        "5",
    )
    ddl_retry_seconds: Seconds = variable(
        "ORCHESTRATOR_DDL_RETRY_SECONDS",
        300,
        "time limit for retrying a statement that reached that limit",
        "300",
    )
    heartbeat_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_HEARTBEAT_SECONDS", 10, "interval between progress events during a long wait", "10"
    )
    when_ahead: Literal["serve", "fail"] = variable(
        "ORCHESTRATOR_WHEN_AHEAD",
        "serve",
        "`fail`: exit 10 even when the journal proves that the database is only ahead of this image",
        "fail",
    )
    when_half_applied: Literal["resume", "fail"] = variable(
        "ORCHESTRATOR_WHEN_HALF_APPLIED",
        "resume",
        "`fail`: exit 8 even when a half-applied revision can provably be resumed",
        "fail",
    )
    drain_seconds: Seconds = variable(
        "ORCHESTRATOR_DRAIN_SECONDS",
        0,
        "how long to keep serving after readiness is off, before the listener closes",
        "10",
    )
    shutdown_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_SHUTDOWN_SECONDS",
        25,
        "time limit from SIGTERM to exit; keep it below the container's stop timeout",
        "25",
    )
    log_config: ConfigFile | None = variable(
        "ORCHESTRATOR_LOG_CONFIG",
        None,
        "dictConfig file that uses the orchestrator's formatter (see docs/logging.md); default: `logging.yaml` if it "
        "does",
        "logging.yaml",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(lower)] = variable(
        "ORCHESTRATOR_LOG_LEVEL",
        "info",
        "lowest level that is written, for events too; when set, also the level of the root logger",
        "debug",
    )
    log_format: Literal["auto", "json", "text"] = variable(
        "ORCHESTRATOR_LOG_FORMAT", "auto", "`auto`: JSON, or readable text on a terminal", "json"
    )
    service: Label = variable("ORCHESTRATOR_SERVICE", "app", "name on every event", "plants", form=LABEL_FORM)
    version: Label = variable(
        "ORCHESTRATOR_VERSION", "", "version on every event", "1.4.2", form=LABEL_FORM, may_be_empty=True
    )
    live_path: ProbePath = variable(
        "ORCHESTRATOR_LIVE_PATH",
        "/livez",
        "path of the liveness probe; empty: the app answers it",
        "/livez",
        form=PATH_FORM,
        may_be_empty=True,
    )
    ready_path: ProbePath = variable(
        "ORCHESTRATOR_READY_PATH",
        "/readyz",
        "path of the readiness probe; empty: the app answers it",
        "/readyz",
        form=PATH_FORM,
        may_be_empty=True,
    )
    startup_path: ProbePath = variable(
        "ORCHESTRATOR_STARTUP_PATH",
        "/startupz",
        "path of the startup probe, which shows progress; empty: the app answers it",
        "/startupz",
        form=PATH_FORM,
        may_be_empty=True,
    )
    status_detail: Literal["public", "full"] = variable(
        "ORCHESTRATOR_STATUS_DETAIL",
        "public",
        "what the status page and the startup probe show; `full` adds error messages and revision ids",
        "full",
    )
    metrics: Literal["none", "emf"] = variable(
        "ORCHESTRATOR_METRICS",
        "none",
        "`emf`: write durations as CloudWatch embedded metrics (EMF), in the lines of the events",
        "emf",
    )
    web_concurrency: WholeNumber | None = variable(
        "WEB_CONCURRENCY",
        None,
        "must be 1 or not set: run more tasks instead of more processes",
        "1",
        form="it must be 1 or not set: `serve` is one process; run more tasks, or start workers with "
        "`orchestrator run -- COMMAND`",
        ge=1,
        le=1,
    )
