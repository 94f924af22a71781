"""Finds the modules that name a database outside its own folder: each is a step of the recipe for a new backend."""

import ast
import re
from pathlib import Path

ROOT = Path("orchestrator")
PAGE = Path("CONTRIBUTING.md")
BEGIN, END = "<!-- backends -->\n", "<!-- /backends -->"
_NAMES = {"mysql", "mariadb", "postgresql", "postgres", "sqlite"}
_KIND = "(?:mysql|postgresql|sqlite)"
_FILE = rf"(?:address|people/ddl)/{_KIND}(?:_\w+)?\.py"
_REGISTRY = r"(?:address/drivers|dialects)\.py"
_OWN = re.compile(rf"orchestrator/(?:databases/{_KIND}/|{_FILE}|{_REGISTRY})")


def found() -> dict[str, list[str]]:
    """Return each module with the databases that its code names."""
    named: dict[str, set[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        if not _OWN.match(path.as_posix()):
            named.setdefault(path.relative_to(ROOT).as_posix(), set()).update(
                _named(ast.parse(path.read_text("utf-8")))
            )
    return {place: sorted(names) for place, names in named.items() if names}


def _named(tree: ast.Module) -> set[str]:
    words = {each.value for each in ast.walk(tree) if isinstance(each, ast.Constant) and isinstance(each.value, str)}
    names = {word.partition("+")[0].removeprefix("aurora-") for word in words if word.isascii() and " " not in word}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {each.name for each in node.names} | set(str(node.module).split("."))
    return names & _NAMES


def markdown() -> str:
    """Return the list for CONTRIBUTING.md."""
    return "".join(f"* `{path}`: {', '.join(names)}\n" for path, names in found().items())


def renewed(text: str) -> str:
    """Return the page with the list as it is now."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + markdown() + END + rest.partition(END)[2]
