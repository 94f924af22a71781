"""Finds where in its script a revision is, and the statements after that line."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.While)
_LIBRARIES = {"orchestrator", "alembic", "sqlalchemy", "contextlib"}


def running_line(path: str) -> int:
    """Return the line of the script's `upgrade` that called us, at any depth; 0 if it did not.

    Negative if a helper function is in between: the statement at that line may then be half done.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # inspect.stack() would read every file of the way
    helped = False
    while frame and not (frame.f_code.co_filename == path and frame.f_code.co_name == "upgrade"):
        helped = helped or frame.f_globals.get("__name__", "").partition(".")[0] not in _LIBRARIES
        frame = frame.f_back
    return 0 if not frame else -frame.f_lineno if helped else frame.f_lineno


def left_after(path: str, line: int) -> list[str]:
    """Return the source of the statements of `upgrade` after a line; empty if that is unknown.

    Args:
        path: The script.
        line: As `running_line` returned it.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        upgrade = _upgrade(ast.parse(text))
    except (OSError, ValueError, SyntaxError):
        return []
    if not (upgrade and line):
        return []
    unfinished = _unfinished(upgrade, line)
    behind = (unfinished.end_lineno or 0) if unfinished else line
    rest = [f"the rest of: {_first_line(text, unfinished)}"] if unfinished else []
    return rest + [ast.get_source_segment(text, each) or "" for each in _statements(upgrade) if each.lineno > behind]


def _unfinished(upgrade: ast.FunctionDef, line: int) -> ast.stmt | None:
    """Return the statement that must continue: a loop around the line, or the call of a helper at it."""
    around = [each for each in ast.walk(upgrade) if isinstance(each, ast.stmt) and _around(each, abs(line))]
    inside = [each for each in around if each is not upgrade]
    loops = [each for each in inside if isinstance(each, _LOOPS)]
    return (loops or (inside[-1:] if line < 0 else []) or [None])[0]


def _upgrade(module: ast.Module) -> ast.FunctionDef | None:
    return next((each for each in module.body if isinstance(each, ast.FunctionDef) and each.name == "upgrade"), None)


def _around(statement: ast.stmt, line: int) -> bool:
    return statement.lineno <= line <= (statement.end_lineno or 0)


def _first_line(text: str, statement: ast.stmt) -> str:
    return text.splitlines()[statement.lineno - 1].strip()


def _statements(upgrade: ast.FunctionDef) -> Iterator[ast.stmt]:
    """Yield the simple statements in their order."""
    inner = [each for each in ast.walk(upgrade) if isinstance(each, ast.stmt) and not isinstance(each, _COMPOUND)]
    yield from sorted(inner, key=lambda each: each.lineno)
