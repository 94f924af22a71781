"""Printed text as records: one per line, one per traceback, with the level that the text names."""

import logging
from collections.abc import Mapping
from typing import Any

from orchestrator.log.context import level_number
from orchestrator.log.told import json_object, level_of
from orchestrator.patterns import pattern

_TRACEBACK = "Traceback (most recent call last):"
_GROUP_END = pattern(r"\s*\+-{36,}")
_COLOUR = pattern(r"\x1b\[[0-9;]*m")
# A level where the usual formats have it, possibly after a date: "WARNING: words", "2026-11-30 07:00:00,123 - name -
# ERROR - words" of logging, "... | SUCCESS  | ..." of loguru, "... [info     ] words" of structlog.
_LEVEL = pattern(
    r"(?:[\d\-:.,TZ+ \[\]|]{0,40}(?:- [\w.]{1,60} - )?)"
    r"(?:\[?(?P<upper>TRACE|DEBUG|INFO|SUCCESS|NOTICE|WARNING|WARN|ERROR|CRITICAL|FATAL)\s*(?:[\]:|]|- )"
    r"|\[(?P<lower>debug|info|warning|error|critical)\s*\])"
)


class Unfinished:
    """The unfinished text that one thread has printed: the beginning of a line or a traceback.

    Attributes:
        length: how many characters are kept.
    """

    def __init__(self) -> None:
        self._rest = ""
        self._traceback: list[str] = []
        self.length = 0

    def add(self, text: str) -> list[str]:
        """Add printed text; return what it completes."""
        *lines, self._rest = (self._rest + text).split("\n")
        complete = [each for line in lines if (each := self._complete(line))]
        self.length = len(self._rest) + sum(map(len, self._traceback))
        return complete

    def finished(self) -> list[str]:
        """Return all kept text, complete or not."""
        texts = ["\n".join(self._traceback), self._rest]
        self._traceback, self._rest, self.length = [], "", 0
        return list(filter(None, texts))

    def _complete(self, line: str) -> str:
        """Return the line, or the traceback that it ends; nothing inside a traceback."""
        if not self._traceback:
            if not line.rstrip().endswith(_TRACEBACK):  # JSON of an app may have a whole one within a line
                return line
            self._traceback = [line]
            return ""
        self._traceback.append(line)
        is_group = "Group" in self._traceback[0]
        if _GROUP_END.fullmatch(line) if is_group else line and not line[0].isspace():
            text, self._traceback = "\n".join(self._traceback), []
            return text
        return ""


def record(text: str, logger: str, level: int | None = None) -> tuple[logging.LogRecord, Mapping[str, Any] | None]:
    """Return the record of a printed line or traceback, and the JSON object in it, if it is one.

    Args:
        text: All of it, without its line end.
        logger: The name of the record's logger.
        level: Its level; None: the level that the text names, or `info`.
    """
    told: Mapping[str, Any] | None = json_object(text)
    level = level or (level_of(told) if told else _level(text)) or logging.INFO
    words = _COLOUR.sub("", text)
    if told is None and _TRACEBACK in words:
        words, told = words.rsplit("\n", 1)[-1], {"exception": words}
    return logging.getLogRecordFactory()(logger, level, "", 0, "%s", (words,), None), told


def _level(text: str) -> int | None:
    if _TRACEBACK in text:
        return logging.ERROR
    match = _LEVEL.match(_COLOUR.sub("", text[:200]))
    return level_number(match["upper"] or match["lower"]) if match else None
