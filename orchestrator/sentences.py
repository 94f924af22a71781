"""Sentences with data: correct plurals, nothing about unknown values, and foreign text kept apart from our own.

A template is that of `str.format`, with two additions:

- `{count:revision}` is "1 revision" or "2 revisions"; `{count:is/are}` is the word alone;
- `[; held by {holder}]` is left out if the holder is empty, zero or unknown.
"""

import string
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Self

from orchestrator.patterns import pattern

_OPTIONAL = pattern(r"\[([^\[\]]*)\]")
_NOUN = pattern(r"[a-z]{2,}(?:[ /][a-z]+)*")


class _Formatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        """Format a value as `str.format` does, and the words of a count."""
        if not _NOUN.fullmatch(format_spec):
            return super().format_field(value, format_spec)
        one, _, many = format_spec.partition("/")
        if many:
            return one if value == 1 else many
        return f"{value} {one}" if value == 1 else f"{value:,} {one}s"


_FORMATTER = _Formatter()


def said(template: str, values: Mapping[str, Any]) -> str:
    """Return the sentence of a template with these values."""
    parts = _parts(template)
    if parts is None:
        return template.format_map(values)
    return "".join(_FORMATTER.vformat(text, (), values) for text, names in parts if all(values[name] for name in names))


@cache
def _parts(template: str) -> list[tuple[str, tuple[str, ...]]] | None:
    """Return the template in pieces, each with the fields that it needs; None if `str.format` is enough."""
    pieces = _OPTIONAL.split(template)
    if len(pieces) == 1 and not any(
        _NOUN.fullmatch(spec or "") for _, _, spec, _ in string.Formatter().parse(template)
    ):
        return None
    return [(piece, _names(piece) if number % 2 else ()) for number, piece in enumerate(pieces) if piece]


def _names(piece: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in string.Formatter().parse(piece) if name)


class Words(str):
    """Our own sentence with foreign values in it: a normal str, but only its values are cleaned of secrets.

        error_message=Words("there is no {file} in {directory}", file="env.py", directory=given)

    If a password happens to be a word of the sentence, that word must not be masked. A slice or a concatenation of the
    sentence is plain text again, and is cleaned as a whole.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        """Return the template with its values."""
        made = super().__new__(cls, said(template, values))
        made.template, made.values = template, values
        return made

    def cleaned(self, clean: Callable[[Any], Any]) -> str:
        """Return the sentence with cleaned values."""
        return said(self.template, {name: cleaned(value, clean) for name, value in self.values.items()})


class Ours(Words):
    """Our own sentence without foreign values."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Return the text unchanged."""
        made = str.__new__(cls, text)
        made.template, made.values = "", {}
        return made

    def cleaned(self, _clean: Callable[[Any], Any]) -> str:
        """Return the sentence unchanged."""
        return str.__str__(self)


def joined(separator: str, parts: Iterable[str]) -> Words:
    """Join the parts into one sentence. Each part keeps its kind: ours, foreign, or ours with foreign values."""
    named = {f"part{number}": part for number, part in enumerate(parts)}
    return Words(separator.join(f"{{{name}}}" for name in named), **named)


def cleaned(value: Any, clean: Callable[[Any], Any]) -> Any:
    """Return a value without secrets. In our own sentences (also inside a list) only the foreign values are cleaned."""
    if type(value) is str:  # each request has two of them
        return clean(value)
    if isinstance(value, Words):
        return value.cleaned(clean)
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [{name: cleaned(words, clean) for name, words in each.items()} for each in value]
    return clean(value) if isinstance(value, str | list) else value


def text_of(error: BaseException) -> str:
    """Return the text of an exception; empty if its class fails to make one."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001  # whatever a foreign __str__ does
        return ""
