"""Reads and validates the settings first, and reports all faults together."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import SettingsInvalid, StartupError
from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.sentences import Ours, joined
from orchestrator.settings import uvicorn_options
from orchestrator.settings.model import Settings
from orchestrator.settings.project_file import entrypoint
from orchestrator.variables.definition import Fault
from orchestrator.variables.service_links import is_service_link, service_links

if TYPE_CHECKING:
    from orchestrator.logins.credentials import Credentials

_OURS = "ORCHESTRATOR_"
_MIGRATION = "MIGRATION_DATABASE_"
_ALIKE = {_OURS: 0.7, _MIGRATION: 0.65}
"""How alike a name must be to a valid one to be a mistyped one; between 0 and 1, as difflib measures it."""
_MOST_TOLD = 20  # unknown names in one warning
_INSTALL = "The variables are right: install what is missing beside the app, in its image, and start again."
_MAX_NAME = 100  # characters of an unknown name that are shown
_SYNONYMS = {"DB": "NAME", "DBNAME": "NAME", "DATABASE": "NAME", "DSN": "URL", "LOGIN": "USER", "SERVER": "HOST"}
"""What other programs call the parts of an address."""


def load(environ: Mapping[str, str], command: str = "serve") -> "tuple[Settings, Credentials]":
    """Read and validate everything that `command` reads.

    Raises:
        StartupError: with SettingsInvalid, which lists every fault.
    """
    return load_settings(environ, command), load_credentials(environ)


def load_settings(environ: Mapping[str, str], command: str = "serve") -> Settings:
    """Read and validate what `command` reads, without the database's address, which needs SQLAlchemy.

    Raises:
        StartupError: with SettingsInvalid, which lists every fault, also those of the address.
    """
    settings, faults = _settings(environ, command)
    if faults:
        raise StartupError(invalid([*faults, *_credentials(environ)[1]]))
    return settings


def load_credentials(environ: Mapping[str, str], *, asynchronous: bool | None = None) -> "Credentials":
    """Read and validate the database's address; `asynchronous` is that of `Credentials`.

    Raises:
        StartupError: with SettingsInvalid, which lists every fault.
    """
    credentials, faults = _credentials(environ, asynchronous=asynchronous)
    if credentials is None:
        raise StartupError(invalid(faults))
    return credentials


def _credentials(
    environ: Mapping[str, str], *, asynchronous: bool | None = None
) -> "tuple[Credentials | None, list[Fault]]":
    from orchestrator.logins.credentials import Credentials

    embedded = environ.get("ORCHESTRATOR_EMBEDDED_DATABASE") == "allow"
    return Credentials.read(environ, embedded=embedded, asynchronous=asynchronous)


def _settings(environ: Mapping[str, str], command: str) -> tuple[Settings, list[Fault]]:
    given = {name: environ[name] for name in Settings.variables() if name in environ}
    faults = uvicorn_options.faults(environ) if command == "serve" else []
    if command != "serve":
        given.pop("WEB_CONCURRENCY", None)  # for the processes that COMMAND starts
    sources = _take_over(given, environ)
    settings, more = Settings.read(given)
    faults += [fault._replace(variable=sources.get(fault.variable, fault.variable)) for fault in more]
    return settings, [*faults, *_mistyped(environ), *_contradictions(settings)]


def settings_of_the_log(environ: Mapping[str, str]) -> Settings:
    """Return the settings for the log, with defaults for invalid ones: a fault elsewhere must not change the format."""
    names = {"ORCHESTRATOR_SERVICE", "ORCHESTRATOR_VERSION", "ORCHESTRATOR_LOG_FORMAT"}
    return Settings.read({name: environ[name] for name in names & environ.keys()})[0]


def _take_over(given: dict[str, str], environ: Mapping[str, str]) -> dict[str, str]:
    """Add to `given` what the project sets elsewhere; return the source of each value, by our variable's name."""
    sources = {}
    for name, value in uvicorn_options.given(environ).items():
        ours = uvicorn_options.SETTINGS.get(name)
        if ours and not (name == "app" and ours in environ):
            given[ours], sources[ours] = str(value).lower() if isinstance(value, bool) else str(value), name
    sources = {ours: f"{uvicorn_options.PREFIX}{name.upper()}" for ours, name in sources.items()}
    if "ORCHESTRATOR_APP" not in {*given, *environ} and (app := entrypoint(Path.cwd())):
        given["ORCHESTRATOR_APP"] = app
    return sources


def invalid(faults: list[Fault]) -> SettingsInvalid:
    """Return the failure that lists all `faults`."""
    listed = sorted(faults, key=lambda fault: fault.variable)
    return SettingsInvalid(
        error_type="settings",
        error_message=joined("; ", (joined(": ", (Ours(fault.variable), fault.problem)) for fault in listed)),
        fault_count=len(listed),
        variables=[fault.variable for fault in listed],
        faults=[fault.as_dict() for fault in listed],
        hint=_INSTALL if all("pip install" in fault.problem for fault in listed) else "",
    )


