"""Reads any input as our log lines: one object per line with surrounding text, or documents that contain objects.

Prefixes and suffixes are those of `docker compose logs`, `docker logs -t`, `aws logs tail` and `--output text`.
Wrappers are the objects of log drivers and of `aws logs filter-log-events`, `get-log-events`, `get-query-results`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

import orjson

from orchestrator.timeline.documents import Document
from orchestrator.timeline.words import number

LINE_BYTES = 1_048_576  # CloudWatch's largest event; a longer line is a document, or is skipped
MAX_WRAPPERS = 8  # objects, lists and texts around a line
_MESSAGES = frozenset({"message", "@message", "log", "value"})
"""Where wrappers keep the line: CloudWatch Logs and most agents; Logs Insights; Docker and FireLens."""
_YEARS = range(2000, 2100)
_TEN_YEARS_SECONDS = 3.2e8
_BOOT_ID_CHARACTERS = 64


@dataclass(frozen=True)
class Line:
    """One event of a start.

    Attributes:
        began: When its process began, in seconds since 1970, by the clock of this line.
        elapsed_seconds: Seconds from then to the event.
        fields: The line's fields, unchanged.
    """

    boot_id: str
    event: str
    began: float
    elapsed_seconds: float
    fields: dict[str, Any]


class Reading:
    """Our lines in a stream; `skipped` counts the others."""

    def __init__(self, stream: BinaryIO) -> None:
        self.skipped = 0
        self._stream = stream
        self._document: Document | None = None
        self._found = 0  # lines in the document
        self._counted = 0  # the value of `skipped` when the document began
        self._within_line = False  # the next piece continues the line
        self._rest = False  # of a skipped line

    def __iter__(self) -> Iterator[Line]:
        """Read to the end, in bounded memory.

        Raises:
            OSError: the stream cannot be read.
        """
        while piece := self._stream.readline(LINE_BYTES):
            if self._document:
                yield from self._go_on(self._document, piece)
            elif not self._rest:
                yield from self._begin(piece)
            self._within_line = not piece.endswith(b"\n")
            self._rest = self._rest and self._within_line
        self.skipped += self._document is not None

    def _begin(self, piece: bytes) -> Iterator[Line]:
        """Read the beginning of a line: an object, the beginning of a document, or foreign text."""
        if (found := _object(piece)) is not None:
            yield from self._lines(found)
        elif (text := piece.lstrip(b"\xef\xbb\xbf \t\r\n"))[:1] in {b"{", b"["}:
            yield from self._go_on(Document(), text, fresh=True)
        else:
            self._give_up(piece)

    def _go_on(self, document: Document, piece: bytes, *, fresh: bool = False) -> Iterator[Line]:
        """Read one more piece of a document; if the document breaks off, a line may begin there."""
        if fresh:
            self._document, self._found, self._counted = document, 0, self.skipped
        try:
            for found in document.feed(piece):
                lines = self._lines(found, part=True)
                self._found += len(lines)
                yield from lines
        except ValueError:
            self._document = None
            if fresh or self._within_line:
                self._give_up(piece)
            else:
                before = self.skipped
                yield from self._begin(piece)
                self.skipped = max(self.skipped, before + 1)
        else:
            if document.ended:
                self._document = None
                self.skipped += not self._found and self.skipped == self._counted

    def _give_up(self, piece: bytes) -> None:
        self.skipped += bool(piece.strip())
        self._rest = True

    def _lines(self, found: dict[str, Any], *, part: bool = False) -> list[Line]:
        """Return our lines in an object; a `part` of a document counts as a line only if it contains one."""
        before = self.skipped
        lines = self._unwrapped(found, MAX_WRAPPERS)
        if not (lines or part) and self.skipped == before:
            self.skipped += 1
        return lines

    def _unwrapped(self, value: Any, wrappers: int) -> list[Line]:
        if isinstance(value, dict):
            if line := _line(value):
                return [line]
            return [line for key, each in value.items() for line in self._of_field(value, key, each, wrappers)]
        if isinstance(value, list) and wrappers:
            return [line for each in value for line in self._unwrapped(each, wrappers - 1)]
        return []

    def _of_field(self, wrapper: dict[str, Any], key: str, value: Any, wrappers: int) -> list[Line]:
        """Return the lines in one field of a wrapper; a message without any is a skipped line."""
        if not isinstance(value, str):
            return self._unwrapped(value, wrappers - 1) if wrappers else []
        if key not in _MESSAGES or (key == "value" and wrapper.get("field") != "@message"):
            return []
        lines = self._unwrapped(_object(value), wrappers - 1) if wrappers else []
        self.skipped += not lines
        return lines


def _object(text: bytes | str) -> dict[str, Any] | None:
    """Return the JSON object in a line, without the text around it."""
    begin, end = (text.find(b'{"'), text.rfind(b"}")) if isinstance(text, bytes) else (text.find('{"'), text.rfind("}"))
    if begin < 0 or end < begin:
        return None
    candidate = text[begin : end + 1]
    try:
        found = orjson.loads(candidate)
    except orjson.JSONDecodeError:
        found = _object_with_surrogates(candidate)
    return found if isinstance(found, dict) else None


def _object_with_surrogates(text: bytes | str) -> Any:
    """Parse half of a surrogate pair, which orjson refuses and JSON allows; our own lines may contain one."""
    if (b"\\ud" if isinstance(text, bytes) else "\\ud") not in text:  # type: ignore[operator]
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _line(found: dict[str, Any]) -> Line | None:
    """Return an object as a line, if it has the fields that each of our lines has."""
    event, boot_id, timestamp = found.get("event"), found.get("boot_id"), found.get("timestamp")
    elapsed = number(found.get("elapsed_seconds"), most=_TEN_YEARS_SECONDS)
    if not (isinstance(event, str) and isinstance(boot_id, str) and isinstance(timestamp, str)) or elapsed is None:
        return None
    at = _epoch_seconds(timestamp)
    if at is None or not 0 < len(boot_id) <= _BOOT_ID_CHARACTERS:
        return None
    return Line(boot_id, event, at - elapsed, elapsed, found)


def _epoch_seconds(timestamp: str) -> float | None:
    try:
        moment = datetime.fromisoformat(timestamp)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo and moment.year in _YEARS else None
