"""Every setting, once: its variable, type, default, unit and one line of help.

README, `--help` and the faults are made from the fields below. Settings come from environment variables only, and all
are validated, all faults reported at once, before anything else happens.
"""

import ipaddress
import re
import shlex
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from orchestrator.service_address import parse as service_addresses
from orchestrator.variables import Variables, WholeNumber, variable

YES, NO = True, False


def _existing_file(path: Path) -> Path:
    try:
        found = path.is_file()
    except OSError:  # its name is too long, or a directory on the way is closed to us
        found = False
    if not found:
        raise ValueError("there is no such file")
    return path


def _host(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", host):
            raise ValueError("it is neither an IP address nor a host name") from None
    return host


def _target(target: str) -> str:
    if target == "base":
        raise ValueError("it must name a revision to upgrade to")
    return target


def _none_if_empty(value: object) -> object:
    return value or None


def _arguments(text: str) -> str:
    try:
        shlex.split(text)
    except ValueError:
        raise ValueError("a quotation mark in it has no partner") from None
    return text


def _services(text: str) -> str:
    service_addresses(text)
    return text


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
ProbePath = Annotated[str, Field(max_length=128, pattern=r"^(/[A-Za-z0-9._~!$&'()*+,;=:@/-]*)?$")]
_PATH_FORM = "it must be a path such as `/livez`, of at most 128 characters, without `?`, `#`, `%` and spaces"
_LABEL_FORM = "it must be at most 128 printable characters"
ConfigFile = Annotated[Path, AfterValidator(_existing_file)]


class Settings(Variables):
    """The settings of one process; `DatabaseSettings` has those of the database."""

    app: str = variable(
        "ORCHESTRATOR_APP",
        "app.main:app",
        "ASGI app to serve, as an import string `module:attribute`",
        "app.main:app",
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
        form="it must be an import string, `module:attribute`",
    )
    app_factory: bool = variable(
        "ORCHESTRATOR_APP_FACTORY", NO, "the import string names a function that makes the app", "true"
    )
    alembic_config: ConfigFile | None = variable(
        "ORCHESTRATOR_ALEMBIC_CONFIG",
        None,
        "Alembic's configuration; default: Alembic's own ALEMBIC_CONFIG, else `alembic.ini` if there, else "
        "`pyproject.toml`",
        "alembic.ini",
    )
    alembic_default_config: Annotated[ConfigFile | None, BeforeValidator(_none_if_empty)] = variable(
        "ALEMBIC_CONFIG", None, "Alembic's own variable for the same", "alembic.ini"
    )
    alembic_name: str = variable(
        "ORCHESTRATOR_ALEMBIC_NAME", "alembic", "section of alembic.ini, as `alembic --name`", "alembic"
    )
    alembic_x: Annotated[str, AfterValidator(_arguments)] = variable(
        "ORCHESTRATOR_ALEMBIC_X",
        "",
        "arguments for env.py, as `alembic -x`; several are separated by spaces",
        "tenant=acme",
    )
    target: Annotated[str, AfterValidator(_target)] = variable(
        "ORCHESTRATOR_TARGET",
        "head",
        "revision to upgrade to; `heads` allows several",
        "head",
        pattern=r"^[^\s\x00-\x1f\x7f:+-]{1,128}$",  # + and -: steps from the current one, no revision
        form="it must be a revision, `head` or `heads`",
    )
    migrate: bool = variable(
        "ORCHESTRATOR_MIGRATE",
        YES,
        "`false`: `serve` never migrates, it waits until the database is at head (a separate task migrates)",
        "false",
    )
    before_migrate: Annotated[str, AfterValidator(_arguments)] = variable(
        "ORCHESTRATOR_BEFORE_MIGRATE",
        "",
        "command to run at every start before the migration, under its lock; split like a shell, without a shell",
        "python -m app.prepare",
    )
    after_migrate: Annotated[str, AfterValidator(_arguments)] = variable(
        "ORCHESTRATOR_AFTER_MIGRATE",
        "",
        "the same after the migration: seeds, a first user",
        "python -m app.seed",
    )
    hook_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_HOOK_TIMEOUT_SECONDS", 300, "budget of one such command", "300"
    )
    embedded_database: Literal["allow", "forbid"] = variable(
        "ORCHESTRATOR_EMBEDDED_DATABASE",
        "forbid",
        "`allow`: without any setting of the database, an SQLite file in the working directory is used",
        "allow",
    )
    host: Annotated[str, AfterValidator(_host)] = variable(
        "ORCHESTRATOR_HOST",
        "127.0.0.1",
        "address to listen on; an image sets `0.0.0.0`",
        "0.0.0.0",  # noqa: S104  # an example
    )
    port: WholeNumber = variable("PORT", 8000, "port to listen on", "8000", ge=1, le=65_535)
    wait_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS", 300, "budget for the database to answer", "300"
    )
    connect_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS", 5, "one attempt, greeting and login included", "5"
    )
    wait_for: Annotated[str, AfterValidator(_services)] = variable(
        "ORCHESTRATOR_WAIT_FOR",
        "",
        "other services to wait for, separated by commas: `tcp://host:port`, or `http://` and `https://` addresses "
        "that answer with a status of 2xx",
        "tcp://redis:6379,http://search:9200/_health",
    )
    lock_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS",
        900,
        "budget for the migration lock; only time in which its holder makes no provable progress counts",
        "900",
    )
    lock_total_timeout_seconds: Annotated[PositiveSeconds | None, BeforeValidator(_none_if_empty)] = variable(
        "ORCHESTRATOR_LOCK_TOTAL_TIMEOUT_SECONDS",
        None,
        "limit for the same wait, whatever progress the holder makes; default: none",
        "7200",
    )
    ddl_lock_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_DDL_LOCK_TIMEOUT_SECONDS",
        5,
        "how long one statement may queue for a table lock, and so hold up the traffic behind it",
        "5",
    )
    ddl_retry_seconds: Seconds = variable(
        "ORCHESTRATOR_DDL_RETRY_SECONDS",
        300,
        "budget for retrying statements that met that limit",
        "300",
    )
    heartbeat_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_HEARTBEAT_SECONDS", 10, "pause between progress events during one long wait", "10"
    )
    when_ahead: Literal["serve", "fail"] = variable(
        "ORCHESTRATOR_WHEN_AHEAD",
        "serve",
        "`fail`: exit 10 also when the journal proves that the database is ahead of this image",
        "fail",
    )
    when_half_applied: Literal["resume", "fail"] = variable(
        "ORCHESTRATOR_WHEN_HALF_APPLIED",
        "resume",
        "`fail`: exit 8 also when a revision that stopped half way could provably go on",
        "fail",
    )
    drain_seconds: Seconds = variable(
        "ORCHESTRATOR_DRAIN_SECONDS", 0, "readiness off, still serving, before the listener closes", "10"
    )
    shutdown_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_SHUTDOWN_SECONDS",
        25,
        "all that may pass between SIGTERM and exit; keep it below the container's stop timeout",
        "25",
    )
    log_config: ConfigFile | None = variable(
        "ORCHESTRATOR_LOG_CONFIG",
        None,
        "dictConfig file that writes with our formatter (see docs/logging.md); default: such a `logging.yaml` if there",
        "logging.yaml",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)] = variable(
        "ORCHESTRATOR_LOG_LEVEL",
        "info",
        "nothing below it is written, events included; when set, it is the level of the root logger as well",
        "debug",
    )
    log_format: Literal["auto", "json", "text"] = variable(
        "ORCHESTRATOR_LOG_FORMAT", "auto", "`auto`: JSON, or readable text on a terminal", "json"
    )
    service: Label = variable("ORCHESTRATOR_SERVICE", "app", "name on every event", "plants", form=_LABEL_FORM)
    version: Label = variable(
        "ORCHESTRATOR_VERSION", "", "version on every event", "1.4.2", form=_LABEL_FORM, may_be_empty=True
    )
    live_path: ProbePath = variable(
        "ORCHESTRATOR_LIVE_PATH",
        "/livez",
        "liveness; empty hands the path to the app",
        "/livez",
        form=_PATH_FORM,
        may_be_empty=True,
    )
    ready_path: ProbePath = variable(
        "ORCHESTRATOR_READY_PATH",
        "/readyz",
        "readiness; empty hands the path to the app",
        "/readyz",
        form=_PATH_FORM,
        may_be_empty=True,
    )
    startup_path: ProbePath = variable(
        "ORCHESTRATOR_STARTUP_PATH",
        "/startupz",
        "progress of the start; empty hands the path to the app",
        "/startupz",
        form=_PATH_FORM,
        may_be_empty=True,
    )
    status_detail: Literal["public", "full"] = variable(
        "ORCHESTRATOR_STATUS_DETAIL",
        "public",
        "what the status page and the startup path tell: `full` adds error messages and revision ids",
        "full",
    )
    metrics: Literal["none", "emf"] = variable(
        "ORCHESTRATOR_METRICS",
        "none",
        "`emf`: durations as CloudWatch embedded metrics, in the events' own lines",
        "emf",
    )
    web_concurrency: WholeNumber | None = variable(
        "WEB_CONCURRENCY",
        None,
        "above 1 is a fault: scale by tasks, one process each",
        "1",
        form="it must be 1 or not set: `serve` is one process; scale by tasks, or start workers by "
        "`orchestrator run -- COMMAND`",
        ge=1,
        le=1,
    )
