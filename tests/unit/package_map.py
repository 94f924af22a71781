"""The map of the packages in CONTRIBUTING.md, made from the imports: `python -m tests.unit.package_map` renews it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.unit import backend_names

ROOT = Path("orchestrator")
PAGE = Path("CONTRIBUTING.md")
BEGIN, END = "<!-- map -->\n", "<!-- /map -->"
_TOP = "orchestrator"  # the modules that are in no package below it
_TOP_JOB = "The entry points (`__main__`, `pytest_plugin`, `autogenerate`), and small things that all packages use."
_DIVIDED = "migrations"  # a package whose parts are packages of the map


def package_of(module: str) -> str:
    """Return the package of a module on the map, such as `log` or `migrations.journal`."""
    first, *rest = [*module.split(".")[1:], ""]
    if first == _DIVIDED and rest[0]:
        return f"{first}.{rest[0]}"
    return first if Path(ROOT, first, "__init__.py").is_file() and first else _TOP


def packages() -> dict[str, set[str]]:
    """Return each package with the packages that it imports, wherever the import stands."""
    found: dict[str, set[str]] = {}
    for path in sorted(ROOT.rglob("*.py")):
        module = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
        own = package_of(module) if module != _TOP else _TOP
        imported = {package_of(name) for name in _imports(path)}
        found.setdefault(own, set()).update(imported - {own})
    return {name: needs for name, needs in found.items() if name != _DIVIDED}


def _imports(path: Path) -> Iterator[str]:
    """Yield our modules that a file imports."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith(_TOP + "."))
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == _TOP:
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                is_module = Path(*inner.split(".")).with_suffix(".py").is_file() or Path(*inner.split(".")).is_dir()
                yield inner if is_module else str(node.module)


def job_of(package: str) -> str:
    """Return the first line of the package's docstring."""
    if package == _TOP:
        return _TOP_JOB
    source = Path(ROOT, *package.split("."), "__init__.py").read_text(encoding="utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def markdown() -> str:
    """Return the map: a picture of the packages, and a table with the job of each."""
    found = packages()
    return f"{_picture(found)}\n{_table(found)}"


def _picture(found: dict[str, set[str]]) -> str:
    """Return a graph in Mermaid; an arrow that follows from two others is left out."""
    below = {name: needs - {_TOP} for name, needs in found.items()}
    arrows = [
        f"    {_node(name)} --> {_node(need)}"
        for name, needs in sorted(below.items())
        for need in sorted(needs)
        if not any(need in reached(below, other) for other in needs - {need})
    ]
    return "\n".join(["```mermaid", "graph TD", *arrows, "```", ""])


def _node(name: str) -> str:
    return f'{name.replace(".", "_")}["{name}"]'


def reached(below: dict[str, set[str]], start: str) -> set[str]:
    """Return the packages that `start` imports, directly or through others."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        waiting += below.get(name := waiting.pop(), set()) - found
        found |= below.get(name, set())
    return found


def _table(found: dict[str, set[str]]) -> str:
    lines = ["| package | job | imports |", "| --- | --- | --- |"]
    for name in sorted(found, key=lambda each: (each != _TOP, each)):
        needs = ", ".join(f"`{each}`" for each in sorted(found[name] - {_TOP}))
        lines.append(f"| `{name}` | {job_of(name)} | {needs or '-'} |")
    return "\n".join(lines) + "\n"


def renewed(text: str) -> str:
    """Return the page with the map as it is now."""
    before, _, rest = text.partition(BEGIN)
    return before + BEGIN + markdown() + END + rest.partition(END)[2]


if __name__ == "__main__":
    page = backend_names.renewed(renewed(PAGE.read_text(encoding="utf-8")))
    PAGE.write_text(page, encoding="utf-8")
