"""The part of a statement's result that the journal keeps: two numbers, and no rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class StatementResult:
    """The state of a PEP 249 cursor after `execute`; its rows stay with the driver.

    Attributes:
        description: the columns, if it returned rows.
        recorded: whether the numbers are those of an earlier run, because the statement was skipped.
        returned: the return value of the driver's method.
    """

    description: Sequence[Sequence[Any]] | None = None
    rowcount: int = -1
    lastrowid: Any = None
    recorded: bool = False
    returned: Any = None


def digest_of(sql: str, parameters: Any) -> str:
    """Return a hash of a statement and its parameters."""
    return hashlib.sha256(f"{sql}\0{parameters!r}".encode("utf-8", "surrogatepass")).hexdigest()
