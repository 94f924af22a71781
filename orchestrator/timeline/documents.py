"""Reads JSON over many lines, or very long JSON, as a stream: pages of the AWS CLI, exports, jq's output.

Each object is returned, flat, when it ends. Memory is bounded by the limits below.
"""

from collections.abc import Iterator
from typing import Any

import ijson

MAX_DEPTH = 64
MAX_FIELDS = 200  # per object: as many as CloudWatch itself discovers
MAX_TOKEN_BYTES = 2_000_000  # CloudWatch's largest event is 1 MB, and escaping it may double that
_PIECE_BYTES = 65_536  # parsed at once: each byte may be a token


class Document:
    """One JSON text, or several in sequence, fed piece by piece."""

    def __init__(self) -> None:
        self._tokens: Any = ijson.sendable_list()
        self._parser = ijson.basic_parse_coro(self._tokens, multiple_values=True, use_float=True)
        self._open: list[dict[str, Any] | None] = []  # objects, and None for arrays
        self._keys: list[str] = []
        self._bytes_in_token = 0

    @property
    def ended(self) -> bool:
        """Return whether every object and list is closed."""
        return not self._open

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Return the objects that end in `data`: their keys with scalar values.

        Raises:
            ValueError: the text is not JSON, or exceeds the limits.
        """
        for begin in range(0, len(data), _PIECE_BYTES):
            piece = data[begin : begin + _PIECE_BYTES]
            failed = self._parse(piece)
            tokens = list(self._tokens)
            self._tokens.clear()
            self._bytes_in_token = 0 if tokens else self._bytes_in_token + len(piece)
            for kind, value in tokens:
                if (ended := self._take(kind, value)) is not None:
                    yield ended
            if failed or self._bytes_in_token > MAX_TOKEN_BYTES:
                raise ValueError("no JSON, or a text without end") from failed

    def _parse(self, piece: bytes) -> Exception | None:
        """Parse a piece into tokens, and return the error, if any; the tokens before it count."""
        try:
            self._parser.send(piece)
        except (ijson.JSONError, ValueError, StopIteration) as error:
            return error
        return None

    def _take(self, kind: str, value: Any) -> dict[str, Any] | None:
        if kind in {"start_map", "start_array"}:
            if len(self._open) >= MAX_DEPTH:
                raise ValueError("nested too deeply")
            self._open.append({} if kind == "start_map" else None)
            self._keys.append("")
        elif kind in {"end_map", "end_array"}:
            self._keys.pop()
            return self._open.pop()
        elif kind == "map_key":
            self._keys[-1] = value
        elif self._open:
            return self._scalar(value)
        return None

    def _scalar(self, value: Any) -> dict[str, Any] | None:
        """Return an object for a text in a list, which is a log line (`--query events[].message`).

        Other scalars stay where they are.
        """
        inside = self._open[-1]
        if inside is not None:
            if len(inside) < MAX_FIELDS:
                inside[self._keys[-1]] = value
        elif isinstance(value, str) and not any(each is not None for each in self._open):
            return {"message": value}
        return None
