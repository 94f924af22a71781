"""Keeps passwords out of the log: known ones anywhere, unknown ones in their usual places.

Foreign text (exceptions, SQL, other libraries' records) is cleaned before it becomes a part of a line. Our own words
are not, so that a password like `app` does not spoil the names that alarms filter on. A known secret that is a common
word is masked only as a whole word, and in code only as a literal: `postgres` must not turn every URL into `***ql`.
"""

import re
from collections.abc import Iterable
from typing import Any

from orchestrator.log import guesses
from orchestrator.log.spellings import pattern_of
from orchestrator.log.values import CUT, MASK, Cleaning
from orchestrator.patterns import pattern

__all__ = ["LONGEST", "MASK", "REDACTOR", "Redactor"]

LONGEST = 32_000  # characters of a text that are looked at: twice what a line holds

_WEAK = pattern(r"\w{1,4}|[^\W\d]{1,16}")
_LEAST_OF_LINE = 4  # characters: shorter lines of a multi-line secret are not masked alone
_ESCAPED = r"(?<=\\[abfnrtv])|(?<=\dm)"  # an escape sequence of Python, or the code of a colour

Pattern = re.Pattern[str] | None


class Redactor:
    """Replaces the registered secrets, and text that looks like one, by `***`."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._known: Pattern = None
        self._known_in_code: Pattern = None
        self._strong: Pattern = None

    def register(self, secrets: Iterable[str]) -> None:
        """Mask these from now on, in all forms that a library may give them."""
        self._replace(self._secrets.union(filter(None, secrets)))

    def forget(self, secrets: Iterable[str]) -> None:
        """Forget these secrets: masking a secret requires keeping it in memory."""
        self._replace(self._secrets.difference(secrets))

    def _replace(self, secrets: set[str]) -> None:
        if secrets == self._secrets:
            return
        self._secrets = secrets
        parts = {line.strip() for each in secrets if "\n" in each for line in each.splitlines()}
        every = secrets.union(part for part in parts if len(part) >= _LEAST_OF_LINE)
        weak = {each for each in every if _WEAK.fullmatch(each)}
        strong = {each: pattern_of(each) for each in every - weak}
        self._strong = _any_of(strong)
        self._known = _any_of(strong | {each: _as_word(each) for each in weak})
        self._known_in_code = _any_of(strong | {each: _as_literal(each) for each in weak})

    def known(self, text: str) -> str:
        """Return `text` without the registered secrets."""
        return self._known.sub(MASK, text) if self._known else text

    def text(self, text: str, *, keep_end: bool = False) -> str:
        """Return `text` without secrets, shortened to fit a line: the end is cut, or the middle with `keep_end`.

        Known secrets and parameters are masked before the cut, so that no part of them remains.
        """
        text = guesses.without_parameters(self.known(text))
        if len(text) <= LONGEST:
            return guesses.in_text(text)
        # Cut at the beginning of a line, so that no secret is cut in half.
        end = text[-LONGEST // 2 :].partition("\n")[2] if keep_end else ""
        beginning = guesses.in_text(guesses.without_half_a_url(text[: LONGEST // 2 if end else LONGEST]))
        return f"{beginning}\n{CUT}\n{guesses.in_text(end)}" if end else beginning + CUT

    def cut(self, text: str) -> str:
        """Return a clean text, without its middle if it is too long."""
        if len(text) <= LONGEST:
            return text
        return f"{text[: LONGEST // 2]}\n{CUT}\n{text[-LONGEST // 2 :].partition(chr(10))[2]}"

    def code(self, text: str) -> str:
        """Return code without secrets; a common word is masked only if it is a whole literal."""
        return guesses.in_code(self._known_in_code.sub(MASK, text) if self._known_in_code else text)

    def name(self, text: str) -> str:
        """Return a key or a path without secrets; a common word stays."""
        return self._strong.sub(MASK, text) if self._strong else text

    def value(self, value: Any, key: str = "") -> Any:
        """Return any value without secrets, as JSON data; `key` may name a secret.

        Too long, deep or numerous parts are omitted.
        """
        if type(value) is str and not key:
            return self.text(value)
        return Cleaning(self.text, self.name).value(value, key)


def _any_of(patterns: dict[str, str]) -> Pattern:
    """Return one pattern; a secret comes after those that begin with it, or the rest of them would stay."""
    return re.compile("|".join(patterns[each] for each in sorted(patterns, reverse=True))) if patterns else None


def _as_word(word: str) -> str:
    """Return a pattern that does not match inside a longer word or number."""
    before = r"\w" if word[0].isdigit() else r"[^\W\d]"
    after = r"\w" if word[-1].isdigit() else r"[^\W\d]"
    return rf"(?:(?<!{before})|{_ESCAPED}){re.escape(word)}(?!{after})"


def _as_literal(word: str) -> str:
    return rf"(?<=['\"]){re.escape(word)}(?=['\"])"


REDACTOR = Redactor()
