"""Keeping passwords out of the log: the known ones wherever they stand, unknown ones where passwords usually stand.

Text from outside (exceptions, SQL, other libraries' records) is cleaned before it is put into a line; our own words are
not, so that a password like `app` does not spoil the names that alarms filter on.
"""

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, quote_plus

from orchestrator.log.values import CUT, MASK, Cleaning

__all__ = ["LONGEST", "MASK", "REDACTOR", "Redactor"]

LONGEST = 32_000  # characters of a text that are looked at: twice what a line holds

# Each pattern takes time in proportion to the text, whatever is in it, and masks a secret whose end was cut off.
# What stands between a URL's scheme and its password.
_USER = re.compile(r"://[^\s:/@]*+:")
_WORD = re.compile(r"\S*+")
# What follows `password=` in a query, a DSN or a keyword argument.
_PAIR = re.compile(r"(?i)(\b\w*(?:password|passwd|secret|token)=)('[^']*+(?:'|\Z)|\"[^\"]*+(?:\"|\Z)|[^\s&,;)]+)")
# The same as a key of a dict or of JSON in some text.
_ITEM = re.compile(
    r"(?i)(['\"]\w*(?:password|passwd|secret|token)['\"]\s*+:\s*+)"
    r"('(?:[^'\\]|\\[\s\S])*(?:'|\\?\Z)|\"(?:[^\"\\]|\\[\s\S])*(?:\"|\\?\Z))"
)
# IDENTIFIED [WITH plugin] BY '..' of MySQL, VIA plugin USING '..' of MariaDB, PASSWORD '..' of PostgreSQL.
_SQL = re.compile(
    r"(?i)(\b(?:identified(?:\s++(?:with|via)\s++\S{1,64}+)?\s++(?:by|as|using)|password(?!['\"]\s*+:))\s*+\(?+\s*+)"
    r"('(?:[^'\\]|\\[\s\S]|'')*'?|\"(?:[^\"\\]|\\[\s\S]|\"\")*\"?)"
)
# The end of a sqlalchemy.exc.StatementError's text; what may follow is a link.
_PARAMETERS = re.compile(r"(\[parameters: ).*?(?=\(Background on |\Z)", re.DOTALL)


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

    def text(self, text: str, *, keep_end: bool = False) -> str:
        """`text` without secrets, and without what no line has room for: its end, or with `keep_end` its middle.

        Known secrets are masked before anything is cut, so that no half of one is left.
        """
        if self._known:
            text = self._known.sub(MASK, text)
        if len(text) <= LONGEST:
            return _masked(text)
        # From a line's beginning, where no secret is likely to have begun before.
        end = text[-LONGEST // 2 :].partition("\n")[2] if keep_end else ""
        beginning = _masked(_without_half_a_url(text[: LONGEST // 2 if end else LONGEST]))
        return f"{beginning}\n{CUT}\n{_masked(end)}" if end else beginning + CUT

    def value(self, value: Any, key: str = "") -> Any:
        """Any value without secrets, as JSON has it; `key` may name one. Too long, too deep, too many: left out."""
        return Cleaning(self.text).value(value, key)


def _masked(text: str) -> str:
    """Without what looks like a secret; each pattern is tried only where it can match, as every line comes this way."""
    if "://" in text:
        text = _without_passwords(text)
    if "[parameters: " in text:
        text = _PARAMETERS.sub(rf"\1{MASK}] ", text)
    if "=" in text:
        text = _PAIR.sub(rf"\1{MASK}", text)
    if ":" in text:
        text = _ITEM.sub(rf"\1'{MASK}'", text)
    if "'" in text or '"' in text:
        text = _SQL.sub(rf"\1'{MASK}'", text)
    return text


def _without_passwords(text: str) -> str:
    """URLs without their passwords, which go to the last @ of the word: an unescaped one may hold any."""
    parts, done = [], 0
    while user := _USER.search(text, done):
        begin = user.end()
        end = begin + len(_WORD.match(text, begin)[0])  # type: ignore[index]  # it matches everywhere
        at = text.rfind("@", begin, end)
        parts += [text[done:begin], MASK] if at >= 0 else [text[done:end]]
        done = at if at >= 0 else end
    return "".join(parts) + text[done:]


def _without_half_a_url(text: str) -> str:
    """What was cut within a URL, without the URL: the @ that tells its password may be what is missing."""
    word = (text.rsplit(maxsplit=1) or [""])[-1]
    begin, within = text.rfind(word), word.find("://")
    return text[: begin + within] if within >= 0 else text


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
