"""Tracebacks as text: no values of variables, no SQL parameters, and no failure, whatever the exception is made of."""

import contextlib
import sys
import traceback
from typing import Any

from orchestrator.log.values import kind, safe_repr

_FRAMES = 1_000  # the innermost; as many as Python's own limit of recursion allows


def told(given: Any) -> str:
    """What a record's `exc_info` tells: an exception, the tuple of `sys.exc_info`, or that there is one right now.

    Returns:
        The traceback with its causes and groups; empty when there is no exception.
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
        return "".join(whole.format()).removesuffix("\n")
    except BaseException as failure:  # noqa: BLE001  # a SyntaxError whose text is none, say
        return f"{kind(error)}: {safe_repr(error)} (no traceback: {kind(failure)})"


def _hide_parameters(error: BaseException) -> None:
    """Tell SQLAlchemy's errors, wherever they stand in chains and groups, to keep the parameters to themselves."""
    errors: list[BaseException | None] = [error]
    seen: set[int] = set()
    while errors:
        each = errors.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        with contextlib.suppress(BaseException):  # whatever a foreign __getattribute__ does
            inner = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
            errors += [each.__cause__, each.__context__, *inner]
            if hasattr(each, "hide_parameters"):
                each.hide_parameters = True
