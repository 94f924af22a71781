"""Tracebacks as text, without values of variables, SQL parameters or secrets; formatting never fails.

The message of an exception is foreign text. Paths and code are not: a password that equals the name of a package must
not make a traceback unreadable.
"""

import contextlib
import sys
import traceback
from collections.abc import Iterator
from typing import Any

from orchestrator.log.redaction import REDACTOR
from orchestrator.log.values import kind, safe_repr

_FRAMES = 1_000  # the innermost; as many as Python's own limit of recursion allows


def told(given: Any) -> str:
    """Return the traceback of a record's `exc_info`: an exception, a tuple, or True for the current one.

    Returns:
        The traceback with its causes and groups, without secrets; empty without an exception.
    """
    if given and not isinstance(given, tuple | BaseException):
        given = sys.exc_info()
    candidates = given if isinstance(given, tuple) else (given,)
    error = next((each for each in candidates if isinstance(each, BaseException)), None)
    if error is None:
        return ""
    _hide_parameters(error)
    try:
        whole = traceback.TracebackException(type(error), error, error.__traceback__, limit=-_FRAMES, compact=True)
        _clean(whole)
        return REDACTOR.cut("".join(whole.format()).removesuffix("\n"))
    except BaseException as failure:  # noqa: BLE001  # a SyntaxError whose text is none, say
        return REDACTOR.text(f"{kind(error)}: {safe_repr(error)} (no traceback: {kind(failure)})")


class _Stack(traceback.StackSummary):
    """Frames whose code shows no secrets."""

    def format(self, **options: Any) -> list[str]:
        """Format as Python does; the first line of each frame is its place, the others are code."""
        frames = (each.partition("\n") for each in super().format(**options))
        return [REDACTOR.name(place) + end + REDACTOR.code(code) for place, end, code in frames]


def _clean(whole: traceback.TracebackException) -> None:
    """Remove secrets from all parts, causes and groups."""
    for each in _parts(whole):
        each.stack.__class__ = _Stack
        words: Any = each
        words._str = REDACTOR.text(words._str, keep_end=True)  # noqa: SLF001  # what `str` of the exception has said
        if isinstance(words.__notes__, list):
            words.__notes__ = [REDACTOR.text(note) if isinstance(note, str) else note for note in words.__notes__]
        if isinstance(text := getattr(words, "text", None), str):  # a SyntaxError's line
            words.text = REDACTOR.code(text)
            words.msg = words.msg and REDACTOR.text(str(words.msg))


def _parts(whole: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting: list[traceback.TracebackException | None] = [whole]
    while waiting:
        if (each := waiting.pop()) is not None:
            yield each
            waiting += [each.__cause__, each.__context__, *(each.exceptions or ())]


def _hide_parameters(error: BaseException) -> None:
    """Make SQLAlchemy's errors in the chain and its groups hide their parameters."""
    errors: list[BaseException | None] = [error]
    seen: set[int] = set()
    while errors:
        each = errors.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        with contextlib.suppress(BaseException):  # a foreign __getattribute__ may raise anything
            inner = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
            errors += [each.__cause__, each.__context__, *inner]
            if hasattr(each, "hide_parameters"):
                each.hide_parameters = True
