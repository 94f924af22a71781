"""The passwords among the variables, for the log to mask. Collected before validation, so malformed ones count too."""

import contextlib
import json
from collections.abc import Mapping
from urllib.parse import parse_qsl, unquote

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
    """Return the passwords of a URL, even one that cannot be parsed, as written and decoded.

    The password is the text from the first `:` to an `@`: to the first one, as SQLAlchemy reads it, or to the last one
    where a password was not encoded. SQLAlchemy itself is imported later, when the port is open.
    """
    _, _, rest = url.partition("://")
    userinfo = {rest.partition("@")[0], rest.rpartition("@")[0]} if "@" in rest else set()
    written = [each.partition(":")[2] for each in sorted(userinfo)]
    queried = [value for key, value in parse_qsl(url.partition("?")[2]) if "pass" in key.lower()]
    return list(dict.fromkeys([*written, *map(unquote, written), *queried]))
