"""Masks unknown secrets in their usual places: URLs, DSNs, and the SQL that creates users.

Each pattern runs in linear time on any text, and also masks a secret whose end was cut off.
"""

import re

from orchestrator.log.values import MASK
from orchestrator.patterns import pattern

# The text between a URL's scheme and its password.
_USER = pattern(r"://[^\s:/@]*+:")
_WORD = pattern(r"\S*+")
# The text after `password=` in a query, a DSN or a keyword argument.
_NAMED = r"(?i)(\b\w*(?:password|passwd|secret|token)=)"
_LITERAL = r"'[^']*+(?:'|\Z)|\"[^\"]*+(?:\"|\Z)"
_PAIR = pattern(rf"{_NAMED}({_LITERAL}|[^\s&,;)]+)")
_PAIR_IN_CODE = pattern(rf"{_NAMED}({_LITERAL})")
# The same as a key of a dict or of JSON in a text.
_ITEM = pattern(
    r"(?i)(['\"]\w*(?:password|passwd|secret|token)['\"]\s*+:\s*+)"
    r"('(?:[^'\\]|\\[\s\S])*(?:'|\\?\Z)|\"(?:[^\"\\]|\\[\s\S])*(?:\"|\\?\Z))"
)
# IDENTIFIED [WITH plugin] BY '..' of MySQL, VIA plugin USING '..' of MariaDB, PASSWORD '..' of PostgreSQL. Not
# Alembic's "Can't locate revision identified by '..'", and not a column's name with the next quote: 'password', 'id'.
_SQL = pattern(
    r"(?i)((?<!revision )(?<!revisions )\b"
    r"(?:identified(?:\s++(?:with|via)\s++\S{1,64}+)?\s++(?:by|as|using)|password(?=[\s(]))\s*+\(?+\s*+)"
    r"('(?:[^'\\]|\\[\s\S]|'')*'?|\"(?:[^\"\\]|\\[\s\S]|\"\")*\"?)"
)
# The end of a sqlalchemy.exc.StatementError's text; a link may follow.
_PARAMETERS = pattern(r"(\[parameters: ).*?(?=\(Background on |\Z)", re.DOTALL)


def in_text(text: str) -> str:
    """Return a text without likely secrets. Every line passes here, so each pattern is tried only if it can match."""
    if "://" in text:
        text = _without_passwords(text)
    text = without_parameters(text)
    if "=" in text:
        text = _PAIR.sub(rf"\1{MASK}", text)
    return _in_quotes(text)


def without_parameters(text: str) -> str:
    """Return a text without the parameters of a statement of SQLAlchemy."""
    return _PARAMETERS.sub(rf"\1{MASK}] ", text) if "[parameters: " in text else text


def in_code(text: str) -> str:
    """Return code without literals that are secrets; names and expressions stay."""
    if "://" in text:
        text = _without_passwords(text)
    if "=" in text:
        text = _PAIR_IN_CODE.sub(rf"\1'{MASK}'", text)
    return _in_quotes(text)


def _in_quotes(text: str) -> str:
    if ":" in text:
        text = _ITEM.sub(rf"\1'{MASK}'", text)
    if "'" in text or '"' in text:
        text = _SQL.sub(rf"\1'{MASK}'", text)
    return text


def _without_passwords(text: str) -> str:
    """Return URLs without their passwords, which end at the last @ of the word: an unescaped one may contain any."""
    parts, done = [], 0
    while user := _USER.search(text, done):
        begin = user.end()
        end = begin + len(_WORD.match(text, begin)[0])  # type: ignore[index]  # it matches everywhere
        at = text.rfind("@", begin, end)
        parts += [text[done:begin], MASK] if at >= 0 else [text[done:end]]
        done = at if at >= 0 else end
    return "".join(parts) + text[done:]


def without_half_a_url(text: str) -> str:
    """Remove a URL in which the text was cut: the `@` that ends its password may be missing."""
    word = (text.rsplit(maxsplit=1) or [""])[-1]
    begin, within = text.rfind(word), word.find("://")
    return text[: begin + within] if within >= 0 else text
