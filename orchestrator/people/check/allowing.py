"""Comments of a revision that allow a finding: `# orchestrator: allow CODE[, CODE]: REASON`.

A comment beside or above a statement counts for that statement; one before `upgrade` counts for the whole revision.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from orchestrator.people.check.model import Finding

_ALLOW = re.compile(r"#\s*orchestrator:\s*allow\s+(?P<codes>[\w:,\s-]+?)\s*(?::\s+(?P<reason>\S.*))?$")
_UPGRADE = re.compile(r"(async\s+)?def\s+upgrade\w*\s*\(")


class Allowance(NamedTuple):
    """One comment."""

    codes: frozenset[str]
    line: int
    lines: range
    everywhere: bool
    has_reason: bool


class Allowances:
    """The allowances of a script."""

    def __init__(self, found: Iterable[Allowance]) -> None:
        self._found = [*found]

    @classmethod
    def of(cls, path: Path) -> "Allowances":
        """Read a script; what cannot be read allows nothing."""
        try:
            text = path.read_text(encoding="utf-8")
            tokens = [*tokenize.generate_tokens(io.StringIO(text).readline)]
            spans = _spans(ast.parse(text))
        except (OSError, ValueError, SyntaxError, RecursionError, tokenize.TokenError):
            return cls(())
        head = next((number for number, line in enumerate(text.splitlines(), 1) if _UPGRADE.match(line)), 0)
        comments = [each for each in tokens if each.type == tokenize.COMMENT]
        return cls(found for each in comments if (found := _allowance(each, head, spans)))

    @property
    def without_reason(self) -> list[int]:
        """The lines of those that give no reason; they allow nothing."""
        return [each.line for each in self._found if not each.has_reason]

    def left(self, findings: Iterable[Finding]) -> list[Finding]:
        """Return the findings that no comment allows."""
        return [each for each in findings if not self._allow(each.code, each.line)]

    def _allow(self, code: str, line: int) -> bool:
        fitting = [each for each in self._found if each.has_reason and code in each.codes]
        return any(each.everywhere or line in each.lines for each in fitting)


def _spans(module: ast.Module) -> list[range]:
    """Return the lines of each simple statement."""
    simple = [each for each in ast.walk(module) if isinstance(each, ast.stmt) and not hasattr(each, "body")]
    return [range(each.lineno, (each.end_lineno or each.lineno) + 1) for each in simple]


def _allowance(token: tokenize.TokenInfo, head: int, spans: Iterable[range]) -> Allowance | None:
    found = _ALLOW.match(token.string)
    if not found:
        return None
    codes = frozenset(filter(None, re.split(r"[,\s]+", found["codes"])))
    line = token.start[0]
    at = next((each for number in (line, line + 1) for each in spans if number in each), range(0))
    return Allowance(codes, line, at, line < head, bool(found["reason"]))
