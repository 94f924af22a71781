"""Runs squawk (https://squawkhq.com), a maintained linter that knows the locks of PostgreSQL.

Its rules about locks and failures are used. Its rules about style are not, nor those that duplicate a rule of the
orchestrator.
"""

import json
import re
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
_PLACEHOLDER = re.compile(r"'(?:[^']|'')*'|::|(?P<name>__\[POSTCOMPILE_\w+\]|:[A-Za-z_]\w*)")
_SYNTAX = "syntax-error"


class SquawkError(Exception):
    """Squawk could not judge the statements; the text has the reason."""


class Said(NamedTuple):
    """One finding: the index of its statement, from 0, and the rule."""

    number: int
    rule: str
    message: str
    cure: str


def program() -> str:
    """Return the path of squawk, even if the environment is not activated; empty if squawk is not installed."""
    beside = Path(sys.executable).with_name("squawk")
    return str(beside) if beside.is_file() else shutil.which("squawk") or ""


def said(statements: Sequence[Statement]) -> list[Said]:
    """Return squawk's findings in the statements of a revision.

    Raises:
        SquawkError: It could not judge the statements.
    """
    texts = [_numbered(each.sql) for each in statements]
    found = _run("".join(f"{text}\n;\n" for text in texts))
    lines = [*_lines(texts)]
    return [each for row in found if (each := _of(row, lines))]


def _numbered(sql: str) -> str:
    """Return a statement with PostgreSQL's own placeholders: those of SQLAlchemy are no SQL."""
    return _PLACEHOLDER.sub(lambda found: "$1" if found["name"] else found[0], sql)


def _run(script: str) -> list[dict[str, Any]]:
    command = [program(), "--reporter", "json", "--stdin-filepath", "revision.sql"]
    try:
        done = subprocess.run(  # noqa: S603  # a program of this environment
            command, input=script, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
        found: list[dict[str, Any]] = json.loads(done.stdout or "[]")
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise SquawkError(f"squawk failed: {type(error).__name__}: {error}") from error
    wrong = next((row for row in found if row.get("rule_name") == _SYNTAX), None)
    if wrong or (not found and done.returncode):
        raise SquawkError(f"squawk cannot read its SQL: {wrong['message'] if wrong else done.stderr.strip()}")
    return found


def _lines(texts: Sequence[str]) -> Iterator[int]:
    """Return the index of the statement at each line of the script."""
    for index, text in enumerate(texts):
        yield from [index] * (text.count("\n") + 2)  # the semicolon has a separate line: the text may end in a comment


def _of(row: dict[str, Any], lines: Sequence[int]) -> Said | None:
    rule, line = str(row.get("rule_name")), int(row.get("line", 0))
    if rule not in _TAKEN or line >= len(lines):
        return None
    return Said(lines[line], rule, str(row.get("message") or ""), str(row.get("help") or ""))


def manual(rule: str) -> str:
    """Return the address of a rule's page."""
    return f"https://squawkhq.com/docs/{rule}"
