"""Where in its script a revision is, and what of the script comes after that."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.FunctionDef, ast.ClassDef)


def running_line(path: str) -> int:
    """The line of the script from which we were called, however deep; 0 when it was not that script."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # inspect.stack() would read every file of the way
    while frame and frame.f_code.co_filename != path:
        frame = frame.f_back
    return frame.f_lineno if frame else 0


def left_after(path: str, line: int) -> list[str]:
    """The statements of `upgrade` that begin after a line, as they are written; empty when that is not known."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        statements = list(_statements(ast.parse(text)))
    except (OSError, ValueError, SyntaxError):
        return []
    return [ast.get_source_segment(text, each) or "" for each in statements if line and each.lineno > line]


def _statements(module: ast.Module) -> Iterator[ast.stmt]:
    """The simple statements of `upgrade`, in their order."""
    for function in module.body:
        if isinstance(function, ast.FunctionDef) and function.name == "upgrade":
            inner = [
                each for each in ast.walk(function) if isinstance(each, ast.stmt) and not isinstance(each, _COMPOUND)
            ]
            yield from sorted(inner, key=lambda each: each.lineno)
