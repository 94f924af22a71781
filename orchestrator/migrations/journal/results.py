"""What a statement answered, as far as the journal keeps it: two numbers, and no rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class StatementResult:
    """What a PEP 249 cursor knows after `execute`; its rows stay with the driver.

    Attributes:
        description: the columns, where it returned rows.
        recorded: it was not run now: the numbers are those of an earlier run.
        returned: what the driver's method returned.
    """

    description: Sequence[Sequence[Any]] | None = None
    rowcount: int = -1
    lastrowid: Any = None
    recorded: bool = False
    returned: Any = None


def digest_of(sql: str, parameters: Any) -> str:
    """Return a hash of a statement and its parameters."""
    return hashlib.sha256(f"{sql}\0{parameters!r}".encode("utf-8", "surrogatepass")).hexdigest()
