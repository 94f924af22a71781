"""Two variables that give different values for one thing. Two that agree are no contradiction."""

from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.logins.database_settings import DatabaseSettings
from orchestrator.variables.definition import Fault

_SOURCES = ("url", "url_file", "secret", "secret_file")
_PARTS = {"host": "host", "port": "port", "name": "database", "user": "username", "password": "password"}


def contradictions(given: DatabaseSettings) -> list[Fault]:
    """Return a fault for each variable that contradicts another one."""
    return [*_contradictions(given, ""), *_contradictions(given, "migration_")]


def _contradictions(given: DatabaseSettings, start: str) -> list[Fault]:
    values = {name.removeprefix(start): getattr(given, name) for name in given.fields_set if name.startswith(start)}
    sources = [field for field in _SOURCES if field in values]
    pairs = [(field, sources[0]) for field in sources[1:]]
    if sources and sources[0] in {"url", "url_file"}:
        pairs += [(part, sources[0]) for part in _PARTS if part in values and not _is_same(values, part)]
        pairs += [("password_file", sources[0])] if "password_file" in values else []
    elif "password" in values and "password_file" in values:
        pairs.append(("password_file", "password"))
    fields = DatabaseSettings.fields
    return [
        fields[start + one].fault(f"{fields[start + other].name} is set as well: keep one of them")
        for one, other in pairs
    ]


def _is_same(values: dict[str, object], part: str) -> bool:
    """Return whether the URL contains exactly this value; an unreadable URL is reported elsewhere."""
    try:
        url = make_url(str(values.get("url", "")))
    except (ArgumentError, ValueError):
        return "url" in values
    return bool(getattr(url, _PARTS[part]) == values[part])
