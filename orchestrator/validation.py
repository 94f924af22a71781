"""Reading and validating the settings: all of them before anything else happens, and all faults at once."""

import contextlib
from collections.abc import Mapping
from pathlib import Path

from pydantic import ValidationError

from orchestrator import uvicorn_options
from orchestrator.credentials import Credentials
from orchestrator.database_url import VARIABLES, Fault
from orchestrator.errors import SettingsInvalid, StartupError
from orchestrator.project_file import entrypoint
from orchestrator.settings import Settings

MAX_LENGTH = 4096  # characters; more is a mistake, whatever the variable
_PREFIX = "ORCHESTRATOR_"
_MAY_BE_EMPTY = {
    "ALEMBIC_CONFIG",
    "ORCHESTRATOR_ALEMBIC_X",
    "ORCHESTRATOR_VERSION",
    "ORCHESTRATOR_LIVE_PATH",
    "ORCHESTRATOR_READY_PATH",
    "ORCHESTRATOR_STARTUP_PATH",
}


def load(environ: Mapping[str, str], command: str = "serve") -> tuple[Settings, Credentials]:
    """Read and validate everything that `command` reads.

    Raises:
        StartupError: with SettingsInvalid, which names every fault at once.
    """
    faults = [*_unknown(environ), *_malformed(environ)]
    bad = {fault.variable for fault in faults}
    given = {name: environ[name] for name in Settings.variables() if name in environ and name not in bad}
    if command == "serve":
        faults += uvicorn_options.faults(environ)
    else:
        given.pop("WEB_CONCURRENCY", None)  # for the processes that COMMAND starts
    sources = _take_over(given, environ)
    settings = None
    try:
        settings = Settings.model_validate(given)
    except ValidationError as error:
        faults += [fault._replace(variable=sources.get(fault.variable, fault.variable)) for fault in _faults(error)]
    credentials, more = Credentials.read(environ, embedded=environ.get("ORCHESTRATOR_EMBEDDED_DATABASE") != "forbid")
    faults += more
    if settings is not None:
        faults += _contradictions(settings)
    if settings is None or credentials is None or faults:
        raise StartupError(_invalid(faults))
    return settings, credentials


def settings_of_the_log(environ: Mapping[str, str]) -> Settings:
    """What of the settings lines are made with, as far as it is valid: a fault elsewhere must not change the form."""
    given: dict[str, str] = {}
    for name in {"ORCHESTRATOR_SERVICE", "ORCHESTRATOR_VERSION", "ORCHESTRATOR_LOG_FORMAT"} & environ.keys():
        with contextlib.suppress(ValidationError):
            Settings.model_validate({name: environ[name]})
            given[name] = environ[name]
    return Settings.model_validate(given)


def _take_over(given: dict[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Complete `given` by what the project says elsewhere; returns where, by our variable's name."""
    sources = {}
    for name, value in uvicorn_options.given(environ).items():
        ours = uvicorn_options.SETTINGS.get(name)
        if ours and not (name == "app" and ours in environ):
            given[ours], sources[ours] = str(value).lower() if isinstance(value, bool) else str(value), name
    sources = {ours: f"{uvicorn_options.PREFIX}{name.upper()}" for ours, name in sources.items()}
    if "ORCHESTRATOR_APP" not in {*given, *environ} and (app := entrypoint(Path.cwd())):
        given["ORCHESTRATOR_APP"] = app
    return sources


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

    names = (*Settings.variables(), *VARIABLES)
    known = {name.removeprefix(_PREFIX): name for name in sorted(names, key=lambda name: name.startswith(_PREFIX))}
    faults = []
    for name in environ:
        if name.startswith(_PREFIX) and name not in names:
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
            problem = "`serve` is one process: scale by tasks, or start workers by `orchestrator run -- COMMAND`"
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
