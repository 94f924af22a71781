"""Which models of the app a revision uses."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple


class Used(NamedTuple):
    """A mapped class that a revision imports."""

    name: str
    line: int


def models_used(path: Path) -> Iterator[Used]:
    """Return the mapped classes that a script imports; it was run, so that what it imports is loaded."""
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            source = sys.modules.get(node.module)
            for alias in node.names:
                if _is_mapped(getattr(source, alias.name, None)):
                    yield Used(f"{node.module}.{alias.name}", node.lineno)


def _is_mapped(value: Any) -> bool:
    return isinstance(value, type) and "__mapper__" in vars(value)
