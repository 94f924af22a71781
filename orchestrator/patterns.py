"""Regular expressions that are compiled at their first use: to compile one takes 40 us, and most starts use few."""

import re
from typing import Any, AnyStr, cast


def pattern(text: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what `re.compile` would return, compiled later. Only its methods and attributes are the same."""
    return cast("re.Pattern[AnyStr]", _Later(text, flags))


class _Later:
    def __init__(self, text: Any, flags: int) -> None:
        self._text, self._flags = text, flags

    def __getattr__(self, name: str) -> Any:
        """Compile, and keep what was asked for, so that the next use finds it."""
        found = vars(self)[name] = getattr(re.compile(self._text, self._flags), name)
        return found
