"""The passwords among the variables, for the log to mask. Collected before validation, so malformed ones count too."""

import contextlib
import json
from collections.abc import Mapping

from sqlalchemy.engine.url import make_url
from sqlalchemy.exc import ArgumentError

from orchestrator.logins.database_secrets import CredentialsError, read_secret_file


def known_secrets(environ: Mapping[str, str]) -> list[str]:
    """Return the passwords among the variables, well-formed or not."""
    found: list[str] = []
    for start in ("", "MIGRATION_"):
        found.append(_text(environ, f"{start}DATABASE_PASSWORD"))
        found.append(_text(environ, f"{start}DATABASE_PASSWORD_FILE").rstrip("\r\n"))
        found.append(_password_of_secret(_text(environ, f"{start}DATABASE_SECRET")))
        found.append(_password_of_secret(_text(environ, f"{start}DATABASE_SECRET_FILE")))
        for name in (f"{start}DATABASE_URL", f"{start}DATABASE_URL_FILE"):
            found += _userinfo_secrets(_text(environ, name).rstrip("\r\n"))
    for address in environ.get("ORCHESTRATOR_WAIT_FOR", "").split(","):
        found += _userinfo_secrets(address.strip())
    return [each for each in found if each]


def _text(environ: Mapping[str, str], name: str) -> str:
    """Return the value of a variable, or the text of the file that it names; empty without one."""
    value = environ.get(name, "")
    if not (value and name.endswith("_FILE")):
        return value
    with contextlib.suppress(CredentialsError):
        return read_secret_file(value, name)
    return ""


def _password_of_secret(text: str) -> str:
    try:
        return str(json.loads(text)["password"]) if text else ""
    except (ValueError, TypeError, KeyError, RecursionError):
        return text


def _userinfo_secrets(url: str) -> list[str]:
    """Return the password of a URL, even one that cannot be parsed: the text between the first `:` and the last `@`."""
    found = []
    _, _, rest = url.partition("://")
    if "@" in rest:
        found.append(rest.rpartition("@")[0].partition(":")[2])
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        return found
    queried = [value for key, value in parsed.query.items() if "pass" in key.lower() and isinstance(value, str)]
    return [*found, parsed.password or "", *queried]
