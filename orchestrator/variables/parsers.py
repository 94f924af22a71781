"""Parsers of environment variables: each returns the value, or raises ValueError with a sentence about valid texts."""

import ipaddress
import math
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

from orchestrator.patterns import pattern

LogLevel = Literal["debug", "info", "warning", "error", "critical"]
LogFormat = Literal["auto", "json", "text"]
Embedded = Literal["allow", "forbid"]
WhenAhead = Literal["serve", "fail"]
WhenHalfApplied = Literal["resume", "fail"]
StatusDetail = Literal["public", "full"]
Metrics = Literal["none", "emf"]
_NUMBER = pattern(r"[+-]?([0-9]{1,20}(\.[0-9]{0,20})?|\.[0-9]{1,20})([eE][+-]?[0-9]{1,3})?")
_DAY_SECONDS = 86_400
_TRUE = {"true", "1", "t", "y", "yes", "on"}
_FALSE = {"false", "0", "f", "n", "no", "off"}


def as_it_is(text: str) -> str:
    """Return the text."""
    return text


def matching(pattern: str, form: str) -> Callable[[str], str]:
    """Return a parser of texts that the whole `pattern` matches; `form` is the sentence about it."""

    def parse(text: str) -> str:
        if not re.fullmatch(pattern, text):
            raise ValueError(form)
        return text

    return parse


def flag(text: str) -> bool:
    """Accept the usual words for true and false."""
    word = text.lower()
    if word not in _TRUE | _FALSE:
        raise ValueError("it must be `true` or `false`")
    return word in _TRUE


def true_or_false(text: str) -> bool:
    """Accept `true` and `false` only: with `1` or `yes`, the intended value is a guess."""
    if text not in {"true", "false"}:
        raise ValueError("it must be `true` or `false`")
    return text == "true"


def whole_number(least: int, most: int, form: str = "") -> Callable[[str], int]:
    """Return a parser of ASCII digits: `3_306`, `3306.0` and digits of other scripts are mistakes."""

    def parse(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,20}", text) or not least <= int(text) <= most:
            raise ValueError(form or f"it must be a whole number from {least} to {most}")
        return int(text)

    return parse


def seconds(text: str) -> float:
    """Accept a number from 0 to the seconds of a day."""
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 <= number <= _DAY_SECONDS:
        raise ValueError(f"it must be a number of seconds from 0 to {_DAY_SECONDS}")
    return number


def positive_seconds(text: str) -> float:
    """Accept a number above 0, up to the seconds of a day."""
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    if not 0 < number <= _DAY_SECONDS:
        raise ValueError(f"it must be a number of seconds above 0, at most {_DAY_SECONDS}")
    return number


def choice(literal: Any, *, any_case: bool = False) -> Callable[[str], str]:
    """Return a parser of the words of a `Literal`."""
    words: tuple[str, ...] = get_args(literal)

    def parse(text: str) -> str:
        word = text.lower() if any_case else text
        if word not in words:
            *others, last = (f"`{each}`" for each in words)
            raise ValueError(f"it must be {', '.join(others)} or {last}")
        return word

    return parse


def none_if_empty(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Return a parser that gives None for an empty text."""
    return lambda text: parse(text) if text else None


def existing_file(text: str) -> Path:
    """Accept the path of an existing file."""
    path = Path(text)
    try:
        found = path.is_file()
    except (OSError, ValueError):  # the name is too long, or a parent directory is not readable
        found = False
    if not found:
        raise ValueError("there is no such file")
    return path


def arguments(text: str) -> str:
    """Accept arguments that a shell could split."""
    try:
        shlex.split(text)
    except ValueError:
        raise ValueError("a quotation mark in it has no partner") from None
    return text


def host_or_address(text: str) -> str:
    """Accept an IP address or a host name."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if not re.fullmatch(r"(?=.*[A-Za-z])[A-Za-z0-9]([A-Za-z0-9._-]{0,251}[A-Za-z0-9])?", text):
            raise ValueError("it is neither an IP address nor a host name") from None
    return text


def services(text: str) -> str:
    """Accept addresses of services, separated by commas."""
    from orchestrator.variables.service_address import parse

    parse(text)
    return text


def revision(text: str) -> str:
    """Accept a revision, `head` or `heads`; not a relative step such as `+1`."""
    if text == "base":
        raise ValueError("it must name a revision to upgrade to")
    return _revision_id(text)


_revision_id = matching(r"[^\s\x00-\x1f\x7f:+-]{1,128}", "it must be a revision, `head` or `heads`")
_NAMES = r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*"
import_string = matching(f"{_NAMES}:{_NAMES}", "it must be an import string, `module:attribute`")
label = matching(r"[^\x00-\x1f\x7f]{0,128}", "it must be at most 128 printable characters")
metric_namespace = matching(
    r"(?!AWS/)[0-9A-Za-z._/#-]{1,255}",
    "it must be 1 to 255 of the characters A-Z a-z 0-9 . - _ / # and must not begin with AWS/",
)
probe_path = matching(
    r"(/[A-Za-z0-9._~!$&'()*+,;=:@/-]{0,127})?",
    "it must be a path such as `/livez`, of at most 128 characters, without `?`, `#`, `%` and spaces",
)
