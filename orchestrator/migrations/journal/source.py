"""Finds the statements of a revision's script after a line."""

import ast
from collections.abc import Iterator
from pathlib import Path

_COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)
_LOOPS = (ast.For, ast.While)


def left_after(path: str, line: int) -> list[str]:
    """Return the source of the statements of `upgrade` after a line; empty if that is unknown.

    Args:
        path: The script.
        line: As `RunningLine` returned it.
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
