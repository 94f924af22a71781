"""Logins in files and in the JSON of a secret. A fault never repeats their content."""

import json
import os
import stat
from typing import Any

from orchestrator.dialects import ENGINES
from orchestrator.logins.database_settings import MAX_SECRET_LENGTH, DatabaseSettings
from orchestrator.variables.definition import Fault

_SECRET_KEYS = {"username": "username", "password": "password", "host": "host", "port": "port", "dbname": "database"}


class CredentialsError(Exception):
    """A variable is wrong, and perhaps `others` too; `faults` describe them without their values."""

    def __init__(self, variable: str, problem: str, *others: str, example: str = "") -> None:
        super().__init__(f"{', '.join((variable, *others))}: {problem}")
        faults = [DatabaseSettings.fault(name, problem) for name in (variable, *others)]
        self.faults = [Fault(name, told, example or usual) for name, told, usual in faults]


def read_line(variable: str, path: str) -> str:
    """Return the text of a file without one trailing newline: most editors and `echo` append one."""
    return read_secret_file(path, variable).rstrip("\r\n")


def password_in(variable: str, path: str | None) -> str | None:
    """Return the password in a file; None without a file."""
    return read_line(variable, path) if path else None


def read_secret_file(path: str, variable: str = "DATABASE_SECRET_FILE") -> str:
    """Return the text of a file, which may be replaced at any moment. Does not block on a pipe.

    Raises:
        CredentialsError: it is missing, not readable for this user, not a regular file, too long, or not UTF-8.
    """
    try:
        with open(path, "rb", opener=_without_waiting) as file:  # Path.open takes no opener
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise CredentialsError(variable, "it is not a regular file, which can be read again and again")
            content = file.read(MAX_SECRET_LENGTH + 1)
        if len(content) > MAX_SECRET_LENGTH:
            raise CredentialsError(variable, f"the file is longer than {MAX_SECRET_LENGTH} bytes")
        return content.decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise CredentialsError(variable, f"the file cannot be read ({type(error).__name__})") from None


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def url_of(variable: str, text: str | None, path: str | None) -> tuple[str, str]:
    """Return the variable that holds a URL, and the URL; empty without one."""
    if text or not path:
        return (variable, text) if text else ("", "")
    return f"{variable}_FILE", read_line(f"{variable}_FILE", path)


def secret_of(variable: str, text: str | None, path: str | None) -> tuple[str, dict[str, Any]]:
    """Return the variable that holds a secret, and the secret's parts; empty without one."""
    if path:
        return f"{variable}_FILE", from_secret(f"{variable}_FILE", read_secret_file(path, f"{variable}_FILE"))
    return (variable, from_secret(variable, text)) if text else ("", {})


def from_secret(variable: str, text: str) -> dict[str, Any]:
    """Return the parts of an RDS secret. The keys are those of AWS's rotation templates, and case-sensitive."""
    try:
        secret = json.loads(text)
    except (ValueError, RecursionError):
        raise CredentialsError(variable, "it is not JSON") from None
    if not isinstance(secret, dict):
        raise CredentialsError(variable, "it is not a JSON object")
    parts: dict[str, Any] = {}
    for key, part in _SECRET_KEYS.items():
        if secret.get(key) is not None:
            if not isinstance(secret[key], str | int) or secret[key] == "" or isinstance(secret[key], bool):
                raise CredentialsError(variable, f"its `{key}` is neither text nor a number")
            parts[part] = str(secret[key])
    if "port" in parts:
        parts["port"] = checked_port(variable, parts["port"])
    if secret.get("engine") is not None:
        if str(secret["engine"]) not in ENGINES:
            raise CredentialsError(variable, "its `engine` is none of " + ", ".join(ENGINES))
        parts["engine"] = ENGINES[secret["engine"]]
    return parts


def checked_port(variable: str, text: str) -> int:
    """Return the number of a port.

    Raises:
        CredentialsError: the text is not a port number.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 1 <= int(text) <= 65_535):  # noqa: PLR2004
        raise CredentialsError(variable, "the port must be a number from 1 to 65535")
    return int(text)
