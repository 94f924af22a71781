"""Every setting, once: its variable, type, default, unit and one line of help.

README, `--help` and the faults are made from the fields below. Settings come from environment variables only, and all
are validated, all faults reported at once, before anything else happens.
"""

import ipaddress
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from orchestrator.credentials import VARIABLES, Credentials, Fault
from orchestrator.errors import SettingsInvalid, StartupError

YES, NO = True, False
MAX_LENGTH = 4096  # characters; more is a mistake, whatever the variable


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


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


Seconds = Annotated[float, Field(ge=0, le=86_400, allow_inf_nan=False)]
PositiveSeconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Label = Annotated[str, Field(max_length=128, pattern=r"^[^\x00-\x1f\x7f]*$")]
ProbePath = Annotated[str, Field(max_length=128, pattern=r"^(/[!-~]*)?$")]
ConfigFile = Annotated[Path, AfterValidator(_existing_file)]


def variable(name: str, default: Any, text: str, example: str, **constraints: Any) -> Any:
    """A field: its environment variable, its default, one line of help, and an example for the fault."""
    return Field(default, alias=name, description=text, examples=[example], **constraints)


class Settings(BaseModel):
    """The settings of one process; `credentials` resolves those of the database."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=False)

    app: str = variable(
        "ORCHESTRATOR_APP",
        "app.main:app",
        "ASGI app to serve, as an import string `module:attribute`",
        "app.main:app",
        pattern=r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$",
    )
    app_factory: bool = variable(
        "ORCHESTRATOR_APP_FACTORY", NO, "the import string names a function that makes the app", "true"
    )
    alembic_config: ConfigFile | None = variable(
        "ORCHESTRATOR_ALEMBIC_CONFIG",
        None,
        "Alembic's configuration; default: `alembic.ini` if there, else `pyproject.toml`",
        "alembic.ini",
    )
    target: Annotated[str, AfterValidator(_target)] = variable(
        "ORCHESTRATOR_TARGET",
        "head",
        "revision to upgrade to; `heads` allows several",
        "head",
        pattern=r"^[^\s\x00-\x1f\x7f:+-]{1,128}$",  # + and -: steps from the current one, no revision
    )
    migrate: bool = variable(
        "ORCHESTRATOR_MIGRATE",
        YES,
        "`false`: `serve` never migrates, it waits until the database is at head (a separate task migrates)",
        "false",
    )
    embedded_database: Literal["allow", "forbid"] = variable(
        "ORCHESTRATOR_EMBEDDED_DATABASE",
        "allow",
        "`forbid` (in an image): a missing DATABASE_URL is a fault",
        "forbid",
    )
    host: Annotated[str, AfterValidator(_host)] = variable(
        "ORCHESTRATOR_HOST",
        "127.0.0.1",
        "address to listen on; an image sets `0.0.0.0`",
        "0.0.0.0",  # noqa: S104  # an example
    )
    port: int = variable("PORT", 8000, "port to listen on", "8000", ge=1, le=65_535)
    wait_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_WAIT_TIMEOUT_SECONDS", 300, "budget for the database to answer", "300"
    )
    connect_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_CONNECT_TIMEOUT_SECONDS", 5, "one attempt, greeting and login included", "5"
    )
    lock_timeout_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_LOCK_TIMEOUT_SECONDS", 900, "budget for the migration lock", "900"
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
        "budget for retrying statements that met that limit (not used yet)",
        "300",
    )
    heartbeat_seconds: PositiveSeconds = variable(
        "ORCHESTRATOR_HEARTBEAT_SECONDS", 10, "pause between progress events during one long wait", "10"
    )
    when_ahead: Literal["serve", "fail"] = variable(
        "ORCHESTRATOR_WHEN_AHEAD",
        "serve",
        "when the database is provably ahead of this image (not provable yet: always fails)",
        "fail",
    )
    when_half_applied: Literal["resume", "fail"] = variable(
        "ORCHESTRATOR_WHEN_HALF_APPLIED",
        "resume",
        "when a revision stopped half way (resuming is not built yet: always fails)",
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
        "dictConfig file; default: `logging.yaml` if there, else the packaged one",
        "logging.yaml",
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error", "critical"], BeforeValidator(_lower)] = variable(
        "ORCHESTRATOR_LOG_LEVEL", "info", "level of the root logger", "debug"
    )
    log_format: Literal["auto", "json", "text"] = variable(
        "ORCHESTRATOR_LOG_FORMAT", "auto", "`auto`: JSON, or readable text on a terminal", "json"
    )
    service: Label = variable("ORCHESTRATOR_SERVICE", "app", "name on every event", "plants", min_length=1)
    version: Label = variable("ORCHESTRATOR_VERSION", "", "version on every event", "1.4.2")
    live_path: ProbePath = variable(
        "ORCHESTRATOR_LIVE_PATH", "/livez", "liveness; empty hands the path to the app", "/livez"
    )
    ready_path: ProbePath = variable(
        "ORCHESTRATOR_READY_PATH", "/readyz", "readiness; empty hands the path to the app", "/readyz"
    )
    startup_path: ProbePath = variable(
        "ORCHESTRATOR_STARTUP_PATH",
        "/startupz",
        "progress of the start; empty hands the path to the app",
        "/startupz",
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
        "`emf`: durations as CloudWatch embedded metrics (not built yet)",
        "none",
    )
    web_concurrency: int | None = variable(
        "WEB_CONCURRENCY", None, "above 1 is a fault: scale by tasks, one process each", "1", ge=1, le=1
    )

    @classmethod
    def variables(cls) -> dict[str, str]:
        """Every variable's name and its field's name."""
        return {str(info.alias): name for name, info in cls.model_fields.items()}


_PREFIX = "ORCHESTRATOR_"
_MAY_BE_EMPTY = {
    "ORCHESTRATOR_VERSION",
    "ORCHESTRATOR_LIVE_PATH",
    "ORCHESTRATOR_READY_PATH",
    "ORCHESTRATOR_STARTUP_PATH",
}


def load(environ: Mapping[str, str]) -> tuple[Settings, Credentials]:
    """Read and validate everything.

    Raises:
        StartupError: with SettingsInvalid, which names every fault at once.
    """
    faults = [*_unknown(environ), *_malformed(environ)]
    bad = {fault.variable for fault in faults}
    given = {name: environ[name] for name in Settings.variables() if name in environ and name not in bad}
    settings = None
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        faults += _faults(error)
    credentials, more = Credentials.read(environ, embedded=environ.get("ORCHESTRATOR_EMBEDDED_DATABASE") != "forbid")
    faults += more
    if settings is not None:
        faults += _contradictions(settings)
    if settings is None or credentials is None or faults:
        raise StartupError(_invalid(faults))
    return settings, credentials


def _invalid(faults: list[Fault]) -> SettingsInvalid:
    listed = sorted(faults, key=lambda fault: fault.variable)
    return SettingsInvalid(
        error_type="settings",
        error_message="; ".join(f"{fault.variable}: {fault.problem}" for fault in listed),
        fault_count=len(listed),
        variables=[fault.variable for fault in listed],
        faults=[fault.as_dict() for fault in listed],
    )


def _unknown(environ: Mapping[str, str]) -> list[Fault]:
    import difflib

    known = {name.removeprefix(_PREFIX): name for name in (*Settings.variables(), *VARIABLES)}
    faults = []
    for name in environ:
        if name.startswith(_PREFIX) and name not in known.values():
            own_part = name.removeprefix(_PREFIX).upper()[:100]  # what all names share makes all alike
            nearest = [known[each] for each in difflib.get_close_matches(own_part, known, n=1)]
            hint = f"; did you mean {nearest[0]}?" if nearest else ""
            faults.append(Fault(name[:100], f"there is no such variable{hint}", (*nearest, "ORCHESTRATOR_APP")[0]))
    return faults


def _malformed(environ: Mapping[str, str]) -> list[Fault]:
    """What is wrong whatever the variable means: empty, far too long, or a line end copied along with it."""
    faults = []
    for name, field in Settings.variables().items():
        example = Settings.model_fields[field].examples or [""]
        value = environ.get(name)
        if value == "" and name not in _MAY_BE_EMPTY:
            faults.append(Fault(name, "it is empty: give it a value or remove it", example[0]))
        elif value and len(value) > MAX_LENGTH:
            faults.append(Fault(name, f"it is {len(value)} characters long; {MAX_LENGTH} are the limit", example[0]))
        elif value and (value != value.strip() or not value.isprintable()):
            problem = "it has white space around it, or holds a character that cannot be printed"
            faults.append(Fault(name, f"{problem}: {_shown(value)}", example[0]))
    return faults


def _faults(error: ValidationError) -> list[Fault]:
    fields = Settings.variables()
    faults = []
    for each in error.errors(include_url=False, include_context=True):
        name = str(each["loc"][0])
        problem = each["msg"].removeprefix("Value error, ")
        if each["type"] == "string_pattern_mismatch":
            problem = "it has not the right form"
        if name == "WEB_CONCURRENCY":
            problem = "one process serves a task: it must be 1 or not set; scale by tasks"
        examples = Settings.model_fields[fields[name]].examples or [""]
        faults.append(Fault(name, f"{problem}, not {_shown(each['input'])}", examples[0]))
    return faults


def _shown(value: object) -> str:
    """A value that is no secret, in one short line."""
    return repr(value)[:60]


def _contradictions(settings: Settings) -> list[Fault]:
    """Values that are valid one by one and not together."""
    faults = []
    if settings.drain_seconds >= settings.shutdown_seconds:
        problem = (
            f"it must be less than ORCHESTRATOR_SHUTDOWN_SECONDS ({settings.shutdown_seconds:g}), which includes it"
        )
        faults.append(Fault("ORCHESTRATOR_DRAIN_SECONDS", problem, "5"))
    paths = [path for path in (settings.live_path, settings.ready_path, settings.startup_path) if path]
    if len(set(paths)) < len(paths):
        faults.append(Fault("ORCHESTRATOR_LIVE_PATH", "the paths of the probes must differ", "/livez"))
    return faults
