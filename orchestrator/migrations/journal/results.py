"""What a database answered to a statement, and how the journal keeps it, so that it can be given again."""

import base64
import datetime as dt
import decimal
import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

LARGEST = 65_536  # characters of a kept answer; of a larger one only the digest is kept

_TEXTUAL: dict[type, Callable[[str], Any]] = {
    decimal.Decimal: decimal.Decimal,
    dt.datetime: dt.datetime.fromisoformat,
    dt.date: dt.date.fromisoformat,
    dt.time: dt.time.fromisoformat,
    uuid.UUID: uuid.UUID,
}
_BY_NAME = {kind.__name__: parse for kind, parse in _TEXTUAL.items()}


class ResultTooLarge(Exception):  # noqa: N818  # a fact, not an error
    """An answer that is too large, or holds values of a type that cannot be written down."""


@dataclass(slots=True)
class StatementResult:
    """What a PEP 249 cursor knows after `execute`."""

    description: Sequence[Sequence[Any]] | None = None
    rows: Sequence[Sequence[Any]] = field(default=(), repr=False)
    rowcount: int = -1
    lastrowid: Any = None

    def digest(self) -> str:
        """A hash of the rows."""
        return hashlib.sha256(repr([tuple(row) for row in self.rows]).encode("utf-8", "surrogatepass")).hexdigest()

    def kept(self) -> str:
        """The answer as text, or its digest when it is too large or strange."""
        columns = None if self.description is None else [list(column)[:7] for column in self.description]
        try:
            parts = [columns, [list(row) for row in self.rows], self.rowcount, self.lastrowid]
            text = json.dumps([_encoded(part) for part in parts])
        except ResultTooLarge:
            text = ""
        return text if 0 < len(text) <= LARGEST else json.dumps({"digest": self.digest()})

    @classmethod
    def of(cls, text: str) -> "StatementResult":
        """The kept answer.

        Raises:
            NotKept: only its digest was kept.
        """
        parts = json.loads(text)
        if isinstance(parts, dict):
            raise ResultTooLarge(parts["digest"])
        return cls(*[_decoded(part) for part in parts])


def kept_error(error: Exception) -> str:
    """A driver's error as text: its class and its arguments."""
    arguments = [each if isinstance(each, int | str | None) else str(each) for each in error.args]
    return json.dumps([type(error).__name__, arguments])


def digest_of(sql: str, parameters: Any) -> str:
    """A hash of a statement and its parameters."""
    return hashlib.sha256(f"{sql}\0{parameters!r}".encode("utf-8", "surrogatepass")).hexdigest()


def _encoded(value: Any) -> Any:
    if value is None or type(value) in {bool, int, float, str}:
        return value
    if type(value) in {list, tuple}:
        return {"list" if type(value) is list else "tuple": [_encoded(each) for each in value]}
    if type(value) in {bytes, bytearray}:
        return {"bytes": base64.b64encode(value).decode()}
    if type(value) is dt.timedelta:
        return {"timedelta": [value.days, value.seconds, value.microseconds]}
    if type(value) in _TEXTUAL:
        text = str(value) if isinstance(value, decimal.Decimal | uuid.UUID) else value.isoformat()
        return {type(value).__name__: text}
    raise ResultTooLarge


def _decoded(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    ((kind, inner),) = value.items()
    if kind in {"list", "tuple"}:
        return (list if kind == "list" else tuple)(_decoded(each) for each in inner)
    if kind == "bytes":
        return base64.b64decode(inner)
    return dt.timedelta(*inner) if kind == "timedelta" else _BY_NAME[kind](inner)
