"""The findings of squawk (https://squawkhq.com) in SQL for PostgreSQL: a maintained tool that knows its locks.

Its rules about locks and failures are used; those about style are not, nor those that we have ourselves.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from orchestrator.people.recording.recorder import Statement

_TAKEN = {
    "adding-field-with-default",
    "adding-not-nullable-field",
    "adding-primary-key-constraint",
    "adding-required-field",
    "adding-serial-primary-key-field",
    "ban-alter-domain-with-add-constraint",
    "ban-create-domain-with-constraint",
    "ban-truncate-cascade",
    "changing-column-type",
    "constraint-missing-not-valid",
    "disallowed-unique-constraint",
    "require-concurrent-index-creation",
    "require-concurrent-index-deletion",
    "transaction-nesting",
}
_SECONDS = 60


class Said(NamedTuple):
    """One finding: of which statement, counted from 0, and by which rule."""

    number: int
    rule: str
    message: str
    cure: str


def program() -> str:
    """Return where squawk is, also where the environment is not activated; empty if it is not installed."""
    beside = Path(sys.executable).with_name("squawk")
    return str(beside) if beside.is_file() else shutil.which("squawk") or ""


def said(statements: Sequence[Statement]) -> list[Said]:
    """Return squawk's findings in the statements of a revision."""
    texts = [each.sql for each in statements]
    script = "".join(f"{text};\n" for text in texts)
    command = [program(), "--reporter", "json", "--stdin-filepath", "revision.sql"]
    done = subprocess.run(  # noqa: S603  # a program of this environment
        command, input=script, capture_output=True, text=True, timeout=_SECONDS, check=False
    )
    try:
        found = json.loads(done.stdout or "[]")
    except ValueError:
        return []
    lines = [*_lines(texts)]
    return [each for row in found if (each := _of(row, lines))]


def _lines(texts: Sequence[str]) -> Iterator[int]:
    """Return the index of the statement at each line of the script."""
    for index, text in enumerate(texts):
        yield from [index] * (text.count("\n") + 1)


def _of(row: dict[str, Any], lines: Sequence[int]) -> Said | None:
    rule, line = str(row.get("rule_name")), int(row.get("line", 0))
    if rule not in _TAKEN or line >= len(lines):
        return None
    return Said(lines[line], rule, str(row.get("message") or ""), str(row.get("help") or ""))


def manual(rule: str) -> str:
    """Return the page of a rule."""
    return f"https://squawkhq.com/docs/{rule}"
