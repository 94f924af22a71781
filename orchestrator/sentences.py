"""Sentences with data in them: the right number, nothing about what is not known, and foreign words kept apart.

A template is one of `str.format`, and more:

- `{count:revision}` is "1 revision" or "2 revisions", `{count:is/are}` only the word;
- `[; held by {holder}]` is left out when the holder is empty, zero or not known.
"""

import re
import string
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Self

_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_NOUN = re.compile(r"[a-z]{2,}(?:[ /][a-z]+)*")


class _Formatter(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> Any:
        """As usual, and the words of a count."""
        if not _NOUN.fullmatch(format_spec):
            return super().format_field(value, format_spec)
        one, _, many = format_spec.partition("/")
        if many:
            return one if value == 1 else many
        return f"{value} {one}" if value == 1 else f"{value:,} {one}s"


_FORMATTER = _Formatter()


def said(template: str, values: Mapping[str, Any]) -> str:
    """The sentence of a template with these values."""
    parts = _parts(template)
    if parts is None:
        return template.format_map(values)
    return "".join(_FORMATTER.vformat(text, (), values) for text, names in parts if all(values[name] for name in names))


@cache
def _parts(template: str) -> list[tuple[str, tuple[str, ...]]] | None:
    """The text in pieces, each with the fields without which it is left out; none when `str.format` will do."""
    pieces = _OPTIONAL.split(template)
    if len(pieces) == 1 and not any(
        _NOUN.fullmatch(spec or "") for _, _, spec, _ in string.Formatter().parse(template)
    ):
        return None
    return [(piece, _names(piece) if number % 2 else ()) for number, piece in enumerate(pieces) if piece]


def _names(piece: str) -> tuple[str, ...]:
    return tuple(name for _, name, _, _ in string.Formatter().parse(piece) if name)


class Words(str):
    """Our own sentence with foreign values in it: a normal text, but only its values are cleaned of secrets.

        error_message=Words("there is no {file} in {directory}", file="env.py", directory=given)

    A password that is a word of the sentence must not be masked in it. A part or a sum of it is plain
    text again, and is cleaned as a whole.
    """

    __slots__ = ("template", "values")
    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, **values: Any) -> Self:
        """The template with its values."""
        made = super().__new__(cls, said(template, values))
        made.template, made.values = template, values
        return made

    def cleaned(self, clean: Callable[[Any], Any]) -> str:
        """The sentence with clean values."""
        return said(self.template, {name: cleaned(value, clean) for name, value in self.values.items()})


class Ours(Words):
    """Our own sentence without foreign values."""

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """The text as it is."""
        made = str.__new__(cls, text)
        made.template, made.values = "", {}
        return made

    def cleaned(self, _clean: Callable[[Any], Any]) -> str:
        """The sentence as it is."""
        return str.__str__(self)


def joined(separator: str, parts: Iterable[str]) -> Words:
    """The parts as one sentence; each stays what it is: ours, foreign, or a sentence with foreign values."""
    named = {f"part{number}": part for number, part in enumerate(parts)}
    return Words(separator.join(f"{{{name}}}" for name in named), **named)


def cleaned(value: Any, clean: Callable[[Any], Any]) -> Any:
    """A foreign value without secrets; in our own sentences, also in a list of faults, only the values are foreign."""
    if type(value) is str:  # each request has two of them
        return clean(value)
    if isinstance(value, Words):
        return value.cleaned(clean)
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        return [{name: cleaned(words, clean) for name, words in each.items()} for each in value]
    return clean(value) if isinstance(value, str | list) else value
