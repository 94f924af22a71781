"""Keeping passwords out of the log: the known ones wherever they stand, unknown ones where passwords usually stand.

Text from outside (exceptions, SQL, other libraries' records) is cleaned before it is put into a line; our own words are
not, so that a password like `app` does not spoil the names that alarms filter on.
"""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"
MAX_DEPTH = 8  # of lists and mappings within each other; a circle has no end

# The userinfo of a URL, greedy to the last @ of the word: an unescaped password may hold one.
_URL = re.compile(r"(\b[a-zA-Z][\w+.-]*://[^\s:/@]*:)\S*(@)")
# What follows `password=` in a query, a DSN or a keyword argument.
_PAIR = re.compile(r"(?i)(\b\w*(?:password|passwd|secret|token)=)('[^']*'|\"[^\"]*\"|[^\s&,;)]+)")
# The same as a key of a dict or of JSON in some text.
_ITEM = re.compile(
    r"(?i)(['\"]\w*(?:password|passwd|secret|token)['\"]\s*:\s*)('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
)
# CREATE USER .. IDENTIFIED BY '..' of MySQL, PASSWORD '..' of PostgreSQL.
_SQL = re.compile(r"(?i)(\b(?:identified\b[^';]*\bby|password(?!['\"]\s*:))\s*\(?\s*)('(?:[^'\\]|\\.|'')*'?)")
# The end of a sqlalchemy.exc.StatementError's text; what may follow is a link.
_PARAMETERS = re.compile(r"(\[parameters: ).*?(?=\(Background on |\Z)", re.DOTALL)
_SECRET_KEY = re.compile(r"(?i)password|passwd|secret|token|authorization|api_?key")


class Redactor:
    """Replaces the registered secrets, and what looks like one, by `***`."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._known: re.Pattern[str] | None = None

    def register(self, secrets: Iterable[str]) -> None:
        """Never let these through again, in any of the forms that a library may give them."""
        self._replace(self._secrets.union(filter(None, secrets)))

    def forget(self, secrets: Iterable[str]) -> None:
        """Know these no more: what masks a secret has to keep it."""
        self._replace(self._secrets.difference(secrets))

    def _replace(self, secrets: set[str]) -> None:
        if secrets == self._secrets:
            return
        self._secrets = secrets
        longest_first = sorted(set().union(*map(_forms, secrets)), key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def text(self, text: str) -> str:
        """`text` without secrets; each pattern is tried only where it can match, as every line comes this way."""
        if self._known:
            text = self._known.sub(MASK, text)
        if "://" in text:
            text = _URL.sub(rf"\1{MASK}\2", text)
        if "[parameters: " in text:
            text = _PARAMETERS.sub(rf"\1{MASK}] ", text)
        if "=" in text:
            text = _PAIR.sub(rf"\1{MASK}", text)
        if ":" in text:
            text = _ITEM.sub(rf"\1'{MASK}'", text)
        if "'" in text:
            text = _SQL.sub(rf"\1'{MASK}'", text)
        return text

    def value(self, value: Any, key: str = "", depth: int = MAX_DEPTH) -> Any:
        """Any value without secrets: strings within lists and mappings too, everything under a key that names one."""
        if value is not None and _SECRET_KEY.search(key):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bool | int | float | None):
            return value
        if isinstance(value, dict | list | tuple | set | frozenset):
            return self._elements(value, depth - 1) if depth else f"<{type(value).__name__}, nested too deeply>"
        return self.text(safe_repr(value))

    def _elements(self, value: Any, depth: int) -> Any:
        if isinstance(value, dict):
            named = ((name if isinstance(name, str) else safe_repr(name), each) for name, each in value.items())
            return {self.text(name): self.value(each, name, depth) for name, each in named}
        return [self.value(each, depth=depth) for each in value]


def safe_repr(value: object) -> str:
    """`repr` that never raises: a broken object must not cost us the line."""
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  # whatever a foreign __repr__ does
        return f"<{type(value).__name__} whose repr raised {type(error).__name__}>"


def _forms(secret: str) -> set[str]:
    quoted = {quote(secret, safe, errors="surrogatepass") for safe in ("", "/", " +")}
    quoted.add(quote_plus(secret, errors="surrogatepass"))
    escaped = {
        repr(secret)[1:-1],
        repr(secret + "'\"")[1:-4],
        ascii(secret)[1:-1],
        repr(secret.encode(errors="surrogatepass"))[2:-1],
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        secret.replace("'", "''"),
        secret.replace("\\", r"\\").replace("'", r"\'"),
    }
    lower = {re.sub(r"%[0-9A-F]{2}", lambda match: match[0].lower(), form) for form in quoted}
    forms = {secret, secret.replace("'", r"\'"), secret.replace("\\", r"\\"), *quoted, *lower, *escaped}
    return forms | {form.replace("%", "%%") for form in forms}  # as ConfigParser and drivers have it


REDACTOR = Redactor()
