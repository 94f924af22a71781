"""Finds the models of the app that a revision uses."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple


class Used(NamedTuple):
    """A mapped class, or a module of such classes, that a revision imports."""

    name: str
    line: int


def models_used(path: Path) -> Iterator[Used]:
    """Return the mapped classes that a script imports. The script must have run, so that its imports are loaded."""
    try:
        script = ast.parse(path.read_bytes())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return
    for node in ast.walk(script):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            source = sys.modules.get(node.module)
            imported = [(f"{node.module}.{alias.name}", getattr(source, alias.name, None)) for alias in node.names]
        elif isinstance(node, ast.Import):
            imported = [(alias.name, sys.modules.get(alias.name)) for alias in node.names]
        else:
            continue
        for (name, value), alias in zip(imported, node.names, strict=True):
            if _is_mapped(value) or (_has_mapped(value) and _uses_mapped(script, alias.asname or alias.name, value)):
                yield Used(name, node.lineno)


def _has_mapped(value: Any) -> bool:
    """Return whether the value is a module that defines a mapped class."""
    if not isinstance(value, ModuleType):
        return False
    return any(_is_mapped(each) and each.__module__ == value.__name__ for each in [*vars(value).values()])


def _uses_mapped(script: ast.Module, name: str, module: Any) -> bool:
    """Return whether the script uses more of a module with models than its constants and functions."""
    used = [
        getattr(module, node.attr, None)
        for node in ast.walk(script)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    ]
    return not used or any(_is_mapped(each) or isinstance(each, ModuleType) for each in used)


def _is_mapped(value: Any) -> bool:
    return isinstance(value, type) and "__mapper__" in vars(value)