def require_address(credentials: "Credentials", where_env_is: str = "") -> None:
    """Check that the address of the database is known, and that parts of an address do not contradict it.

    Args:
        credentials: what the variables and env.py give.
        where_env_is: if there is no env.py here: a sentence about where to find it.

    Raises:
        StartupError: with SettingsInvalid: neither the variables nor env.py give it, or they differ.
    """
    if not credentials.known:
        require_whole_address(credentials)
        neither = "there is no alembic.ini here" if where_env_is else "env.py gives no address either"
        problem = (
            f"it is not set, and {neither}: set DATABASE_URL, DATABASE_SECRET or DATABASE_HOST with its companions, or "
            "ORCHESTRATOR_EMBEDDED_DATABASE=allow for an SQLite file in the working directory"
        )
        problem += f". {where_env_is}" if where_env_is else ""
        raise StartupError(invalid([DatabaseSettings.fault("DATABASE_URL", problem)]))
    if _contradicted(credentials):
        require_whole_address(credentials)


def require_whole_address(credentials: "Credentials") -> None:
    """Check that the variables give the whole address or none of it; the app may have a DATABASE_HOST too.

    Raises:
        StartupError: with SettingsInvalid, which names the missing ones.
    """
    elsewhere = _contradicted(credentials)
    if credentials.untold:
        more = "; env.py connects to another database" if elsewhere else ""
        raise StartupError(invalid([each._replace(problem=Ours(each.problem + more)) for each in credentials.untold]))
    parts = _parts(credentials)
    there = [name for name, value in parts.items() if value]
    if there:
        problem = f"it is needed beside {there[0]} where DATABASE_URL is not set"
        if elsewhere:
            problem += ", as env.py connects to another database"
        faults = [DatabaseSettings.fault(name, problem) for name, value in parts.items() if not value]
        raise StartupError(invalid(faults))


def _parts(credentials: "Credentials") -> dict[str, str | None]:
    """Return the parts that every address of a server has, by variable."""
    given = credentials.given
    return {"DATABASE_HOST": given.host, "DATABASE_NAME": given.name, "DATABASE_USER": given.user}


def _contradicted(credentials: "Credentials") -> bool:
    """Return whether env.py connects elsewhere than the given parts say."""
    if credentials.told is None:
        return False
    url = credentials.told.url
    pairs = zip(_parts(credentials).values(), (url.host, url.database, url.username), strict=True)
    return any(given and given != found for given, found in pairs)


def warnings(environ: Mapping[str, str]) -> list[str]:
    """Return a sentence about the names with our prefix that are unknown, and one about those of Kubernetes.

    `environ` was loaded, so none of the names is mistyped: that is a fault.
    """
    unknown = [name[:_MAX_NAME] for name, _ in _unknown(environ)]
    links = service_links(environ, (_OURS, "DATABASE_PORT", _MIGRATION, "UVICORN_PORT"))
    told = []
    if unknown:
        told.append(f"These variables are not known and have no effect: {', '.join(unknown[:_MOST_TOLD])}.")
    if links:
        told.append(
            f"Kubernetes set these variables for a Service of that name, and they have no effect: "
            f"{', '.join(links[:_MOST_TOLD])}. `enableServiceLinks: false` in the pod's spec keeps them away."
        )
    return told


def _unknown(environ: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return each unknown name with its prefix."""
    known = {*Settings.variables(), *DatabaseSettings.variables()}
    ours = [(name, prefix) for name in environ for prefix in (_OURS, _MIGRATION) if name.startswith(prefix)]
    return [each for each in ours if each[0] not in known and not is_service_link(each[0], environ[each[0]])]


def _mistyped(environ: Mapping[str, str]) -> list[Fault]:
    """Return a fault for each unknown name that is close to a valid one; otherwise the default would apply silently."""
    faults = []
    for name, prefix in _unknown(environ):
        own_part = name.removeprefix(prefix)
        if meant := _nearest(own_part.upper()[:_MAX_NAME], prefix):
            problem = Ours(f"there is no such variable; did you mean {meant}?")
            faults.append(Fault(name[:_MAX_NAME], problem, _example(meant)))
    return faults


def _nearest(own_part: str, prefix: str) -> str:
    """Return the valid name that `own_part` resembles, compared without the words that all names share."""
    names = [*Settings.variables(), *DatabaseSettings.variables()]
    own = {name.removeprefix(prefix): name for name in sorted(names, key=lambda name: name.startswith(prefix))}
    if prefix == _MIGRATION:
        apps = {name.removeprefix("DATABASE_"): name for name in names if name.startswith("DATABASE_")}
        own = apps | {part: name for part, name in own.items() if name.startswith(_MIGRATION)}
        own_part = _SYNONYMS.get(own_part, own_part)
    import difflib  # a valid start does without

    found = difflib.get_close_matches(own_part, own, n=1, cutoff=_ALIKE[prefix])
    return own[found[0]] if found else ""


def _example(name: str) -> str:
    examples = {each.name: each.example for each in (*Settings.fields.values(), *DatabaseSettings.fields.values())}
    return f"{name}={examples[name]}"


def _contradictions(settings: Settings) -> list[Fault]:
    """Return the values that are valid by themselves, but contradict each other."""
    faults = []
    if settings.drain_seconds >= settings.shutdown_seconds:
        problem = (
            f"it must be less than ORCHESTRATOR_SHUTDOWN_SECONDS ({settings.shutdown_seconds:g}), which includes it"
        )
        faults.append(Settings.fault("ORCHESTRATOR_DRAIN_SECONDS", problem))
    paths = [path for path in (settings.live_path, settings.ready_path, settings.startup_path) if path]
    if len(set(paths)) < len(paths):
        faults.append(Settings.fault("ORCHESTRATOR_LIVE_PATH", "the paths of the probes must differ"))
    return faults
